"""Idempotency keys and cursors, by a small route over the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from chalice.app import Chalice
from pydantic import Field

from chalicelib.api.mounting import mount
from chalicelib.api.routing import Endpoint, Request
from chalicelib.api.schemas import ListAnswer, ListQuery, Schema
from chalicelib.domain.errors import Conflict
from chalicelib.domain.money import Money
from chalicelib.domain.packages import Package, PackageState
from chalicelib.domain.periods import BillingTiming, Cycle, CycleUnit
from chalicelib.domain.staff import Permission
from chalicelib.local.gateway import Gateway
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.conftest import EngineServices, SignedIn


class ThingIn(Schema):
    name: str = Field(max_length=40)
    price: int = 100


class ThingOut(Schema):
    name: str
    version: int

    @classmethod
    def of(cls, package: Package) -> ThingOut:
        return cls(name=package.name, version=package.version)


class ThingList(ListAnswer):
    items: list[ThingOut]


class ThingQuery(ListQuery):
    kind: str | None = None


def make_thing(request: Request) -> ThingOut:
    body = request.body_as(ThingIn)
    package = Package(
        package_id=request.services.ids.new(prefix="pkg"),
        name=body.name,
        price=Money(body.price, "PKR"),
        cycle=Cycle(CycleUnit.MONTH, 1),
        timing=BillingTiming.ADVANCE,
        download_kbps=1,
        upload_kbps=1,
        tax_group=None,
        state=PackageState.ACTIVE,
        version=1,
        created_at=request.now,
    )
    if body.name == "refused":
        raise Conflict("this name is refused")
    kept = request.store.remember(idempotency=request.idempotency, answer=package)
    if body.name == "forgotten":
        return ThingOut.of(package)
    request.store.commit(*request.store.packages.add(package=package), *kept)
    return ThingOut.of(package)


def forget_thing(request: Request) -> ThingOut:
    return ThingOut(name="not kept", version=1)


def list_things(request: Request) -> ThingList:
    query = request.query_as(ThingQuery)
    page = request.store.packages.list(limit=query.limit, after=request.after)
    return request.listing(ThingList, page, ThingOut.of)


def list_others(request: Request) -> ThingList:
    return list_things(request)


def declared(method: str, path: str, function: Callable[[Request], Any], **changes: Any) -> Endpoint:
    plain: dict[str, Any] = {
        "permission": Permission.PACKAGES_WRITE,
        "body": None,
        "query": None,
        "answer": ThingOut,
        "status": 200,
        "idempotent": False,
        "idempotency_required": False,
        "if_match": False,
    }
    return Endpoint(method=method, path=path, function=function, **plain | changes)


POSTED = {"body": ThingIn, "status": 201, "idempotent": True}
ROUTES = [
    declared("POST", "/v1/things", make_thing, **POSTED),
    declared("POST", "/v1/things/{kind}", make_thing, **POSTED),
    declared("POST", "/v1/payments", make_thing, **POSTED, idempotency_required=True),
    declared("POST", "/v1/forgetful", forget_thing, **POSTED),
    declared("GET", "/v1/things", list_things, query=ThingQuery, answer=ThingList),
    declared("GET", "/v1/others", list_others, query=ThingQuery, answer=ThingList),
]


@pytest.fixture(scope="session")
def things_gateway(engine_services: EngineServices) -> Gateway:
    app = Chalice(app_name="things", configure_logs=False)
    by_path: dict[str, dict[str, str]] = {}
    for one in ROUTES:
        by_path.setdefault(one.path, {})[one.method] = one.operation_id
    known = {(one.method, one.path): one for one in ROUTES}
    mount(app, lambda: engine_services, by_path, lambda method, path: known[method, path])
    return Gateway(app)


@pytest.fixture
def things(things_gateway: Gateway, signed_in: SignedIn) -> ApiClient:
    return ApiClient(things_gateway).bearer(signed_in.token)


@pytest.fixture
def their_things(things_gateway: Gateway, other_tenant: SignedIn) -> ApiClient:
    return ApiClient(things_gateway).bearer(other_tenant.token)


def make(things: ApiClient, name: str, key: str | None, path: str = "/v1/things", **more: object) -> Reply:
    headers = {} if key is None else {"Idempotency-Key": key}
    return things.post(path, json={"name": name, **more}, headers=headers)


def names(things: ApiClient) -> list[str]:
    return [one["name"] for one in things.get("/v1/things?limit=200").json["items"]]


def test_the_same_key_and_body_repeat_the_answer_and_not_the_effect(things: ApiClient) -> None:
    first = make(things, "a", "key-1")
    second = things.post(
        "/v1/things",
        body=b'{ "name" : "a" }',
        headers={"Content-Type": "application/json", "Idempotency-Key": "key-1"},
    )

    assert (first.status, second.status) == (201, 201)
    assert first.body == second.body
    assert first.headers["ETag"] == second.headers["ETag"] == '"1"'
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert names(things) == ["a"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/things", {"name": "b"}),
        ("/v1/things", {"name": "a", "price": 7}),
        ("/v1/things", {"name": "refused"}),
    ],
)
def test_a_key_used_for_another_body_is_refused(
    things: ApiClient, path: str, body: dict[str, object]
) -> None:
    make(things, "a", "key-1")

    reused = things.post(path, json=body, headers={"Idempotency-Key": "key-1"})

    assert reused.problem == (422, "idempotency_key_reused", "Idempotency-Key")
    assert names(things) == ["a"]


def test_a_key_is_tied_to_the_address(things: ApiClient) -> None:
    make(things, "a", "key-1", "/v1/things/red")

    assert make(things, "a", "key-1", "/v1/things/blue").code == "idempotency_key_reused"


def test_of_the_same_request_many_times_at_once_one_has_an_effect(things: ApiClient) -> None:
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: make(things, "once", "key-1"), range(12)))

    assert {answer.status for answer in answers} == {201}
    assert len({answer.body for answer in answers}) == 1
    assert Counter(answer.headers.get("Idempotent-Replayed") for answer in answers) == {None: 1, "true": 11}
    assert names(things) == ["once"]


def test_of_two_bodies_with_one_key_at_once_one_has_an_effect(things: ApiClient) -> None:
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: make(things, f"name-{n % 2}", "key-1"), range(12)))

    assert Counter(answer.status for answer in answers) == {201: 6, 422: 6}
    assert len(names(things)) == 1


def test_a_refused_request_leaves_its_key_free(things: ApiClient) -> None:
    assert make(things, "refused", "key-1").code == "conflict"

    assert make(things, "accepted", "key-1").status == 201


def test_without_a_key_every_request_counts(things: ApiClient) -> None:
    assert make(things, "a", None).status == 201
    assert make(things, "a", None).code == "package_name_taken"


def test_two_tenants_may_choose_the_same_key(things: ApiClient, their_things: ApiClient) -> None:
    assert make(things, "mine", "key-1").json["name"] == "mine"
    assert make(their_things, "theirs", "key-1").json["name"] == "theirs"


def test_what_moves_money_needs_a_key(things: ApiClient) -> None:
    assert make(things, "a", None, "/v1/payments").problem == (400, "invalid_header", "Idempotency-Key")
    assert make(things, "a", "key-1", "/v1/payments").status == 201


@pytest.mark.parametrize("key", ["", " ", "with space", "k" * 256, "ключ", "tab\there"])
def test_a_malformed_key_is_refused(things: ApiClient, key: str) -> None:
    assert make(things, "a", key).problem == (400, "invalid_header", "Idempotency-Key")
    assert names(things) == []


def test_a_key_with_a_line_break_is_refused_like_any_such_header(things: ApiClient) -> None:
    assert make(things, "a", "a\r\nSet-Cookie: b").problem == (400, "invalid_header", None)
    assert names(things) == []


@pytest.mark.parametrize("key", ["k", "k" * 255, '!"#$%&()*+,-./:;<=>?@[]^_`{|}~'])
def test_a_well_formed_key_is_taken(things: ApiClient, key: str) -> None:
    assert make(things, "a", key).status == 201
    assert make(things, "a", key).headers["Idempotent-Replayed"] == "true"


def test_a_use_case_that_keeps_no_answer_is_found_out(things: ApiClient) -> None:
    assert make(things, "a", "key-1", "/v1/forgetful").problem == (500, "internal_error", None)


def test_a_list_is_read_page_by_page(things: ApiClient) -> None:
    for number in range(7):
        make(things, f"thing {number}", None)
    seen: list[str] = []
    cursor = ""
    pages = 0
    while True:
        page = things.get(f"/v1/things?limit=3{cursor}").json
        seen += [one["name"] for one in page["items"]]
        pages += 1
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert seen == names(things)
    assert (len(seen), pages) == (7, 3)


def first_cursor(things: ApiClient) -> str:
    for number in range(3):
        make(things, f"thing {number}", None)
    return str(things.get("/v1/things?limit=2").json["next_cursor"])


def test_a_cursor_of_another_tenant_is_refused(things: ApiClient, their_things: ApiClient) -> None:
    cursor = first_cursor(things)
    first_cursor(their_things)

    refused = their_things.get(f"/v1/things?limit=2&cursor={cursor}")

    assert refused.problem == (422, "invalid_cursor", "cursor")


def test_a_cursor_is_good_for_its_own_list_and_filters_only(things: ApiClient) -> None:
    cursor = first_cursor(things)

    assert things.get(f"/v1/others?limit=2&cursor={cursor}").code == "invalid_cursor"
    assert things.get(f"/v1/things?limit=2&kind=x&cursor={cursor}").code == "invalid_cursor"
    assert things.get(f"/v1/things?limit=1&cursor={cursor}").status == 200


@pytest.mark.parametrize("change", ["x", "AAAA", "!", "%F0%9F%92%A3", "a" * 1_001, ""])
def test_a_made_up_cursor_is_refused(things: ApiClient, change: str) -> None:
    refused = things.get(f"/v1/things?limit=2&cursor={change}")

    assert refused.status == 422
    assert refused.json["param"] == "cursor"


def test_an_altered_cursor_is_refused(things: ApiClient) -> None:
    cursor = first_cursor(things)
    altered = cursor[:-2] + ("A" if cursor[-2] != "A" else "B") + cursor[-1]

    assert things.get(f"/v1/things?limit=2&cursor={altered}").code == "invalid_cursor"


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "many", "", "9" * 400])
def test_a_limit_is_1_to_200(things: ApiClient, limit: str) -> None:
    assert things.get(f"/v1/things?limit={limit}").status == 422

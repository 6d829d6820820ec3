"""How accesses of platform support end, and which are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.jobs.plans import keep_plans
from chalicelib.jobs.support import settle_accesses
from chalicelib.ports.services import QueueUnavailable
from tests.fakes.api_client import ApiClient
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.raw import raw_items
from tests.integration.shop import Item, created, ok
from tests.integration.staffing import CHOSEN, Person
from tests.integration.supporting import REASON, Desk, Inside, desk_of

OUT = (401, "not_signed_in", None)


@pytest.fixture
def desk(services: EngineServices, signed_in: SignedIn) -> Desk:
    return desk_of(services, signed_in)


@pytest.fixture
def isp(desk: Desk) -> SignedIn:
    return desk.isp()


@pytest.fixture
def person(desk: Desk) -> Person:
    return desk.person()


@pytest.fixture
def inside(desk: Desk, isp: SignedIn, person: Person) -> Inside:
    return desk.enter(isp, person.api)


# -- out again -------------------------------------------------------------------------------


def by_the_person(desk: Desk, isp: SignedIn, person: Person, inside: Inside) -> None:
    assert person.api.delete(f"/v1/support-entries/{inside.access_id}").status == 204


def by_a_colleague(desk: Desk, isp: SignedIn, person: Person, inside: Inside) -> None:
    assert desk.company.owner.delete(f"/v1/support-entries/{inside.access_id}").status == 204


def by_the_isp(desk: Desk, isp: SignedIn, person: Person, inside: Inside) -> None:
    assert isp.api.delete(f"/v1/support-accesses/{inside.access_id}").status == 204


def by_time(desk: Desk, isp: SignedIn, person: Person, inside: Inside) -> None:
    desk.clock.advance(timedelta(minutes=60))


def by_logging_out(desk: Desk, isp: SignedIn, person: Person, inside: Inside) -> None:
    assert person.api.delete("/v1/sessions/current").status == 204


def by_disabling(desk: Desk, isp: SignedIn, person: Person, inside: Inside) -> None:
    ok(desk.company.owner.post(f"/v1/staff/{person.staff_id}/disable"))
    ok(desk.company.owner.post(f"/v1/staff/{person.staff_id}/enable"))


def by_another_role(desk: Desk, isp: SignedIn, person: Person, inside: Inside) -> None:
    ok(desk.company.change(person.staff_id, role="billing"))


ENDS = {
    "person": by_the_person,
    "operator": by_a_colleague,
    "tenant": by_the_isp,
    "time_limit": by_time,
    "session": by_logging_out,
    "session, disabled": by_disabling,
    "session, another role": by_another_role,
}


@pytest.mark.parametrize("how", ENDS)
def test_an_ended_access_is_dead_at_the_next_request_and_seen_to_have_ended(
    desk: Desk, isp: SignedIn, person: Person, inside: Inside, how: str
) -> None:
    end: Callable[..., None] = ENDS[how]
    desk.clock.advance(timedelta(minutes=1))
    assert inside.api.get("/v1/tenant").status == 200

    end(desk, isp, person, inside)

    assert inside.api.get("/v1/tenant").problem == OUT
    [access] = desk.accesses(isp)
    assert access["ended_by"] == how.partition(",")[0]
    assert access["ended_at"] == f"{desk.clock.now():%Y-%m-%dT%H:%M:%SZ}" or how == "time_limit"
    operator = desk.company.tenant.store
    assert [settle_accesses(desk.services, operator, desk.clock.now()) for _ in range(2)] == [0, 0]
    isp.api.delete(f"/v1/support-accesses/{inside.access_id}")
    assert desk.accesses(isp) == [access]
    for tenant in (isp, desk.company.tenant):
        ends = [one for one in desk.actions(tenant) if one[1] == "support.ended"]
        assert len(ends) == 1, tenant.subdomain
        assert ends[0][2] == inside.access_id
    assert ok(desk.company.owner.get("/v1/support-entries"))["items"] == [access]


def test_ends_name_who_ended_in_each_log(desk: Desk, isp: SignedIn, person: Person) -> None:
    mine, theirs = desk.enter(isp, person.api), desk.enter(isp, person.api)
    by_the_person(desk, isp, person, mine)
    by_the_isp(desk, isp, person, theirs)
    owner = ok(isp.api.get("/v1/me"))["staff"]["staff_id"]

    assert (mine.actor, "support.ended", mine.access_id) in desk.actions(isp)
    assert (owner, "support.ended", theirs.access_id) in desk.actions(isp)
    at_home = desk.actions(desk.company.tenant)
    assert (person.staff_id, "support.ended", mine.access_id) in at_home
    assert (isp.tenant_id, "support.ended", theirs.access_id) in at_home
    assert {one["access_id"]: one["ended_by_staff_id"] for one in desk.accesses(isp)} == {
        mine.access_id: person.staff_id,
        theirs.access_id: owner,
    }


def test_an_access_ends_no_later_than_its_session(desk: Desk, isp: SignedIn, person: Person) -> None:
    for _ in range(14):  # used now and then, so that it does not end for idleness
        desk.clock.advance(timedelta(hours=11, minutes=55))
        ok(person.api.get("/v1/me"))

    inside = desk.enter(isp, person.api, minutes=240)

    assert inside.access["until"] == "2041-05-22T06:00:00Z"


def test_of_a_notice_that_cannot_be_sent_no_access_remains(
    desk: Desk, isp: SignedIn, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        def send(self, **_: object) -> None:
            raise QueueUnavailable("the queue is away")

    monkeypatch.setitem(vars(desk.services), "mail_queue", Away())
    vars(desk.services).pop("support", None)

    assert desk.try_to_enter(isp, person.api).status == 503

    [access] = desk.accesses(isp)
    assert access["ended_at"] is not None
    assert desk.company.tenant.store.support.open_entered() == ()


def test_a_killed_opening_is_settled_and_lets_nobody_in(
    desk: Desk, isp: SignedIn, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = desk.services.database.commit

    def killed(writes: Any) -> None:
        inner(writes)
        raise KeyboardInterrupt  # after the operator's side, before the ISP's

    monkeypatch.setattr(desk.services.database, "commit", killed)
    with pytest.raises(KeyboardInterrupt):
        desk.try_to_enter(isp, person.api)
    monkeypatch.undo()

    assert desk.accesses(isp) == []
    desk.clock.advance(timedelta(hours=1))
    keep_plans(desk.services, {})
    [entry] = ok(person.api.get("/v1/support-entries"))["items"]
    assert entry["ended_by"] == "time_limit"
    assert desk.company.tenant.store.support.open_entered() == ()


# -- refused ---------------------------------------------------------------------------------


def test_a_session_by_password_alone_is_refused_and_that_is_audited_on_both_sides(
    desk: Desk, isp: SignedIn
) -> None:
    helper = desk.company.join("admin")

    refused = desk.try_to_enter(isp, helper.api)

    assert refused.problem == (403, "second_factor_required", None)
    assert desk.accesses(isp) == []
    stranger = f"platform_support/{helper.staff_id}/none"
    assert desk.actions(isp) == [(stranger, "support.refused", isp.tenant_id)]
    assert desk.actions(desk.company.tenant) == [(helper.staff_id, "support.refused", isp.tenant_id)]
    [entry] = ok(isp.api.get("/v1/audit?action=support.refused"))["items"]
    assert (entry["details"]["code"], entry["personal"]["reason"]) == ("second_factor_required", REASON)


def test_a_session_that_began_before_the_second_factor_is_refused(desk: Desk, isp: SignedIn) -> None:
    person = desk.person()
    new = {"current": CHOSEN, "password": "another kettle on the roof"}
    session = created(person.api.post("/v1/me/password", json=new))

    changed = desk.try_to_enter(isp, desk.visitor.bearer(session["token"]))

    assert changed.problem == (403, "second_factor_required", None)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"reason": "too short"}, (422, "invalid_value", "reason")),
        ({"reason": "x" * 501}, (422, "invalid_value", "reason")),
        ({"reason": "see https://bad.example"}, (422, "link_not_allowed", "reason")),
        ({"minutes": 4}, (422, "invalid_value", "minutes")),
        ({"minutes": 241}, (422, "invalid_value", "minutes")),
        ({"minutes": "60"}, (422, "invalid_type", "minutes")),
        ({"subdomain": "nobodys-company"}, (404, "not_found", "subdomain")),
        ({"tenant_id": "ten_1"}, (422, "unknown_field", "tenant_id")),
    ],
)
def test_bad_input_is_refused(
    desk: Desk, isp: SignedIn, person: Person, changes: Item, problem: tuple[int, str, str]
) -> None:
    assert desk.try_to_enter(isp, person.api, **changes).problem == problem
    assert desk.accesses(isp) == []


def test_a_reason_is_not_left_out_and_nobody_enters_their_own_company(
    desk: Desk, isp: SignedIn, person: Person
) -> None:
    bare = person.api.post("/v1/support-entries", json={"subdomain": isp.subdomain})
    own = desk.try_to_enter(desk.company.tenant, person.api)

    assert bare.problem == (422, "missing_field", "reason")
    assert own.problem == (422, "invalid_value", "subdomain")


def test_nobody_but_the_operators_owners_and_admins_enters(desk: Desk, isp: SignedIn) -> None:
    other = desk.isp()
    before = [str(item) for item in raw_items(desk.services, isp.tenant_id)]

    assert desk.try_to_enter(isp, other.api).problem == (409, "not_the_operator", None)
    assert other.api.get("/v1/support-entries").problem == (409, "not_the_operator", None)
    for role in ("billing", "support", "auditor"):
        colleague = desk.person(role)
        assert desk.try_to_enter(isp, colleague.api).problem == (403, "permission_denied", None)
    night = {"name": "Night", "permissions": ["support:enter"]}
    assert desk.company.owner.post("/v1/roles", json=night).status == 422
    assert [str(item) for item in raw_items(desk.services, isp.tenant_id)] == before


def test_so_many_are_open_at_once(
    desk: Desk, isp: SignedIn, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.usecases.support.OPEN_ENTRIES_MAX", 2)
    first, _ = desk.enter(isp, person.api), desk.enter(isp, person.api)

    assert desk.try_to_enter(isp, person.api).problem == (409, "too_many_entries", None)
    by_the_person(desk, isp, person, first)
    desk.enter(isp, person.api)


def test_a_token_is_taken_as_bearer_alone(desk: Desk, inside: Inside) -> None:
    by_cookie = ApiClient(desk.visitor.gateway, {"Cookie": f"__Host-session={inside.token}"})
    plain = ApiClient(desk.visitor.gateway, {"Cookie": f"session={inside.token}"})

    assert by_cookie.get("/v1/tenant").status == 401
    assert plain.get("/v1/tenant").status == 401
    assert desk.visitor.bearer(f"{inside.token}x").get("/v1/tenant").problem == OUT
    assert json.dumps(inside.access).count("sup_") == 0

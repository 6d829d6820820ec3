"""Who is held to areas or to a dealer's customers sees nothing of others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.api.openapi import document
from chalicelib.api.routes import every_endpoint
from chalicelib.api.routing import Endpoint
from chalicelib.api.scoping import OF_ACCOUNT
from chalicelib.domain.permissions import WITHIN_SCOPE
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.counter import Counter, line, pkr
from tests.integration.shop import Item, Shop, created, if_match, ok
from tests.integration.staffing import Company
from tests.integration.test_bad_input_everywhere import example
from tests.integration.test_foreign_ids_everywhere import ABSENT, told

# What a path names that belongs to the whole company, or to nobody in particular.
OF_COMPANY = {
    "access_id", "batch_id", "breach_id", "callback_key", "code", "date", "dealer_id", "expense_id",
    "export_id", "fiscal_year", "fund_id", "gateway", "hand_over_id", "import_id", "invitation_id",
    "journal_id", "key_id", "kind", "line_id", "month", "notice_id", "package_id", "passkey_id",
    "privacy_request_id", "reference", "rehearsal_id", "role_id", "rule", "rule_id", "serial",
    "session_id", "settlement_id", "staff_id", "tail", "token",
}  # fmt: skip


@dataclass
class Customer:
    """A subscriber with an invoice, a receipt and a subscription."""

    counter: Counter
    ids: dict[str, str]

    @property
    def subscriber_id(self) -> str:
        return self.ids["subscriber_id"]


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(every_endpoint())


@pytest.fixture
def shop(signed_in: SignedIn, services: EngineServices) -> Shop:
    return Shop(signed_in, services)


@pytest.fixture
def company(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Company:
    return Company(signed_in, services, api)


def customer(shop: Shop, **changes: object) -> Customer:
    """Make a customer."""
    counter = Counter(shop)
    ok(
        shop.tenant.api.patch(
            f"/v1/subscribers/{counter.subscriber['subscriber_id']}",
            json=changes,
            headers=if_match(counter.subscriber),
        )
    )
    sold = shop.subscribe(counter.subscriber, shop.package())
    invoice, receipt = counter.invoice(line(50_000)), counter.pay(60_000)
    return Customer(
        counter,
        {
            "subscriber_id": counter.subscriber["subscriber_id"],
            "invoice_id": invoice["invoice_id"],
            "document_id": receipt["document_id"],
            "subscription_id": sold["subscription_id"],
        },
    )


def listed(api: ApiClient, path: str, name: str) -> list[str]:
    return [one[name] for one in ok(api.get(path))["items"]]


def test_a_collector_sees_its_areas_only(shop: Shop, company: Company) -> None:
    mine, other = customer(shop, area="Gulberg III"), customer(shop, area="Model Town")
    collector = company.join("collector", areas=["gulberg  iii", "Johar Town"]).api

    assert listed(collector, "/v1/subscribers", "subscriber_id") == [mine.subscriber_id]
    assert listed(collector, "/v1/subscribers?area=Model+Town", "subscriber_id") == []
    for path in ("/v1/invoices", "/v1/documents?kind=receipt"):
        assert listed(collector, path, "subscriber_id") == [mine.subscriber_id]
        assert len(ok(company.owner.get(path))["items"]) == 2
    assert listed(collector, f"/v1/subscribers?text={other.counter.subscriber['code']}", "code") == []
    assert collector.get(f"/v1/subscribers/{mine.subscriber_id}").status == 200
    assert collector.get(f"/v1/invoices/{mine.ids['invoice_id']}").status == 200


def test_a_collector_takes_payments_of_its_areas_only(shop: Shop, company: Company) -> None:
    mine, other = customer(shop, area="Gulberg III"), customer(shop, area="Model Town")
    collector = company.join("collector", areas=["Gulberg III"]).api
    body = {"amount": pkr(1_000), "channel": "cash"}
    before = shop.items(f"A#{other.subscriber_id.removeprefix('sbr_')}")

    taken = pay(collector, mine.subscriber_id, body)
    refused = pay(collector, other.subscriber_id, body)

    assert created(taken)["subscriber_id"] == mine.subscriber_id
    assert refused.problem == (404, "not_found", "subscriber_id")
    assert shop.items(f"A#{other.subscriber_id.removeprefix('sbr_')}") == before


def pay(api: ApiClient, subscriber_id: str, body: Item) -> Reply:
    path = f"/v1/subscribers/{subscriber_id}/payments"
    return api.post(path, json=body, headers={"Idempotency-Key": subscriber_id})


def test_a_dealer_sees_and_serves_its_own_customers_only(shop: Shop, company: Company) -> None:
    mine, other = customer(shop, dealer_id="DLR-7"), customer(shop, dealer_id="DLR-8")
    own = customer(shop, dealer_id="")
    dealer = company.join("dealer", dealer_id="DLR-7").api

    assert listed(dealer, "/v1/subscribers", "subscriber_id") == [mine.subscriber_id]
    assert listed(dealer, "/v1/invoices", "subscriber_id") == [mine.subscriber_id]
    for one in (other, own):
        assert dealer.get(f"/v1/subscribers/{one.subscriber_id}").status == 404
    new = created(dealer.post("/v1/subscribers", json={"code": "NEW-1"}))
    assert new["dealer_id"] == "DLR-7"
    foreign = dealer.post("/v1/subscribers", json={"code": "NEW-2", "dealer_id": "DLR-8"})
    assert foreign.problem == (422, "outside_scope", "dealer_id")
    given_away = dealer.patch(
        f"/v1/subscribers/{new['subscriber_id']}", json={"dealer_id": ""}, headers=if_match(new)
    )
    assert given_away.problem == (422, "outside_scope", "dealer_id")
    assert listed(company.owner, "/v1/subscribers?dealer_id=DLR-8", "subscriber_id") == [other.subscriber_id]


def test_a_role_of_the_companys_own_is_held_to_areas_too(shop: Shop, company: Company) -> None:
    mine, other = customer(shop, area="Gulberg III"), customer(shop, area="Model Town")
    role = company.role("subscribers:read", "subscribers:write", "exports:write", "staff:write")
    helper = company.join(role["role_id"], areas=["Gulberg III"])

    moved = helper.api.patch(
        f"/v1/subscribers/{mine.subscriber_id}", json={"area": "Model Town"}, headers={"If-Match": '"2"'}
    )

    assert moved.problem == (422, "outside_scope", "area")
    assert helper.api.get(f"/v1/subscribers/{other.subscriber_id}").status == 404
    assert helper.api.post("/v1/exports").problem == (403, "permission_denied", None)
    assert helper.api.post("/v1/roles", json={"name": "x", "permissions": ["staff:write"]}).status == 403
    assert ok(helper.api.get("/v1/me"))["staff"]["areas"] == ["Gulberg III"]


def test_a_new_scope_ends_the_session(shop: Shop, company: Company) -> None:
    person = company.join("collector", areas=["Gulberg III"])

    ok(company.change(person.staff_id, areas=["Model Town"]))

    assert person.api.get("/v1/me").status == 401


def test_every_path_parameter_is_known_to_be_of_an_account_or_not() -> None:
    named = {name for one in every_endpoint() for name in re.findall(r"\{(\w+)\}", one.path)}

    assert named <= OF_COMPANY | set(OF_ACCOUNT)
    assert not OF_COMPANY & set(OF_ACCOUNT)


REACHABLE = [
    one
    for one in every_endpoint()
    if one.permission in WITHIN_SCOPE and set(re.findall(r"\{(\w+)\}", one.path)) & set(OF_ACCOUNT)
]


def test_a_foreign_areas_customer_answers_like_none_whatever_is_asked(
    shop: Shop, company: Company, described: dict[str, Any]
) -> None:
    other = customer(shop, area="Model Town")
    role = company.role(*sorted(WITHIN_SCOPE - {"self"}))
    helper = company.join(role["role_id"], areas=["Gulberg III"]).api
    before = shop.items(f"A#{other.subscriber_id.removeprefix('sbr_')}")

    for one in REACHABLE:
        names = dict(ABSENT)
        absent = ask(helper, one, names, described)
        foreign = ask(helper, one, {**names, **other.ids}, described)
        assert absent == foreign, one.operation_id
        assert absent[0] in {404, 422}, (one.operation_id, absent)

    assert len(REACHABLE) > 30
    assert shop.items(f"A#{other.subscriber_id.removeprefix('sbr_')}") == before


def ask(api: ApiClient, one: Endpoint, names: dict[str, str], described: dict[str, Any]) -> tuple[int, str]:
    target = filled(one, names)
    headers = {"If-Match": '"1"', **({"Idempotency-Key": target[:200]} if one.idempotent else {})}
    body = None if one.body is None else example(described, one)
    return told(api.request(one.method, target, json=body, headers=headers), "")


def filled(one: Endpoint, names: Mapping[str, str]) -> str:
    """An operation's path with names in the place of its parameters."""
    return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], one.path)

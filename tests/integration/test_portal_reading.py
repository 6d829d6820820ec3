"""What a subscriber sees of their own in the portal, and nothing of anybody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.domain.rates import Policies
from chalicelib.usecases.rates import RateLimiter
from tests.fakes.api_client import ApiClient
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.counter import Counter, line
from tests.integration.portal_user import SECRET, Front, unnumbered
from tests.integration.shop import Item, Shop, created, if_match, ok
from tests.integration.staffing import Company
from tests.integration.test_round_trips import RoundTrips


@pytest.fixture
def front(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Front:
    return Front(Shop(signed_in, services), services, api)


def test_a_subscriber_sees_who_they_are(front: Front) -> None:
    person = front.activated(name="Sana Malik", email="sana.malik@mail.example", phone="0300-1234567")
    package = front.shop.package(name="Home 50")
    sold = front.shop.subscribe(person, package)

    me = ok(front.signed_in(person).get("/v1/portal/me"))

    assert me == {
        "subscriber_id": person["subscriber_id"],
        "username": person["code"],
        "name": "Sana Malik",
        "email": "s***@mail.example",
        "phone": "***567",
        "company": "Lahore Net",
        "balance": {"amount": 0, "currency": "PKR"},
        "subscriptions": [
            {
                "subscription_id": sold["subscription_id"],
                "package": "Home 50",
                "state": "active",
                "starts_on": sold["starts_on"],
                "ends_on": None,
                "quantity": 1,
            }
        ],
    }


def with_money(front: Front, *amounts: int) -> tuple[ApiClient, list[Item]]:
    """A subscriber who is signed in, with an invoice of each amount."""
    counter = Counter(front.shop)
    counter.subscriber = front.activated()
    counter.path = f"/v1/subscribers/{counter.subscriber['subscriber_id']}"
    invoices = [counter.invoice(line(amount), note="late payer, be careful") for amount in amounts]
    return front.signed_in(counter.subscriber), invoices


def test_a_subscriber_sees_their_own_invoices_page_by_page(front: Front) -> None:
    session, invoices = with_money(front, 50_000, 60_000, 70_000)
    with_money(front, 10_000)

    first = ok(session.get("/v1/portal/invoices?limit=2"))
    second = ok(session.get(f"/v1/portal/invoices?limit=2&cursor={first['next_cursor']}"))

    shown = [*first["items"], *second["items"]]
    assert {one["invoice_id"] for one in shown} == {one["invoice_id"] for one in invoices}
    assert second["next_cursor"] is None
    [one] = [one for one in shown if one["invoice_id"] == invoices[0]["invoice_id"]]
    assert one == ok(session.get(f"/v1/portal/invoices/{invoices[0]['invoice_id']}"))
    assert (one["total"], one["open"]) == (invoices[0]["total"], invoices[0]["open"])
    assert one["lines"][0]["description"] == "Router"
    assert not {"note", "postings", "trace"} & set(one)
    assert "late payer" not in str(shown)


def test_a_subscriber_sees_their_own_statement(front: Front) -> None:
    session, invoices = with_money(front, 50_000)
    with_money(front, 10_000)

    statement = ok(session.get("/v1/portal/statement"))

    assert [one["number"] for one in statement["lines"]] == [invoices[0]["number"]]
    assert statement["closing"] == {"amount": 50_000, "currency": "PKR"}


def test_anothers_invoice_answers_like_none(
    front: Front, other_tenant: SignedIn, services: EngineServices, api: ApiClient
) -> None:
    session, [own] = with_money(front, 50_000)
    _, [neighbours] = with_money(front, 50_000)
    _, [elsewhere] = with_money(Front(Shop(other_tenant, services), services, api), 50_000)
    nobody = "0" * 26
    absent = f"inv_{nobody}{own['invoice_id'][30:]}"
    none = session.get(f"/v1/portal/invoices/{absent}")
    assert none.problem == (404, "not_found", "invoice_id")

    for invoice in (neighbours, elsewhere):
        reply = session.get(f"/v1/portal/invoices/{invoice['invoice_id']}")
        assert unnumbered(reply) == unnumbered(none)
    for made_up in ("x", f"INV_{neighbours['invoice_id'][4:]}", neighbours["invoice_id"][4:], "%00", "%23"):
        assert session.get(f"/v1/portal/invoices/{made_up}").status == 404


def test_a_cursor_of_another_subscriber_shows_none_of_theirs(front: Front) -> None:
    session, _ = with_money(front, 50_000)
    neighbour, theirs = with_money(front, 50_000, 60_000, 70_000)
    cursor = ok(neighbour.get("/v1/portal/invoices?limit=1"))["next_cursor"]

    reply = session.get(f"/v1/portal/invoices?limit=1&cursor={cursor}")

    assert not [one for one in theirs if one["invoice_id"] in reply.text]


def test_reading_takes_few_round_trips(front: Front, services: EngineServices) -> None:
    session, [own] = with_money(front, 50_000)
    trips, done = RoundTrips(services), {}

    for path in ("me", "invoices", f"invoices/{own['invoice_id']}"):
        with trips.counted() as operations:
            ok(session.get(f"/v1/portal/{path}"))
            done[path[:9]] = list(operations)

    assert done == {
        "me": ["GetItem", "GetItem", "Query"],
        "invoices": ["GetItem", "GetItem", "Query"],
        "invoices/": ["GetItem", "GetItem", "GetItem"],
    }


# -- what is written down, and limits --------------------------------------------------------


def test_the_audit_names_the_subscriber(front: Front) -> None:
    person = front.activated()
    session = front.signed_in(person)
    created(
        session.post("/v1/portal/me/password", json={"current": SECRET, "password": "nine goats in a lane"})
    )

    entries = ok(front.staff.get(f"/v1/audit?actor_id={person['subscriber_id']}"))["items"]

    told = [(one["action"], one["object_id"]) for one in entries]
    assert ("portal.signed_in", person["subscriber_id"]) in told
    assert ("portal.password_set", person["subscriber_id"]) in told
    staff = ok(front.staff.get(f"/v1/audit?object_id={person['subscriber_id']}"))["items"]
    assert "portal.activation_sent" in {one["action"] for one in staff}


def test_no_password_and_no_token_is_kept_in_clear(front: Front) -> None:
    person = front.activated()
    token = created(front.log_in(person["code"]))["token"]

    stored = str(front.shop.items())

    assert SECRET not in stored
    assert token not in stored


@pytest.fixture
def few(services: EngineServices) -> Iterator[None]:
    """Limits that are soon reached."""
    kept = services.rate_policies, services.rates
    vars(services)["rate_policies"] = Policies.of(per_minute=4)
    identity = services.identity
    vars(services)["rates"] = RateLimiter(attempts=identity.attempts, tokens=identity.tokens)
    yield
    vars(services)["rate_policies"], vars(services)["rates"] = kept


def test_subscribers_do_not_use_up_what_the_staff_may_ask(
    front: Front, services: EngineServices, request: pytest.FixtureRequest
) -> None:
    crowd = [front.elsewhere().signed_in(front.activated()) for _ in range(6)]
    request.getfixturevalue("few")

    asked = [one.get("/v1/portal/me").status for one in crowd for _ in range(4)]

    assert asked == [200] * 20 + [429] * 4
    assert front.staff.get("/v1/tenant").status == 200


def test_a_dealer_reaches_its_own_customers_alone(front: Front) -> None:
    company = Company(front.shop.tenant, front.services, front.visitor)
    dealer = company.join("dealer", dealer_id="DLR-7").api
    mine, other = front.person(dealer_id="DLR-7"), front.person(dealer_id="DLR-8")

    def ask(person: Item) -> list[Any]:
        path = f"/v1/subscribers/{person['subscriber_id']}"
        return [
            dealer.post(f"{path}/portal-activations", json={}).status,
            dealer.delete(f"{path}/portal-sessions").status,
        ]

    assert ask(mine) == [202, 204]
    assert ask(other) == [404, 404]


def test_settings_of_the_portal_are_kept(front: Front) -> None:
    tenant = ok(front.staff.get("/v1/tenant"))
    assert (tenant["portal"], tenant["portal_sms"]) == (True, False)

    after = ok(front.staff.patch("/v1/tenant", json={"portal_sms": True}, headers=if_match(tenant)))

    assert (after["portal"], after["portal_sms"]) == (True, True)

"""Closed months: when a month can be closed, and that nothing comes into it afterwards by any path."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from chalicelib.domain.ledger import PeriodClosed
from chalicelib.usecases.billing import start_due
from tests.integration.books_check import check_books
from tests.integration.shop import Item, created, if_match, ok
from tests.integration.test_ledger import NOVEMBER_2, Ledger, Queue, ledger  # noqa: F401 - the fixture
from tests.integration.test_posting import charge, pay

# Karachi is five hours ahead of UTC: the month ends at 19:00 of its last day.
NOVEMBER_30 = datetime(2027, 11, 30, 8, tzinfo=UTC)
JUST_OVER = datetime(2027, 11, 30, 19, 30, tzinfo=UTC)
AN_HOUR_OVER = datetime(2027, 11, 30, 20, 30, tzinfo=UTC)
DECEMBER_1 = datetime(2027, 12, 1, 8, tzinfo=UTC)


def closing(ledger: Ledger, month: str) -> tuple[int, Item]:  # noqa: F811
    """Ask for a closing; return status and answer."""
    reply = ledger.shop.tenant.api.post("/v1/ledger/closings", json={"month": month})
    return reply.status, reply.json


def november(ledger: Ledger) -> Item:  # noqa: F811
    """Bill November, with a payment in it; return the subscriber."""
    subscriber = ledger.served()
    ledger.shop.bill(NOVEMBER_2)
    ledger.post(subscriber, lambda books: pay(books, 100_000))
    ledger.until(NOVEMBER_30)
    ledger.shop.bill(NOVEMBER_30)
    return subscriber


def test_a_month_is_closed_an_hour_after_it_is_over_and_billed(ledger: Ledger) -> None:  # noqa: F811
    ledger.served()
    ledger.shop.bill(NOVEMBER_2)

    ledger.until(JUST_OVER)
    assert closing(ledger, "2027-11")[1]["code"] == "month_not_over"
    ledger.until(AN_HOUR_OVER)
    status, refused = closing(ledger, "2027-11")
    assert (status, refused["code"]) == (409, "billing_not_complete")

    ledger.shop.bill(AN_HOUR_OVER)
    status, closed = closing(ledger, "2027-11")

    assert (status, closed["state"]) == (201, "closed")
    rows = {row["account"]: row for row in closed["rows"]}
    assert rows["receivable"]["closing"] == 226_614
    assert rows["revenue:recurring"] == {
        "account": "revenue:recurring",
        "type": "income",
        "opening": 0,
        "debit": 0,
        "credit": 164_900,
        "closing": -164_900,
    }
    assert closing(ledger, "2027-11")[1]["code"] == "closed_out_of_order"
    assert closing(ledger, "2028-01")[1]["code"] == "month_not_over"
    assert closing(ledger, "2027-10")[1]["code"] == "closed_out_of_order"
    assert closing(ledger, "2027-13")[1]["code"] == "malformed_month"


def test_the_first_month_with_postings_is_closed_first(ledger: Ledger) -> None:  # noqa: F811
    ledger.served()
    ledger.shop.bill(NOVEMBER_2)
    january = datetime(2028, 1, 2, 8, tzinfo=UTC)
    ledger.until(january)
    ledger.shop.bill(january)

    status, refused = closing(ledger, "2027-12")
    assert (status, refused["code"]) == (409, "closed_out_of_order")
    assert "2027-11" in refused["message"]
    assert closing(ledger, "2027-11")[0] == 201
    assert closing(ledger, "2027-12")[0] == 201
    listed = ledger.get("/v1/ledger/closings")["items"]
    assert [one["month"] for one in listed] == ["2027-12", "2027-11"]
    # What December opens with is what November closed with.
    december, november_ = listed
    opening = {row["account"]: row["opening"] for row in december["rows"] if row["opening"]}
    assert opening == {row["account"]: row["closing"] for row in november_["rows"]}
    # January is read from the closed balance of December on.
    assert ledger.trial(date(2028, 1, 1))["receivable"] == (226_614 * 2, 226_614, 0, 226_614 * 3)
    check_books(ledger.services, ledger.tenant_id)


def test_the_run_of_a_closed_month_does_not_go_on(ledger: Ledger) -> None:  # noqa: F811
    november(ledger)
    ledger.until(AN_HOUR_OVER)
    assert closing(ledger, "2027-11")[0] == 201
    before = ledger.trial(date(2027, 11, 1), date(2027, 11, 30))

    # The hour of 1 December's run has not come; what is sold now, from November, waits for it.
    late = ledger.shop.subscriber()
    package = ledger.shop.package(price={"amount": 50_000, "currency": "PKR"}, tax_group=None)
    ledger.shop.subscribe(late, package, starts_on="2027-11-30")
    queue = Queue()
    state = start_due(store=ledger.store, queue=queue, at=AN_HOUR_OVER)

    assert (queue.messages, state.completed_through) == ([], date(2027, 11, 30))
    ledger.until(DECEMBER_1)
    ledger.shop.bill(DECEMBER_1)
    assert {one["issued_on"] for one in ledger.shop.invoices(late)} == {"2027-12-01"}
    assert ledger.trial(date(2027, 11, 1), date(2027, 11, 30)) == before
    check_books(ledger.services, ledger.tenant_id)


def test_without_a_closing_the_run_goes_on_and_the_ledger_has_it_once(ledger: Ledger) -> None:  # noqa: F811
    november(ledger)
    ledger.until(AN_HOUR_OVER)
    late = ledger.shop.subscriber()
    package = ledger.shop.package(price={"amount": 50_000, "currency": "PKR"}, tax_group=None)
    ledger.shop.subscribe(late, package, starts_on="2027-11-30")

    queue = Queue()
    start_due(store=ledger.store, queue=queue, at=AN_HOUR_OVER)

    assert len(queue.messages) == 1
    # While it works again, and before it has completed, its totals are those of its shards.
    ledger.work(queue.messages, AN_HOUR_OVER)
    assert ledger.trial(date(2027, 11, 30), date(2027, 11, 30))["revenue:recurring"][1:3] == (0, 50_000)
    check_books(ledger.services, ledger.tenant_id)


def test_what_is_retried_goes_to_the_next_run(ledger: Ledger) -> None:  # noqa: F811
    held = ledger.served()
    limit(ledger, 100)
    ledger.shop.bill(NOVEMBER_2)
    ledger.until(AN_HOUR_OVER)
    ledger.shop.bill(AN_HOUR_OVER)
    assert closing(ledger, "2027-11")[0] == 201
    limit(ledger, 0)

    retried = ledger.shop.tenant.api.post("/v1/billing/runs/2027-11-02/quarantined/retry")
    assert retried.json["retried"] == 1

    ledger.until(DECEMBER_1)
    ledger.shop.bill(DECEMBER_1)
    assert {one["issued_on"] for one in ledger.shop.invoices(held)} == {"2027-12-01"}
    assert ledger.trial(date(2027, 11, 1), date(2027, 11, 30)) == {}
    check_books(ledger.services, ledger.tenant_id)


def test_a_time_zone_farther_west_does_not_lead_back_into_it(ledger: Ledger) -> None:  # noqa: F811
    subscriber = november(ledger)
    ledger.until(AN_HOUR_OVER)
    assert closing(ledger, "2027-11")[0] == 201
    tenant = ok(ledger.shop.tenant.api.get("/v1/tenant"))
    west = {"time_zone": "America/Los_Angeles"}
    ok(ledger.shop.tenant.api.patch("/v1/tenant", json=west, headers=if_match(tenant)))

    with pytest.raises(PeriodClosed):
        ledger.post(subscriber, lambda books: charge(books, 1_000))

    ledger.until(datetime(2027, 12, 1, 9, tzinfo=UTC))
    posted = ledger.post(subscriber, lambda books: charge(books, 1_000))
    assert posted.invoices[0].issued_on == date(2027, 12, 1)


def test_only_owners_open_a_month_again_and_say_why(ledger: Ledger) -> None:  # noqa: F811
    november(ledger)
    ledger.until(AN_HOUR_OVER)
    assert closing(ledger, "2027-11")[0] == 201
    path = "/v1/ledger/closings/2027-11/open"
    api = ledger.shop.tenant.api

    assert api.post(path, json={"reason": " "}).status == 422
    assert api.post("/v1/ledger/closings/2027-10/open", json={"reason": "x"}).status == 404
    opened = ok(api.post(path, json={"reason": "a day was billed wrongly"}))
    assert (opened["state"], opened["reason"]) == ("open", "a day was billed wrongly")
    assert api.post(path, json={"reason": "again"}).status == 404
    (entry,) = ok(api.get("/v1/audit?action=ledger.month_opened"))["items"]
    assert (entry["details"], entry["personal"]) == ({}, {"reason": "a day was billed wrongly"})
    assert len(ok(api.get("/v1/audit?action=ledger.month_closed"))["items"]) == 1

    assert ledger.store.billing_state().closed_through is None
    closed = created(api.post("/v1/ledger/closings", json={"month": "2027-11"}))
    assert (closed["state"], closed["version"], closed["reason"]) == ("closed", 3, None)
    checked = ledger.get("/v1/ledger/closings/2027-11")
    assert checked == {"closing": closed, "differences": []}


def test_what_was_changed_behind_a_closing_is_seen(ledger: Ledger) -> None:  # noqa: F811
    november(ledger)
    ledger.until(AN_HOUR_OVER)
    assert closing(ledger, "2027-11")[0] == 201

    key = {"pk": {"S": f"{ledger.tenant_id}#GL#2027-11"}, "sk": {"S": "02#RUN"}}
    ledger.services.wire.call(
        "UpdateItem",
        {
            "TableName": ledger.services.settings.tenants_table,
            "Key": key,
            "UpdateExpression": "SET #a=:v",
            "ExpressionAttributeNames": {"#a": "c:revenue:recurring"},
            "ExpressionAttributeValues": {":v": {"N": "1"}},
        },
    )

    differences = ledger.get("/v1/ledger/closings/2027-11")["differences"]
    assert [one["account"] for one in differences] == ["revenue:recurring"]
    assert (differences[0]["closed"]["closing"], differences[0]["now"]["closing"]) == (-164_900, -1)


def limit(ledger: Ledger, amount: int) -> None:  # noqa: F811
    """Set above which amount an account is set aside; 0 is no limit."""
    tenant = ok(ledger.shop.tenant.api.get("/v1/tenant"))
    change = {"invoice_limit": amount}
    ok(ledger.shop.tenant.api.patch("/v1/tenant", json=change, headers=if_match(tenant)))

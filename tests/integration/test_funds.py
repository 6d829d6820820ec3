"""Funds and company entries on the engine: written whole, numbered without gaps, and as audits find them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from chalicelib.domain.books_audit import Flaw
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.funds import ENTRIES_PER_DAY_MAX, FundMove, company_entry
from chalicelib.domain.invoices import Posting
from chalicelib.domain.ledger import PeriodClosed
from chalicelib.ports.store import AuditNote
from chalicelib.store.billing_state import BillingStateItem
from chalicelib.store.funds import FundItem
from chalicelib.usecases.books_audit import audit_books
from chalicelib.usecases.company_posting import CompanyPosted, post_company
from chalicelib.usecases.posting import TooManyDocuments
from tests.fakes.api_client import Reply
from tests.integration.books_check import check_books
from tests.integration.conftest import NOW, EngineServices, SignedIn
from tests.integration.shop import Item, created, if_match, ok

TODAY = date(2041, 5, 15)


def office(tenant: SignedIn, channel: str = "cash") -> Item:
    return created(tenant.api.post("/v1/funds", json={"name": f"Till {channel}", "channel": channel}))


def spend(
    services: EngineServices, tenant: SignedIn, fund_id: str, amount: int, on: date | None = None
) -> CompanyPosted:
    """Pay rent out of a fund."""
    note = AuditNote(actor_id="stf_1", action="test.spent", object_id=fund_id, at=NOW)
    return post_company(
        store=services.stores.of(tenant_id=tenant.tenant_id),
        fund_ids=[fund_id],
        make=lambda books: company_entry(
            amount=amount,
            reason="expense",
            moves=[FundMove(books.fund(fund_id=fund_id), -amount)],
            postings=[Posting("expense:rent", amount)],
            note="to the landlord",
        ),
        at=NOW,
        note=note,
        on=on,
    )


def test_a_fund_of_the_office_is_what_its_channel_comes_to(
    services: EngineServices, tenant: SignedIn
) -> None:
    till, bank = office(tenant), office(tenant, "bank_transfer")

    first = spend(services, tenant, till["fund_id"], 300, on=date(2041, 5, 1))
    spend(services, tenant, till["fund_id"], 50)

    now = ok(tenant.api.get(f"/v1/funds/{till['fund_id']}"))
    assert (now["balance"]["amount"], now["account"], now["version"]) == (-350, "cash:cash", 3)
    moves = ok(tenant.api.get(f"/v1/funds/{till['fund_id']}/movements"))["items"]
    assert [(one["sequence"], one["amount"], one["balance"], one["on"]) for one in moves] == [
        (2, -50, -350, "2041-05-15"),
        (1, -300, -300, "2041-05-01"),
    ]
    kept = services.stores.of(tenant_id=tenant.tenant_id).funds.entry(document_id=moves[1]["document_id"])
    assert (kept, kept.number, kept.note) == (first.document, "CJN-2041-000001", "to the landlord")
    assert tenant.api.get(f"/v1/documents/{kept.document_id}").status == 404
    again = tenant.api.post("/v1/funds", json={"name": "Another", "channel": "cash"})
    assert (again.status, again.json["code"], again.json["param"]) == (409, "channel_taken", "channel")
    archive = f"/v1/funds/{till['fund_id']}/archive"
    assert tenant.api.post(archive, headers=if_match(now)).json["code"] == "fund_not_empty"
    gone = ok(tenant.api.post(f"/v1/funds/{bank['fund_id']}/archive", headers=if_match(bank)))
    assert gone["archived"]
    assert [one["fund_id"] for one in ok(tenant.api.get("/v1/funds"))["items"]] == [till["fund_id"]]
    assert office(tenant, "bank_transfer")["fund_id"] != bank["fund_id"]
    audit = check_books(services, tenant.tenant_id)
    assert (audit.accounts, audit.documents, audit.numbers) == (0, 2, 2)


def test_money_is_moved_between_funds_of_the_office(services: EngineServices, tenant: SignedIn) -> None:
    till, bank = office(tenant)["fund_id"], office(tenant, "bank_transfer")["fund_id"]
    key = {"Idempotency-Key": "slip-12"}

    def move(amount: int, to: str) -> Reply:
        body = {"amount": {"amount": amount, "currency": "PKR"}, "to_fund_id": to, "reference": "slip 12"}
        return tenant.api.post(f"/v1/funds/{till}/transfers", json=body, headers=key)

    journal = created(move(700, bank))
    assert created(move(700, bank)) == journal
    held = [ok(tenant.api.get(f"/v1/funds/{one}"))["balance"]["amount"] for one in (till, bank)]
    assert held == [-700, 700]
    assert ok(tenant.api.get(f"/v1/company-journals/{journal['journal_id']}")) == journal
    key["Idempotency-Key"] = "other"
    assert move(700, till).problem == (422, "wrong_fund", "to_fund_id")
    assert move(0, bank).problem == (422, "invalid_amount", "amount.amount")
    check_books(services, tenant.tenant_id)


def test_entries_side_by_side_take_every_number_once_and_no_more_than_there_is(
    services: EngineServices, tenant: SignedIn
) -> None:
    funds = [office(tenant, channel)["fund_id"] for channel in ("cash", "cheque")]

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda one: spend(services, tenant, one, 10), funds * 4))

    assert sorted(one.document.sequence for one in made) == list(range(1, 9))
    store = services.stores.of(tenant_id=tenant.tenant_id)
    assert [store.funds.get(fund_id=one).balance for one in funds] == [-40, -40]
    check_books(services, tenant.tenant_id)


def test_a_day_of_a_fund_ends_after_so_many_entries(services: EngineServices, tenant: SignedIn) -> None:
    fund_id = office(tenant)["fund_id"]
    spend(services, tenant, fund_id, 10)
    store = services.stores.of(tenant_id=tenant.tenant_id)
    item = FundItem.get(f"{tenant.tenant_id}#FUNDS", fund_id)
    item.update(actions=[FundItem.entries.set(ENTRIES_PER_DAY_MAX)])

    with pytest.raises(TooManyDocuments):
        spend(services, tenant, fund_id, 10)

    spend(services, tenant, fund_id, 10, on=date(2041, 5, 14))
    assert store.funds.get(fund_id=fund_id).balance == -20


def test_nothing_is_posted_ahead_and_refusals_leave_nothing(
    services: EngineServices, tenant: SignedIn
) -> None:
    fund_id = office(tenant)["fund_id"]
    before = len(list(raw(services, tenant)))

    with pytest.raises(InvalidValue) as ahead:
        spend(services, tenant, fund_id, 10, on=date(2041, 5, 16))

    assert ahead.value.param == "on"
    assert len(list(raw(services, tenant))) == before


def test_a_month_that_is_closed_meanwhile_refuses_the_transaction(
    services: EngineServices, tenant: SignedIn
) -> None:
    store = services.stores.of(tenant_id=tenant.tenant_id)
    fund = store.funds.get(fund_id=office(tenant)["fund_id"])
    entry = company_entry(
        amount=5, reason="x", moves=[FundMove(fund, -5)], postings=[Posting("expense:rent", 5)]
    )
    writes, _, _ = store.funds.post(entry=entry, on=date(2041, 4, 30), fiscal_year=2041, actor_id="stf_1")
    state = BillingStateItem.get(f"{tenant.tenant_id}#BILLING", "STATE")
    state.update(actions=[BillingStateItem.closed_through.set("2041-04-30")])

    with pytest.raises(PeriodClosed):
        store.commit(*writes)


def raw(services: EngineServices, tenant: SignedIn) -> list[Item]:
    from tests.integration.raw import raw_items

    return list(raw_items(services, f"{tenant.tenant_id}#A#"))


def test_an_audit_finds_a_fund_that_is_not_what_moved_it(services: EngineServices, tenant: SignedIn) -> None:
    fund_id = office(tenant)["fund_id"]
    spend(services, tenant, fund_id, 10)
    item = FundItem.get(f"{tenant.tenant_id}#FUNDS", fund_id)
    item.update(actions=[FundItem.balance.set(-11)])

    audit = audit_books(store=services.stores.of(tenant_id=tenant.tenant_id))

    assert [(one.flaw, one.about, one.expected, one.found) for one in audit.differences] == [
        (Flaw.FUND_BALANCE, fund_id, -10, -11)
    ]

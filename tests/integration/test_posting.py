"""Entries outside the billing run: written whole, numbered without gaps, account and ledger as one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.domain.account_bills import new_invoice
from chalicelib.domain.accounts import ChargeKind
from chalicelib.domain.documents import (
    DocumentKind,
    Entry,
    InsufficientCredit,
    IssuedInvoice,
    NewDocument,
    allocate,
    entry_of,
)
from chalicelib.domain.invoices import CREDIT, RECEIVABLE, InvoiceLine, InvoiceState, Posting
from chalicelib.domain.periods import Period
from chalicelib.ports.store import AuditNote
from chalicelib.usecases.posting import Books, Posted, post
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.shop import Shop

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = date(2026, 11, 20)


@pytest.fixture
def shop(services: EngineServices, signed_in: SignedIn) -> Shop:
    return Shop(signed_in, services)


def charge(books: Books, amount: int) -> Entry:
    """One invoice of one line without taxes, paid from credit as far as that goes."""
    account = books.subscriber.account
    line = InvoiceLine("Router", "", 0, Period.day(on=TODAY), amount, 1, 1, amount, (), ChargeKind.ONE_TIME)
    invoice = new_invoice(lines=[line], credit=account.credit, round_to=0, on=TODAY, version=account.version)
    return entry_of(account=account, invoices=[IssuedInvoice(invoice, TODAY + timedelta(days=7))])


def pay(books: Books, amount: int) -> Entry:
    """A receipt that pays the oldest invoices; the rest becomes credit."""
    settled = allocate(amount=amount, invoices=books.open_invoices())
    paid = sum(one.amount for one in settled)
    postings = [Posting("cash:cash", amount), Posting(RECEIVABLE, -paid), Posting(CREDIT, paid - amount)]
    kept = tuple(posting for posting in postings if posting.amount)
    receipt = NewDocument(DocumentKind.RECEIPT, amount, kept, channel="cash", note="paid at the counter")
    return entry_of(account=books.subscriber.account, documents=[receipt], settled=settled)


def spend(books: Books, amount: int) -> Entry:
    """A journal that takes from credit."""
    journal = NewDocument(
        DocumentKind.JOURNAL, amount, (Posting(CREDIT, amount), Posting("revenue:one_time", -amount))
    )
    return entry_of(account=books.subscriber.account, documents=[journal])


def posted(shop: Shop, services: EngineServices, subscriber_id: str, make: object) -> Posted:
    store = services.stores.of(tenant_id=shop.tenant.tenant_id)
    note = AuditNote(actor_id="stf_1", action="test.posted", object_id=subscriber_id, at=AT)
    return post(store=store, subscriber_id=subscriber_id, make=make, at=AT, note=note)  # type: ignore[arg-type]


def test_an_invoice_a_payment_and_what_is_left(shop: Shop, services: EngineServices) -> None:
    subscriber_id = shop.subscriber()["subscriber_id"]

    first = posted(shop, services, subscriber_id, lambda books: charge(books, 1_000))
    receipt = posted(shop, services, subscriber_id, lambda books: pay(books, 1_500))
    second = posted(shop, services, subscriber_id, lambda books: charge(books, 700))

    store = services.stores.of(tenant_id=shop.tenant.tenant_id)
    account = store.subscribers.get(subscriber_id=subscriber_id).account
    assert (account.balance, account.credit) == (200, 0)
    paid = store.invoices.get(invoice_id=first.invoices[0].invoice_id)
    assert (paid.state, paid.paid, paid.open_amount) == (InvoiceState.PAID, 1_000, 0)
    partly = store.invoices.get(invoice_id=second.invoices[0].invoice_id)
    assert (partly.state, partly.paid, partly.open_amount) == (InvoiceState.PARTLY_PAID, 500, 200)
    assert store.documents.open_invoices(account_id=subscriber_id, receivable=200) == (partly,)
    kept = store.documents.get(document_id=receipt.documents[0].document_id)
    assert kept == receipt.documents[0]
    assert (kept.note, kept.settled) == ("paid at the counter", ((paid.invoice_id, 1_000),))
    assert [one.sequence for one in (*first.invoices, *second.invoices)] == [1, 2]


def test_credit_never_goes_below_zero(shop: Shop, services: EngineServices) -> None:
    subscriber_id = shop.subscriber()["subscriber_id"]
    posted(shop, services, subscriber_id, lambda books: pay(books, 100))

    with pytest.raises(InsufficientCredit):
        posted(shop, services, subscriber_id, lambda books: spend(books, 101))

    store = services.stores.of(tenant_id=shop.tenant.tenant_id)
    assert store.subscribers.get(subscriber_id=subscriber_id).account.credit == 100


def test_entries_side_by_side_take_every_number_once(shop: Shop, services: EngineServices) -> None:
    ids = [shop.subscriber()["subscriber_id"] for _ in range(3)]

    with ThreadPoolExecutor(6) as pool:
        made = list(
            pool.map(lambda one: posted(shop, services, one, lambda books: charge(books, 10)), ids * 4)
        )

    store = services.stores.of(tenant_id=shop.tenant.tenant_id)
    numbers = sorted(one.invoices[0].sequence for one in made)
    assert numbers == list(range(1, 13))
    balances = [store.subscribers.get(subscriber_id=one).account.balance for one in ids]
    assert balances == [40, 40, 40]
    listed = store.invoices.by_number(fiscal_year=2027, limit=50, after=None, newest_first=False)
    assert [one.sequence for one in listed.items] == numbers

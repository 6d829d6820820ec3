"""Any sequence of invoices, payments, credit, write-offs and reversals keeps the books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.accounts import ChargeKind
from chalicelib.domain.credit_notes import (
    credit_note,
    lines_of_invoice,
    share_of_invoice,
    to_credit,
    whole_invoice,
)
from chalicelib.domain.documents import (
    Document,
    DocumentKind,
    Entry,
    InsufficientCredit,
    InsufficientDeposit,
    allocate,
    entry_of,
)
from chalicelib.domain.errors import Conflict, DomainError, InvalidValue
from chalicelib.domain.invoices import Invoice, InvoiceState
from chalicelib.domain.manual_invoices import (
    InvoiceVoid,
    ManualLine,
    TooManyLines,
    manual_invoice,
)
from chalicelib.domain.money import AMOUNT_MINOR_MAX, InvalidAmount, Money
from chalicelib.domain.payments import (
    ExceedsOpen,
    ExceedsPayment,
    InvoiceAllocatedTwice,
    Source,
    amount_of,
    available,
    check_words,
    receive,
    refund,
    refund_document,
    set_off,
    settle,
    write_off,
)
from chalicelib.domain.reversals import (
    AlreadyReversed,
    NotAPayment,
    missing_for_reversal,
    own_settlements,
    reverse,
)
from chalicelib.domain.taxes import UnknownTaxGroup
from chalicelib.domain.traces import calculation
from tests.examples import examples
from tests.unit.domain.account_book import ACCOUNT, CATALOGUE, START, AccountBook

Step = tuple[str, int, int]


def pkr(amount: int) -> Money:
    return Money(amount, "PKR")


def issue(book: AccountBook, *amounts: int, kind: ChargeKind = ChargeKind.ONE_TIME, due: int = 7) -> Invoice:
    lines = [
        ManualLine(
            "Router", pkr(one), tax_group=None if kind is ChargeKind.DEPOSIT else "internet", kind=kind
        )
        for one in amounts
    ]
    issued = manual_invoice(
        account=book.account, lines=lines, catalogue=CATALOGUE, on=START, payment_days=due
    )
    book.apply(entry_of(account=book.account, invoices=[issued]))
    return list(book.invoices.values())[-1]


def pay(book: AccountBook, amount: int) -> Document:
    settled = allocate(amount=amount, invoices=book.open)
    book.apply(receive(account=book.account, amount=amount, channel="cash", settled=settled))
    return list(book.documents.values())[-1]


def reversal(book: AccountBook, receipt: Document) -> Entry:
    own = own_settlements(receipt=receipt, invoices=[book.invoices[one] for one, _ in receipt.pays])
    newest = list(reversed(book.invoices.values()))
    return reverse(account=book.account, receipt=receipt, own=own, others=newest)


def pick(found: Sequence[Invoice], number: int) -> Invoice:
    if not found:
        raise Conflict("nothing there yet")
    return found[number % len(found)]


def credited(book: AccountBook, number: int, size: int) -> Entry:
    """Credit an invoice by share, by a line, or whole; sometimes giving the rest back in money."""
    invoice = pick(list(book.invoices.values()), number)
    if size % 3 == 0:
        chosen = whole_invoice(invoice=invoice)
    elif size % 3 == 1:
        chosen = share_of_invoice(invoice=invoice, share=size % 1_000_000 + 1)
    else:
        chosen = lines_of_invoice(invoice=invoice, amounts={number % len(invoice.lines): size})
    note, settlement = credit_note(invoice=invoice, lines=chosen)
    documents, rest = [note], to_credit(document=note)
    if rest and size % 2:
        documents.append(refund_document(amount=rest, channel="cash"))
    return entry_of(account=book.account, documents=documents, settled=[settlement])


def receipts(book: AccountBook) -> list[Document]:
    return [one for one in book.documents.values() if one.kind is DocumentKind.RECEIPT]


def entry_for(book: AccountBook, step: Step) -> Entry:
    """Return the entry of a drawn step; refused where the books do not allow it."""
    name, number, size = step
    account, invoices = book.account, list(book.invoices.values())
    if name in {"invoice", "debit"}:
        about = pick(invoices, number) if name == "debit" else None
        deposit = number % 5 == 0
        line = ManualLine(
            "Work",
            pkr(size),
            quantity=number % 3 + 1,
            tax_group=None if deposit else "internet",
            kind=ChargeKind.DEPOSIT if deposit else ChargeKind.ONE_TIME,
        )
        issued = manual_invoice(
            account=account,
            lines=[line] * (number % 3 + 1),
            catalogue=CATALOGUE,
            on=START,
            payment_days=number,
            about=about,
        )
        return entry_of(account=account, invoices=[issued])
    if name == "pay":
        settled = allocate(amount=size, invoices=book.open) if number % 3 else ()
        return receive(account=account, amount=size, channel="cheque", settled=settled)
    if name == "pay_one":
        return receive(
            account=account,
            amount=size,
            channel="cash",
            settled=settle(parts=[(pick(book.open, number), min(size, 5_000))]),
        )
    if name == "credit":
        return credited(book, number, size)
    source = Source.DEPOSIT if number % 2 else Source.CREDIT
    if name == "set_off":
        settled = allocate(amount=available(account=account, source=source), invoices=book.open)
        return set_off(account=account, settled=settled, source=source)
    if name == "refund":
        return refund(account=account, amount=size, channel="cash", source=source)
    if name == "write_off":
        amount = None if number % 2 else size
        return write_off(account=account, invoice=pick(book.open, number), amount=amount, reason="lost")
    found = receipts(book)
    if not found:
        raise Conflict("nothing to reverse")
    return reversal(book, found[number % len(found)])


STEPS = ("invoice", "debit", "pay", "pay_one", "credit", "set_off", "refund", "write_off", "reverse")
steps = st.lists(
    st.tuples(st.sampled_from(STEPS), st.integers(0, 11), st.integers(1, 300_000)), min_size=1, max_size=40
)


@examples(300)
@given(steps)
def test_any_sequence_keeps_the_books(taken: list[Step]) -> None:
    book = AccountBook()
    for step in taken:
        before = book.account
        try:
            entry = entry_for(book, step)
        except DomainError:
            assert book.account == before
            continue
        book.apply(entry)
        book.check()


@examples(200)
@given(steps)
def test_every_payment_that_is_not_spent_can_be_reversed(taken: list[Step]) -> None:
    book = AccountBook()
    for step in taken:
        if step[0] in {"credit", "refund"}:  # money that leaves, or that never came
            continue
        try:
            book.apply(entry_for(book, step))
        except DomainError:
            continue
    for receipt in receipts(book):
        if not receipt.reversed_by:
            book.apply(reversal(book, receipt))
            book.check()
    assert not [one for one in receipts(book) if not one.reversed_by]


def test_a_bounced_cheque_opens_its_invoices_again_once() -> None:
    book = AccountBook()
    first, second = issue(book, 100_000), issue(book, 50_000, due=3)
    receipt = pay(book, first.total + second.total + 7_000)
    assert (book.open, book.account.credit) == ([], 7_000)

    book.apply(reversal(book, receipt))
    assert [one.state for one in book.invoices.values()] == [InvoiceState.OPEN, InvoiceState.OPEN]
    assert book.account.balance == first.total + second.total
    assert book.account.credit == 0
    assert book.ledger["cash:cash"] == 0
    with pytest.raises(AlreadyReversed):
        reversal(book, book.documents[receipt.document_id])


def test_credit_that_paid_a_later_invoice_is_taken_back_from_it() -> None:
    book = AccountBook()
    receipt = pay(book, 80_000)
    later = issue(book, 50_000)  # paid from credit at once
    assert later.paid == later.total
    own = own_settlements(receipt=receipt, invoices=[])
    assert missing_for_reversal(account=book.account, receipt=receipt, own=own) == later.total

    book.apply(reversal(book, receipt))
    assert (book.account.credit, book.account.balance) == (0, later.total)
    book.check()


def test_a_payment_that_was_given_back_is_not_reversed() -> None:
    book = AccountBook()
    receipt = pay(book, 80_000)
    book.apply(refund(account=book.account, amount=1, channel="cash"))
    with pytest.raises(InsufficientCredit):
        reversal(book, receipt)


def test_only_receipts_are_reversed() -> None:
    book = AccountBook()
    pay(book, 10)
    book.apply(refund(account=book.account, amount=10, channel="cash"))
    with pytest.raises(NotAPayment):
        reversal(book, list(book.documents.values())[-1])


def test_the_oldest_due_is_paid_first() -> None:
    book = AccountBook()
    late, soon = issue(book, 100_000, due=30), issue(book, 50_000, due=3)
    receipt = pay(book, soon.total + 5)
    assert receipt.settled == ((soon.invoice_id, soon.total), (late.invoice_id, 5))


def test_a_deposit_is_owed_set_off_and_given_back() -> None:
    book = AccountBook()
    held = issue(book, 200_000, kind=ChargeKind.DEPOSIT)
    with pytest.raises(InsufficientDeposit):  # it was never paid
        refund(account=book.account, amount=1, channel="cash", source=Source.DEPOSIT)
    pay(book, held.total)
    bill = issue(book, 100_000)
    settled = allocate(amount=book.account.deposits, invoices=book.open)
    book.apply(set_off(account=book.account, settled=settled, source=Source.DEPOSIT))
    rest = held.total - bill.total
    assert (book.account.deposits, book.account.balance) == (rest, 0)
    with pytest.raises(InsufficientDeposit):
        refund(account=book.account, amount=rest + 1, channel="cash", source=Source.DEPOSIT)
    book.apply(refund(account=book.account, amount=rest, channel="cash", source=Source.DEPOSIT))
    assert book.account.deposits == 0
    book.check()


def test_a_deposit_that_was_used_is_not_credited() -> None:
    book = AccountBook()
    held = issue(book, 200_000, kind=ChargeKind.DEPOSIT)
    pay(book, held.total)
    issue(book, 1_000)
    settled = allocate(amount=book.account.deposits, invoices=book.open)
    book.apply(set_off(account=book.account, settled=settled, source=Source.DEPOSIT))
    with pytest.raises(InsufficientDeposit):
        credited(book, 0, 3)


def test_a_write_off_is_never_more_than_open() -> None:
    book = AccountBook()
    invoice = issue(book, 100_000)
    with pytest.raises(ExceedsOpen):
        write_off(account=book.account, invoice=invoice, amount=invoice.total + 1, reason="lost")
    book.apply(write_off(account=book.account, invoice=invoice, amount=None, reason="lost"))
    assert book.invoices[invoice.invoice_id].state is InvoiceState.WRITTEN_OFF
    assert book.ledger["write_off"] == invoice.total
    with pytest.raises(Conflict):
        write_off(account=book.account, invoice=book.invoices[invoice.invoice_id], amount=1, reason="lost")


def test_refused_payments() -> None:
    book = AccountBook()
    invoice = issue(book, 100_000)
    for money in (pkr(0), pkr(-1), pkr(AMOUNT_MINOR_MAX + 1), Money(1, "USD")):
        with pytest.raises(InvalidValue):
            amount_of(money=money, account=ACCOUNT)
    with pytest.raises(ExceedsOpen):
        settle(parts=[(invoice, invoice.total + 1)])
    with pytest.raises(InvalidAmount):
        settle(parts=[(invoice, 0)])
    with pytest.raises(InvoiceAllocatedTwice):
        settle(parts=[(invoice, 1), (invoice, 1)])
    with pytest.raises(ExceedsPayment):
        receive(account=book.account, amount=1, channel="cash", settled=settle(parts=[(invoice, 2)]))
    with pytest.raises(InvalidValue):
        check_words(reference="paid by 4111 1111 1111 1111")


def line(**changes: object) -> ManualLine:
    given: dict[str, object] = {"description": "Router", "unit_price": pkr(100), **changes}
    return ManualLine(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lines", "refused"),
    [
        ([], TooManyLines),
        ([line()] * 201, TooManyLines),
        ([line(unit_price=pkr(0))], InvalidAmount),
        ([line(unit_price=pkr(-5))], InvalidAmount),
        ([line(unit_price=Money(5, "USD"))], InvalidValue),
        ([line(unit_price=pkr(AMOUNT_MINOR_MAX), quantity=2)], InvalidValue),
        ([line(unit_price=pkr(AMOUNT_MINOR_MAX))] * 2, InvalidValue),
        ([line(quantity=0)], InvalidValue),
        ([line(tax_group="none")], UnknownTaxGroup),
        ([line(kind=ChargeKind.RECURRING)], InvalidValue),
        ([line(kind=ChargeKind.DEPOSIT, tax_group="internet")], InvalidValue),
        ([line(description=" ")], InvalidValue),
    ],
)
def test_refused_invoices(lines: list[ManualLine], refused: type[DomainError]) -> None:
    with pytest.raises(refused):
        manual_invoice(account=ACCOUNT, lines=lines, catalogue=CATALOGUE, on=START, payment_days=7)


@pytest.mark.parametrize("due_on", [START - timedelta(days=1), date(9999, 12, 31)])
def test_a_due_date_is_near(due_on: date) -> None:
    with pytest.raises(InvalidValue):
        manual_invoice(
            account=ACCOUNT, lines=[line()], catalogue=CATALOGUE, on=START, payment_days=7, due_on=due_on
        )


def test_a_line_by_hand_says_how_it_was_taxed() -> None:
    issued = manual_invoice(
        account=ACCOUNT,
        lines=[line(quantity=3, tax_group="internet")],
        catalogue=CATALOGUE,
        on=START,
        payment_days=7,
    )
    told = calculation(line=issued.invoice.lines[0], currency="PKR")
    assert told == (
        "entered by hand",
        "quantity 3",
        "tax row internet from 2020-01-01 for every place",
        "sales_tax 19.5 % of the net: 0.59",
        "ait 15 % of the net and the taxes before it: 0.54",
        "levy 0.3333 % of the net: 0.01",
    )


def test_nothing_is_added_to_a_void_invoice() -> None:
    book = AccountBook()
    void = issue(book, 100)
    note, settlement = credit_note(invoice=void, lines=whole_invoice(invoice=void))
    book.apply(entry_of(account=book.account, documents=[note], settled=[settlement]))
    with pytest.raises(InvoiceVoid):
        manual_invoice(
            account=book.account,
            lines=[line()],
            catalogue=CATALOGUE,
            on=START,
            payment_days=7,
            about=book.invoices[void.invoice_id],
        )

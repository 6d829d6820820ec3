"""What becomes of receipts: moved, given back, taken by banks; and any sequence of it keeps the books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.chargebacks import (
    ChargebackState,
    NoChargeback,
    check_case,
)
from chalicelib.domain.documents import (
    SETTLED_PER_ENTRY_MAX,
    Document,
    DocumentKind,
    Entry,
    InsufficientCredit,
)
from chalicelib.domain.errors import Conflict, DomainError, InvalidValue
from chalicelib.domain.invoices import CHARGEBACKS, InvoiceState
from chalicelib.domain.money import Money
from chalicelib.domain.payments import (
    WRITE_OFF,
    ExceedsOpen,
    ExceedsPayment,
    InvoiceAllocatedTwice,
    receive,
    refund,
    write_off,
)
from chalicelib.domain.reallocations import NothingMoved, oldest_first, reallocate
from chalicelib.domain.receipt_refunds import refund_receipt, take_back
from chalicelib.domain.reversals import (
    REASON_BOUNCED,
    AlreadyReversed,
    NotACheque,
    NotAPayment,
    PartlyGivenBack,
    check_bounced,
    check_reversible,
    own_settlements,
    returned_cheque_fee,
    reverse,
)
from tests.examples import examples
from tests.unit.domain.account_book import START
from tests.unit.domain.money_book import MoneyBook
from tests.unit.domain.test_account_documents import (
    STEPS,
    Step,
    credited,
    entry_for,
    issue,
    pay,
    receipts,
)


def paid_by(receipt: Document) -> dict[str, int]:
    return dict(receipt.pays)


# -- moving ------------------------------------------------------------------------------------


def test_what_a_receipt_paid_is_open_again_and_the_named_invoices_are_paid() -> None:
    book = MoneyBook()
    first, second = issue(book, 100_000, due=3), issue(book, 60_000, due=9)
    receipt = pay(book, first.total)

    book.move(receipt, (second, second.total))

    assert book.invoices[first.invoice_id].state is InvoiceState.OPEN
    assert book.invoices[second.invoice_id].state is InvoiceState.PAID
    assert book.account.credit == first.total - second.total
    assert paid_by(book.now(receipt)) == {second.invoice_id: second.total}
    book.check()
    book.apply(reversal_of(book, receipt))
    assert book.invoices[second.invoice_id].state is InvoiceState.OPEN
    assert (book.account.credit, book.account.balance) == (0, first.total + second.total)
    with pytest.raises(AlreadyReversed):
        book.move(receipt, (first, 1))


def reversal_of(book: MoneyBook, receipt: Document) -> Entry:
    own = own_settlements(receipt=book.now(receipt), invoices=book.own(receipt))
    newest = list(reversed(book.invoices.values()))
    return reverse(account=book.account, receipt=book.now(receipt), own=own, others=newest)


def test_a_receipt_is_moved_within_what_is_open_and_what_is_left_of_it() -> None:
    book = MoneyBook()
    first, second = issue(book, 100_000), issue(book, 60_000)
    receipt = pay(book, first.total)

    for parts, refused in (
        ([(second, second.total + 1)], ExceedsOpen),
        ([(first, first.total), (second, 1)], ExceedsPayment),
        ([(second, 1), (second, 1)], InvoiceAllocatedTwice),
        ([(second, 0)], InvalidValue),
        ([(first, first.total)], NothingMoved),
    ):
        with pytest.raises(refused):
            book.move(receipt, *parts)
    refunded = refund(account=book.account, amount=1, channel="cash") if book.account.credit else None
    assert refunded is None
    with pytest.raises(NotAPayment):
        reallocate(account=book.account, receipt=_journal(book), own=[], parts=[])


def _journal(book: MoneyBook) -> Document:
    receipt = receipts(book)[0]
    book.move(receipt)
    return list(book.documents.values())[-1]


def test_money_of_a_receipt_that_was_spent_is_not_moved() -> None:
    book = MoneyBook()
    receipt = pay(book, 50_000)
    book.apply(refund(account=book.account, amount=50_000, channel="cash"))
    invoice = issue(book, 10_000)
    with pytest.raises(InsufficientCredit):
        book.move(receipt, (invoice, 10_000))


def test_moved_by_itself_it_pays_the_oldest_due_first() -> None:
    book = MoneyBook()
    late = issue(book, 100_000, due=30)
    receipt = pay(book, late.total)
    soon = issue(book, 60_000, due=3)

    parts = oldest_first(account=book.account, receipt=receipt, own=book.own(receipt), others=list(book.open))
    book.move(receipt, *parts)

    assert paid_by(book.now(receipt)) == {
        soon.invoice_id: soon.total,
        late.invoice_id: late.total - soon.total,
    }
    book.check()


# -- cheques, refunds ---------------------------------------------------------------------------


def test_a_cheque_that_bounced_says_so_keeps_its_number_and_costs_a_fee() -> None:
    book = MoneyBook()
    issue(book, 100_000)
    book.apply(receive(account=book.account, amount=5_000, channel="cheque", reference="CHQ-77"))
    receipt = replace(list(book.documents.values())[-1], reference="CHQ-77")
    check_bounced(document=receipt, reason=REASON_BOUNCED, fee=Money(500, "PKR"))
    fee = returned_cheque_fee(receipt=receipt, amount=50_000, tax_group=None, on=START)

    entry = reverse(account=book.account, receipt=receipt, own=(), charges=(fee,), reason=REASON_BOUNCED)

    assert (entry.documents[0].reason, entry.documents[0].reference) == (REASON_BOUNCED, "CHQ-77")
    assert [(one.unit_price, one.on) for one in entry.after.charges] == [(50_000, START)]
    cash = replace(receipt, channel="cash")
    for reason, money in ((REASON_BOUNCED, None), ("payment_reversed", Money(1, "PKR"))):
        with pytest.raises(NotACheque):
            check_bounced(document=cash, reason=reason, fee=money)


def test_no_more_is_given_back_than_was_paid() -> None:
    book = MoneyBook()
    first, second = pay(book, 10_000), pay(book, 5_000)

    book.apply(give_back(book, first, 7_000))
    for amount, refused in ((3_001, ExceedsPayment), (20_000, ExceedsPayment)):
        with pytest.raises(refused):
            give_back(book, first, amount)
    book.apply(give_back(book, first, 3_000))

    assert (book.now(first).refunded, book.now(first).left, book.account.credit) == (10_000, 0, 5_000)
    with pytest.raises(PartlyGivenBack):
        check_reversible(document=book.now(first))
    check_reversible(document=book.now(second))
    book.check()


def test_what_pays_an_invoice_is_moved_before_it_is_given_back() -> None:
    book = MoneyBook()
    invoice = issue(book, 10_000)
    receipt = pay(book, invoice.total)
    with pytest.raises(InsufficientCredit):
        give_back(book, receipt, 1)
    book.move(receipt)
    book.apply(give_back(book, receipt, invoice.total))
    assert book.account.balance == invoice.total


def give_back(book: MoneyBook, receipt: Document, amount: int) -> Entry:
    return refund_receipt(account=book.account, receipt=book.now(receipt), amount=amount, channel="cash")


# -- chargebacks ----------------------------------------------------------------------------------


def test_a_chargeback_opens_what_the_payment_paid() -> None:
    book = MoneyBook()
    invoice = issue(book, 100_000)
    receipt = pay(book, invoice.total + 5_000)

    case = book.charge_back(receipt)

    assert (case.amount, case.debit_note_id) == (receipt.amount, "")
    assert book.invoices[invoice.invoice_id].state is InvoiceState.OPEN
    assert (book.account.credit, book.account.balance) == (0, invoice.total)
    assert paid_by(book.now(receipt)) == {}
    with pytest.raises(ExceedsPayment):
        book.charge_back(receipt, 1)
    book.check()
    book.win(case)
    assert book.invoices[invoice.invoice_id].state is InvoiceState.PAID
    assert (book.account.credit, book.now(receipt).charged_back) == (5_000, 0)
    with pytest.raises(NoChargeback):
        book.win(book.cases[0])
    check_reversible(document=book.now(receipt))
    book.check()


def test_money_that_was_given_back_is_owed_when_a_bank_takes_it_too() -> None:
    book = MoneyBook()
    receipt = pay(book, 80_000)
    book.apply(give_back(book, receipt, 80_000))

    case = book.charge_back(receipt)

    note = book.invoices[case.debit_note_id]
    assert (note.kind, note.total, note.due_on) == ("DBN", 80_000, START + timedelta(days=7))
    assert (book.account.balance, book.ledger[CHARGEBACKS]) == (80_000, 0)
    book.check()
    book.win(case)
    assert (book.account.balance, book.invoices[note.invoice_id].state) == (0, InvoiceState.PAID)


def test_what_was_given_up_for_a_chargeback_is_no_loss_once_it_is_won() -> None:
    book = MoneyBook()
    invoice = issue(book, 100_000)
    receipt = pay(book, invoice.total + 5_000)
    book.apply(give_back(book, receipt, 5_000))
    case = book.charge_back(receipt)
    note = book.invoices[case.debit_note_id]
    for one, amount in ((invoice, invoice.total), (note, 2_000)):
        lost = book.invoices[one.invoice_id]
        book.apply(write_off(account=book.account, invoice=lost, amount=amount, reason="dispute"))
    book.apply(credited(book, 1, 2_999))
    assert (book.ledger[WRITE_OFF], book.ledger[CHARGEBACKS]) == (invoice.total + 2_000, 2_999)

    book.win(case)

    assert (book.ledger[WRITE_OFF], book.ledger[CHARGEBACKS]) == (0, 0)
    assert (book.account.balance, book.account.credit) == (0, 0)
    assert book.invoices[invoice.invoice_id].state is InvoiceState.PAID
    book.check()


def test_a_case_of_as_many_invoices_as_one_entry_settles_is_won_too() -> None:
    book = MoneyBook()
    invoices = [issue(book, 1_000) for _ in range(SETTLED_PER_ENTRY_MAX)]
    receipt = pay(book, sum(one.total for one in invoices) + 5_000)
    book.apply(give_back(book, receipt, 5_000))
    case = book.charge_back(receipt)
    assert all(book.invoices[one.invoice_id].state is InvoiceState.OPEN for one in invoices)

    book.win(case)

    assert all(book.invoices[one.invoice_id].state is InvoiceState.PAID for one in invoices)
    assert book.invoices[case.debit_note_id].open_amount == book.account.credit == 5_000
    book.check()


def test_a_part_is_taken_of_credit_first_and_then_of_what_is_due_last() -> None:
    book = MoneyBook()
    soon, late = issue(book, 100_000, due=3), issue(book, 100_000, due=30)
    receipt = pay(book, soon.total + late.total + 1_000)

    book.charge_back(receipt, 1_000)
    assert (book.account.credit, book.open) == (0, [])
    book.charge_back(receipt, 500)
    assert [(one.invoice_id, one.open_amount) for one in book.open] == [(late.invoice_id, 500)]
    assert book.now(receipt).left == soon.total + late.total - 500
    book.check()


@pytest.mark.parametrize("case_id", ["", "a b", "x" * 81, "ф", "a\n"])
def test_what_is_no_case_number_is_refused(case_id: str) -> None:
    with pytest.raises(InvalidValue):
        check_case(case_id=case_id)


# -- any sequence -----------------------------------------------------------------------------------

T = TypeVar("T")
MONEY_STEPS = ("move", "move_oldest", "charge_back", "win", "give_back", "refuse")


def act(book: MoneyBook, step: Step) -> None:
    """Do a drawn step; refused where the books do not allow it."""
    name, number, size = step
    if name in STEPS:
        book.apply(entry_for(book, step))
        return
    if name == "win":
        book.win(chosen([one for one in book.cases if one.state is ChargebackState.LOST], number))
        return
    receipt = chosen(receipts(book), number)
    if name == "move":
        open_now = list(book.invoices.values())
        parts = [(one, size % (one.total + 1)) for one in open_now[number % 3 : number % 3 + 2]]
        book.move(receipt, *parts)
    elif name == "move_oldest":
        own, others = book.own(receipt), list(book.open)
        parts = list(oldest_first(account=book.account, receipt=receipt, own=own, others=others))
        book.move(receipt, *parts)
    elif name == "charge_back":
        book.charge_back(receipt, None if number % 2 else size % (receipt.amount + 1))
    elif name == "give_back":
        book.apply(give_back(book, receipt, size % (receipt.amount + 1) or 1))
    else:
        refunds = [one for one in book.documents.values() if one.kind is DocumentKind.REFUND]
        made = chosen([one for one in refunds if one.about and not one.reversed_by], number)
        about = book.documents[made.about]
        book.apply(take_back(account=book.account, receipt=about, refund=made, reason="no"))


def chosen(found: Sequence[T], number: int) -> T:
    if not found:
        raise Conflict("nothing there yet")
    return found[number % len(found)]


@examples(250)
@given(
    st.lists(
        st.tuples(st.sampled_from((*STEPS, *MONEY_STEPS * 2)), st.integers(0, 11), st.integers(1, 300_000)),
        min_size=1,
        max_size=40,
    )
)
def test_any_sequence_with_banks_and_gateways_keeps_the_books(taken: list[Step]) -> None:
    book = MoneyBook()
    for step in taken:
        before = book.account
        try:
            act(book, step)
        except DomainError:
            assert book.account == before
            continue
        book.check()
        # What chargebacks cost is what credit notes took of their debit notes, until a case is won.
        kept = [
            one.total
            for invoice in book.invoices.values()
            for one in invoice.credited_lines
            if invoice.lines[one.index].kind == "chargeback"
        ]
        assert book.ledger[CHARGEBACKS] == sum(kept) - book.regained >= 0


def test_a_credit_note_of_what_was_paid_does_not_open_it_when_the_payment_is_moved() -> None:
    book = MoneyBook()
    invoice, other = issue(book, 100_000), issue(book, 100_000)
    receipt = pay(book, invoice.total)
    book.apply(credited(book, 0, 6))
    whole = book.account.credit

    book.move(receipt, (other, other.total))

    assert whole == invoice.total
    assert book.invoices[invoice.invoice_id].open_amount == 0
    assert book.invoices[other.invoice_id].state is InvoiceState.PAID
    assert book.account.credit == 0
    book.check()

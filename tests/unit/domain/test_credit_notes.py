"""Credit notes mirror what an invoice stores: never more than is left, and in the end all of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.domain.accounts import ChargeKind
from chalicelib.domain.credit_notes import (
    CreditedLine,
    ExceedsCreditable,
    NothingToCredit,
    UnknownLine,
    credit_days,
    credit_note,
    credit_of_line,
    creditable,
    lines_of_invoice,
    share_of_invoice,
    to_credit,
    whole_invoice,
)
from chalicelib.domain.documents import NewDocument, Settlement
from chalicelib.domain.invoices import CREDIT, RECEIVABLE, Invoice, InvoiceLine, InvoiceState, LineCredit
from chalicelib.domain.periods import Period
from chalicelib.domain.taxes import TaxAmount
from chalicelib.domain.traces import calculation, is_known
from tests.examples import examples
from tests.unit.domain.documents_drawn import invoice, invoices, lines

NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))
# The Pakistani example: 1,649.00 + 321.56 + 295.58 = 2,266.14.
HOME = InvoiceLine(
    "Home 20",
    "pkg_01JD0000000000000000000000",
    1,
    NOVEMBER,
    164_900,
    30,
    30,
    164_900,
    (TaxAmount("sales_tax", 195_000, 32_156), TaxAmount("ait", 150_000, 29_558)),
)


def amounts(line: InvoiceLine) -> tuple[int, ...]:
    return (line.net, *(tax.amount for tax in line.taxes))


def sums(made: list[InvoiceLine]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*map(amounts, made), strict=True)))


def noted(before: Invoice, chosen: tuple[CreditedLine, ...]) -> tuple[NewDocument, Settlement]:
    document, settlement = credit_note(invoice=before, lines=chosen)
    assert sum(one.amount for one in document.postings) == 0
    assert document.amount == sum(line.total for line in document.lines) > 0
    assert all(is_known(code=code) for line in document.lines for code in line.trace)
    return document, settlement


@examples(100)
@given(lines(), st.lists(st.integers(1, 400_000), min_size=1, max_size=8))
def test_credits_of_a_line_sum_to_the_line(line: InvoiceLine, wanted: list[int]) -> None:
    already, taken = None, []
    left = line.total
    for amount in [*wanted, line.total]:
        part = min(amount, left)
        if not part:
            break
        mirrored = credit_of_line(line=line, amount=part, already=already)
        assert mirrored.total == part
        assert min(amounts(mirrored)) >= 0
        taken.append(mirrored)
        left -= part
        net, *taxes = sums(taken)
        already = LineCredit(0, net, tuple(taxes))
    assert sums(taken) == amounts(line)
    with pytest.raises(NothingToCredit):
        credit_of_line(line=line, amount=1, already=already)


@examples(100)
@given(lines(), st.lists(st.integers(0, 31), max_size=5))
def test_days_of_a_line_sum_to_the_line_however_it_is_cut(line: InvoiceLine, cuts: list[int]) -> None:
    days = sorted({0, line.period.days} | {cut for cut in cuts if cut < line.period.days})
    taken: list[InvoiceLine] = []
    for first, last in pairwise(days):
        start = line.period.start
        try:
            part = credit_days(
                line=line, start=start + timedelta(days=first), end=start + timedelta(days=last), already=None
            )
        except NothingToCredit:  # a few days of almost nothing
            continue
        assert part.period.days == last - first
        taken.append(part)
    assert sums(taken) == amounts(line)


@examples(100)
@given(lines(), st.integers(1, 400_000), st.integers(0, 30))
def test_days_never_take_what_was_credited_before(line: InvoiceLine, amount: int, served: int) -> None:
    assume(amount <= line.total and served < line.period.days)
    before = CreditedLine(0, credit_of_line(line=line, amount=amount, already=None)).credit
    start = line.period.start + timedelta(days=served)
    try:
        part = credit_days(line=line, start=start, end=line.period.end, already=before)
    except NothingToCredit:
        return
    assert all(
        gone + taken <= whole
        for gone, taken, whole in zip((before.net, *before.taxes), amounts(part), amounts(line), strict=True)
    )


def test_a_credit_says_what_it_is_a_part_of() -> None:
    part = credit_of_line(line=HOME, amount=100_000, already=None)
    days = credit_days(line=HOME, start=date(2026, 11, 16), end=NOVEMBER.end, already=None)
    assert calculation(line=part, currency="PKR")[0] == (
        "credit of 1000.00 of the line's 2266.14, its taxes in proportion"
    )
    assert calculation(line=days, currency="PKR")[:2] == (
        "credit of 15 of the line's 30 days",
        "15 of 30 days",
    )


def test_half_a_month_of_the_pakistani_example() -> None:
    rest = credit_days(line=HOME, start=date(2026, 11, 16), end=NOVEMBER.end, already=None)
    assert amounts(rest) == (82_450, 16_078, 14_779)
    assert (rest.period, rest.billed_days, rest.full_days) == (
        Period(date(2026, 11, 16), NOVEMBER.end),
        15,
        30,
    )


@examples(100)
@given(invoices(), st.lists(st.tuples(st.booleans(), st.integers(1, 1_000_000)), max_size=6))
def test_credit_notes_of_an_invoice_come_to_the_invoice(
    issued: Invoice, steps: list[tuple[bool, int]]
) -> None:
    now, postings, notes = issued, Counter[str](), 0
    for by_line, size in [*steps, (False, 1_000_000)]:
        try:
            if by_line:
                index = size % len(issued.lines)
                chosen = lines_of_invoice(invoice=now, amounts={index: size})
            else:
                chosen = share_of_invoice(invoice=now, share=size)
            document, settlement = noted(now, chosen)
        except (NothingToCredit, ExceedsCreditable, UnknownLine):
            continue
        assert document.amount <= creditable(invoice=now)
        now, notes = settlement.after, notes + document.amount
        for posting in document.postings:
            postings[posting.account] += posting.amount
        assert 0 <= now.open_amount == issued.total - notes
    assert (now.state, now.open_amount, creditable(invoice=now)) == (InvoiceState.VOID, 0, 0)
    whole = Counter[str]()
    for posting in issued.postings:
        whole[posting.account] -= posting.amount
    assert postings == whole
    with pytest.raises(NothingToCredit):
        whole_invoice(invoice=now)


def test_lines_that_were_rounded_down_leave_nothing_behind() -> None:
    one, two = (replace(HOME, net=net, taxes=()) for net in (10_000, 37))
    rounding = InvoiceLine("Rounding", "", 0, NOVEMBER, -37, 1, 1, -37, (), ChargeKind.ROUNDING)
    issued = invoice([one, two, rounding])
    document, settlement = noted(issued, lines_of_invoice(invoice=issued, amounts={0: None}))
    assert [line.total for line in document.lines] == [10_000, 37, -37]
    assert (settlement.after.state, creditable(invoice=settlement.after)) == (InvoiceState.VOID, 0)


def test_what_is_open_is_offset_first_and_the_rest_is_credit() -> None:
    part_paid = replace(invoice([HOME]), paid=200_000, state=InvoiceState.PARTLY_PAID)
    document, settlement = noted(part_paid, whole_invoice(invoice=part_paid))
    assert [(one.account, one.amount) for one in document.postings] == [
        (RECEIVABLE, -26_614),
        (CREDIT, -200_000),
        ("revenue:recurring", 164_900),
        ("tax:sales_tax", 32_156),
        ("tax:ait", 29_558),
    ]
    assert to_credit(document=document) == 200_000
    assert (settlement.after.state, settlement.after.credited) == (InvoiceState.PAID, 26_614)


def test_a_paid_invoice_is_credited_once() -> None:
    paid = replace(invoice([HOME]), paid=226_614, state=InvoiceState.PAID)
    document, settlement = noted(paid, whole_invoice(invoice=paid))
    assert (document.amount, settlement.credited) == (226_614, 0)
    assert settlement.after.state is InvoiceState.PAID
    with pytest.raises(NothingToCredit):
        whole_invoice(invoice=settlement.after)


def test_what_is_written_off_is_not_credited() -> None:
    lost = replace(invoice([HOME]), written_off=226_614, state=InvoiceState.WRITTEN_OFF)
    with pytest.raises(ExceedsCreditable):
        credit_note(invoice=lost, lines=whole_invoice(invoice=lost))


def test_refused_lines() -> None:
    rounding = InvoiceLine("Rounding", "", 0, NOVEMBER, -14, 1, 1, -14, (), ChargeKind.ROUNDING)
    issued = invoice([HOME, rounding])
    with pytest.raises(UnknownLine):
        lines_of_invoice(invoice=issued, amounts={2: 1})
    with pytest.raises(UnknownLine):
        lines_of_invoice(invoice=issued, amounts={1: 1})
    with pytest.raises(ExceedsCreditable):
        lines_of_invoice(invoice=issued, amounts={0: 226_615})
    document, settlement = noted(issued, lines_of_invoice(invoice=issued, amounts={0: None}))
    assert (document.amount, settlement.after.state) == (226_600, InvoiceState.VOID)

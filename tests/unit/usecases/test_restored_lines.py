"""Which payments bring suspended lines back, and what keeps one from coming back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.domain.accounts import (
    PENDING_CHARGES_MAX,
    Account,
    ChargeKind,
    PendingCharge,
    Subscription,
    SubscriptionState,
)
from chalicelib.domain.documents import Entry, Settlement, entry_of
from chalicelib.domain.invoices import Invoice, InvoiceLine, InvoiceState
from chalicelib.domain.late_fees import ReconnectFee
from chalicelib.domain.periods import BillingTiming, Cycle, CycleUnit, Period
from chalicelib.usecases.restored_lines import restored_by

TODAY = date(2026, 11, 20)
LINE = Subscription(
    1,
    "pkg_1",
    SubscriptionState.SUSPENDED,
    date(2026, 10, 1),
    1,
    Cycle(CycleUnit.MONTH, 1),
    BillingTiming.ADVANCE,
    date(2026, 12, 1),
    paused_on=date(2026, 11, 10),
    for_non_payment=True,
)
ACCOUNT = Account("sbr_01JD0000000000000000000000", "C-1", "PKR", balance=0, version=1, subscriptions=(LINE,))


class Books:
    """What a command sees: the open invoices, and the fees' settings; counts what it is asked for."""

    def __init__(self, *invoices: Invoice, fee: int = 0) -> None:
        self.today = TODAY
        self.asked = 0
        self._invoices = invoices
        fees = SimpleNamespace(rules=lambda: (), reconnect=lambda: ReconnectFee(amount=fee))
        self.store = SimpleNamespace(late_fees=fees)

    def open_invoices(self) -> tuple[Invoice, ...]:
        self.asked += 1
        return self._invoices


def invoice(number: int, *, due: int, kind: ChargeKind = ChargeKind.RECURRING) -> Invoice:
    """An invoice over 100, due some days from today."""
    line = InvoiceLine("x", "", 1, Period.day(on=TODAY), 100, 1, 1, 100, (), kind)
    return Invoice(
        f"inv_{number}",
        ACCOUNT.account_id,
        "C-1",
        f"INV-{number}",
        number,
        "INV#2027",
        InvoiceState.OPEN,
        "PKR",
        TODAY,
        TODAY + timedelta(days=due),
        Period.day(on=TODAY),
        (line,),
        (),
        "run",
    )


def paying(account: Account, *settled: Settlement) -> Entry:
    return entry_of(account=account, settled=settled)


def back(books: Books, entry: Entry) -> Any:
    return restored_by(books=books, entry=entry)  # type: ignore[arg-type]


def test_the_payment_of_what_is_overdue_brings_the_line_back_and_charges_for_it() -> None:
    due, later = invoice(1, due=-1), invoice(2, due=5)
    found = back(Books(due, later, fee=500), paying(ACCOUNT, Settlement(due, paid=100)))

    [line] = found.entry.after.subscriptions
    assert (found.slots, line.state, line.for_non_payment) == ((1,), SubscriptionState.ACTIVE, False)
    assert [(one.kind, one.unit_price) for one in found.entry.after.charges] == [
        (ChargeKind.RECONNECT_FEE, 500)
    ]


@pytest.mark.parametrize(
    ("left", "settled"),
    [
        ([], (99, 0, 0)),
        ([invoice(2, due=-3)], (100, 0, 0)),
        ([invoice(2, due=9, kind=ChargeKind.LATE_FEE)], (100, 0, 0)),
        ([], (0, 100, 0)),
        ([], (0, 0, 100)),
    ],
)
def test_what_leaves_something_owed_or_is_no_payment_brings_nothing_back(
    left: list[Invoice], settled: tuple[int, int, int]
) -> None:
    due = invoice(1, due=-1)
    found = back(Books(due, *left), paying(ACCOUNT, Settlement(due, *settled)))
    assert (found.slots, found.entry.after.subscriptions) == ((), (LINE,))


def test_accounts_without_such_lines_cost_no_read() -> None:
    due = invoice(1, due=-1)
    for line in (replace(LINE, for_non_payment=False), replace(LINE, state=SubscriptionState.ACTIVE)):
        books = Books(due)
        found = back(books, paying(replace(ACCOUNT, subscriptions=(line,)), Settlement(due, paid=100)))
        assert (found.slots, books.asked) == ((), 0)


def test_what_keeps_a_line_from_coming_back_keeps_no_payment_from_being_taken() -> None:
    due = invoice(1, due=-1)
    waiting = PendingCharge("k", ChargeKind.ONE_TIME, "Router", 1, 1, None, TODAY)
    charges = tuple(replace(waiting, key=f"k{n}") for n in range(PENDING_CHARGES_MAX))
    crowded = replace(ACCOUNT, charges=charges)
    unbilled = replace(ACCOUNT, subscriptions=(replace(LINE, billed_to=date(2026, 11, 1)),))
    for account, code in ((crowded, "too_many_charges"), (unbilled, "billing_behind")):
        found = back(Books(due, fee=500), paying(account, Settlement(due, paid=100)))
        assert (found.slots, list(found.kept.values())) == ((), [code])
        assert found.entry.after.subscriptions == account.subscriptions


def test_a_transaction_that_is_full_brings_no_more_lines_back() -> None:
    due = [invoice(number, due=-1) for number in range(40)]
    lines = tuple(replace(LINE, slot=slot) for slot in range(1, 21))
    account = replace(ACCOUNT, subscriptions=lines)
    found = back(Books(*due), paying(account, *(Settlement(one, paid=100) for one in due)))
    assert (len(found.slots), set(found.kept.values())) == (10, {"no_room_for_line"})

"""Changes of package: each day is charged once, a quote is what is billed, and the money adds up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import count

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.domain.accounts import InvalidTransition, Subscription
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.errors import DomainError
from chalicelib.domain.invoices import InvoiceLine
from chalicelib.domain.money import Money
from chalicelib.domain.package_change_plan import plan_change
from chalicelib.domain.package_changes import (
    ChangeBeforeStart,
    ChangeOutOfRange,
    ChangePending,
    ChangeTerms,
    Direction,
    Effective,
    NoPackageChange,
    NothingToChange,
    PackageChange,
    Proration,
    ProrationImpossible,
    withdraw,
)
from chalicelib.domain.packages import Package
from chalicelib.domain.past_subscriptions import FINISHED_KEPT_MAX, without_past
from chalicelib.domain.periods import NAMED_CYCLES, BillingTiming, Cycle, CycleUnit
from tests.examples import examples
from tests.unit.domain.books import AccountBooks
from tests.unit.domain.selling import ACCOUNT, DAY, PACKAGE, State, active
from tests.unit.domain.strategies import short_cycles, subscriptions

OTHER = replace(
    PACKAGE, package_id="pkg_01JD0000000000000000000001", name="Home 50", price=Money(6_200, "PKR")
)


def catalogue(*packages: Package) -> Catalogue:
    """A catalogue of packages, untaxed."""
    return Catalogue(packages={one.package_id: one for one in packages}, tax_groups={})


def opened(subscription: Subscription, *packages: Package) -> AccountBooks:
    """Books of an account with one subscription."""
    account = replace(ACCOUNT, subscriptions=(subscription,))
    return AccountBooks(account, catalogue(*packages))


def planned(
    books: AccountBooks, slot: int, package: Package, terms: ChangeTerms, today: date
) -> PackageChange:
    """Compute a change from the books."""
    return plan_change(
        account=books.account,
        slot=slot,
        package=package,
        terms=terms,
        today=today,
        catalogue=books.catalogue,
        invoices=books.invoices,
        notes=books.notes,
    )


def changed(
    books: AccountBooks, slot: int, package: Package, terms: ChangeTerms, today: date
) -> PackageChange:
    """Change a package in the books, as it was quoted."""
    quote = planned(books, slot, package, terms, today)
    change = planned(books, slot, package, terms, today)
    assert change == quote
    books.do(
        today,
        change.account,
        invoices=[change.invoice] if change.invoice else [],
        documents=change.refund.documents,
        settled=change.refund.settled,
    )
    return change


EVERY_OTHER_DAY = active(
    starts_on=date(2000, 1, 1), billed_to=date(2000, 1, 1), anchor_day=1, cycle=Cycle(CycleUnit.DAY, 2)
)
THREE_AT_ONCE = [(1, False, Effective.NOW, how) for how in (Proration.BY_DAY, Proration.FULL, Proration.FULL)]
effectives = st.one_of(st.sampled_from(Effective), st.integers(0, 90))


@given(
    subscriptions(),
    st.one_of(st.none(), short_cycles),
    st.sampled_from(BillingTiming),
    st.lists(
        st.tuples(st.integers(0, 250), st.booleans(), effectives, st.sampled_from(Proration)), max_size=4
    ),
)
@example(EVERY_OTHER_DAY, None, BillingTiming.ADVANCE, THREE_AT_ONCE)
@examples(100)
def test_each_day_is_charged_once_however_often_the_package_changes(
    first: Subscription,
    cycle: Cycle | None,
    timing: BillingTiming,
    happenings: list[tuple[int, bool, Effective | int, Proration]],
) -> None:
    """Given changes to and fro between two packages, before or after the day's run, now and ahead."""
    one = replace(PACKAGE, cycle=first.cycle, timing=first.timing)
    other = replace(OTHER, cycle=cycle or first.cycle, timing=timing)
    books, start = opened(first, one, other), first.starts_on
    by_day: dict[tuple[int, bool], list[tuple[Effective | int, Proration]]] = {}
    for offset, before_run, effective, proration in happenings:
        by_day.setdefault((offset, before_run), []).append((effective, proration))

    for offset in count():
        today = start + DAY * offset
        if offset > 250 and all(sub.finished for sub in books.account.subscriptions[:-1]):
            break
        for before_run in (True, False):
            for effective, proration in by_day.get((offset, before_run), []):
                current = books.account.subscriptions[-1]
                to = other if current.package_id == one.package_id else one
                when = effective if isinstance(effective, Effective) else today + DAY * effective
                try:
                    changed(books, current.slot, to, ChangeTerms(when, proration), today)
                except DomainError:
                    continue
            if before_run:
                books.run(today)

    last = books.account.subscriptions[-1]
    days = books.net_days()
    assert {day for day, times in days.items() if times} == {
        start + DAY * index for index in range((last.billed_to - start).days)
    }
    assert max(days.values(), default=1) == 1
    assert min(days.values(), default=1) >= 0


@given(subscriptions(), st.integers(0, 250), st.integers(0, 5_000_000), st.sampled_from([0, 20]))
@examples(100)
def test_a_change_to_the_same_price_costs_nothing_whenever_it_comes(
    first: Subscription, offset: int, price: int, ahead: int
) -> None:
    """By the day, to a package of the same cycle and price: what is charged in all stays the same.

    A credit is a part of the line that was billed, so where that was a part of a cycle itself,
    its rounding may differ from that of the cycle's parts by one minor unit; it may come to nothing, too.
    """
    one = replace(PACKAGE, cycle=first.cycle, timing=first.timing, price=Money(price, "PKR"))
    other = replace(OTHER, cycle=first.cycle, timing=first.timing, price=Money(price, "PKR"))
    books, kept = opened(first, one, other), opened(first, one, other)
    start = first.starts_on
    until = start + DAY * 400
    on = start + DAY * (offset + ahead)
    terms = ChangeTerms(on, Proration.BY_DAY)
    for index in range((until - start).days):
        today = start + DAY * index
        books.run(today)
        kept.run(today)
        if index == offset:
            change = changed(books, 1, other, terms, today)
            assert change.direction is Direction.SIDEWAYS

    credited = [line for note in books.notes for line in note.lines]
    whole = all(
        line.billed_days == line.full_days
        for invoice in kept.invoices
        for line in invoice.lines
        if invoice.period.start <= on < invoice.period.end
    )
    assert abs(books.net - kept.net) <= (0 if whole else max(1, len(credited)))
    assert books.account.subscriptions[-1].billed_to == kept.account.subscriptions[-1].billed_to


@given(subscriptions(), st.integers(0, 250), st.integers(1, 90), st.sampled_from(Proration))
@examples(60)
def test_a_withdrawn_change_leaves_every_day_charged_once(
    first: Subscription, offset: int, ahead: int, proration: Proration
) -> None:
    one = replace(PACKAGE, cycle=first.cycle, timing=first.timing)
    other = replace(OTHER, cycle=first.cycle)
    books, start = opened(first, one, other), first.starts_on
    for index in range(400):
        today = start + DAY * index
        books.run(today)
        if index == offset:
            try:
                changed(books, 1, other, ChangeTerms(today + DAY * ahead, proration), today)
            except ProrationImpossible:
                return
            after = withdraw(account=books.account, slot=1, today=today)
            books.do(today, after)

    (left,) = books.account.subscriptions
    days = books.net_days()
    assert set(days.values()) <= {0, 1}
    assert sum(days.values()) == (left.billed_to - start).days
    assert books.account.slots_used == 2


def test_what_cannot_be_changed_says_why() -> None:
    sold, today = active(), date(2026, 11, 10)
    books = opened(sold, PACKAGE, OTHER)
    books.run(today)
    (billed,) = books.account.subscriptions

    def ask(effective: Effective | date, package: Package = OTHER, how: Proration = Proration.BY_DAY) -> None:
        planned(books, 1, package, ChangeTerms(effective, how), today)

    with pytest.raises(ChangeOutOfRange):
        ask(date(2026, 11, 9))
    with pytest.raises(ChangeOutOfRange):
        ask(date(9999, 12, 31))
    with pytest.raises(NothingToChange):
        ask(Effective.NOW, PACKAGE)
    with pytest.raises(ProrationImpossible):
        ask(date(2026, 11, 20), how=Proration.FULL)
    with pytest.raises(ProrationImpossible):
        ask(Effective.NOW, replace(OTHER, cycle=NAMED_CYCLES["year"]), Proration.FULL)
    for state in (State.PENDING, State.PAUSED, State.SUSPENDED, State.TERMINATED):
        books.account = replace(books.account, subscriptions=(replace(billed, state=state),))
        with pytest.raises(InvalidTransition):
            ask(Effective.NOW)
    later = replace(sold, starts_on=date(2026, 12, 1), billed_to=date(2026, 12, 1))
    books.account = replace(books.account, subscriptions=(later,))
    with pytest.raises(ChangeBeforeStart):
        ask(Effective.NOW)


def test_one_change_waits_at_a_time_and_none_is_withdrawn_after_its_day() -> None:
    today = date(2026, 11, 10)
    books = opened(active(), PACKAGE, OTHER)
    books.run(today)
    terms = ChangeTerms(Effective.PERIOD_END, Proration.NONE)

    with pytest.raises(NoPackageChange):
        withdraw(account=books.account, slot=1, today=today)
    changed(books, 1, OTHER, terms, today)
    with pytest.raises(ChangePending):
        planned(books, 1, OTHER, terms, today)
    with pytest.raises(NoPackageChange):
        withdraw(account=books.account, slot=1, today=date(2026, 12, 1))


@pytest.mark.parametrize(
    ("price", "cycle", "quantity", "direction"),
    [
        (3_101, "month", 1, Direction.UPGRADE),
        (3_100, "month", 1, Direction.SIDEWAYS),
        (3_099, "month", 1, Direction.DOWNGRADE),
        (1_600, "month", 2, Direction.UPGRADE),
        # 31 rupees a month are 372 a year; a week of 7.14 is that of a month of 31.05.
        (37_200, "year", 1, Direction.SIDEWAYS),
        (37_199, "year", 1, Direction.DOWNGRADE),
        (714, "week", 1, Direction.UPGRADE),
        (712, "week", 1, Direction.DOWNGRADE),
    ],
)
def test_the_direction_is_that_of_a_days_price(
    price: int, cycle: str, quantity: int, direction: Direction
) -> None:
    package = replace(OTHER, price=Money(price, "PKR"), cycle=NAMED_CYCLES[cycle])
    books = opened(active(), PACKAGE, package)

    change = planned(
        books, 1, package, ChangeTerms(Effective.NOW, Proration.BY_DAY, quantity=quantity), date(2026, 11, 10)
    )

    assert change.direction is direction


def test_a_quarter_goes_on_in_its_months_and_discounts_and_addons_come_along() -> None:
    """Given a quarter from 15 November whose package changes on 20 December: it still ends on 15 February."""
    quarter = NAMED_CYCLES["quarter"]
    one, other = replace(PACKAGE, cycle=quarter), replace(OTHER, cycle=quarter)
    begun = date(2026, 11, 15)
    sold = active(cycle=quarter, anchor_day=15, starts_on=begun, billed_to=begun)
    books = opened(sold, one, other)
    addon = replace(sold, slot=2, parent=1)
    books.account = books.account.with_subscription(subscription=addon)
    books.run(begun)
    today = date(2026, 12, 20)

    change = changed(books, 1, other, ChangeTerms(Effective.NOW, Proration.BY_DAY), today)
    books.run(date(2027, 2, 15))

    line = lines_of(books, change.new.slot)[0]
    assert (line.period.start, line.period.end) == (today, date(2027, 2, 15))
    assert (line.billed_days, line.full_days) == (57, 92)
    assert lines_of(books, change.new.slot)[1].period.end == date(2027, 5, 15)
    moved = books.account.subscription(slot=2)
    assert moved is not None
    assert moved.parent == change.new.slot == 3


def lines_of(books: AccountBooks, slot: int) -> list[InvoiceLine]:
    """Return the lines that bill a slot, oldest first."""
    return [line for one in books.invoices for line in one.lines if line.slot == slot]


def test_only_the_newest_that_are_over_stay_in_the_account() -> None:
    today = date(2026, 11, 10)
    over = [
        active(
            slot=slot, state=State.TERMINATED, ends_on=date(2026, 11, slot), billed_to=date(2026, 11, slot)
        )
        for slot in range(1, 7)
    ]
    ahead = replace(over[0], slot=7, ends_on=date(2026, 12, 1), billed_to=date(2026, 12, 1))
    addon = active(slot=8, parent=2)
    account = replace(ACCOUNT, subscriptions=(*over, ahead, addon))

    after = without_past(account=account, today=today)

    kept = [sub.slot for sub in after.subscriptions]
    assert kept == [2, *[5, 6][-FINISHED_KEPT_MAX:], 7, 8]
    assert (after.slots_used, after.next_slot()) == (8, 9)
    assert without_past(account=after, today=today) == after

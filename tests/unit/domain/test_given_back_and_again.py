"""Days given back once more, after a share, a write-off or a change; and discounts that count bills."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from chalicelib.domain.accounts import Discount
from chalicelib.domain.discounts import with_discount, without_discount
from chalicelib.domain.errors import NotFound
from chalicelib.domain.money import Money
from chalicelib.domain.package_changes import ChangeTerms, Effective, Proration, withdraw
from chalicelib.domain.packages import Package, Phase, RefundPolicy
from chalicelib.domain.past_subscriptions import without_past
from chalicelib.domain.payments import write_off
from chalicelib.domain.periods import NAMED_CYCLES
from chalicelib.domain.service_money import Moved, service_money
from chalicelib.domain.subscriptions import move
from tests.unit.domain.books import AccountBooks
from tests.unit.domain.selling import DAY, PACKAGE, State, active
from tests.unit.domain.test_package_changes import changed, opened
from tests.unit.domain.test_service_money import moved

NOV, DEC, JAN = date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)
HOME = replace(PACKAGE, price=Money(30_000, "PKR"))  # 1,000 a day in November
TWICE = replace(HOME, package_id="pkg_01JD0000000000000000000001", name="Home 50", price=Money(60_000, "PKR"))
ONCE = Discount("ONCE", share=500_000, periods=1)
END = RefundPolicy.BY_DAY


def run(books: AccountBooks, first: date, last: date) -> None:
    while first <= last:
        books.run(first)
        first += DAY


def november(package: Package = HOME, **changes: object) -> AccountBooks:
    """Books in which November is billed."""
    books = opened(active(pause_share=package.pause_share, **changes), package, TWICE)
    books.run(NOV)
    return books


def nets(books: AccountBooks) -> list[tuple[str, int]]:
    return [(f"{one.issued_on:%m-%d}", one.net) for one in books.invoices]


# -- written off -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written_off", "credited"),
    # Of 30,000; the last ten days come to 10,000. What is left to be asked for is worth as much of a day.
    [(None, 0), (30_000, 0), (15_000, 5_000), (27_000, 1_000)],
)
def test_days_of_an_invoice_that_was_written_off_are_worth_what_is_still_asked_for(
    written_off: int | None, credited: int
) -> None:
    books = november()
    lost = write_off(
        account=books.account, invoice=books.invoices[0], amount=written_off, reason="uncollectible"
    )
    books.post(lost, date(2026, 11, 5))
    before = len(books.notes)

    moved(books, State.TERMINATED, date(2026, 11, 21), refund=END)

    assert books.account.subscriptions[0].finished
    assert sum(one.amount for one in books.notes[before:]) == credited


def test_a_pause_over_a_write_off_ends_and_a_package_changes_after_it() -> None:
    books = november()
    moved(books, State.PAUSED, date(2026, 11, 3), refund=END)
    books.post(
        write_off(account=books.account, invoice=books.invoices[0], amount=None, reason="uncollectible"),
        date(2026, 11, 5),
    )

    moved(books, State.ACTIVE, date(2026, 11, 10), refund=END)
    changed(books, 1, TWICE, ChangeTerms(Effective.NOW, Proration.BY_DAY), date(2026, 11, 21))

    assert nets(books) == [("11-01", 30_000), ("11-21", 20_000)]  # ten days of 2,000
    assert books.account.balance == 20_000


# -- given back at a share, or before --------------------------------------------------------


@pytest.mark.parametrize(
    ("refund", "ends_on", "net"),
    [
        (RefundPolicy.FULL, date(2026, 11, 21), 0),
        (RefundPolicy.BY_DAY, date(2026, 11, 21), 17_500),  # 20 days less half of the five paused
        (RefundPolicy.BY_DAY, date(2026, 11, 8), 6_000),  # five days, and two of the pause at half
    ],
)
def test_days_of_which_half_was_given_back_give_the_other_half(
    refund: RefundPolicy, ends_on: date, net: int
) -> None:
    books = november(replace(HOME, pause_share=500_000))
    moved(books, State.PAUSED, date(2026, 11, 6), refund=END)
    moved(books, State.ACTIVE, date(2026, 11, 11), refund=END)
    assert books.net == 27_500

    moved(books, State.TERMINATED, date(2026, 11, 21), ends_on=ends_on, refund=refund)

    assert books.net == net


def test_a_full_refund_leaves_the_days_that_another_package_served() -> None:
    books = november()
    changed(books, 1, TWICE, ChangeTerms(Effective.NOW, Proration.BY_DAY), date(2026, 11, 11))

    end_newest(books, date(2026, 11, 21), RefundPolicy.FULL)

    assert books.net == 10_000  # the first ten days, in the first package


def end_newest(books: AccountBooks, today: date, refund: RefundPolicy) -> None:
    """End the newest of an account's subscriptions."""
    before = books.account.subscriptions[-1]
    after = move(subscription=before, to=State.TERMINATED, today=today)
    money = service_money(
        account=books.account,
        moves=[Moved(before, after, refund)],
        today=today,
        catalogue=books.catalogue,
        invoices=books.invoices,
        notes=books.notes,
    )
    books.do(
        today,
        books.account.with_subscription(subscription=money.subscriptions[0]),
        documents=money.refund.documents,
        settled=money.refund.settled,
    )


def test_a_year_paid_by_a_package_that_was_changed_four_times_is_given_back() -> None:
    year, other = (
        replace(one, cycle=NAMED_CYCLES["year"], price=Money(365_000, "PKR")) for one in (HOME, TWICE)
    )
    books = opened(active(starts_on=JAN, billed_to=JAN, anchor_day=1, cycle=year.cycle), year, other)
    books.run(JAN)
    for month in (2, 3, 4, 5):
        today, newest = date(2027, month, 1), books.account.subscriptions[-1]
        to = other if newest.package_id == year.package_id else year
        changed(books, newest.slot, to, ChangeTerms(Effective.NOW, Proration.NONE), today)
        books.do(today, without_past(account=books.account, today=today))

    end_newest(books, date(2027, 7, 1), END)

    assert books.net == 181_000  # January to June, 1,000 a day


# -- discounts for a number of bills ---------------------------------------------------------


@pytest.mark.parametrize(
    ("periods", "expected"),
    [
        (1, [("11-01", 15_000), ("12-01", 30_000), ("01-01", 60_000), ("02-01", 60_000)]),
        (2, [("11-01", 15_000), ("12-01", 15_000), ("01-01", 60_000), ("02-01", 60_000)]),
        (3, [("11-01", 15_000), ("12-01", 15_000), ("01-01", 30_000), ("02-01", 60_000)]),
    ],
)
def test_a_discount_counts_its_bills_through_a_change_that_waits(
    periods: int, expected: list[tuple[str, int]]
) -> None:
    books = november(discounts=(replace(ONCE, periods=periods),))

    changed(books, 1, TWICE, ChangeTerms(JAN, Proration.BY_DAY), date(2026, 11, 5))
    run(books, date(2026, 11, 6), date(2027, 2, 2))

    assert nets(books) == expected


def test_the_days_of_a_discounted_bill_keep_their_discount_in_another_package() -> None:
    books = november(discounts=(ONCE,))

    changed(books, 1, TWICE, ChangeTerms(Effective.NOW, Proration.BY_DAY), date(2026, 11, 21))
    run(books, date(2026, 11, 21), DEC)

    assert nets(books) == [("11-01", 15_000), ("11-21", 10_000), ("12-01", 60_000)]
    assert books.net == 10_000 + 10_000 + 60_000


@pytest.mark.parametrize("how", ["end", "change"])
def test_days_given_back_for_what_is_withdrawn_are_billed_again_as_they_were(how: str) -> None:
    books = november(discounts=(ONCE,))
    if how == "end":
        ahead = date(2026, 11, 16)
        moved(books, State.TERMINATED, date(2026, 11, 5), ends_on=ahead, refund=END)
        moved(books, State.ACTIVE, date(2026, 11, 6), refund=END)
    else:
        ahead_terms = ChangeTerms(date(2026, 11, 16), Proration.BY_DAY)
        changed(books, 1, TWICE, ahead_terms, date(2026, 11, 5))
        books.do(date(2026, 11, 6), withdraw(account=books.account, slot=1, today=date(2026, 11, 6)))
    assert books.net == 7_500

    run(books, date(2026, 11, 6), DEC)

    assert nets(books) == [("11-01", 15_000), ("11-16", 7_500), ("12-01", 30_000)]


def test_a_return_from_a_pause_charges_the_discounted_days_at_their_discount() -> None:
    half = replace(HOME, pause_share=500_000)
    books = opened(
        active(pause_share=500_000, discounts=(replace(ONCE, periods=2),), starts_on=NOV), half, TWICE
    )
    run(books, NOV, date(2026, 11, 30))
    moved(books, State.PAUSED, date(2026, 11, 30), refund=END)
    books.run(DEC)  # December at half the price, and half of that off

    moved(books, State.ACTIVE, DEC, refund=END)

    assert nets(books) == [("11-01", 15_000), ("12-01", 7_500), ("12-01", 15_000)]
    assert books.net == 15_000 - 250 + 15_000  # a day of November was paused


def test_a_spent_discount_is_not_taken_away_and_may_be_given_again() -> None:
    spent = november(discounts=(ONCE,)).account.subscriptions[0]
    assert [one.spent for one in spent.discounts] == [True]

    again = with_discount(subscription=spent, discount=ONCE)

    assert again.discounts == (ONCE,)
    with pytest.raises(NotFound):
        without_discount(subscription=spent, code="ONCE")


def test_an_amount_off_is_the_same_whether_a_pause_is_billed_or_credited() -> None:
    half = replace(HOME, pause_share=500_000)
    books = november(half, discounts=(Discount("LESS", amount=3_000),))
    moved(books, State.PAUSED, date(2026, 11, 1), refund=END)
    books.run(DEC)

    moved(books, State.TERMINATED, JAN, refund=END)

    assert books.net == 13_500 + 13_500


# -- phases ----------------------------------------------------------------------------------


def test_the_phases_of_a_package_go_on_when_its_quantity_changes() -> None:
    intro = replace(HOME, phases=(Phase("Intro", 2, 1_000),))
    books = opened(active(), intro, TWICE)
    run(books, NOV, date(2027, 1, 10))

    terms = ChangeTerms(Effective.PERIOD_END, Proration.BY_DAY, quantity=2)
    changed(books, 1, intro, terms, date(2027, 1, 10))
    run(books, date(2027, 1, 11), date(2027, 2, 2))

    assert nets(books) == [("11-01", 1_000), ("12-01", 1_000), ("01-01", 30_000), ("02-01", 60_000)]

"""What pauses and ends move in money: each day is paid once, at the price of its state."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.domain.account_bills import new_invoice
from chalicelib.domain.accounts import (
    ALLOWED_TRANSITIONS,
    InvalidTransition,
    Subscription,
    SubscriptionState,
)
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.money import Money
from chalicelib.domain.packages import RefundPolicy
from chalicelib.domain.periods import NAMED_CYCLES, BillingTiming, Period
from chalicelib.domain.refunds import without
from chalicelib.domain.service_money import LessGenerousRefund, Moved, refund_policy, service_money
from chalicelib.domain.subscriptions import BillingBehind, move
from tests.examples import examples
from tests.unit.domain.books import AccountBooks
from tests.unit.domain.selling import ACCOUNT, DAY, PACKAGE, TODAY, State, active

# A day of a 28-day cycle costs 1,000, so that shares of days are whole numbers.
WEEKS = replace(PACKAGE, price=Money(28_000, "PKR"), cycle=replace(NAMED_CYCLES["week"], count=4))


def moved(
    books: AccountBooks, to: State, today: date, *, ends_on: date | None = None, refund: RefundPolicy
) -> None:
    """Change the state of the one subscription in the books, with the money that it moves."""
    account = books.account
    (before,) = account.subscriptions
    after = move(subscription=before, to=to, today=today, ends_on=ends_on)
    policy = refund if after.state is State.TERMINATED else RefundPolicy.NONE
    money = service_money(
        account=account,
        moves=[Moved(before, after, policy)],
        today=today,
        catalogue=books.catalogue,
        invoices=books.invoices,
        notes=books.notes,
    )
    invoices = []
    if money.lines:
        invoices.append(
            new_invoice(
                lines=money.lines,
                credit=account.credit + money.refund.to_credit,
                round_to=0,
                on=today,
                version=account.version,
            )
        )
    books.do(
        today,
        account.with_subscription(subscription=money.subscriptions[0]),
        invoices=invoices,
        documents=money.refund.documents,
        settled=money.refund.settled,
    )


TO_AND_FRO = (State.ACTIVE, State.PAUSED, State.ACTIVE)
AHEAD_AT_A_SHARE = (BillingTiming.ADVANCE, 250_000, 2)
events = st.lists(
    st.tuples(
        st.integers(0, 150),
        st.booleans(),
        st.sampled_from([State.PAUSED, State.ACTIVE, State.ACTIVE, State.TERMINATED]),
        st.integers(0, 40),
    ),
    max_size=8,
)


@given(
    events,
    st.sampled_from(BillingTiming),
    st.sampled_from([0, 250_000, 1_000_000]),
    st.integers(1, 7),
)
# A pause that ends on its first day, after one at a share of the price that was made good.
@example([(0, False, State.PAUSED, 0), *[(1, False, to, 0) for to in TO_AND_FRO]], *AHEAD_AT_A_SHARE)
@example(
    [(0, False, State.PAUSED, 0), *[(9 + d, False, to, 0) for d, to in enumerate(TO_AND_FRO)]],
    *AHEAD_AT_A_SHARE,
)
@examples(200)
def test_each_day_costs_what_its_state_costs_whatever_happens(
    happenings: list[tuple[int, bool, State, int]], timing: BillingTiming, share: int, anchor_day: int
) -> None:
    """Given pauses, returns, and ends announced, moved and withdrawn, with refunds by the day.

    In the end a day of service has cost a day, a day of a pause its share, and no other day
    anything. A pause is not over where the end comes; service ends at last, so that nothing is open.
    """
    start = date(2026, 11, 2)
    package = replace(WEEKS, timing=timing, pause_share=share)
    sold = active(
        cycle=package.cycle,
        timing=timing,
        starts_on=start,
        billed_to=start,
        anchor_day=anchor_day,
        pause_share=share,
    )
    catalogue = Catalogue(packages={package.package_id: package}, tax_groups={})
    books = AccountBooks(replace(ACCOUNT, subscriptions=(sold,)), catalogue)
    by_day: dict[tuple[int, bool], list[tuple[State, int]]] = {}
    for offset, before_run, to, ahead in happenings:
        by_day.setdefault((offset, before_run), []).append((to, ahead))
    by_day.setdefault((160, False), []).extend([(State.ACTIVE, 0), (State.TERMINATED, 0)])

    expected = 0
    for offset in range(240):
        today = start + DAY * offset
        for before_run in (True, False):
            for to, ahead in by_day.get((offset, before_run), []):
                change(books, to, today, ahead)
            if before_run:
                books.run(today)
        expected += cost(books.account.subscriptions[0], today, share)

    # Lines of part of a cycle are rounded by themselves; whole days are not.
    assert books.net == expected


def change(books: AccountBooks, to: State, today: date, ahead: int) -> None:
    (before,) = books.account.subscriptions
    if before.state is to and to is not State.TERMINATED:
        return
    if to is State.TERMINATED and before.state is State.PAUSED:
        return
    ends_on = today + DAY * ahead if to is State.TERMINATED else None
    try:
        moved(books, to, today, ends_on=ends_on, refund=RefundPolicy.BY_DAY)
    except (InvalidTransition, BillingBehind):
        return


def cost(subscription: Subscription, on: date, share: int) -> int:
    """Return what a day costs that ends in this state."""
    if subscription.ends_on is not None and on >= subscription.ends_on:
        return 0
    return 1_000 * share // 1_000_000 if subscription.state is State.PAUSED else 1_000


@pytest.mark.parametrize(("before", "to"), list(product(State, State)))
def test_states_change_as_the_table_allows_and_no_other_way(before: State, to: State) -> None:
    """Given every pair of states; an end that has not come is meant, and the pause began today."""
    halted = {State.PAUSED, State.SUSPENDED}
    subscription = active(
        state=before,
        paused_on=TODAY if before in halted else None,
        ends_on=date(2026, 11, 20) if before is State.TERMINATED else None,
        billed_to=date(2026, 12, 1),
    )

    if to in ALLOWED_TRANSITIONS[before]:
        assert move(subscription=subscription, to=to, today=TODAY).state is to
    else:
        with pytest.raises(InvalidTransition):
            move(subscription=subscription, to=to, today=TODAY)


def test_the_table_of_states() -> None:
    allowed = {(before.value, to.value) for before, after in ALLOWED_TRANSITIONS.items() for to in after}

    assert allowed == {
        ("pending", "active"),
        ("pending", "terminated"),
        ("active", "paused"),
        ("active", "suspended"),
        ("active", "terminated"),
        ("paused", "active"),
        ("paused", "terminated"),
        ("suspended", "active"),
        ("suspended", "terminated"),
        ("terminated", "active"),
        ("terminated", "terminated"),
    }


def test_an_end_that_has_come_is_final() -> None:
    ended = active(state=SubscriptionState.TERMINATED, ends_on=TODAY)

    for to in State:
        with pytest.raises(InvalidTransition):
            move(subscription=ended, to=to, today=TODAY)


@pytest.mark.parametrize("promised", RefundPolicy)
@pytest.mark.parametrize("asked", RefundPolicy)
@pytest.mark.parametrize("reason", ["", "no signal"])
def test_a_refund_is_what_was_promised_or_more_with_a_reason(
    promised: RefundPolicy, asked: RefundPolicy, reason: str
) -> None:
    order = [RefundPolicy.NONE, RefundPolicy.BY_DAY, RefundPolicy.FULL]
    fine = asked is promised or (order.index(asked) > order.index(promised) and bool(reason))

    assert refund_policy(promised=promised, asked=None, reason=reason) is promised
    if fine:
        assert refund_policy(promised=promised, asked=asked, reason=reason) is asked
    else:
        with pytest.raises(LessGenerousRefund):
            refund_policy(promised=promised, asked=asked, reason=reason)


spans = st.tuples(st.integers(0, 40), st.integers(1, 20)).map(
    lambda span: Period(TODAY + DAY * span[0], TODAY + DAY * sum(span))
)


@given(spans, st.lists(spans, max_size=5))
def test_days_given_back_are_taken_out_once(period: Period, gone: list[Period]) -> None:
    def days(periods: list[Period]) -> list[date]:
        return [one.start + DAY * index for one in periods for index in range(one.days)]

    left = days(without(period=period, gone=gone))

    assert left == sorted(set(days([period])) - set(days(gone)))

"""Subscribing and changing: every day of service is billed once, in time, and no other day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.accounts import (
    SLOT_MAX,
    SUBSCRIPTIONS_PER_ACCOUNT_MAX,
    Account,
    InvalidTransition,
    Subscription,
    SubscriptionState,
    TooManySubscriptions,
    summary_status,
)
from chalicelib.domain.billing import Catalogue, bill_account, next_bill_date
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.invoices import fiscal_year
from chalicelib.domain.money import CurrencyMismatch, Money
from chalicelib.domain.packages import PRICE_MINOR_MAX, InvalidPrice, Package, PackageArchived, PackageState
from chalicelib.domain.periods import NAMED_CYCLES, BillingTiming, InvalidAnchor, due_buckets
from chalicelib.domain.subscriptions import (
    BillingBehind,
    EndOutOfRange,
    StartOutOfRange,
    besides_on,
    bucket_of,
    check_start,
    halt,
    move,
    resume,
    subscribe,
    terminate,
    unserved_days,
)
from tests.unit.domain.strategies import subscriptions

TODAY = date(2026, 11, 10)
DAY = timedelta(days=1)
State = SubscriptionState

PACKAGE = Package(
    package_id="pkg_01JD0000000000000000000000",
    name="Home 20",
    price=Money(3_100, "PKR"),
    cycle=NAMED_CYCLES["month"],
    timing=BillingTiming.ADVANCE,
    download_kbps=20_000,
    upload_kbps=10_000,
    tax_group=None,
    state=PackageState.ACTIVE,
    version=1,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)
CATALOGUE = Catalogue(packages={PACKAGE.package_id: PACKAGE}, tax_groups={})
ACCOUNT = Account("sbr_01JD0000000000000000000000", "C1", "PKR", balance=0, version=1)


def active(**changes: object) -> Subscription:
    subscription = subscribe(account=ACCOUNT, package=PACKAGE, starts_on=date(2026, 11, 1))
    return replace(subscription, **changes)  # type: ignore[arg-type]


# -- a subscription's whole life, day by day ------------------------------------------------


@dataclass
class Life:
    """One subscription, filed as the store files it, with a run each day."""

    subscription: Subscription
    started_through: date
    filed: set[date] = field(default_factory=set)
    billed: Counter[date] = field(default_factory=Counter)
    invoices: list[tuple[date, date, date]] = field(default_factory=list)
    served: set[date] = field(default_factory=set)
    expected_on: date | None = None

    def put(self, subscription: Subscription) -> None:
        self.subscription = subscription
        first_open = self.started_through + DAY
        self.filed.update(besides_on(subscription=subscription, first_open=first_open))
        self.expect(first_open)

    def expect(self, first_open: date) -> None:
        on = next_bill_date(subscription=self.subscription)
        self.expected_on = None if on is None else max(on, first_open)

    def run(self, on: date) -> None:
        self.started_through = on
        if bucket_of(subscription=self.subscription) not in due_buckets(on=on) and on not in self.filed:
            assert self.expected_on != on, "a bill is due and the run does not look"
            return
        account = replace(ACCOUNT, subscriptions=(self.subscription,))
        bill = bill_account(account=account, slots=[1], on=on, catalogue=CATALOGUE, charges_max=48)
        assert bool(bill.charges) == (self.expected_on == on)
        for charge in bill.charges:
            period = charge.line.period
            self.invoices.append((on, period.start, period.end))
            self.billed.update(period.start + DAY * index for index in range(period.days))
        assert bill.after is not None
        (self.subscription,) = bill.after.subscriptions
        self.expect(on + DAY)

    def catch_up(self, through: date) -> None:
        while self.started_through < through:
            self.run(self.started_through + DAY)

    def serve(self, on: date) -> None:
        sub = self.subscription
        ended = sub.ends_on is not None and on >= sub.ends_on
        serving = sub.state in {State.ACTIVE, State.TERMINATED} and sub.paused_on is None
        if serving and sub.starts_on <= on and not ended:
            self.served.add(on)


# What happens on a day, before or after its run: a state, and how far ahead an end is announced.
events = st.lists(
    st.tuples(
        st.integers(0, 500),
        st.booleans(),
        st.sampled_from([State.PAUSED, State.SUSPENDED, State.ACTIVE, State.ACTIVE, State.TERMINATED]),
        st.integers(1, 366),
    ),
    max_size=12,
)
outages = st.tuples(st.integers(0, 500), st.integers(0, 90))


@given(
    subscriptions(), events, st.tuples(st.integers(0, 500), st.integers(0, 366)), st.integers(-3, 3), outages
)
@settings(max_examples=300, deadline=None)
def test_each_day_of_service_is_billed_once_and_in_time_whatever_happens(
    subscription: Subscription,
    happenings: list[tuple[int, bool, State, int]],
    end: tuple[int, int],
    head_start: int,
    outage: tuple[int, int],
) -> None:
    """Given pauses, resumptions, ends announced and withdrawn, before or after the day's run.

    Meanwhile runs cease for a time and catch up. At the end stands an end, maybe far ahead.
    Days paid in advance and not served are not given back here: that takes a credit note.
    """
    start, (said, ahead) = subscription.starts_on, end
    life = Life(subscription, started_through=start - DAY * head_start)
    life.put(subscription)
    by_day: dict[tuple[int, bool], list[tuple[State, int]]] = {}
    for offset, before_run, to, days in happenings:
        if offset < said:
            by_day.setdefault((offset, before_run), []).append((to, days))
    by_day.setdefault((said, True), []).append((State.TERMINATED, ahead))

    for offset in range(-head_start - 3, said + ahead + 40 * 31):
        today = start + DAY * offset
        for before_run in (True, False):
            for to, days in by_day.get((offset, before_run), []):
                change(life, to, today, days)
            if before_run and not outage[0] <= offset < sum(outage):
                life.catch_up(today)
        life.serve(today)

    assert max(life.billed.values(), default=1) == 1
    assert life.served <= set(life.billed)
    if subscription.timing is BillingTiming.ARREARS:
        assert set(life.billed) == life.served


def change(life: Life, to: State, today: date, ahead: int = 0) -> None:
    if to is State.ACTIVE and life.subscription.state is State.ACTIVE:
        return
    ends_on = today + DAY * ahead if to is State.TERMINATED else None
    try:
        life.put(move(subscription=life.subscription, to=to, today=today, ends_on=ends_on))
    except (InvalidTransition, BillingBehind):
        return


@pytest.mark.parametrize(
    ("cycle", "anchor_day", "ends_on", "last_start"),
    [
        ("month", 1, date(2027, 1, 11), date(2027, 1, 1)),
        ("quarter", 1, date(2027, 3, 4), date(2027, 3, 1)),
        ("year", 10, date(2027, 3, 1), date(2026, 12, 10)),
    ],
)
def test_an_end_announced_in_arrears_is_billed_on_its_day_and_in_its_fiscal_year(
    cycle: str, anchor_day: int, ends_on: date, last_start: date
) -> None:
    starts_on, told_on = date(2026, 12, anchor_day), date(2026, 12, 20)
    sold = active(
        starts_on=starts_on,
        billed_to=starts_on,
        anchor_day=anchor_day,
        cycle=NAMED_CYCLES[cycle],
        timing=BillingTiming.ARREARS,
    )
    life = Life(sold, started_through=told_on)
    life.put(move(subscription=sold, to=State.TERMINATED, today=told_on, ends_on=ends_on))

    life.catch_up(date(2028, 3, 1))

    assert life.invoices[-1] == (ends_on, last_start, ends_on)
    assert fiscal_year(on=life.invoices[-1][0], start_month=7) == 2027
    assert sum(life.billed.values()) == len(life.billed) == (ends_on - starts_on).days


def test_a_pause_while_runs_are_behind_is_billed_when_they_reach_its_day_and_then_it_can_resume() -> None:
    sold = active(timing=BillingTiming.ARREARS)
    life = Life(sold, started_through=date(2026, 11, 15))
    today = date(2027, 1, 20)
    life.put(move(subscription=sold, to=State.PAUSED, today=today))
    with pytest.raises(BillingBehind):
        resume(subscription=life.subscription, on=today + DAY)

    life.catch_up(today)

    assert life.invoices == [
        (date(2026, 12, 1), date(2026, 11, 1), date(2026, 12, 1)),
        (date(2027, 1, 1), date(2026, 12, 1), date(2027, 1, 1)),
        (today, date(2027, 1, 1), today),
    ]
    assert resume(subscription=life.subscription, on=today + DAY).billed_to == today + DAY


# -- subscribing ----------------------------------------------------------------------------


def test_a_subscription_begins_active_with_a_whole_first_period() -> None:
    subscription = subscribe(account=ACCOUNT, package=PACKAGE, starts_on=date(2026, 11, 24))

    assert subscription == Subscription(
        slot=1,
        package_id=PACKAGE.package_id,
        state=State.ACTIVE,
        starts_on=date(2026, 11, 24),
        anchor_day=24,
        cycle=PACKAGE.cycle,
        timing=PACKAGE.timing,
        billed_to=date(2026, 11, 24),
    )


def test_what_cannot_be_sold_is_refused() -> None:
    archived = replace(PACKAGE, state=PackageState.ARCHIVED)
    dollars = replace(PACKAGE, price=Money(1, "USD"))
    with pytest.raises(PackageArchived):
        subscribe(account=ACCOUNT, package=archived, starts_on=TODAY)
    with pytest.raises(CurrencyMismatch):
        subscribe(account=ACCOUNT, package=dollars, starts_on=TODAY)
    with pytest.raises(InvalidAnchor):
        subscribe(account=ACCOUNT, package=PACKAGE, starts_on=TODAY, anchor_day=32)
    with pytest.raises(CurrencyMismatch):
        subscribe(account=ACCOUNT, package=PACKAGE, starts_on=TODAY, price_override=Money(1, "USD"))


@pytest.mark.parametrize("amount", [-1, PRICE_MINOR_MAX + 1])
def test_an_absurd_price_is_refused(amount: int) -> None:
    with pytest.raises(InvalidPrice):
        subscribe(account=ACCOUNT, package=PACKAGE, starts_on=TODAY, price_override=Money(amount, "PKR"))


def test_an_account_holds_so_many_subscriptions_and_never_uses_a_slot_again() -> None:
    account = ACCOUNT
    for _ in range(SUBSCRIPTIONS_PER_ACCOUNT_MAX):
        subscription = subscribe(account=account, package=PACKAGE, starts_on=TODAY)
        account = account.with_subscription(subscription=subscription)

    assert [sub.slot for sub in account.subscriptions] == list(range(1, 21))
    with pytest.raises(TooManySubscriptions):
        subscribe(account=account, package=PACKAGE, starts_on=TODAY)

    last = account.subscriptions[-1]
    unbilled = terminate(subscription=last, ends_on=TODAY + DAY, today=TODAY)
    with pytest.raises(TooManySubscriptions):
        account.with_subscription(subscription=unbilled).next_slot()
    finished = replace(unbilled, billed_to=TODAY + DAY)
    assert account.with_subscription(subscription=finished).next_slot() == 21


def test_the_slots_of_an_account_are_as_many_as_a_byte_counts() -> None:
    finished = terminate(subscription=active(slot=SLOT_MAX), ends_on=date(2026, 11, 1), today=TODAY)
    assert finished.finished

    with pytest.raises(TooManySubscriptions, match="255"):
        replace(ACCOUNT, subscriptions=(finished,)).next_slot()


@pytest.mark.parametrize(
    "starts_on", [date(1, 1, 1), date(2025, 11, 8), date(2027, 11, 12), date(9999, 12, 31)]
)
def test_a_start_out_of_a_year_or_so_is_refused(starts_on: date) -> None:
    with pytest.raises(StartOutOfRange):
        check_start(starts_on=starts_on, today=TODAY)


@pytest.mark.parametrize("starts_on", [date(2025, 11, 9), TODAY, date(2027, 11, 11)])
def test_a_start_within_a_year_or_so_is_fine(starts_on: date) -> None:
    check_start(starts_on=starts_on, today=TODAY)


# -- changing -------------------------------------------------------------------------------


def test_a_paused_month_paid_in_advance_is_billed_again_from_the_day_of_return() -> None:
    paid = active(billed_to=date(2026, 12, 1))
    paused = halt(subscription=paid, to=State.PAUSED, on=TODAY)

    back = resume(subscription=paused, on=date(2027, 1, 20))

    assert next_bill_date(subscription=paused) is None
    assert back == replace(paid, billed_to=date(2027, 1, 20))


def test_days_before_a_pause_in_arrears_are_billed_at_once_and_then_it_can_resume() -> None:
    served = active(timing=BillingTiming.ARREARS)
    paused = halt(subscription=served, to=State.PAUSED, on=TODAY)

    assert next_bill_date(subscription=paused) == TODAY
    with pytest.raises(BillingBehind):
        resume(subscription=paused, on=TODAY + DAY)
    back = resume(subscription=replace(paused, billed_to=TODAY), on=date(2026, 12, 5))
    assert back == replace(served, billed_to=date(2026, 12, 5))


def test_a_pause_taken_back_the_same_day_changes_nothing() -> None:
    served = active(timing=BillingTiming.ARREARS)

    assert resume(subscription=halt(subscription=served, to=State.PAUSED, on=TODAY), on=TODAY) == served


def test_a_pending_subscription_is_billed_from_its_activation() -> None:
    pending = replace(active(), state=State.PENDING)

    assert next_bill_date(subscription=pending) is None
    assert resume(subscription=pending, on=TODAY).billed_to == TODAY


def test_a_future_start_is_kept_when_it_is_activated_before() -> None:
    pending = replace(active(starts_on=date(2026, 12, 1), billed_to=date(2026, 12, 1)), state=State.PENDING)

    assert resume(subscription=pending, on=TODAY).billed_to == date(2026, 12, 1)


def test_what_ends_while_paused_is_not_billed_for_the_pause() -> None:
    paused = halt(subscription=active(billed_to=date(2026, 11, 5)), to=State.PAUSED, on=date(2026, 11, 5))

    ended = terminate(subscription=paused, ends_on=TODAY, today=TODAY)

    assert ended.state is State.TERMINATED
    assert next_bill_date(subscription=ended) is None


def test_what_ends_before_it_was_activated_is_never_billed() -> None:
    pending = replace(active(), state=State.PENDING)

    ended = terminate(subscription=pending, ends_on=TODAY, today=TODAY)

    assert next_bill_date(subscription=ended) is None


def test_an_end_in_the_middle_cuts_the_last_period() -> None:
    ended = terminate(subscription=active(), ends_on=TODAY, today=TODAY)
    account = replace(ACCOUNT, subscriptions=(ended,))

    bill = bill_account(account=account, slots=[1], on=TODAY, catalogue=CATALOGUE, charges_max=48)

    assert [(charge.line.billed_days, charge.line.net) for charge in bill.charges] == [(9, 930)]


def test_an_end_before_the_start_of_a_future_subscription_takes_it_back() -> None:
    future = active(starts_on=date(2026, 12, 1), billed_to=date(2026, 12, 1))

    ended = move(subscription=future, to=State.TERMINATED, today=TODAY)

    assert ended.ends_on == date(2026, 12, 1)
    assert next_bill_date(subscription=ended) is None


def test_an_end_that_has_not_come_is_withdrawn_and_service_was_never_interrupted() -> None:
    paid = active(billed_to=date(2026, 12, 1))
    ended = move(subscription=paid, to=State.TERMINATED, today=TODAY, ends_on=date(2026, 11, 20))

    assert ended.overbilled_days == 11
    assert move(subscription=ended, to=State.ACTIVE, today=date(2026, 11, 19)) == paid
    with pytest.raises(InvalidTransition):
        move(subscription=ended, to=State.ACTIVE, today=date(2026, 11, 20))


def test_an_end_that_has_not_come_is_moved() -> None:
    ended = move(subscription=active(), to=State.TERMINATED, today=TODAY, ends_on=date(2026, 11, 20))

    moved = move(subscription=ended, to=State.TERMINATED, today=TODAY + DAY, ends_on=date(2027, 1, 5))

    assert moved == replace(ended, ends_on=date(2027, 1, 5))
    assert move(subscription=moved, to=State.TERMINATED, today=TODAY + DAY).ends_on == TODAY + DAY
    with pytest.raises(InvalidTransition):
        move(subscription=ended, to=State.TERMINATED, today=date(2026, 11, 20), ends_on=date(2027, 1, 5))


def test_a_withdrawn_end_of_a_paused_one_is_a_resumption() -> None:
    paused = halt(subscription=active(billed_to=TODAY), to=State.PAUSED, on=TODAY)
    ended = terminate(subscription=paused, ends_on=date(2026, 12, 1), today=TODAY)

    back = resume(subscription=ended, on=date(2026, 11, 20))

    assert back == active(billed_to=date(2026, 11, 20))


def test_a_withdrawn_end_of_a_pending_one_is_its_activation() -> None:
    pending = replace(active(), state=State.PENDING)
    ended = terminate(subscription=pending, ends_on=date(2026, 12, 1), today=TODAY)

    assert (ended.finished, ended.overbilled_days) == (True, 0)
    assert resume(subscription=ended, on=date(2026, 11, 20)) == active(billed_to=date(2026, 11, 20))


def test_days_billed_and_not_served_are_counted() -> None:
    paused = halt(subscription=active(billed_to=date(2026, 12, 1)), to=State.PAUSED, on=TODAY)

    assert paused.overbilled_days == 21
    assert unserved_days(subscription=paused, on=date(2026, 11, 13)) == 3
    assert unserved_days(subscription=paused, on=date(2026, 12, 13)) == 21


@pytest.mark.parametrize("ends_on", [date(2026, 10, 31), date(2027, 11, 12), date(9999, 1, 1)])
def test_an_end_before_the_start_or_far_ahead_is_refused(ends_on: date) -> None:
    with pytest.raises(EndOutOfRange):
        terminate(subscription=active(), ends_on=ends_on, today=TODAY)


def test_an_end_belongs_to_a_termination() -> None:
    with pytest.raises(InvalidValue):
        move(subscription=active(), to=State.PAUSED, today=TODAY, ends_on=TODAY)


@pytest.mark.parametrize(
    ("state", "to"),
    [
        (State.TERMINATED, State.ACTIVE),
        (State.TERMINATED, State.TERMINATED),
        (State.PENDING, State.PAUSED),
        (State.PAUSED, State.SUSPENDED),
        (State.ACTIVE, State.ACTIVE),
        (State.ACTIVE, State.PENDING),
    ],
)
def test_a_change_that_the_state_does_not_allow_is_refused(state: State, to: State) -> None:
    with pytest.raises(InvalidTransition):
        move(subscription=replace(active(), state=state), to=to, today=TODAY)


def test_the_liveliest_subscription_is_the_status() -> None:
    terminated, paused = (
        replace(active(), state=State.TERMINATED),
        replace(active(), state=State.PAUSED, slot=2),
    )

    assert summary_status(account=ACCOUNT) == "new"
    assert summary_status(account=replace(ACCOUNT, subscriptions=(terminated,))) == "terminated"
    assert summary_status(account=replace(ACCOUNT, subscriptions=(terminated, paused))) == "paused"

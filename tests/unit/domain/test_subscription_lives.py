"""A subscription's whole life, day by day: every day of service is billed once, in time, and no other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.account_bills import bill_account
from chalicelib.domain.accounts import InvalidTransition, Subscription
from chalicelib.domain.billing import next_bill_date
from chalicelib.domain.invoices import fiscal_year
from chalicelib.domain.periods import NAMED_CYCLES, BillingTiming, due_buckets
from chalicelib.domain.subscriptions import BillingBehind, besides_on, bucket_of, move, resume
from tests.examples import examples
from tests.unit.domain.selling import ACCOUNT, CATALOGUE, DAY, State, active
from tests.unit.domain.strategies import subscriptions


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
        assert bool(bill.invoices) == (self.expected_on == on)
        for line in (line for invoice in bill.invoices for line in invoice.lines):
            period = line.period
            self.invoices.append((on, period.start, period.end))
            self.billed.update(period.start + DAY * index for index in range(period.days))
        if bill.after is not None:
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
@examples(300)
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

"""Data used: periods, caps, what is carried over, and what more of it costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.accounts import Subscription
from chalicelib.domain.billing import next_period
from chalicelib.domain.invoices import AmountOutOfRange
from chalicelib.domain.money import Money
from chalicelib.domain.packages import CapAction, DataCap, PackageArchived, PackageKind, PackageState
from chalicelib.domain.periods import NAMED_CYCLES, period_from
from chalicelib.domain.usage import (
    Closing,
    NoService,
    NotATopUp,
    NothingToTopUp,
    PeriodUse,
    Standing,
    UsageState,
    due_closings,
    file_on,
    next_closing,
    overage_charge,
    overage_price,
    standing,
    top_up_charge,
    usage_period,
)
from tests.unit.domain.selling import ACCOUNT, DAY, PACKAGE, State, active
from tests.unit.domain.strategies import subscriptions

NOVEMBER, DECEMBER, JANUARY = date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)
BLOCK = DataCap(1_000, CapAction.BLOCK)
ROLLING = replace(BLOCK, rollover=True)


def stands(
    on: date, *uses: PeriodUse, cap: DataCap | None = BLOCK, starts_on: date = NOVEMBER, quantity: int = 1
) -> Standing:
    """Return how a monthly subscription from 1 November stands."""
    subscription = active(starts_on=starts_on, quantity=quantity)
    by_start = {one.start: one for one in uses}
    return standing(subscription=subscription, on=on, uses=by_start, cap_on=lambda _on: cap)


@given(subscriptions(), st.integers(0, 900))
def test_periods_of_use_are_those_of_the_cycle(sub: Subscription, days: int) -> None:
    on = sub.starts_on + days * DAY
    found = usage_period(subscription=sub, on=on)

    assert found.start <= on < found.end
    cycle, anchor, start = sub.cycle, sub.anchor_day, sub.starts_on
    while start < found.start:
        start = period_from(cycle=cycle, anchor_day=anchor, origin=sub.starts_on, start=start).end
    assert start == found.start


@given(subscriptions(), st.integers(0, 400), st.integers(0, 900))
def test_after_a_change_of_package_periods_of_use_are_those_that_are_billed(
    before: Subscription, days: int, later: int
) -> None:
    changed_on = before.starts_on + days * DAY
    sub = replace(before, starts_on=changed_on, billed_to=changed_on, replaces=1, origin=before.starts_on)
    on = changed_on + later * DAY
    billed = next_period(subscription=sub)
    while billed is not None and billed.end <= on:
        billed = next_period(subscription=replace(sub, billed_to=billed.end))

    assert usage_period(subscription=sub, on=on) == billed


def test_a_quarter_that_goes_on_with_another_package_by_hand() -> None:
    """A quarter of 15 November to 15 February; the package changes on 20 December."""
    quarter = active(
        cycle=NAMED_CYCLES["quarter"],
        anchor_day=15,
        starts_on=date(2026, 12, 20),
        billed_to=date(2026, 12, 20),
        replaces=1,
        origin=date(2026, 11, 15),
    )
    first = usage_period(subscription=quarter, on=date(2027, 1, 10))
    second = usage_period(subscription=quarter, on=date(2027, 2, 20))

    assert (first.start, first.end) == (date(2026, 12, 20), date(2027, 2, 15))
    assert (second.start, second.end) == (date(2027, 2, 15), date(2027, 5, 15))
    used = {first.start: PeriodUse(first.start, 0, 400)}
    found = standing(
        subscription=quarter, on=second.start, uses=used, cap_on=lambda _on: replace(BLOCK, rollover=True)
    )
    assert found.carried_mib == 600


@pytest.mark.parametrize("on", [date(2026, 10, 31), date(2026, 12, 20), date(2027, 3, 1)])
def test_there_is_no_period_before_the_start_or_from_the_end_on(on: date) -> None:
    with pytest.raises(NoService):
        usage_period(subscription=active(ends_on=date(2026, 12, 20)), on=on)


def test_the_last_period_is_cut_at_the_end() -> None:
    last = usage_period(subscription=active(ends_on=date(2026, 12, 20)), on=date(2026, 12, 19))
    assert (last.start, last.end) == (DECEMBER, date(2026, 12, 20))


@pytest.mark.parametrize(
    ("action", "used", "state"),
    [
        (CapAction.BLOCK, 999, UsageState.ALLOWED),
        (CapAction.BLOCK, 1_000, UsageState.BLOCKED),
        (CapAction.FAIR_USE, 1_000, UsageState.FAIR_USE),
        (CapAction.CHARGE, 10**9, UsageState.CHARGED),
        (None, 10**15, UsageState.ALLOWED),
    ],
)
def test_the_action_comes_when_the_allowance_is_used_up(
    action: CapAction | None, used: int, state: UsageState
) -> None:
    cap = None if action is None else replace(BLOCK, action=action)
    assert stands(NOVEMBER, PeriodUse(NOVEMBER, 1, used - 1), cap=cap).state is state


def test_a_cap_of_nothing_blocks_until_it_is_topped_up() -> None:
    nothing = replace(BLOCK, included_mib=0)
    assert stands(NOVEMBER, cap=nothing).state is UsageState.BLOCKED
    assert stands(NOVEMBER, PeriodUse(NOVEMBER, topped_up_mib=1), cap=nothing).state is UsageState.ALLOWED


def test_each_of_several_includes_its_data() -> None:
    assert stands(NOVEMBER, quantity=3).allowance_mib == 3_000


def test_what_is_carried_over_by_hand() -> None:
    november = PeriodUse(NOVEMBER, 100, 200)  # 700 of 1,000 are left
    december = PeriodUse(DECEMBER, 0, 900)  # 700 carried and 200 included: 800 are left
    january = stands(JANUARY, november, december, cap=ROLLING)

    assert january.carried_mib == 800
    assert stands(DECEMBER, november, december, cap=ROLLING).carried_mib == 700
    assert stands(NOVEMBER, november, december, cap=ROLLING).carried_mib == 0
    assert stands(JANUARY, november, december).carried_mib == 0


def test_what_was_carried_or_topped_up_is_not_carried_on() -> None:
    november = PeriodUse(NOVEMBER, topped_up_mib=5_000)
    assert stands(DECEMBER, november, cap=ROLLING).carried_mib == 1_000
    assert stands(JANUARY, november, cap=ROLLING).carried_mib == 1_000
    used_up = PeriodUse(NOVEMBER, 0, 1_500, topped_up_mib=5_000)
    assert stands(DECEMBER, used_up, cap=ROLLING).carried_mib == 0


def test_what_was_settled_when_a_period_was_closed_holds() -> None:
    november = PeriodUse(NOVEMBER, 0, 300, closing=Closing(250, 950))
    assert stands(NOVEMBER, november, cap=ROLLING).carried_mib == 250
    assert stands(DECEMBER, november, cap=ROLLING).carried_mib == 950


caps = st.builds(
    DataCap,
    included_mib=st.integers(0, 5_000),
    action=st.just(CapAction.CHARGE),
    rollover=st.booleans(),
    overage_per_gib=st.integers(0, 10**6),
)
months = st.lists(
    st.tuples(st.integers(0, 6_000), st.integers(0, 3_000), st.integers(0, 2_000)), min_size=1, max_size=12
)


@given(cap=caps, used=months, closing=st.booleans())
def test_carrying_over_makes_no_data_and_loses_none_but_the_old(
    *, cap: DataCap, used: list[tuple[int, int, int]], closing: bool
) -> None:
    starts = [date(2026 + (10 + i) // 12, (10 + i) % 12 + 1, 1) for i in range(len(used))]
    uses: dict[date, PeriodUse] = {}
    found = []
    for start, (down, up, topped) in zip(starts, used, strict=True):
        uses[start] = PeriodUse(start, up, down, topped)
        one = standing(subscription=active(), on=start, uses=uses, cap_on=lambda _on: cap)
        found.append(one)
        if closing:
            uses[start] = replace(uses[start], closing=Closing(one.carried_mib, one.carried_out_mib))

    assert found[0].carried_mib == 0
    for before, after in pairwise(found):
        assert after.carried_mib == before.carried_out_mib
    for one in found:
        assert 0 <= one.carried_out_mib <= cap.included_mib
        assert one.carried_out_mib == 0 or cap.rollover
        assert one.use.used_mib - one.over_mib <= one.allowance_mib
        assert one.over_mib == 0 or one.carried_out_mib == 0
    if cap.rollover:
        # All that was had is used, carried on, lost after one period, or left of top-ups.
        total = sum(one.included_mib for one in found)
        served = sum(one.use.used_mib - one.over_mib for one in found)
        topped = sum(one.use.topped_up_mib for one in found)
        lost = sum(max(0, one.carried_mib - one.use.used_mib) for one in found)
        assert served <= total + topped - lost - found[-1].carried_out_mib


# -- closing by runs -------------------------------------------------------------------------


@given(sub=subscriptions(), cap=caps, used=months, gaps=st.integers(0, 2**12 - 1), ends=st.integers(0, 400))
def test_runs_that_catch_up_close_what_each_days_run_would_have(
    sub: Subscription, cap: DataCap, used: list[tuple[int, int, int]], gaps: int, ends: int
) -> None:
    """Whatever periods have records, however service ends: closed day by day or all at once is the same."""
    if ends:
        sub = replace(sub, ends_on=sub.starts_on + ends * DAY)
    uses: dict[date, PeriodUse] = {}
    on, last = sub.starts_on, sub.starts_on
    for index, (down, up, topped) in enumerate(used):
        if sub.ends_on is not None and on >= sub.ends_on:
            break
        period = usage_period(subscription=sub, on=on)
        if gaps >> index & 1:
            uses[period.start] = PeriodUse(period.start, up, down, topped)
        on = last = period.end

    daily, known = [], dict(uses)
    dates = sorted({usage_period(subscription=sub, on=start).end for start in uses})
    for day in dates:
        assert due_closings(subscription=sub, on=day - DAY, uses=known, cap_on=lambda _on: cap) == ()
        assert next_closing(subscription=sub, on=day - DAY, uses=known) == day
        for one in due_closings(subscription=sub, on=day, uses=known, cap_on=lambda _on: cap):
            assert one.period.end == day
            known[one.period.start] = closed(one)
            daily.append(one)
    at_once = due_closings(subscription=sub, on=last, uses=uses, cap_on=lambda _on: cap)

    assert list(at_once) == daily
    assert [one.period.start for one in at_once] == sorted(uses)
    assert due_closings(subscription=sub, on=last, uses=known, cap_on=lambda _on: cap) == ()
    assert next_closing(subscription=sub, on=last, uses=known) is None


def closed(one: Standing) -> PeriodUse:
    return replace(one.use, closing=Closing(one.carried_mib, one.carried_out_mib))


def test_what_is_closed_late_carries_on_by_hand() -> None:
    rolling = replace(ROLLING, action=CapAction.CHARGE, overage_per_gib=1_024)
    uses = {
        NOVEMBER: PeriodUse(NOVEMBER, 0, 400),  # 600 of 1,000 are left
        DECEMBER: PeriodUse(DECEMBER, 0, 1_700),  # 600 and 1,000: 100 beyond
        JANUARY: PeriodUse(JANUARY, 0, 5),
    }
    found = due_closings(subscription=active(), on=date(2027, 1, 31), uses=uses, cap_on=lambda _on: rolling)

    assert [(one.period.start, one.over_mib, one.overage) for one in found] == [
        (NOVEMBER, 0, 0),
        (DECEMBER, 100, 100),
    ]
    assert next_closing(subscription=active(), on=date(2027, 1, 31), uses=uses) == date(2027, 2, 1)


def test_what_an_end_of_service_leaves_out_is_never_closed() -> None:
    ended = active(ends_on=DECEMBER)
    uses = {DECEMBER: PeriodUse(DECEMBER, 0, 4_000)}
    assert due_closings(subscription=ended, on=JANUARY, uses=uses, cap_on=lambda _on: BLOCK) == ()
    assert next_closing(subscription=ended, on=NOVEMBER, uses=uses) is None


def test_a_period_is_filed_once_for_its_end_and_again_where_that_moves() -> None:
    whole = usage_period(subscription=active(), on=NOVEMBER)
    cut = usage_period(subscription=active(ends_on=date(2026, 11, 20)), on=NOVEMBER)
    filed = PeriodUse(NOVEMBER, 0, 1, filed_on=DECEMBER)

    assert file_on(period=whole, use=None, cap=BLOCK) == DECEMBER
    assert file_on(period=whole, use=filed, cap=BLOCK) is None
    assert file_on(period=cut, use=filed, cap=BLOCK) == date(2026, 11, 20)
    assert file_on(period=whole, use=None, cap=None) is None


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_data_costs_by_the_mib(over: int, per_gib: int) -> None:
    price = overage_price(over_mib=over, per_gib=per_gib)
    assert abs(price * 1_024 - over * per_gib) <= 512
    assert overage_price(over_mib=over * 1_024, per_gib=per_gib) == over * per_gib


def test_the_charge_of_a_period_by_hand() -> None:
    cap = replace(BLOCK, action=CapAction.CHARGE, overage_per_gib=2_500)
    found = stands(NOVEMBER, PeriodUse(NOVEMBER, 500, 2_036), cap=cap)
    charge = overage_charge(subscription=active(), package=replace(PACKAGE, tax_group="net"), standing=found)

    assert charge is not None
    assert (found.over_mib, charge.unit_price) == (1_536, 3_750)  # a GiB and a half at 25.00
    assert (charge.key, charge.on, charge.tax_group) == ("use:1:2026-11-01", DECEMBER, "net")
    assert "1.50 GiB" in charge.description


def test_nothing_beyond_is_no_charge_and_too_much_is_refused() -> None:
    cap = replace(BLOCK, action=CapAction.CHARGE, overage_per_gib=10**11)
    within = stands(NOVEMBER, PeriodUse(NOVEMBER, 0, 1_000), cap=cap)
    absurd = stands(NOVEMBER, PeriodUse(NOVEMBER, 0, 2**30), cap=cap)

    assert overage_charge(subscription=active(), package=PACKAGE, standing=within) is None
    with pytest.raises(AmountOutOfRange):
        overage_charge(subscription=active(), package=PACKAGE, standing=absurd)


def test_what_may_be_topped_up_and_with_what() -> None:
    pack = replace(PACKAGE, kind=PackageKind.TOP_UP, top_up_mib=1_024)
    today = NOVEMBER + timedelta(days=3)

    charge = top_up_charge(account=ACCOUNT, subscription=active(), package=pack, on=today)
    assert charge is not None
    assert (charge.key, charge.unit_price, charge.on) == ("top:1:1", 3_100, today)
    free = replace(pack, price=Money(0, "PKR"))
    assert top_up_charge(account=ACCOUNT, subscription=active(), package=free, on=today) is None

    for package, subscription, refusal in (
        (PACKAGE, active(), NotATopUp),
        (replace(pack, state=PackageState.ARCHIVED), active(), PackageArchived),
        (pack, active(state=State.SUSPENDED), NothingToTopUp),
    ):
        with pytest.raises(refusal):
            top_up_charge(account=ACCOUNT, subscription=subscription, package=package, on=today)

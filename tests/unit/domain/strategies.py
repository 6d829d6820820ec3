"""What the properties of billing are tried on."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from chalicelib.domain.accounts import Subscription, SubscriptionState
from chalicelib.domain.periods import BillingTiming, Cycle, CycleUnit

HIGHEST_ANCHOR = {CycleUnit.MONTH: 31, CycleUnit.WEEK: 7, CycleUnit.DAY: 1}

dates = st.dates(date(2000, 1, 1), date(2060, 12, 31))
cycles = st.builds(Cycle, st.sampled_from(CycleUnit), st.integers(1, 36))
short_cycles = st.builds(Cycle, st.sampled_from(CycleUnit), st.integers(1, 6))


@st.composite
def anchored(draw: st.DrawFn) -> tuple[Cycle, int, date]:
    """Return a cycle, an anchor that fits it, and the first day of service."""
    cycle = draw(cycles)
    return cycle, draw(st.integers(1, HIGHEST_ANCHOR[cycle.unit])), draw(dates)


@st.composite
def subscriptions(draw: st.DrawFn) -> Subscription:
    """Return an active subscription that was never billed."""
    cycle, anchor_day, start = draw(short_cycles), 0, draw(dates)
    anchor_day = draw(st.integers(1, HIGHEST_ANCHOR[cycle.unit]))
    return Subscription(
        slot=1,
        package_id="pkg_01JD0000000000000000000000",
        state=SubscriptionState.ACTIVE,
        starts_on=start,
        anchor_day=anchor_day,
        cycle=cycle,
        timing=draw(st.sampled_from(BillingTiming)),
        billed_to=start,
    )

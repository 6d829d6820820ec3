"""What an ISP pays for its active subscribers, and how much its plan allows."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.accounts import ChargeKind
from chalicelib.domain.plans import (
    Enrolment,
    InvalidPlan,
    PlanLimitReached,
    PlanLimits,
    PlanTerms,
    Tier,
    check_terms,
    first_counted,
    graduated,
    require_room,
    starts_on,
    usage_charges,
)

# The first 500 at 10.00, the next at 7.00.
TIERS = (Tier(500, 1_000), Tier(None, 700))


def enrolment(**changes: object) -> Enrolment:
    values: dict[str, object] = {
        "package_id": "pkg_1",
        "name": "Growing",
        "account_id": "sbr_1",
        "currency": "PKR",
        "price": 500_000,
        "tiers": TIERS,
        "limits": PlanLimits(subscribers=600),
        "starts_on": date(2026, 11, 15),
        "counted_to": date(2026, 12, 1),
    }
    return Enrolment(**values | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("active", "parts"),
    [
        (0, ()),
        (1, ((1, 1_000),)),
        (500, ((500, 1_000),)),
        (501, ((500, 1_000), (1, 700))),
        (2_000, ((500, 1_000), (1_500, 700))),
    ],
)
def test_each_tier_costs_its_own_price(active: int, parts: tuple[tuple[int, int], ...]) -> None:
    assert graduated(active=active, tiers=TIERS) == parts


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    ends = sorted(draw(st.sets(st.integers(1, 5_000), max_size=5)))
    prices = draw(st.lists(st.integers(0, 10_000), min_size=len(ends) + 1, max_size=len(ends) + 1))
    return tuple(Tier(end, price) for end, price in zip([*ends, None], prices, strict=True))


@given(tiers(), st.integers(0, 6_000))
def test_every_subscriber_is_in_one_tier_and_costs_what_it_does_alone(
    graded: tuple[Tier, ...], active: int
) -> None:
    check_terms(terms=PlanTerms("pkg_1", graded))
    parts = graduated(active=active, tiers=graded)
    assert sum(quantity for quantity, _ in parts) == active
    each = [
        next(tier.price for tier in graded if tier.up_to is None or number <= tier.up_to)
        for number in range(1, active + 1)
    ]
    assert sum(quantity * price for quantity, price in parts) == sum(each)


def test_the_charges_of_a_month_wait_for_the_first_bill_after_it() -> None:
    charges = usage_charges(enrolment=enrolment(), month=date(2026, 12, 1), active=501, tax_group="vat")
    assert [(one.key, one.quantity, one.unit_price) for one in charges] == [
        ("usage:2026-12:1", 500, 1_000),
        ("usage:2026-12:2", 1, 700),
    ]
    assert {(one.kind, one.on, one.tax_group) for one in charges} == {
        (ChargeKind.USAGE, date(2027, 1, 1), "vat")
    }


def test_what_is_free_is_not_charged() -> None:
    free = enrolment(tiers=(Tier(100, 0), Tier(None, 700)))
    charges = usage_charges(enrolment=free, month=date(2026, 12, 1), active=100, tax_group=None)
    assert charges == ()


def test_billing_starts_on_the_fifteenth_day_and_use_is_charged_from_the_first_whole_month() -> None:
    first = starts_on(today=date(2026, 11, 1), trial_days=14)
    assert first == date(2026, 11, 15)
    assert first_counted(starts_on=first) == date(2026, 12, 1)
    assert first_counted(starts_on=date(2026, 12, 1)) == date(2026, 12, 1)


def test_the_limit_itself_is_allowed_and_one_more_is_not() -> None:
    require_room(enrolment=enrolment(), param="subscribers", used=599)
    with pytest.raises(PlanLimitReached) as refused:
        require_room(enrolment=enrolment(), param="subscribers", used=600)
    assert (refused.value.code, refused.value.param) == ("plan_limit_reached", "subscribers")
    assert refused.value.message == "the plan 'Growing' allows 600 subscribers: change the plan for more"
    require_room(enrolment=enrolment(), param="exports_a_day", used=10_000)
    require_room(enrolment=None, param="subscribers", used=10_000)


@pytest.mark.parametrize(
    ("terms", "param"),
    [
        (PlanTerms("p", (Tier(500, 1), Tier(500, 1), Tier(None, 1))), "tiers.1.up_to"),
        (PlanTerms("p", (Tier(500, 1),)), "tiers.0.up_to"),
        (PlanTerms("p", (Tier(None, 1), Tier(None, 1))), "tiers.0.up_to"),
        (PlanTerms("p", (Tier(None, -1),)), "tiers.0.price"),
        (PlanTerms("p", limits=PlanLimits(subscribers=0)), "limits.subscribers"),
        (PlanTerms("p", limits=PlanLimits(exports_a_day=101)), "limits.exports_a_day"),
        (PlanTerms("p", trial_days=-1), "trial_days"),
    ],
)
def test_terms_that_contradict_themselves_are_refused(terms: PlanTerms, param: str) -> None:
    with pytest.raises(InvalidPlan) as refused:
        check_terms(terms=terms)
    assert refused.value.param == param

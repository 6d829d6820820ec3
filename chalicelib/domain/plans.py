"""Plans: what the operator of the platform sells to ISPs, and how much of it one may use.

The operator is a tenant like any other, and its subscribers are the ISPs: a plan is a package
of the operator's with terms beside it. The package's price is billed by runs as any; what an
ISP pays for each active subscriber is counted when a month is over, in graduated tiers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from chalicelib.domain.accounts import ChargeKind, PendingCharge
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.packages import PRICE_MINOR_MAX
from chalicelib.domain.periods import add_months

TIERS_MAX: Final = 10
TRIAL_DAYS_DEFAULT: Final = 14
TRIAL_DAYS_MAX: Final = 366
LIMIT_MAX: Final = 10_000_000
# So many of the newest exports are looked at for a day's.
EXPORTS_A_DAY_MAX: Final = 100


class NotTheOperator(Conflict):
    """The tenant is not the platform's operator."""

    code = "not_the_operator"


class PlanLimitReached(Conflict):
    """The plan allows no more of something; ``param`` names what."""

    code = "plan_limit_reached"


class InvalidPlan(InvalidValue):
    """The tiers or limits of a plan contradict themselves."""

    code = "invalid_plan"


@dataclass(frozen=True, slots=True)
class Tier:
    """Up to how many subscribers, None without end, each costs ``price`` minor units a month before tax."""

    up_to: int | None
    price: int


@dataclass(frozen=True, slots=True)
class PlanLimits:
    """How much a plan allows; None is as much as one likes."""

    subscribers: int | None = None
    staff: int | None = None
    exports_a_day: int | None = None


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """What makes a package of the operator's a plan; new ISPs get the one that is ``offered``."""

    package_id: str
    tiers: tuple[Tier, ...] = ()
    limits: PlanLimits = PlanLimits()
    trial_days: int = TRIAL_DAYS_DEFAULT
    offered: bool = False


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The plan that an ISP is on, as its own tenant keeps it.

    ``account_id`` is the ISP as a subscriber of the operator's. Billing starts on ``starts_on``, the
    day after the trial. ``counted_to`` is the exclusive end of the last month whose usage is charged;
    the first to be charged is the first that begins on ``starts_on`` or later. ``paused`` are the
    subscriptions with the operator that are paused while the ISP's account has ended.
    """

    package_id: str
    name: str
    account_id: str
    currency: str
    price: int
    tiers: tuple[Tier, ...]
    limits: PlanLimits
    starts_on: date
    counted_to: date
    version: int = 1
    paused: tuple[str, ...] = ()


def check_terms(*, terms: PlanTerms) -> None:
    """Raise InvalidPlan unless tiers rise to one without end, and limits and trial are possible."""
    if len(terms.tiers) > TIERS_MAX:
        raise InvalidPlan(f"a plan has at most {TIERS_MAX} tiers", param="tiers")
    below = 0
    for index, tier in enumerate(terms.tiers):
        last = index == len(terms.tiers) - 1
        if (tier.up_to is None) != last:
            raise InvalidPlan("the last tier, and no other, goes without end", param=f"tiers.{index}.up_to")
        if tier.up_to is not None and not below < tier.up_to <= LIMIT_MAX:
            raise InvalidPlan("each tier goes further than the one before", param=f"tiers.{index}.up_to")
        if not 0 <= tier.price <= PRICE_MINOR_MAX:
            raise InvalidPlan(f"a price is 0 to {PRICE_MINOR_MAX}", param=f"tiers.{index}.price")
        below = tier.up_to or below
    if not 0 <= terms.trial_days <= TRIAL_DAYS_MAX:
        raise InvalidPlan(f"a trial has 0 to {TRIAL_DAYS_MAX} days", param="trial_days")
    limits = terms.limits
    named = {
        "subscribers": limits.subscribers,
        "staff": limits.staff,
        "exports_a_day": limits.exports_a_day,
    }
    for name, limit in named.items():
        most = EXPORTS_A_DAY_MAX if name == "exports_a_day" else LIMIT_MAX
        if limit is not None and not 1 <= limit <= most:
            raise InvalidPlan(f"this limit is 1 to {most}", param=f"limits.{name}")


def graduated(*, active: int, tiers: Sequence[Tier]) -> tuple[tuple[int, int], ...]:
    """Return how many subscribers fall into each tier, and its price; tiers without any are left out."""
    assert active >= 0, "a count"
    parts: list[tuple[int, int]] = []
    below = 0
    for tier in tiers:
        reached = active if tier.up_to is None else min(active, tier.up_to)
        if reached > below:
            parts.append((reached - below, tier.price))
        below = max(below, reached)
    return tuple(parts)


def usage_charges(
    *, enrolment: Enrolment, month: date, active: int, tax_group: str | None
) -> tuple[PendingCharge, ...]:
    """Return the charges of a month that is over, one for each tier that is reached and not free."""
    following = next_month(on=month)
    return tuple(
        PendingCharge(
            key=f"usage:{month:%Y-%m}:{number}",
            kind=ChargeKind.USAGE,
            description=f"{enrolment.name}: active subscribers in {month:%Y-%m}",
            unit_price=price,
            quantity=quantity,
            tax_group=tax_group,
            on=following,
        )
        for number, (quantity, price) in enumerate(graduated(active=active, tiers=enrolment.tiers), start=1)
        if price
    )


def next_month(*, on: date) -> date:
    """Return the first day of the month after that of a date."""
    return add_months(origin=on, months=1, anchor_day=1)


def first_counted(*, starts_on: date) -> date:
    """Return the first day of the first month whose usage is charged: the first whole one."""
    return starts_on if starts_on.day == 1 else next_month(on=starts_on)


def starts_on(*, today: date, trial_days: int) -> date:
    """Return the day after a trial whose first day is ``today``: of 14 days, the fifteenth."""
    return today + timedelta(days=trial_days)


def require_room(*, enrolment: Enrolment | None, param: str, used: int, more: int = 1) -> None:
    """Raise PlanLimitReached where ``more`` would be more than the plan allows of ``param``."""
    limit = room_limit(enrolment=enrolment, param=param)
    if enrolment is not None and limit is not None and used + more > limit:
        what = param.replace("_", " ")
        message = f"the plan {enrolment.name!r} allows {limit} {what}: change the plan for more"
        raise PlanLimitReached(message, param=param)


def room_limit(*, enrolment: Enrolment | None, param: str) -> int | None:
    """Return how much the plan allows of something; None where it does not say."""
    if enrolment is None:
        return None
    limits = enrolment.limits
    return {
        "subscribers": limits.subscribers,
        "staff": limits.staff,
        "exports_a_day": limits.exports_a_day,
    }[param]

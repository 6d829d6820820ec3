"""Another package for a running subscription: what changes, and the money that it moves.

The subscription ends on the day of the change and another one of the same account begins in its
place, on the same anchor where the cycle is counted in the same unit, and with its discounts
and add-ons. What was paid for days from then on is treated by the ``Proration`` asked for. All
of it is computed here, from the books as they stand, so that a quote is what is then billed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.account_bills import NewInvoice
from chalicelib.domain.accounts import Account, Subscription, SubscriptionState
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.charges import cycle_price
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.money import Money
from chalicelib.domain.periods import Cycle, CycleUnit, next_boundary
from chalicelib.domain.refunds import Refund

CHANGE_DAYS_AHEAD_MAX: Final = 366
QUANTITY_MAX: Final = 1_000
REASON: Final = "package_change"
# Days of a cycle, in 48ths: a month is a 48th of four years.
_DAYS_48: Final = {CycleUnit.DAY: 48, CycleUnit.WEEK: 7 * 48, CycleUnit.MONTH: 1461}


class ChangeOutOfRange(InvalidValue):
    """The day of the change has passed, or lies too far in the future."""

    code = "change_out_of_range"


class ChangeBeforeStart(InvalidValue):
    """The change is asked for before the subscription begins."""

    code = "change_before_start"


class ChangePending(Conflict):
    """Another package takes the place of this subscription already: withdraw that first."""

    code = "package_change_pending"


class NothingToChange(Conflict):
    """The subscription is of this package, edition, price and quantity already."""

    code = "nothing_to_change"


class ProrationImpossible(Conflict):
    """The period cannot be charged whole for the new package."""

    code = "proration_impossible"


class NoPackageChange(Conflict):
    """No change of package waits for its day."""

    code = "no_package_change"


class Effective(StrEnum):
    """When a change is to be: on a date where it is neither."""

    NOW = "now"
    PERIOD_END = "period_end"


class Proration(StrEnum):
    """What becomes of a period that the change falls into."""

    BY_DAY = "by_day"
    NONE = "none"
    FULL = "full"


class Direction(StrEnum):
    """Whether a day costs more or less than before."""

    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    SIDEWAYS = "sideways"


@dataclass(frozen=True, slots=True)
class ChangeTerms:
    """What is asked for; without a price the package's, without a quantity the same as before."""

    effective: Effective | date
    proration: Proration
    price_override: Money | None = None
    quantity: int | None = None


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A change computed: ``old`` and ``new`` as they are afterwards, and the documents of today.

    ``account`` is the account with them, its money as it was.
    """

    on: date
    proration: Proration
    direction: Direction
    old: Subscription
    new: Subscription
    account: Account
    refund: Refund
    invoice: NewInvoice | None


# -- what is asked for -----------------------------------------------------------------------


def change_date(*, subscription: Subscription, effective: Effective | date, today: date) -> date:
    """Return the day of a change, or raise ChangeOutOfRange or ChangeBeforeStart."""
    if effective is Effective.NOW:
        on = today
    elif effective is Effective.PERIOD_END:
        on = boundary_after(subscription=subscription, after=max(today, subscription.starts_on))
    else:
        assert isinstance(effective, date), "a day, where it is no word"
        on = effective
    latest = today + timedelta(days=CHANGE_DAYS_AHEAD_MAX)
    if not today <= on <= latest:
        message = f"a package changes between {today} and {latest}: what has passed is billed and closed"
        raise ChangeOutOfRange(message, param="effective")
    if on < subscription.starts_on:
        message = f"the subscription begins on {subscription.starts_on}: its package changes not before"
        raise ChangeBeforeStart(message, param="effective")
    return on


def checked_quantity(*, quantity: int) -> int:
    """Return the quantity, or raise InvalidValue unless it is 1 to QUANTITY_MAX."""
    if not 1 <= quantity <= QUANTITY_MAX:
        raise InvalidValue(f"a quantity is 1 to {QUANTITY_MAX}", param="quantity")
    return quantity


def boundary_after(*, subscription: Subscription, after: date) -> date:
    """Return the first boundary of a subscription's periods later than a date."""
    return next_boundary(
        cycle=subscription.cycle,
        anchor_day=subscription.anchor_day,
        origin=subscription.cycle_origin,
        after=after,
    )


def replaced_by(*, account: Account, slot: int) -> Subscription | None:
    """Return the subscription that came, or will come, in the place of a slot's."""
    return next((sub for sub in account.subscriptions if sub.replaces == slot), None)


def slots_paid_by(*, account: Account, slot: int) -> tuple[int, ...]:
    """Return the slots whose invoices may have paid for a slot's days: its own and those it replaced."""
    slots = [slot]
    while True:
        sub = account.subscription(slot=slots[-1])
        if sub is None or sub.replaces is None:
            return tuple(slots)
        slots.append(sub.replaces)


def direction_of(*, old: Subscription, new: Subscription, catalogue: Catalogue, on: date) -> Direction:
    """Return whether a day costs more or less, by the prices of whole cycles before discounts and tax."""
    was, now = _cycle_amount(old, catalogue, on), _cycle_amount(new, catalogue, on)
    before, after = was * _days_48(new.cycle), now * _days_48(old.cycle)
    if before == after:
        return Direction.SIDEWAYS
    return Direction.UPGRADE if after > before else Direction.DOWNGRADE


def _cycle_amount(sub: Subscription, catalogue: Catalogue, on: date) -> int:
    package = catalogue.package(package_id=sub.package_id, edition=sub.edition, on=on)
    # Phases pass: the direction is that of the lasting price.
    lasting = replace(package, phases=())
    return cycle_price(subscription=sub, package=lasting, start=on).amount * sub.quantity


def _days_48(cycle: Cycle) -> int:
    return _DAYS_48[cycle.unit] * cycle.count


# -- withdrawing -----------------------------------------------------------------------------


def withdraw(*, account: Account, slot: int, today: date) -> Account:
    """Return the account whose subscription of a slot keeps its package; what is issued stays.

    Days that were credited are billed again when they come. Raises NoPackageChange where none
    waits, or where the new package is billed already.
    """
    old, new = account.subscription(slot=slot), replaced_by(account=account, slot=slot)
    if old is None or new is None or new.starts_on <= today:
        raise NoPackageChange("no change of package waits for its day")
    if old.paused_on is not None and new.billed_to > old.paused_on:
        raise NoPackageChange("the new package is billed already: change to the old one when it begins")
    billed_to = new.billed_to if new.billed_to > new.starts_on else old.billed_to
    back = replace(old, state=SubscriptionState.ACTIVE, ends_on=None, paused_on=None, billed_to=billed_to)
    used = max(account.slots_used, *(sub.slot for sub in account.subscriptions))
    kept = tuple(sub for sub in account.subscriptions if sub.slot != new.slot)
    after = replace(account, subscriptions=kept, slots_used=used)
    for sub in kept:
        if sub.parent == new.slot:
            after = after.with_subscription(subscription=replace(sub, parent=slot))
    return after.with_subscription(subscription=back)

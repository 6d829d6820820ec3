"""The money that a pause, a return to service and an end of it move: pure.

- Days of a pause that were billed at the full price are credited when service resumes, or when it
  ends: whole, or less the share that the package charges meanwhile. Days of a suspension for
  non-payment are not.
- On the return from a pause at a share of the price, days that are billed ahead at that share are
  credited and charged at the full price; days of the pause not yet billed are charged at once.
- Days billed after an end are credited as the package's refund policy has it, or a more
  generous one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from chalicelib.domain.accounts import Account, Subscription, SubscriptionState
from chalicelib.domain.billing import charge_lines, next_period
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.charges import SHARE_PER_UNIT, discounts_after, discounts_before
from chalicelib.domain.documents import Document
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.invoices import Invoice, InvoiceLine
from chalicelib.domain.package_changes import slots_paid_by
from chalicelib.domain.packages import RefundPolicy
from chalicelib.domain.periods import Period
from chalicelib.domain.refunds import Billed, BilledAt, Refund, Unserved, billed_lines, refund, still_billed
from chalicelib.domain.subscriptions import BillingBehind

PERIODS_AT_ONCE_MAX: Final = 40
REASON: Final = "not_served"
_GENEROSITY: Final = {RefundPolicy.NONE: 0, RefundPolicy.BY_DAY: 1, RefundPolicy.FULL: 2}


class LessGenerousRefund(InvalidValue):
    """The refund asked for is less than the package promises, or more without a reason."""

    code = "refund_not_allowed"


@dataclass(frozen=True, slots=True)
class Moved:
    """A subscription before and after a change of its state, and the refund where that is an end."""

    before: Subscription
    after: Subscription
    refund: RefundPolicy = RefundPolicy.NONE


@dataclass(frozen=True, slots=True)
class ServiceMoney:
    """The subscriptions with what is billed of them, credit notes, and lines to be invoiced at once."""

    subscriptions: tuple[Subscription, ...]
    refund: Refund
    lines: tuple[InvoiceLine, ...]


def refund_policy(*, promised: RefundPolicy, asked: RefundPolicy | None, reason: str) -> RefundPolicy:
    """Return the policy of an end: the package's, or a more generous one that has a reason.

    Raises LessGenerousRefund.
    """
    if asked is None or asked is promised:
        return promised
    if _GENEROSITY[asked] < _GENEROSITY[promised]:
        message = f"the package promises the refund {promised}: not less"
        raise LessGenerousRefund(message, param="refund")
    if not reason:
        message = f"the package promises the refund {promised}: more needs a reason"
        raise LessGenerousRefund(message, param="refund_reason")
    return asked


def unserved(*, account: Account, moved: Moved, today: date) -> tuple[Unserved, ...]:
    """Return the billed days that a change of state gives back; empty where it moves no money."""
    before, after = moved.before, moved.after
    wanted: list[Unserved] = []
    # A pause may be asked for before the service begins, whose days another may have served.
    halted = None if before.paused_on is None else max(before.paused_on, before.starts_on)
    paused = before.state is SubscriptionState.PAUSED
    end = after.ends_on if after.state is SubscriptionState.TERMINATED else None
    if paused and halted is not None and after.state is not before.state:
        back = today if end is None else min(end, today)
        until = min(before.billed_to, back)
        if halted < until and before.pause_share < SHARE_PER_UNIT:
            share = SHARE_PER_UNIT - before.pause_share
            wanted.append(Unserved(before.slot, halted, until, share, BilledAt.FULL))
        if end is None and before.pause_share and back < before.billed_to:
            wanted.append(Unserved(before.slot, back, before.billed_to, billed_at=BilledAt.PAUSED))
    if end is not None and moved.refund is not RefundPolicy.NONE and end < before.billed_to:
        whole = moved.refund is RefundPolicy.FULL
        wanted.append(Unserved(before.slot, end, before.billed_to, whole=whole))
    slots = slots_paid_by(account=account, slot=before.slot)
    return tuple(replace(one, slot=slot) for one in wanted for slot in slots)


def charged_at_once(*, moved: Moved, today: date) -> bool:
    """Whether days of a pause at a share of the price wait to be billed where it ends."""
    before, after = moved.before, moved.after
    if not before.billed_while_paused or after.state is before.state:
        return False
    return before.billed_to < _pause_ends(after, today)


def service_money(
    *,
    account: Account,
    moves: Sequence[Moved],
    today: date,
    catalogue: Catalogue,
    invoices: Sequence[Invoice] = (),
    notes: Sequence[Document] = (),
) -> ServiceMoney:
    """Return what changes of state come to in money; ``account`` is that before them.

    ``invoices`` are those that billed the ``unserved`` days, ``notes`` the credit notes made of them.
    Raises BillingBehind, and what ``refund`` and ``charge_lines`` raise.
    """
    billed = Billed(invoices, notes)
    wanted: list[Unserved] = []
    subscriptions: list[Subscription] = []
    lines: list[InvoiceLine] = []
    for moved in moves:
        given = unserved(account=account, moved=moved, today=today)
        after = moved.after
        if charged_at_once(moved=moved, today=today):
            more, after = _pause_charged(account, moved, today, catalogue)
            lines += more
        ahead = [one for one in given if one.billed_at is BilledAt.PAUSED]
        again = billed_lines(wanted=ahead, billed=billed)
        served = replace(after, discounts=discounts_before(discounts=after.discounts, lines=again))
        for days in _days_of(ahead, billed):
            lines += _in_full(account, served, days, catalogue)
        after = _billed_to(moved, after, given, billed)
        wanted += given
        subscriptions.append(after)
    given_back = refund(wanted=wanted, billed=billed, reason=REASON)
    return ServiceMoney(tuple(subscriptions), given_back, tuple(lines))


def _days_of(wanted: Sequence[Unserved], billed: Billed) -> list[Period]:
    """Return the days that are still billed: of the first slot that has any, for others paid before it."""
    found = (still_billed(wanted=one, billed=billed) for one in wanted)
    return next((days for days in found if days), [])


def _billed_to(
    moved: Moved,
    after: Subscription,
    given: Sequence[Unserved],
    billed: Billed,
) -> Subscription:
    """Return the subscription whose days after its end, where they are given back, are not billed.

    They are billed again where the end is withdrawn, and with the discounts that they had.
    """
    end = after.ends_on
    ended = after.state is SubscriptionState.TERMINATED and end is not None
    if ended and end is not None and moved.refund is not RefundPolicy.NONE and end < after.billed_to:
        beyond = [one for one in given if one.end == after.billed_to and one.start >= end]
        lines = billed_lines(wanted=beyond, billed=billed)
        left = discounts_before(discounts=after.discounts, lines=lines)
        return replace(after, billed_to=end, discounts=left)
    return after


def _pause_ends(after: Subscription, today: date) -> date:
    end = after.ends_on
    return today if end is None else min(end, today)


def _pause_charged(
    account: Account, moved: Moved, today: date, catalogue: Catalogue
) -> tuple[list[InvoiceLine], Subscription]:
    """Return the lines of a pause's days that are not billed yet, and the subscription billed by them."""
    until = _pause_ends(moved.after, today)
    paused = replace(moved.before, ends_on=until)
    lines: list[InvoiceLine] = []
    for _ in range(PERIODS_AT_ONCE_MAX):
        period = next_period(subscription=paused)
        if period is None:
            left = replace(moved.after, billed_to=until, discounts=paused.discounts)
            return lines, left
        lines += charge_lines(account=account, subscription=paused, period=period, catalogue=catalogue)
        paused = paused.billed_through(end=period.end, discounts=discounts_after(discounts=paused.discounts))
    message = "too many periods of the pause are not billed yet: try again after the next billing run"
    raise BillingBehind(message, param="state")


def _in_full(
    account: Account, after: Subscription, ahead: Period, catalogue: Catalogue
) -> tuple[InvoiceLine, ...]:
    """Return the lines at the full price of days that were billed ahead at a pause's."""
    served = replace(after, billed_to=ahead.start, paused_on=None)
    lines: list[InvoiceLine] = []
    while served.billed_to < ahead.end:
        period = next_period(subscription=served)
        assert period is not None, "what is in service has a period"
        days = Period(period.start, min(period.end, ahead.end))
        lines += charge_lines(account=account, subscription=served, period=days, catalogue=catalogue)
        served = replace(served, billed_to=days.end)
    return tuple(lines)

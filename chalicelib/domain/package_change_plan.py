"""What a change of package comes to: the subscriptions after it, and the documents of today.

Pure, so that a quote is what is then billed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from chalicelib.domain.account_bills import NewInvoice, new_invoice
from chalicelib.domain.accounts import (
    Account,
    Discount,
    InvalidTransition,
    Subscription,
    SubscriptionState,
    change_state,
)
from chalicelib.domain.billing import charge_lines, next_period
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.charges import discounts_after, discounts_before
from chalicelib.domain.documents import Document
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.package_changes import (
    REASON,
    ChangePending,
    ChangeTerms,
    NothingToChange,
    PackageChange,
    Proration,
    ProrationImpossible,
    boundary_after,
    change_date,
    checked_quantity,
    direction_of,
    replaced_by,
    slots_paid_by,
)
from chalicelib.domain.packages import Package
from chalicelib.domain.periods import BillingTiming, Period, full_period_days
from chalicelib.domain.refunds import NO_REFUND, Billed, Refund, Unserved, billed_lines, refund, still_billed
from chalicelib.domain.subscriptions import subscribe


def paid_days(*, account: Account, slot: int, on: date) -> tuple[Unserved, ...]:
    """Return the days from ``on`` that are billed already; empty where none is."""
    sub = account.subscription(slot=slot)
    assert sub is not None, "a subscription of the account changes"
    if sub.billed_to <= on:
        return ()
    return tuple(Unserved(one, on, sub.billed_to) for one in slots_paid_by(account=account, slot=slot))


def plan_change(
    *,
    account: Account,
    slot: int,
    package: Package,
    terms: ChangeTerms,
    today: date,
    catalogue: Catalogue,
    invoices: Sequence[Invoice] = (),
    notes: Sequence[Document] = (),
) -> PackageChange:
    """Return what a change of package comes to; the books stay as they are.

    ``invoices`` are those that billed the days from the change on, ``notes`` the credit notes made
    of them. Raises InvalidTransition, ChangePending, NothingToChange, ProrationImpossible, and what
    ``change_date``, ``subscribe``, ``refund`` and ``charge_lines`` raise.
    """
    old = account.subscription(slot=slot)
    assert old is not None, "a subscription of the account changes"
    if replaced_by(account=account, slot=slot) is not None:
        raise ChangePending("another package takes the place of this one already: withdraw that first")
    if old.state is not SubscriptionState.ACTIVE:
        raise InvalidTransition(
            f"a {old.state} subscription cannot change its package: make it active first", param="state"
        )
    on = change_date(subscription=old, effective=terms.effective, today=today)
    new = _successor(account, old, package, terms, on)
    if _same(old, new):
        raise NothingToChange("the subscription is of this package, edition, price and quantity already")
    planned = _Planned(account, old, new, on, today, catalogue, Billed(invoices, notes))
    done = {
        Proration.BY_DAY: planned.by_day,
        Proration.NONE: planned.unprorated,
        Proration.FULL: planned.full,
    }[terms.proration]()
    return PackageChange(
        on=on,
        proration=terms.proration,
        direction=direction_of(old=old, new=new, catalogue=catalogue, on=on),
        old=done.old,
        new=done.new,
        account=_with(account, done.old, done.new),
        refund=done.refund,
        invoice=done.invoice,
    )


def _successor(
    account: Account, old: Subscription, package: Package, terms: ChangeTerms, on: date
) -> Subscription:
    """Return the subscription that takes the place, nothing of it billed."""
    others = tuple(sub for sub in account.subscriptions if sub.slot != old.slot)
    used = max(account.slots_used, *(sub.slot for sub in account.subscriptions))
    parent = None if old.parent is None else account.subscription(slot=old.parent)
    new = subscribe(
        account=replace(account, subscriptions=others, slots_used=used),
        package=package,
        starts_on=on,
        anchor_day=old.anchor_day if package.cycle.unit is old.cycle.unit else None,
        price_override=terms.price_override,
        parent=parent,
    )
    same_cycle = package.cycle == old.cycle
    goes_on = same_cycle and package.cycle.count > 1
    phases_go_on = same_cycle and package.package_id == old.package_id
    return replace(
        new,
        quantity=old.quantity if terms.quantity is None else checked_quantity(quantity=terms.quantity),
        replaces=old.slot,
        origin=old.cycle_origin if goes_on else None,
        phases_from=(old.phases_from or old.starts_on) if phases_go_on else None,
    )


def _same(old: Subscription, new: Subscription) -> bool:
    def kept(sub: Subscription) -> tuple[object, ...]:
        return sub.package_id, sub.edition, sub.price_override, sub.quantity

    return kept(old) == kept(new)


def _with(account: Account, old: Subscription, new: Subscription) -> Account:
    """Return the account with both, and the add-ons beside the new one."""
    for sub in account.subscriptions:
        if sub.parent == old.slot:
            account = account.with_subscription(subscription=replace(sub, parent=new.slot))
    return account.with_subscription(subscription=old).with_subscription(subscription=new)


@dataclass(frozen=True, slots=True)
class _Done:
    old: Subscription
    new: Subscription
    refund: Refund = NO_REFUND
    invoice: NewInvoice | None = None


@dataclass(frozen=True, slots=True)
class _Planned:
    """A change whose proration is to be chosen."""

    account: Account
    before: Subscription
    new: Subscription
    on: date
    today: date
    catalogue: Catalogue
    billed: Billed

    @property
    def paid(self) -> tuple[Unserved, ...]:
        """The days from the change on that are billed already."""
        return paid_days(account=self.account, slot=self.before.slot, on=self.on)

    @property
    def old(self) -> Subscription:
        """The old subscription with its end, and nothing billed after it."""
        ended = change_state(subscription=self.before, to=SubscriptionState.TERMINATED, ends_on=self.on)
        return replace(ended, billed_to=min(ended.billed_to, self.on))

    @property
    def same_cycle(self) -> bool:
        """Whether the new one's periods are those of the old one."""
        return self.new.cycle == self.before.cycle

    def by_day(self) -> _Done:
        """Each package for its days: what is paid is credited, the new one charged to the boundary."""
        old, paid = self.old, self.paid
        if not paid:
            return _Done(old, replace(self.new, discounts=self._discounts_on(self.on)))
        given = self._refund(paid)
        again = self._discounts_again(paid)
        old = replace(old, discounts=again)  # for when the change is withdrawn
        new = replace(self.new, discounts=again if self.same_cycle else self.before.discounts)
        if self.on > self.today or self.new.timing is BillingTiming.ARREARS:
            return _Done(old, new, given)
        period = next_period(subscription=new)
        assert period is not None, "what begins has a period"
        return self._charged(old, new, period, given)

    def unprorated(self) -> _Done:
        """No money now; what is not billed of the period is charged whole for the new package."""
        old = self.old
        if self.paid:
            left = self.before.discounts
            return _Done(old, replace(self.new, billed_to=self.before.billed_to, discounts=left))
        return self._whole(old)

    def full(self) -> _Done:
        """The whole period for the new package: what was charged for it is credited."""
        if not self.same_cycle:
            message = "a period can be charged whole for another package of the same cycle only"
            raise ProrationImpossible(message, param="proration")
        old, paid = self.old, self.paid
        if not paid:
            return self._whole(old)
        if self.on > self.today:
            message = "a period that is billed is charged whole for another package now, not later"
            raise ProrationImpossible(message, param="proration")
        start = self._charged_from(paid)
        given = self._refund([replace(one, start=start) for one in paid])
        new = replace(self.new, discounts=self._discounts_again(paid))
        if self.new.timing is BillingTiming.ARREARS:
            return _Done(old, replace(new, billed_to=start), given)
        return self._charged(old, new, Period(start, self.before.billed_to), given)

    def _whole(self, old: Subscription) -> _Done:
        """The period of the change is not billed: it will be, whole, for the new package."""
        end = boundary_after(subscription=self.before, after=self.on)
        begin = end - timedelta(
            days=full_period_days(cycle=self.before.cycle, anchor_day=self.before.anchor_day, boundary=end)
        )
        start = max(begin, self.before.starts_on, self.before.billed_to)
        start = min(start, self.on)
        new = replace(self.new, discounts=self._discounts_on(start))
        if start == self.on:
            return _Done(old, new)
        return _Done(replace(old, paused_on=start), replace(new, billed_to=start))

    def _discounts_again(self, paid: Sequence[Unserved]) -> tuple[Discount, ...]:
        """Return the discounts for days that are paid and will be billed again."""
        lines = billed_lines(wanted=paid, billed=self.billed)
        return discounts_before(discounts=self.before.discounts, lines=lines)

    def _discounts_on(self, day: date) -> tuple[Discount, ...]:
        """Return the discounts that are left on a day, once all before it is billed.

        A period that the day cuts counts with the one that goes on in it, where it is of the same
        cycle: otherwise with the old one.
        """
        sub = self.before
        while sub.billed_to < day:
            period = next_period(subscription=sub)
            if period is None or (period.end > day and self.same_cycle):
                break
            sub = sub.billed_through(end=period.end, discounts=discounts_after(discounts=sub.discounts))
        return sub.discounts

    def _charged_from(self, paid: Sequence[Unserved]) -> date:
        """Return the first of the days without a gap up to the change that are on the lines it credits.

        Days that were given back before, those of a pause say, end them: they stay as they are.
        """
        start = self.on
        held = [
            days for one in paid for days in still_billed(wanted=replace(one, whole=True), billed=self.billed)
        ]
        for days in sorted(held, key=lambda days: days.start, reverse=True):
            if days.start < start <= days.end:
                start = days.start
        return start

    def _refund(self, wanted: Sequence[Unserved]) -> Refund:
        return refund(wanted=wanted, billed=self.billed, reason=REASON)

    def _charged(self, old: Subscription, new: Subscription, period: Period, given: Refund) -> _Done:
        """The new package is charged at once; its discounts count it as a period."""
        lines = charge_lines(account=self.account, subscription=new, period=period, catalogue=self.catalogue)
        left = discounts_after(discounts=new.discounts)
        moved = replace(new, billed_to=period.end, discounts=left)
        if not sum(line.total for line in lines):
            return _Done(old, moved, given)
        invoice = new_invoice(
            lines=lines,
            credit=self.account.credit + given.to_credit,
            round_to=self.catalogue.round_to,
            on=self.today,
            version=self.account.version,
        )
        return _Done(old, moved, given, invoice)

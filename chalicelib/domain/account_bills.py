"""What one account comes to on a date: its invoices, and the account after them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from chalicelib.domain.accounts import (
    CHARGES_SLOT,
    SUBSCRIPTIONS_PER_ACCOUNT_MAX,
    Account,
    ChargeKind,
    PendingCharge,
    Subscription,
    document_slot,
)
from chalicelib.domain.billing import (
    DueCharge,
    SkipReason,
    due_charge,
    pending_charge_line,
)
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.charges import check_amount, discounts_after, rounding_line
from chalicelib.domain.errors import DomainError
from chalicelib.domain.invoices import InvoiceLine, Posting, invoice_postings
from chalicelib.domain.records import record
from chalicelib.domain.safety_bounds import DUE_PERIODS_MAX, check_periods, check_run_total

# As much of one account as can be due: every period of every subscription.
_WHOLE_CHARGES_MAX: Final = DUE_PERIODS_MAX * SUBSCRIPTIONS_PER_ACCOUNT_MAX


@record
class NewInvoice:
    """An invoice to be issued: ``key`` is the day and slot that name it within its account.

    ``from_credit`` is what the account's credit pays at once, in minor units.
    """

    lines: tuple[InvoiceLine, ...]
    net: int
    tax: int
    from_credit: int
    key: tuple[date, int]
    postings: tuple[Posting, ...]

    @property
    def total(self) -> int:
        """What is to be paid."""
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A subscription that could not be billed, and why; slot 0 is the account's pending charges."""

    slot: int
    code: str
    message: str


@dataclass(slots=True)
class AccountBill:
    """What one account comes to on a date: the invoices, the account after them, and the rest.

    Each slot that was asked for ends in exactly one of ``billed``, ``skipped``, ``quarantined``,
    or, where the invoices of one batch did not suffice, in ``unfinished``. What else of the
    account was due is billed with it. ``after`` is None where nothing is invoiced.
    """

    after: Account | None = None
    invoices: list[NewInvoice] = field(default_factory=list)
    billed: list[int] = field(default_factory=list)
    skipped: list[tuple[int, SkipReason]] = field(default_factory=list)
    quarantined: list[Quarantine] = field(default_factory=list)
    unfinished: bool = False


def bill_account(
    *, account: Account, slots: Sequence[int], on: date, catalogue: Catalogue, charges_max: int
) -> AccountBill:
    """Bill what is due on or before ``on``: the periods of the subscriptions in ``slots``, oldest first.

    What else of the account is due by then, and its pending charges, are billed with them. A
    subscription that raises is quarantined alone; where an invoice as a whole is refused, or runs
    would have invoiced the account on ``on`` for more than the tenant's limit, nothing of it is
    billed. At most ``charges_max`` periods are charged; where that cuts a subscription short, the
    bill is ``unfinished`` and the rest comes next: the limit is of all of it, before the first.
    """
    biller = _Biller(account, on, catalogue, charges_max)
    for slot in slots:
        if not biller.take(slot):
            break
    if not biller.bill.unfinished:
        biller.take_others(slots)
    try:
        if biller.bill.unfinished:
            check_periods(account=account, on=on)
        if catalogue.invoice_limit and (biller.bill.unfinished or biller.left_off):
            _check_whole(account, on, catalogue)
        biller.issue()
    except DomainError as error:
        return _set_aside(biller.bill, slots, error)
    return biller.bill


def _set_aside(bill: AccountBill, slots: Sequence[int], error: DomainError) -> AccountBill:
    """Return the bill with everything that would have been billed set aside."""
    ended = {slot for slot, _ in bill.skipped} | {held.slot for held in bill.quarantined}
    held = [Quarantine(slot, error.code, error.message) for slot in slots if slot not in ended]
    return AccountBill(skipped=bill.skipped, quarantined=bill.quarantined + held)


def _check_whole(account: Account, on: date, catalogue: Catalogue) -> None:
    """Raise SafetyBound where all that is due of a cut account is too much: nobody gets half of it."""
    whole = _Biller(account, on, catalogue, _WHOLE_CHARGES_MAX)
    whole.take_others(())
    whole.issue()


class _Biller:
    """Collects the charges of one account, then puts them on invoices.

    ``left_off`` says whether something else of the account is due that there was no room for.
    """

    __slots__ = ("_account", "_catalogue", "_charges", "_charges_max", "_moved", "_on", "bill", "left_off")

    def __init__(self, account: Account, on: date, catalogue: Catalogue, charges_max: int) -> None:
        self._account = account
        self._on = on
        self._catalogue = catalogue
        self._charges_max = charges_max
        self._charges: list[DueCharge] = []
        self._moved: dict[int, Subscription] = {}
        self.bill = AccountBill()
        self.left_off = False

    def take(self, slot: int) -> bool:
        """Charge what is due of a slot and say in the bill how it ended; return whether there is room."""
        bill = self.bill
        if len(self._charges) >= self._charges_max:
            bill.unfinished = True
            return False
        subscription = self._account.subscription(slot=slot)
        if subscription is None:
            self._take_pending(slot)
            return True
        try:
            charges, after, ended = self._due(subscription)
        except DomainError as error:
            bill.quarantined.append(Quarantine(slot, error.code, error.message))
            return True
        if charges:
            self._charges += charges
            self._moved[slot] = after
        if ended is None:
            bill.unfinished = True
            return False
        if charges:
            bill.billed.append(slot)
        else:
            bill.skipped.append((slot, ended))
        return True

    def take_others(self, slots: Sequence[int]) -> None:
        """Charge what else of the account is due, so that one day makes one invoice.

        What cannot be charged, or not whole, is left to its own entry in the due list.
        """
        for subscription in self._account.subscriptions:
            if subscription.slot in slots:
                continue
            try:
                charges, after, ended = self._due(subscription)
            except DomainError:
                continue
            if ended is None:
                self.left_off = True
            elif charges:
                self._charges += charges
                self._moved[subscription.slot] = after

    def issue(self) -> None:
        """Put the charges on invoices, oldest first, and move the account by them."""
        account, kept = self._account, self._account.charges
        groups = self._grouped()
        if kept and (groups or CHARGES_SLOT in self.bill.billed):
            kept = self._bill_pending(groups)
        if not groups:
            return
        balance, credit, deposits = account.balance, account.credit, account.deposits
        for lines in groups:
            invoice = new_invoice(
                lines=lines,
                credit=credit,
                round_to=self._catalogue.round_to,
                on=self._on,
                version=account.version,
            )
            balance += invoice.total
            credit -= invoice.from_credit
            self.bill.invoices.append(invoice)
            if kept is not account.charges:
                deposits += sum([line.net for line in lines if line.kind is ChargeKind.DEPOSIT])
        moved, subscriptions = self._moved, account.subscriptions
        earlier = account.run_total if account.run_on == self._on else 0
        run_total = earlier + balance - account.balance
        check_run_total(total=run_total, limit=self._catalogue.invoice_limit, on=self._on)
        self.bill.after = Account(
            account.account_id,
            account.code,
            account.currency,
            balance,
            account.version + 1,
            tuple([moved.get(sub.slot, sub) for sub in subscriptions]) if moved else subscriptions,
            credit,
            deposits,
            account.tax,
            kept,
            account.slots_used,
            self._on,
            run_total,
            account.consolidated,
        )

    def _due(self, subscription: Subscription) -> tuple[list[DueCharge], Subscription, SkipReason | None]:
        """Return the charges, the subscription after them, and why that is all; None where it is not."""
        charges: list[DueCharge] = []
        limit = self._charges_max - len(self._charges)
        while True:
            outcome = due_charge(
                account=self._account, subscription=subscription, on=self._on, catalogue=self._catalogue
            )
            if isinstance(outcome, SkipReason):
                return charges, subscription, outcome
            if len(charges) >= limit:
                return charges, subscription, None
            charges.append(outcome)
            left = discounts_after(discounts=subscription.discounts)
            subscription = subscription.billed_through(end=outcome.billed_to, discounts=left)

    def _take_pending(self, slot: int) -> None:
        """Say how the account's pending charges end: they are billed with what else is, or alone."""
        if slot != CHARGES_SLOT:
            self.bill.skipped.append((slot, SkipReason.GONE))
        elif any(charge.on <= self._on for charge in self._account.charges):
            self.bill.billed.append(slot)
        else:
            self.bill.skipped.append((slot, SkipReason.NOT_DUE))

    def _bill_pending(self, groups: list[list[InvoiceLine]]) -> tuple[PendingCharge, ...]:
        """Put the pending charges that are due on the last invoice, or on their own; return the rest."""
        account, on = self._account, self._on
        due = [charge for charge in account.charges if charge.on <= on]
        try:
            lines = [
                pending_charge_line(account=account, charge=one, on=on, catalogue=self._catalogue)
                for one in due
            ]
        except DomainError as error:
            if CHARGES_SLOT in self.bill.billed:
                self.bill.billed.remove(CHARGES_SLOT)
                self.bill.quarantined.append(Quarantine(CHARGES_SLOT, error.code, error.message))
            return account.charges
        if not due:
            return account.charges
        if groups:
            groups[-1].extend(lines)
        else:
            groups.append(lines)
        return tuple([charge for charge in account.charges if charge.on > on])

    def _grouped(self) -> list[list[InvoiceLine]]:
        """Return the lines of each invoice: one for each bill date, or one for each charge."""
        charges = self._charges
        if len(charges) == 1:
            return [list(charges[0].lines)]
        own = self._account.consolidated
        if not (self._catalogue.consolidated if own is None else own):
            return [list(charge.lines) for charge in charges]
        by_date: dict[date, list[InvoiceLine]] = {}
        for charge in sorted(charges, key=_bill_order):
            by_date.setdefault(charge.billed_on, []).extend(charge.lines)
        return list(by_date.values())


def _bill_order(charge: DueCharge) -> tuple[date, int]:
    return charge.billed_on, charge.slot


def new_invoice(
    *, lines: Sequence[InvoiceLine], credit: int, round_to: int, on: date, version: int
) -> NewInvoice:
    """Return the invoice of some lines, rounded, and paid from credit as far as that goes.

    ``version`` is the account's. Raises AmountOutOfRange.
    """
    net = sum([line.net for line in lines])
    tax = sum([line.tax for line in lines])
    rounding = rounding_line(total=net + tax, multiple=round_to, on=on) if round_to else None
    if rounding is not None:
        lines, net = [*lines, rounding], net + rounding.net
    check_amount(amount=net + tax)
    key = natural_key(line=lines[0], on=on, version=version)
    from_credit = max(0, min(credit, net + tax))
    postings = invoice_postings(lines=lines, from_credit=from_credit)
    return NewInvoice(tuple(lines), net, tax, from_credit, key, postings)


def natural_key(*, line: InvoiceLine, on: date, version: int) -> tuple[date, int]:
    """Return the day and slot that name an invoice within its account, from its first line.

    A cycle's invoice is named by the first day and the slot of a period, which is billed once
    ever. Any other has the day it is issued on and one of the slots that no subscription
    takes, in turn with the account's version: so two of a day differ, and none is made twice.
    """
    if line.kind is ChargeKind.RECURRING:
        return line.period.start, line.slot
    return on, document_slot(version=version)

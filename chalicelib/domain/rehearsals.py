"""Rehearsals: what billing would come to through a date, worked out on copies of the accounts.

A rehearsal bills each account with ``bill_account``, the very rule of a run, date by date
and oldest first, and keeps sums instead of invoices. Amounts are minor units of the tenant's
currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.account_bills import AccountBill, NewInvoice, bill_account
from chalicelib.domain.accounts import CHARGES_SLOT, Account, ChargeKind, subscription_id
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.invoices import InvoiceLine
from chalicelib.domain.jobs import JobFailure, JobState

REHEARSED_DAYS_MAX: Final = 400
# What is kept of a long list in the answer; its sums are of all.
CHANGES_SHOWN_MAX: Final = 500
QUARANTINED_SHOWN_MAX: Final = 200
REHEARSALS_AT_ONCE_MAX: Final = 2
# A rehearsal whose worker gives no sign of life for this long has lost it (see domain.exports).
REHEARSAL_LOST_AFTER: Final[Mapping[JobState, timedelta]] = {
    JobState.QUEUED: timedelta(hours=2),
    JobState.RUNNING: timedelta(minutes=30),
}
REHEARSAL_LOST: Final = JobFailure("rehearsal_lost", "its worker was lost on our side: ask for another")


class NothingToRehearse(InvalidValue):
    """The date is billed already, or beyond what is rehearsed."""

    code = "nothing_to_rehearse"


class RehearsalTooLarge(Conflict):
    """There is too much to work out while somebody waits: ask for it as a job."""

    code = "rehearsal_too_large"


class TooManyRehearsals(Conflict):
    """As many rehearsals are being worked on as one tenant may have at once."""

    code = "too_many_rehearsals"


class RehearsalNotReady(Conflict):
    """The rehearsal is not worked out yet, or could not be."""

    code = "rehearsal_not_ready"


class ChangeKind(StrEnum):
    """How a subscription's bill differs from its last: none then, none now, or another amount."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Sums:
    """How many (invoices of a date, lines of a package), and what they come to."""

    count: int = 0
    net: int = 0
    tax: int = 0

    @property
    def total(self) -> int:
        """With tax."""
        return self.net + self.tax

    def plus(self, *, count: int, net: int, tax: int) -> Sums:
        """Return the sums with more."""
        return Sums(self.count + count, self.net + net, self.tax + tax)


@dataclass(frozen=True, slots=True)
class RehearsedQuarantine:
    """A subscription that would be set aside, on the first date on which it is.

    Slot CHARGES_SLOT stands for the account's pending charges.
    """

    on: date
    account_id: str
    slot: int
    code: str
    message: str

    @property
    def subscription_id(self) -> str | None:
        """The subscription's identifier; None where it is the pending charges."""
        if self.slot == CHARGES_SLOT:
            return None
        return subscription_id(account_id=self.account_id, slot=self.slot)


@dataclass(frozen=True, slots=True)
class RehearsedCharge:
    """What one bill of a subscription comes to before tax, and for which package."""

    package_id: str
    net: int


@dataclass(frozen=True, slots=True)
class RehearsedChange:
    """A subscription whose bill is not what it was in the run compared with."""

    kind: ChangeKind
    subscription_id: str
    before: RehearsedCharge | None
    now: RehearsedCharge | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The changes against a run: subscriptions billed then and not now, new ones, other amounts.

    ``before`` and ``now`` count subscriptions and their net, each with its first bill; ``now`` is
    ``before`` with ``new``, without ``gone``, and with the ``changed`` difference.
    """

    run_on: date
    before: Sums
    now: Sums
    new: Sums
    gone: Sums
    changed: Sums
    changes: tuple[RehearsedChange, ...]
    changes_left_off: int = 0


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What runs from ``first`` through ``through`` would bill, as the books stand.

    ``by_package`` is by package and kind of charge; the package is empty where a charge is of
    none. ``compared`` is None where no run has billed anything yet.
    """

    first: date
    through: date
    currency: str
    invoices: int
    net: int
    tax: int
    by_date: Mapping[date, Sums]
    by_package: Mapping[tuple[str, ChargeKind], Sums]
    quarantined: tuple[RehearsedQuarantine, ...]
    quarantined_left_off: int
    compared: Comparison | None

    @property
    def total(self) -> int:
        """With tax."""
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class RehearsalJob:
    """A rehearsal worked out in the background; ``version`` counts every change and guards each."""

    rehearsal_id: str
    through: date
    state: JobState
    created_by: str
    created_at: datetime
    version: int = 1
    started_at: datetime | None = None
    finished_at: datetime | None = None
    failure: JobFailure | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state in {JobState.SUCCEEDED, JobState.FAILED}

    def as_of(self, *, at: datetime) -> RehearsalJob:
        """Return the job as it stands: it failed where its worker gave no sign of life for too long."""
        if self.finished:
            return self
        ends = (self.started_at or self.created_at) + REHEARSAL_LOST_AFTER[self.state]
        if at < ends:
            return self
        return replace(self, state=JobState.FAILED, finished_at=ends, failure=REHEARSAL_LOST)


def rehearsed_dates(*, completed_through: date, through: date) -> list[date]:
    """Return the dates to be rehearsed, oldest first: from the first that is not billed.

    Raises NothingToRehearse where ``through`` is billed already, or more than
    REHEARSED_DAYS_MAX days ahead.
    """
    days = (through - completed_through).days
    if days < 1:
        raise NothingToRehearse(
            f"every day through {completed_through} is billed: rehearse a later one", param="through"
        )
    if days > REHEARSED_DAYS_MAX:
        message = (
            f"at most {REHEARSED_DAYS_MAX} days are rehearsed: {completed_through} is the last one billed"
        )
        raise NothingToRehearse(message, param="through")
    return [completed_through + timedelta(days=day) for day in range(1, days + 1)]


def rehearse_account(
    *,
    account: Account,
    looks: Iterable[tuple[date, Sequence[int]]],
    catalogue: Catalogue,
    charges_max: int,
) -> Iterable[tuple[date, AccountBill]]:
    """Yield what each look of the runs at an account comes to, the account moving on by each.

    ``looks`` are the dates and slots under which the account is filed, in the order in which
    runs come to them. A bill that one transaction does not hold is followed by its rest, as in a run.
    """
    for on, slots in looks:
        left = list(slots)
        while left:
            bill = bill_account(
                account=account, slots=left, on=on, catalogue=catalogue, charges_max=charges_max
            )
            yield on, bill
            account = bill.after or account
            if not bill.unfinished:
                break
            left = left[len(bill.billed) + len(bill.quarantined) + len(bill.skipped) :]


def charges_of_lines(*, account_id: str, lines: Iterable[InvoiceLine]) -> dict[str, RehearsedCharge]:
    """Return what an invoice's lines charge for each subscription's cycles, by subscription."""
    found: dict[str, RehearsedCharge] = {}
    for line in lines:
        if line.kind is ChargeKind.RECURRING:
            key = subscription_id(account_id=account_id, slot=line.slot)
            before = found.get(key)
            net = line.net if before is None else before.net + line.net
            found[key] = RehearsedCharge(line.package_id, net)
    return found


@dataclass(slots=True)
class RehearsalBook:
    """Collects the bills of a rehearsal."""

    by_date: dict[date, Sums] = field(default_factory=dict)
    by_package: dict[tuple[str, ChargeKind], Sums] = field(default_factory=dict)
    quarantined: dict[tuple[str, int], RehearsedQuarantine] = field(default_factory=dict)
    first_charges: dict[str, RehearsedCharge] = field(default_factory=dict)

    def add(self, *, account_id: str, on: date, bill: AccountBill) -> None:
        """Count a bill."""
        for invoice in bill.invoices:
            self._add_invoice(account_id, on, invoice)
        for held in bill.quarantined:
            first = RehearsedQuarantine(on, account_id, held.slot, held.code, held.message)
            self.quarantined.setdefault((account_id, held.slot), first)

    def _add_invoice(self, account_id: str, on: date, invoice: NewInvoice) -> None:
        day = self.by_date.get(on, Sums())
        self.by_date[on] = day.plus(count=1, net=invoice.net, tax=invoice.tax)
        for line in invoice.lines:
            key = line.package_id, line.kind
            package = self.by_package.get(key, Sums())
            self.by_package[key] = package.plus(count=1, net=line.net, tax=line.tax)
        for sub, charge in charges_of_lines(account_id=account_id, lines=invoice.lines).items():
            self.first_charges.setdefault(sub, charge)

    def close(
        self,
        *,
        dates: Sequence[date],
        currency: str,
        before: tuple[date, Mapping[str, RehearsedCharge]] | None,
    ) -> Rehearsal:
        """Return the rehearsal; ``before`` is the run to compare with, and what it charged."""
        held = sorted(self.quarantined.values(), key=lambda one: (one.on, one.account_id, one.slot))
        return Rehearsal(
            first=dates[0],
            through=dates[-1],
            currency=currency,
            invoices=sum(day.count for day in self.by_date.values()),
            net=sum(day.net for day in self.by_date.values()),
            tax=sum(day.tax for day in self.by_date.values()),
            by_date=dict(sorted(self.by_date.items())),
            by_package=dict(sorted(self.by_package.items())),
            quarantined=tuple(held[:QUARANTINED_SHOWN_MAX]),
            quarantined_left_off=max(0, len(held) - QUARANTINED_SHOWN_MAX),
            compared=compare(run_on=before[0], before=before[1], now=self.first_charges) if before else None,
        )


def compare(
    *, run_on: date, before: Mapping[str, RehearsedCharge], now: Mapping[str, RehearsedCharge]
) -> Comparison:
    """Return the changes between what a run charged for subscriptions and what is charged now."""
    sums = dict.fromkeys(ChangeKind, Sums())
    changes: list[RehearsedChange] = []
    for key in sorted({*before, *now}):
        was, one = before.get(key), now.get(key)
        if was == one:
            continue
        kind = ChangeKind.NEW if was is None else ChangeKind.GONE if one is None else ChangeKind.CHANGED
        difference = (one.net if one else 0) - (was.net if was else 0)
        net = -difference if kind is ChangeKind.GONE else difference
        sums[kind] = sums[kind].plus(count=1, net=net, tax=0)
        if len(changes) < CHANGES_SHOWN_MAX:
            changes.append(RehearsedChange(kind, key, was, one))
    return Comparison(
        run_on=run_on,
        before=Sums(len(before), sum(one.net for one in before.values())),
        now=Sums(len(now), sum(one.net for one in now.values())),
        new=sums[ChangeKind.NEW],
        gone=sums[ChangeKind.GONE],
        changed=sums[ChangeKind.CHANGED],
        changes=tuple(changes),
        changes_left_off=sum(one.count for one in sums.values()) - len(changes),
    )

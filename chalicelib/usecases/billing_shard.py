"""Billing one shard of a run: the loop that issues invoices.

The shard's cursor moves in the same transaction as the invoices it has passed. So a worker
may be killed anywhere, run twice, or run beside itself: what is committed is whole and is
counted once, and what is not is found again after the cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain, groupby, islice
from operator import attrgetter
from typing import Final

from chalicelib.domain.account_bills import AccountBill, Quarantine, bill_account
from chalicelib.domain.billing import SkipReason
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.errors import Busy
from chalicelib.domain.invoices import due_date, fiscal_year
from chalicelib.domain.runs import RunShard, ShardProgress, run_id
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.billing import (
    AccountRead,
    AccountsMoved,
    Batch,
    BatchEntry,
    BillingBooks,
    DuePointer,
    NumbersMoved,
    ProgressMoved,
)
from chalicelib.usecases.backoff import backoff_seconds
from chalicelib.usecases.limits import BATCH_ACTIONS_MAX

# An account with one invoice takes two actions, so 48 invoices with as many accounts make 96.
INVOICES_PER_BATCH_MAX: Final = 48
# Four batches of accounts with one subscription, two of accounts with two.
POINTERS_PER_READ: Final = 192
ATTEMPTS_PER_BATCH_MAX: Final = 12


class ShardTaken(Busy):
    """Another worker is billing this shard; what it does is as good as ours."""

    code = "shard_taken"


@dataclass(frozen=True, slots=True)
class ShardRun:
    """What the billing of a shard works with.

    ``on`` is the date that is billed, ``today`` the local date on which it is done: an invoice
    made late is dated ``on``, and due in so many days from ``today``. ``pause`` waits some
    seconds, ``out_of_time`` ends the work early.
    """

    tenant: Tenant
    on: date
    shard: RunShard
    books: BillingBooks
    catalogue: Catalogue
    today: date
    pause: Callable[[float], None]
    out_of_time: Callable[[], bool]

    @property
    def fiscal_year(self) -> int:
        """The series that numbers come from: of the date that is billed, not of the day it is done."""
        return fiscal_year(on=self.on, start_month=self.tenant.fiscal_year_start_month)


def bill_shard(*, run: ShardRun) -> ShardProgress:
    """Bill the shard from its cursor to its end, or until time is up; return how far it came.

    Raises ShardTaken where another worker moves the same shard, Busy where the store stays
    contended, StoreUnavailable where it does not answer. Whatever was committed stays.
    """
    progress = run.books.progress(on=run.on, shard=run.shard)
    number = 0 if progress.done else run.books.next_number(fiscal_year=run.fiscal_year)
    while not progress.done:
        pages = run.books.due(on=run.on, shard=run.shard, after=progress.cursor)
        pointers = chain.from_iterable(pages)
        unfinished = False
        while not unfinished and (chunk := list(islice(pointers, POINTERS_PER_READ))):
            if run.out_of_time():
                return progress
            reads = run.books.accounts(account_ids=_account_ids(chunk))
            for units in _batches(run, chunk, reads):
                progress, number = _commit(run, number, units, progress, done=False)
                unfinished = units[-1].bill.unfinished
        if not unfinished:
            progress, number = _commit(run, number, [], progress, done=True)
    return progress


@dataclass(frozen=True, slots=True)
class _Unit:
    """The pointers of one account, and what they come to."""

    pointers: tuple[DuePointer, ...]
    read: AccountRead | None
    bill: AccountBill

    @property
    def actions(self) -> int:
        return len(self.bill.invoices) + len(self.bill.quarantined) + (1 if self.bill.invoices else 0)


def _account_ids(pointers: Sequence[DuePointer]) -> list[str]:
    return list(dict.fromkeys(pointer.account_id for pointer in pointers))


def _bill(run: ShardRun, pointers: tuple[DuePointer, ...], read: AccountRead | None) -> _Unit:
    slots = [pointer.slot for pointer in pointers]
    if read is None:
        gone = AccountBill(skipped=[(slot, SkipReason.GONE) for slot in slots])
        return _Unit(pointers, None, gone)
    if read.unreadable:
        held = [Quarantine(slot, "record_unreadable", "the recipient cannot be read") for slot in slots]
        return _Unit(pointers, read, AccountBill(quarantined=held))
    bill = bill_account(
        account=read.account,
        slots=slots,
        on=run.on,
        catalogue=run.catalogue,
        charges_max=INVOICES_PER_BATCH_MAX,
    )
    return _Unit(pointers, read, bill)


def _batches(
    run: ShardRun, pointers: Sequence[DuePointer], reads: Mapping[str, AccountRead]
) -> list[list[_Unit]]:
    """Bill the pointers account by account and pack them, in order, into transactions.

    An account that is due under several buckets comes again: by then it is what the batch
    before has made of it, and it is in no transaction twice.
    """
    packed: list[list[_Unit]] = [[]]
    latest, written = dict(reads), set[str]()
    actions = invoices = 0
    for account_id, group in groupby(pointers, key=attrgetter("account_id")):
        unit = _bill(run, tuple(group), latest.get(account_id))
        issued = len(unit.bill.invoices)
        full = actions + unit.actions > BATCH_ACTIONS_MAX or invoices + issued > INVOICES_PER_BATCH_MAX
        if full or (unit.actions and account_id in written):
            packed.append([])
            written.clear()
            actions = invoices = 0
        packed[-1].append(unit)
        actions, invoices = actions + unit.actions, invoices + issued
        if unit.actions:
            written.add(account_id)
        if unit.read is not None and unit.bill.after is not None:
            latest[account_id] = AccountRead(unit.bill.after, unit.read.recipient)
        if unit.bill.unfinished:
            break
    return packed


def _commit(
    run: ShardRun, number: int, units: Sequence[_Unit], progress: ShardProgress, *, done: bool
) -> tuple[ShardProgress, int]:
    """Commit one batch, mending what moved; return the progress and the next number.

    An account that never stands still is set aside line by line, which takes more than its invoice
    did: what was one batch may be two then.
    """
    for attempt in range(ATTEMPTS_PER_BATCH_MAX):
        after = _advanced(progress, units, done=done)
        batch = _batch(run, number, units, progress, after)
        try:
            run.books.commit(batch=batch)
            return after, number + sum(len(entry.bill.invoices) for entry in batch.entries)
        except NumbersMoved:
            number = run.books.next_number(fiscal_year=run.fiscal_year)
        except ProgressMoved:
            stored = run.books.progress(on=run.on, shard=run.shard)
            if stored == after:
                # Our own write, whose answer was lost on the way, or one that equals it.
                return stored, run.books.next_number(fiscal_year=run.fiscal_year)
            raise ShardTaken("another worker is billing this shard") from None
        except AccountsMoved as moved:
            last = attempt >= ATTEMPTS_PER_BATCH_MAX - 3
            units = [_again(run, unit, moved.account_ids, give_up=last) for unit in units]
            fitting = _fitting(units)
            if fitting < len(units):
                progress, number = _commit(run, number, units[:fitting], progress, done=False)
                return _commit(run, number, units[fitting:], progress, done=done)
        except Busy:
            run.pause(backoff_seconds(attempt=attempt + 1))
    raise Busy("other changes kept getting in the way of the batch")


def _fitting(units: Sequence[_Unit]) -> int:
    """Return how many of the units, from the first on, one transaction holds."""
    actions = 0
    for count, unit in enumerate(units):
        actions += unit.actions
        if count and actions > BATCH_ACTIONS_MAX:
            return count
    return len(units)


def _again(run: ShardRun, unit: _Unit, moved: frozenset[str], *, give_up: bool) -> _Unit:
    """Bill an account that moved once more, or set it aside where it never stands still."""
    account_id = unit.pointers[0].account_id
    if account_id not in moved:
        return unit
    read = run.books.accounts(account_ids=[account_id]).get(account_id)
    if give_up and read is not None:
        held = [
            Quarantine(pointer.slot, "contended", "the account kept changing") for pointer in unit.pointers
        ]
        return _Unit(unit.pointers, read, AccountBill(quarantined=held))
    again = _bill(run, unit.pointers, read)
    if again.actions > unit.actions or again.bill.unfinished != unit.bill.unfinished:
        raise ShardTaken("an account grew while it was billed; the next try reads it anew")
    return again


def _batch(
    run: ShardRun,
    number: int,
    units: Sequence[_Unit],
    before: ShardProgress,
    after: ShardProgress,
) -> Batch:
    entries = [
        BatchEntry(unit.read, unit.bill)
        for unit in units
        if unit.read is not None and (unit.bill.invoices or unit.bill.quarantined)
    ]
    return Batch(
        run_id=run_id(on=run.on),
        issued_on=run.on,
        due_on=due_date(issued_on=max(run.on, run.today), payment_days=run.tenant.payment_days),
        fiscal_year=run.fiscal_year,
        first_number=number,
        entries=entries,
        before=before,
        after=after,
    )


def _advanced(progress: ShardProgress, units: Sequence[_Unit], *, done: bool) -> ShardProgress:
    """Return the progress after a batch: counters up, the cursor past what is resolved.

    What a run that goes on skips was counted by the pass before, or is filed for the next date,
    whose run counts it.
    """
    billed = quarantined = net = tax = invoices = looked_at = 0
    skipped, ledger = dict(progress.skipped), dict(progress.ledger)
    cursor = progress.cursor
    for unit in units:
        bill = unit.bill
        billed += len(bill.billed)
        quarantined += len(bill.quarantined)
        invoices += len(bill.invoices)
        for invoice in bill.invoices:
            net += invoice.net
            tax += invoice.tax
            for posting in invoice.postings:
                ledger[posting.account] = ledger.get(posting.account, 0) + posting.amount
        resolved = len(bill.billed) + len(bill.quarantined) + len(bill.skipped)
        looked_at += resolved
        if progress.goes_on:
            looked_at -= len(bill.skipped)
        else:
            for _, reason in bill.skipped:
                skipped[reason.value] = skipped.get(reason.value, 0) + 1
        if resolved:
            cursor = unit.pointers[resolved - 1].position
    after = replace(
        progress,
        version=progress.version + 1,
        cursor=cursor,
        done=done,
        looked_at=progress.looked_at + looked_at,
        billed=progress.billed + billed,
        quarantined=progress.quarantined + quarantined,
        invoices=progress.invoices + invoices,
        net=progress.net + net,
        tax=progress.tax + tax,
        skipped=skipped,
        ledger=ledger,
    )
    assert after.balanced, "every subscription looked at is billed, skipped or quarantined"
    return after

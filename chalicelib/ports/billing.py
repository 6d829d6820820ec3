"""The books as the billing run sees them: its own port, for it is the one hot path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from chalicelib.domain.account_bills import AccountBill
from chalicelib.domain.accounts import Account
from chalicelib.domain.errors import DomainError
from chalicelib.domain.invoices import InvoiceLine
from chalicelib.domain.records import record
from chalicelib.domain.runs import RunShard, ShardProgress


class NumbersMoved(DomainError):
    """Another batch took the next numbers: nothing was written."""

    code = "numbers_moved"


class ProgressMoved(DomainError):
    """The shard's progress is not what it was read as: nothing was written by this call."""

    code = "progress_moved"


class AccountsMoved(DomainError):
    """Accounts of the batch changed since they were read: nothing was written."""

    code = "accounts_moved"

    def __init__(self, account_ids: frozenset[str]) -> None:
        super().__init__("accounts changed since they were read")
        self.account_ids = account_ids


@record
class DuePointer:
    """A subscription filed as due; ``position`` orders it within the shard."""

    position: str
    account_id: str
    slot: int


@record
class AccountRead:
    """An account and its recipient's record; ``unreadable`` where that cannot be decrypted."""

    account: Account
    recipient: bytes | None
    unreadable: bool = False


@record
class BatchEntry:
    """One account of a batch."""

    read: AccountRead
    bill: AccountBill


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction writes: invoices, accounts, numbers, quarantine and progress."""

    run_id: str
    issued_on: date
    due_on: date
    fiscal_year: int
    first_number: int
    entries: Sequence[BatchEntry]
    before: ShardProgress
    after: ShardProgress


class BillingBooks(Protocol):
    """A tenant's books during a run."""

    def progress(self, *, on: date, shard: RunShard) -> ShardProgress:
        """Return the shard's progress, or raise NotFound where the run does not exist."""

    def due(self, *, on: date, shard: RunShard, after: str) -> Iterator[list[DuePointer]]:
        """Yield pages of the shard's pointers after a position, in order; a page may be empty."""

    def accounts(self, *, account_ids: Sequence[str]) -> Mapping[str, AccountRead]:
        """Return the accounts that exist, strongly consistent."""

    def next_number(self, *, fiscal_year: int) -> int:
        """Return the next number of the invoice series; the first is 1."""

    def commit(self, *, batch: Batch) -> None:
        """Write the batch whole, or raise NumbersMoved, ProgressMoved, AccountsMoved or Busy."""


class RehearsalBooks(Protocol):
    """A tenant's books as a rehearsal reads them; it writes nothing."""

    def filed(self, *, bucket: str, shard: RunShard) -> Iterator[tuple[str, int]]:
        """Yield (account id, slot) of what a bucket of the due list holds of a shard, in order."""

    def accounts(self, *, account_ids: Sequence[str]) -> Mapping[str, AccountRead]:
        """Return the accounts that exist, strongly consistent."""

    def issued(self, *, on: date, fiscal_year: int) -> Iterator[tuple[str, tuple[InvoiceLine, ...]]]:
        """Yield (account id, lines) of each invoice that the run of a date has issued."""

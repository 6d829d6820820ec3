"""The run ledger: what proves that a billing run left nobody out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Final

from chalicelib.domain.accounts import CHARGES_SLOT, subscription_id

# A run is cut into this many key ranges at most; a small tenant is one.
SHARD_SPACE: Final = 256
ACCOUNTS_PER_SHARD: Final = 20_000
SHARDS_MAX: Final = 16


class RunState(StrEnum):
    """A run is complete when each shard is; with quarantined subscriptions it is not green."""

    RUNNING = "running"
    COMPLETED = "completed"
    COMPLETED_WITH_QUARANTINE = "completed_with_quarantine"


@dataclass(frozen=True, slots=True)
class RunShard:
    """A range of the due list, ``[first, last]`` of SHARD_SPACE, worked on by one worker at a time."""

    first: int
    last: int

    @property
    def key(self) -> str:
        """The shard's sort-key fragment."""
        return f"{self.first:02x}-{self.last:02x}"


@dataclass(frozen=True, slots=True)
class ShardProgress:
    """How far a shard has come; written in the same transaction as the invoices it counts.

    Each subscription that was looked at is billed, skipped for a reason, or quarantined:
    ``balanced`` says so. Amounts are minor units of the tenant's currency; ``ledger`` is the sum
    of the invoices' postings by ledger account, which is zero in all. ``goes_on`` is set once the
    shard was done and its run taken up again.
    """

    shard: RunShard
    version: int = 1
    cursor: str = ""
    done: bool = False
    looked_at: int = 0
    billed: int = 0
    invoices: int = 0
    net: int = 0
    tax: int = 0
    quarantined: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    ledger: Mapping[str, int] = field(default_factory=dict)
    goes_on: bool = False
    updated_at: datetime | None = field(default=None, compare=False)

    @property
    def begun(self) -> bool:
        """Whether bills were made; what comes before them may have moved the version."""
        return self.done or bool(self.cursor)

    @property
    def total(self) -> int:
        """Sum of the invoices with tax."""
        return self.net + self.tax

    @property
    def balanced(self) -> bool:
        """Whether everything that was looked at is accounted for."""
        resolved = self.looked_at == self.billed + self.quarantined + sum(self.skipped.values())
        return resolved and not sum(self.ledger.values())


@dataclass(frozen=True, slots=True)
class QuarantinedSubscription:
    """A due subscription that could not be billed, with the reason, until it is retried.

    Slot CHARGES_SLOT stands for the account's pending charges; ``of_usage`` says that it is the use
    of data that could not be closed.
    """

    account_id: str
    slot: int
    code: str
    message: str
    at: datetime
    of_usage: bool = False

    @property
    def of_charges(self) -> bool:
        """Whether it is the account's pending charges and no subscription."""
        return self.slot == CHARGES_SLOT

    @property
    def subscription_id(self) -> str:
        """The subscription's identifier."""
        return subscription_id(account_id=self.account_id, slot=self.slot)


@dataclass(frozen=True, slots=True)
class BillingRun:
    """One tenant's billing for one local date."""

    run_id: str
    on: date
    state: RunState
    started_at: datetime
    currency: str
    shards: tuple[ShardProgress, ...]
    completed_at: datetime | None = None

    @property
    def invoices(self) -> int:
        """Invoices issued."""
        return sum(shard.invoices for shard in self.shards)

    @property
    def ledger(self) -> dict[str, int]:
        """Sum of the invoices' postings by ledger account."""
        totals: Counter[str] = Counter()
        for shard in self.shards:
            totals.update(shard.ledger)
        return dict(totals)

    @property
    def skipped(self) -> dict[str, int]:
        """Subscriptions that were looked at and not billed, by reason."""
        totals: Counter[str] = Counter()
        for shard in self.shards:
            totals.update(shard.skipped)
        return dict(totals)

    @property
    def total(self) -> int:
        """Sum of the invoices, in minor units."""
        return sum(shard.total for shard in self.shards)

    @property
    def quarantined(self) -> int:
        """Subscriptions set aside."""
        return sum(shard.quarantined for shard in self.shards)


def run_shards(*, accounts: int) -> tuple[RunShard, ...]:
    """Cut the key space into as many ranges as the tenant's size asks for."""
    count = min(SHARDS_MAX, max(1, -(-accounts // ACCOUNTS_PER_SHARD)))
    edges = [SHARD_SPACE * index // count for index in range(count + 1)]
    return tuple(RunShard(first, after - 1) for first, after in pairwise(edges))


def run_id(*, on: date) -> str:
    """Return the identifier of a tenant's run for a local date."""
    return f"run_{on.isoformat()}"

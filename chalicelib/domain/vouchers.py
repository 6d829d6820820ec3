"""Vouchers: codes on paper that are worth money, or a prepaid package, once.

A batch of vouchers is made together and has one value and one last day. Codes are derived from a
secret of the batch, which is forgotten when the batch is made; kept are their blind digests. So
a batch that was killed half way is gone on with, and nobody can tell a code from what is stored.

A code is 17 characters of 29 (82 bits) and a check character, in groups of three. The alphabet has
no letter or digit that is taken for another of the print (0 and O, 1, I and L, S for 5, U for V).
Its size is a prime, so that the check finds every single wrong character and any two that changed
places; it is made of the code alone, and who guesses learns nothing of it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.jobs import JobFailure, JobTaken

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRTVWXYZ"
CODE_CHARS: Final = 18
_RANDOM_CHARS: Final = CODE_CHARS - 1
_GROUP_CHARS: Final = 3
# What people type between groups, or by mistake around the code.
_SEPARATORS: Final = frozenset(" -\u2010\u2011\u2012\u2013\u2014._/\t")
TYPED_CHARS_MAX: Final = 60

BATCH_VOUCHERS_MAX: Final = 5_000
BATCHES_AT_ONCE_MAX: Final = 3
VALID_DAYS_MAX: Final = 5 * 366
SHEETS_KEPT: Final = timedelta(days=1)
# A batch whose worker gives no sign of life for so long is seen as lost.
BATCH_LOST_AFTER: Final = timedelta(hours=2)


class VoucherCodeMistyped(InvalidValue):
    """The text is no code of a voucher: its length, a character or the check is wrong."""

    code = "voucher_code_mistyped"


class VoucherUnknown(InvalidValue):
    """Nobody was given this code, or another company gave it: both answer alike."""

    code = "voucher_unknown"


class VoucherRedeemed(Conflict):
    """The voucher was redeemed; that happens once."""

    code = "voucher_redeemed"


class VoucherVoid(Conflict):
    """The voucher, or its batch, was made void."""

    code = "voucher_void"


class VoucherExpired(Conflict):
    """The voucher's last day is over."""

    code = "voucher_expired"


class NotVoid(Conflict):
    """The voucher is not void, nor was its receipt reversed: there is nothing to reinstate."""

    code = "voucher_not_void"


class BatchNotReady(Conflict):
    """The vouchers of the batch are being made, or could not be made."""

    code = "voucher_batch_not_ready"


class TooManyBatches(Conflict):
    """As many batches are being made as one tenant may have at once."""

    code = "too_many_voucher_batches"


class BatchTaken(JobTaken):
    """Another worker makes this batch."""

    code = "voucher_batch_taken"


class InvalidBatch(InvalidValue):
    """The batch is worth nothing or two things, or its last day is not one."""

    code = "invalid_voucher_batch"


class BatchState(StrEnum):
    """Where a batch stands; its vouchers can be redeemed when it is ``ready``."""

    QUEUED = "queued"
    MAKING = "making"
    READY = "ready"
    FAILED = "failed"


class VoucherState(StrEnum):
    """Where a voucher stands, that of its batch and its last day aside."""

    OPEN = "open"
    REDEEMED = "redeemed"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class VoucherBatch:
    """A batch; each voucher is worth ``amount`` minor units, or where that is 0 the ``package_id``.

    ``expires_on`` is the last day, a date of the tenant. ``seed`` is the secret that codes are
    derived from, empty once they are made; ``made`` is how many there are so far. The counts are of
    vouchers that were redeemed, and that were made void one by one; ``redeemed_amount`` is what
    came of the former, in minor units. ``sold_amount`` is money that was taken for the batch.
    """

    batch_id: str
    number: int
    count: int
    currency: str
    amount: int
    package_id: str
    expires_on: date
    created_by: str
    created_at: datetime
    dealer_id: str = ""
    note: str = ""
    state: BatchState = BatchState.QUEUED
    version: int = 1
    attempt: int = 0
    made: int = 0
    seed: str = field(default="", repr=False)
    updated_at: datetime | None = None
    finished_at: datetime | None = None
    failure: JobFailure | None = None
    voided_at: datetime | None = None
    redeemed: int = 0
    redeemed_amount: int = 0
    voided: int = 0
    sold_amount: int = 0

    @property
    def finished(self) -> bool:
        """Whether nothing more is made of it."""
        return self.state in {BatchState.READY, BatchState.FAILED}

    @property
    def sheets_until(self) -> datetime | None:
        """Until when its codes can be downloaded; None while they are not made."""
        if self.state is not BatchState.READY or self.finished_at is None:
            return None
        return self.finished_at + SHEETS_KEPT

    def lost(self, *, at: datetime) -> bool:
        """Whether its worker gave no sign of life for too long."""
        return not self.finished and at >= (self.updated_at or self.created_at) + BATCH_LOST_AFTER

    def serial(self, *, number: int) -> str:
        """Return a voucher's serial number, such as ``0007-00042``."""
        return f"{self.number:04d}-{number:05d}"

    def number_of(self, *, serial: str) -> int | None:
        """Return which of its vouchers has a serial number; None for one of another batch."""
        last = serial.rpartition("-")[2]
        if not (last.isascii() and last.isdecimal() and len(last) <= 5):
            return None
        number = int(last)
        return number if 1 <= number <= self.count and self.serial(number=number) == serial else None


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """How many vouchers of a batch stand where on a day; the sum is what was made."""

    open: int
    redeemed: int
    void: int
    expired: int


@dataclass(frozen=True, slots=True)
class Voucher:
    """One voucher; who redeemed it, when, for how much (minor units) and by which receipt."""

    batch_id: str
    number: int
    state: VoucherState = VoucherState.OPEN
    subscriber_id: str = ""
    at: datetime | None = None
    amount: int = 0
    document_id: str = ""


def counts_of(*, batch: VoucherBatch, today: date) -> BatchCounts:
    """Return how many vouchers stand where: those of a void batch are void, later ones expired."""
    if batch.state is not BatchState.READY:
        return BatchCounts(0, 0, 0, 0)
    left = batch.count - batch.redeemed - batch.voided
    if batch.voided_at is not None:
        return BatchCounts(0, batch.redeemed, batch.voided + left, 0)
    if today > batch.expires_on:
        return BatchCounts(0, batch.redeemed, batch.voided, left)
    return BatchCounts(left, batch.redeemed, batch.voided, 0)


def check_batch(*, count: int, amount: int, package_id: str, expires_on: date, today: date) -> None:
    """Raise InvalidBatch unless a batch may be made: one value, 1 to 5,000 vouchers, a day to come."""
    if not 1 <= count <= BATCH_VOUCHERS_MAX:
        raise InvalidBatch(f"a batch has 1 to {BATCH_VOUCHERS_MAX} vouchers", param="count")
    if bool(amount) == bool(package_id):
        raise InvalidBatch("a voucher is worth an amount, or a package", param="value")
    if not today <= expires_on <= today + timedelta(days=VALID_DAYS_MAX):
        message = f"the last day is today or later, and within {VALID_DAYS_MAX} days"
        raise InvalidBatch(message, param="expires_on")


def check_redeemable(*, batch: VoucherBatch, voucher: Voucher, today: date) -> None:
    """Raise VoucherUnknown, VoucherRedeemed, VoucherVoid or VoucherExpired unless it can be redeemed."""
    if batch.state is not BatchState.READY:
        raise unknown_voucher()
    if voucher.state is VoucherState.REDEEMED:
        raise VoucherRedeemed("this voucher was redeemed already", param="code")
    if voucher.state is VoucherState.VOID or batch.voided_at is not None:
        raise VoucherVoid("this voucher is void", param="code")
    check_not_expired(batch=batch, today=today, param="code")


def check_not_expired(*, batch: VoucherBatch, today: date, param: str | None = None) -> None:
    """Raise VoucherExpired after the batch's last day."""
    if today > batch.expires_on:
        raise VoucherExpired(f"this voucher was good through {batch.expires_on}", param=param)


def unknown_voucher() -> VoucherUnknown:
    """Return the refusal of a code that nobody was given."""
    return VoucherUnknown("there is no such voucher", param="code")


# -- codes -----------------------------------------------------------------------------------


def code_of(*, seed: str, number: int) -> str:
    """Return the code of a batch's voucher: 18 characters, without groups."""
    digest = hmac.new(seed.encode(), f"voucher {number}".encode(), sha256).digest()
    value, places = int.from_bytes(digest, "big"), []
    for _ in range(_RANDOM_CHARS):
        value, place = divmod(value, len(ALPHABET))
        places.append(place)
    return "".join(ALPHABET[place] for place in [*places, _check(places)])


def shown_code(*, code: str) -> str:
    """Return a code as it is printed: ``XXX-XXX-XXX-XXX-XXX-XXX``."""
    return "-".join(code[start : start + _GROUP_CHARS] for start in range(0, CODE_CHARS, _GROUP_CHARS))


def typed_code(*, text: str) -> str:
    """Return the code that was typed, in any case and grouping, or raise VoucherCodeMistyped."""
    code = "".join(one for one in text[:TYPED_CHARS_MAX].upper() if one not in _SEPARATORS)
    places = [ALPHABET.find(one) for one in code]
    if len(code) != CODE_CHARS or min(places) < 0 or places[-1] != _check(places[:-1]):
        raise VoucherCodeMistyped("this is no voucher's code: compare it with the print", param="code")
    return code


def _check(places: list[int]) -> int:
    """Return the place of the check character: each place counts by its position, modulo a prime."""
    return sum(weight * place for weight, place in enumerate(places, start=2)) % len(ALPHABET)

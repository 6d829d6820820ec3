"""Vouchers as the use cases see them, and the sheets that they are printed on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.vouchers import Voucher, VoucherBatch, VoucherState

if TYPE_CHECKING:
    from chalicelib.ports.store import Page, Write


class Vouchers(Protocol):
    """A tenant's vouchers, by batch; codes are known by their blind digests alone."""

    def batch(self, *, batch_id: str) -> VoucherBatch:
        """Return a batch, or raise NotFound."""

    def batches(self, *, limit: int, after: str | None) -> Page[VoucherBatch]:
        """Return a page of batches, newest first."""

    def next_number(self) -> int:
        """Return the number of the next batch, from 1 on."""

    def add(self, *, batch: VoucherBatch) -> Sequence[Write]:
        """Describe adding a batch under the next number; refused with StaleVersion where that is taken."""

    def change(self, *, before: VoucherBatch, after: VoucherBatch) -> Sequence[Write]:
        """Describe a change of a batch that is not ready; refused with StaleVersion."""

    def make(self, *, batch: VoucherBatch, codes: Sequence[tuple[int, str]]) -> Sequence[Write]:
        """Describe new vouchers by number and code, two writes each."""

    def by_code(self, *, code: str) -> Voucher | None:
        """Return the voucher that a code (as ``typed_code`` returns it) is of, or None."""

    def voucher(self, *, batch_id: str, number: int) -> Voucher | None:
        """Return a voucher by number, or None."""

    def vouchers(
        self, *, batch_id: str, state: VoucherState | None, limit: int, after: str | None
    ) -> Page[Voucher]:
        """Return a page of a batch's vouchers in the order of numbers; with a state it may be short."""

    def redeem(self, *, before: Voucher, after: Voucher) -> Sequence[Write]:
        """Describe a redemption; refused with Busy where voucher or batch changed meanwhile."""

    def void(self, *, before: Voucher, after: Voucher) -> Sequence[Write]:
        """Describe making one voucher void, or open again; refused with Busy."""

    def void_batch(self, *, batch: VoucherBatch, at: datetime | None) -> Sequence[Write]:
        """Describe making a batch void, or with None good again; refused with Busy."""

    def sell(self, *, batch: VoucherBatch, amount: int) -> Sequence[Write]:
        """Describe adding to the money that came in for a batch; refused with Busy."""


@dataclass(frozen=True, slots=True)
class VoucherPrint:
    """What is printed on every voucher of a batch, as people read it; two lines of instructions."""

    company: str
    worth: str
    valid_through: str
    instructions: tuple[str, ...]
    title: str


class VoucherSheets(Protocol):
    """Prints vouchers."""

    def sheets(self, *, print_: VoucherPrint, vouchers: Iterable[tuple[str, str]]) -> Iterator[bytes]:
        """Yield a PDF of vouchers, each a serial number and a code in groups."""

"""Late fees as the store keeps them: rules, the reconnect fee, and the fees of invoices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.accounts import Account
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.late_fees import LateFee, LateFeeRule, ReconnectFee
from chalicelib.domain.runs import RunShard

if TYPE_CHECKING:
    from chalicelib.ports.store import Page, Write


class LateFees(Protocol):
    """A tenant's late and reconnect fees."""

    def rules(self) -> tuple[LateFeeRule, ...]:
        """Return every rule, those not in use too, oldest first."""

    def rule(self, *, rule_id: str) -> LateFeeRule:
        """Return a rule, or raise NotFound."""

    def add_rule(self, *, rule: LateFeeRule) -> Sequence[Write]:
        """Describe adding a rule."""

    def change_rule(self, *, before: LateFeeRule, after: LateFeeRule) -> Sequence[Write]:
        """Describe a change; refused with StaleVersion."""

    def reconnect(self) -> ReconnectFee:
        """Return what restoring service costs; nothing unless it was set."""

    def change_reconnect(self, *, before: ReconnectFee, after: ReconnectFee) -> Sequence[Write]:
        """Describe a change; refused with StaleVersion."""

    def unpaid(self, *, due_on: date, shard: RunShard) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield (account id, invoice ids) of what is to be paid by a date and is open still, in a shard."""

    def fee(self, *, invoice_id: str, rule_id: str) -> LateFee | None:
        """Return the fee of a rule for an invoice, charged or waived; or None."""

    def of_account(self, *, account_id: str, limit: int, after: str | None) -> Page[LateFee]:
        """Return an account's fees, in the order of the invoices' keys."""

    def charge(
        self, *, before: Account, after: Account, fees: Sequence[tuple[LateFee, Invoice]]
    ) -> Sequence[Write]:
        """Describe charging or waiving fees not known yet; refused with StaleVersion where something moved.

        ``after`` is the account with the charges, or ``before`` itself.
        """

    def waive(self, *, before: Account, after: Account, fee: LateFee) -> Sequence[Write]:
        """Describe waiving a fee that was charged and not billed; refused with StaleVersion."""

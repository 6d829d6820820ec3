"""Late and reconnect fees: when one is charged, what it comes to, and what is paid before service.

A rule charges an invoice once: on the day after its last day to pay and the rule's grace. What
is paid by then is never charged for, whatever the due date was, and fees are never charged on
fees. Nothing is looked up when an invoice is issued.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.accounts import Account, ChargeKind, PendingCharge
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.invoices import Invoice, InvoiceLine
from chalicelib.domain.money import AMOUNT_MINOR_MAX, round_half_up

SHARE_PER_UNIT: Final = 1_000_000
GRACE_DAYS_MAX: Final = 365
RULES_MAX: Final = 10
RULE_NAME_CHARS_MAX: Final = 80
REASON_CHARS_MAX: Final = 300
RECONNECT_PACKAGES_MAX: Final = 200
FEE_KINDS: Final = frozenset({ChargeKind.LATE_FEE, ChargeKind.RECONNECT_FEE})
LATE_PREFIX: Final = "late:"
RECONNECT_PREFIX: Final = "reconnect:"


class LateFeeRuleTaken(Conflict):
    """Another rule in use has the name: both would charge."""

    code = "late_fee_rule_taken"


class InvalidLateFeeRule(InvalidValue):
    """The rule charges nothing, or both ways, or is out of range."""

    code = "invalid_late_fee_rule"


class TooManyLateFeeRules(Conflict):
    """The tenant has as many rules as it may."""

    code = "too_many_late_fee_rules"


class FeeBilled(Conflict):
    """The fee is on an invoice already, which never changes."""

    code = "fee_billed"


class MustPay(Conflict):
    """Fees are to be paid before service is restored."""

    code = "must_pay"


@dataclass(frozen=True, slots=True)
class LateFeeRule:
    """What is charged for an invoice that is not paid in time.

    Either ``share`` (millionths of what is open) or ``amount``; the fee is never more than ``cap``.
    ``amount``, ``cap`` and ``minimum_open`` (less than that open is charged nothing) are minor units of
    the tenant's currency; the fee is before tax unless its group is inclusive. It holds for
    invoices to be paid on ``active_from`` or later.
    """

    rule_id: str
    name: str
    grace_days: int
    active_from: date
    share: int = 0
    amount: int = 0
    cap: int | None = None
    minimum_open: int = 1
    tax_group: str | None = None
    must_pay: bool = True
    active: bool = True
    version: int = 1

    def due_on_before(self, *, on: date) -> date:
        """Return the last day to pay of the invoices that are charged on a date."""
        return on - timedelta(days=self.grace_days + 1)

    def charged_on(self, *, due_on: date) -> date:
        """Return the date on which an invoice with this last day to pay is charged."""
        return due_on + timedelta(days=self.grace_days + 1)

    def holds_for(self, *, due_on: date) -> bool:
        """Whether the rule is in use for invoices with this last day to pay."""
        return self.active and due_on >= self.active_from


def check_rule(*, rule: LateFeeRule, today: date | None = None) -> None:
    """Raise InvalidLateFeeRule unless the rule charges something, one way, within bounds.

    ``today`` is given for a new rule, which is never retroactive.
    """
    if not 1 <= len(rule.name.strip()) <= RULE_NAME_CHARS_MAX:
        raise InvalidLateFeeRule(f"a name has 1 to {RULE_NAME_CHARS_MAX} characters", param="name")
    if not 0 <= rule.grace_days <= GRACE_DAYS_MAX:
        raise InvalidLateFeeRule(f"the grace is 0 to {GRACE_DAYS_MAX} days", param="grace_days")
    if bool(rule.share) == bool(rule.amount):
        message = "a rule charges either a share of what is open or an amount"
        raise InvalidLateFeeRule(message, param="share_millionths")
    if not 0 <= rule.share <= SHARE_PER_UNIT:
        raise InvalidLateFeeRule("a share is at most 100 %", param="share_millionths")
    for name, value in (("amount", rule.amount), ("minimum_open", rule.minimum_open)):
        if not 0 <= value <= AMOUNT_MINOR_MAX:
            raise InvalidLateFeeRule("the amount is out of range", param=name)
    if rule.cap is not None and not 1 <= rule.cap <= AMOUNT_MINOR_MAX:
        raise InvalidLateFeeRule("a cap is an amount above zero", param="cap")
    if today is not None and rule.active_from < today:
        raise InvalidLateFeeRule("a rule is not retroactive: it starts today or later", param="active_from")


def fee_base(*, invoice: Invoice) -> int:
    """Return what of an invoice a share is of, in minor units: what is open, without fees on it.

    Nothing where it bills fees alone: their rounding is none of the service's.
    """
    served = [line for line in invoice.lines if line.kind not in FEE_KINDS]
    if all(line.kind is ChargeKind.ROUNDING for line in served):
        return 0
    return max(0, min(invoice.open_amount, sum(line.total for line in served)))


def late_fee(*, rule: LateFeeRule, invoice: Invoice, on: date) -> int:
    """Return the fee of a rule for an invoice on a date, in minor units; 0 where none is charged."""
    if rule.rule_id in invoice.fees or not rule.holds_for(due_on=invoice.due_on):
        return 0
    base = fee_base(invoice=invoice)
    if on < rule.charged_on(due_on=invoice.due_on) or base < max(1, rule.minimum_open):
        return 0
    fee = rule.amount or round_half_up(numerator=base * rule.share, denominator=SHARE_PER_UNIT)
    return fee if rule.cap is None else min(fee, rule.cap)


def late_fee_key(*, rule_id: str, invoice_key: str) -> str:
    """Return the key of a pending late fee: one for each invoice and rule."""
    return f"{LATE_PREFIX}{rule_id}:{invoice_key}"


def late_charge(*, rule: LateFeeRule, invoice: Invoice, fee: int, on: date) -> PendingCharge:
    """Return the pending charge of a late fee, billed by the next run from ``on``."""
    key = late_fee_key(rule_id=rule.rule_id, invoice_key=key_of(invoice_id=invoice.invoice_id))
    return PendingCharge(
        key=key,
        kind=ChargeKind.LATE_FEE,
        description=f"{rule.name} {invoice.number}",
        unit_price=fee,
        quantity=1,
        tax_group=rule.tax_group,
        on=on,
    )


def key_of(*, invoice_id: str) -> str:
    """Return the key of an invoice within its account."""
    return invoice_id.partition("-")[2]


# -- fees of one account -------------------------------------------------------------------


class FeeState(StrEnum):
    """What became of a late fee."""

    CHARGED = "charged"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class LateFee:
    """One late fee of one invoice: ``amount`` in minor units, as charged on ``on`` before tax."""

    account_id: str
    invoice_id: str
    rule_id: str
    amount: int
    on: date
    state: FeeState = FeeState.CHARGED
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ReconnectFee:
    """What is charged when a suspended subscription is restored, in minor units before tax.

    ``packages`` are those with an amount of their own (which may be 0). Version 1 is a tenant's that
    has set nothing.
    """

    amount: int = 0
    packages: tuple[tuple[str, int], ...] = ()
    tax_group: str | None = None
    must_pay: bool = True
    version: int = 1

    def of(self, *, package_id: str) -> int:
        """Return the fee for a subscription of a package."""
        return dict(self.packages).get(package_id, self.amount)


def reconnect_charge(
    *, setting: ReconnectFee, package_id: str, slot: int, on: date, version: int
) -> PendingCharge | None:
    """Return the pending charge for a restored subscription; None where nothing is charged.

    ``version`` is the account's, so that each restoring of a day is charged by its own key.
    """
    amount = setting.of(package_id=package_id)
    if not amount:
        return None
    return PendingCharge(
        key=f"{RECONNECT_PREFIX}{slot}:{on.isoformat()}:{version}",
        kind=ChargeKind.RECONNECT_FEE,
        description="Reconnection",
        unit_price=amount,
        quantity=1,
        tax_group=setting.tax_group,
        on=on,
    )


@dataclass(frozen=True, slots=True)
class MustPayItem:
    """A fee to be paid before service is restored: ``open_amount`` in minor units.

    ``invoice_id`` is None where it waits for the next bill; it is before tax then.
    """

    description: str
    kind: ChargeKind
    open_amount: int
    invoice_id: str | None = None
    number: str | None = None
    due_on: date | None = None


def must_pay_items(
    *, account: Account, invoices: Sequence[Invoice], optional: Collection[str], reconnect: bool
) -> tuple[MustPayItem, ...]:
    """Return the unpaid fees that keep service from being restored.

    ``invoices`` are the account's that are not settled, ``optional`` the rules whose fees may stay
    unpaid, ``reconnect`` says whether reconnect fees are to be paid too. What settles an invoice
    counts for its fees first.
    """

    def wanted(kind: ChargeKind, key: str) -> bool:
        if kind is ChargeKind.RECONNECT_FEE:
            return reconnect
        return kind is ChargeKind.LATE_FEE and key.removeprefix(LATE_PREFIX).partition(":")[0] not in optional

    items: list[MustPayItem] = []
    for invoice in sorted(invoices, key=lambda one: (one.due_on, one.number)):
        settled = invoice.total - invoice.open_amount
        for line in invoice.lines:
            if not wanted(line.kind, _charge_key(line)):
                continue
            paid = min(settled, line.total)
            settled -= paid
            if line.total > paid:
                items.append(
                    MustPayItem(
                        line.description,
                        line.kind,
                        min(line.total - paid, invoice.open_amount),
                        invoice.invoice_id,
                        invoice.number,
                        invoice.due_on,
                    )
                )
    items += [
        MustPayItem(charge.description, charge.kind, charge.unit_price * charge.quantity)
        for charge in account.charges
        if wanted(charge.kind, charge.key)
    ]
    return tuple(items)


def _charge_key(line: InvoiceLine) -> str:
    """Return the key of the pending charge that a line was, from its trace."""
    return next((code[2:] for code in line.trace if code.startswith("c:")), "")


def require_paid(*, items: Sequence[MustPayItem], override: str | None) -> None:
    """Raise MustPay where fees are unpaid and no reason is given for restoring service all the same."""
    if items and not (override or "").strip():
        numbers = ", ".join(dict.fromkeys(item.number or "the next bill" for item in items))
        message = f"fees are to be paid first ({numbers}); or say why not in must_pay_override"
        raise MustPay(message, param="state")

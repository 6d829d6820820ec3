"""Restoring suspended service: the fees to be paid first, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from chalicelib.domain.accounts import (
    Account,
    ChargeKind,
    PendingCharge,
    Subscription,
    SubscriptionState,
)
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.late_fees import (
    FEE_KINDS,
    MustPayItem,
    must_pay_items,
    reconnect_charge,
    require_paid,
)
from chalicelib.ports.store import TenantStore


@dataclass(frozen=True, slots=True)
class Restored:
    """What restoring service charges, and what the audit entry tells of it."""

    charges: tuple[PendingCharge, ...] = ()
    told: dict[str, object] = field(default_factory=dict)


def must_pay(*, store: TenantStore, account: Account) -> tuple[MustPayItem, ...]:
    """Return the unpaid fees that keep an account's service from being restored."""
    receivable = account.balance + account.credit
    invoices: tuple[Invoice, ...] = ()
    if receivable > 0:
        invoices = store.documents.open_invoices(account_id=account.account_id, receivable=receivable)
    return must_pay_of(store=store, account=account, invoices=invoices)


def must_pay_of(
    *, store: TenantStore, account: Account, invoices: Sequence[Invoice]
) -> tuple[MustPayItem, ...]:
    """Return the unpaid fees among an account's charges and its open ``invoices``."""
    kinds: set[ChargeKind] = {charge.kind for charge in account.charges}
    kinds |= {line.kind for invoice in invoices for line in invoice.lines}
    if not kinds & FEE_KINDS:
        return ()
    return must_pay_items(
        account=account,
        invoices=invoices,
        optional={rule.rule_id for rule in store.late_fees.rules() if not rule.must_pay},
        reconnect=store.late_fees.reconnect().must_pay,
    )


def restoring(
    *,
    store: TenantStore,
    account: Account,
    before: Subscription,
    after: Subscription,
    on: date,
    override: str | None,
) -> Restored:
    """Return what is charged where a suspended subscription is in service again, else nothing.

    Raises MustPay where fees are unpaid and ``override`` gives no reason to restore it all the same.
    """
    was, now = before.state, after.state
    if was is not SubscriptionState.SUSPENDED or now is not SubscriptionState.ACTIVE:
        return Restored()
    unpaid = must_pay(store=store, account=account)
    require_paid(items=unpaid, override=override)
    charge = reconnect_charge(
        setting=store.late_fees.reconnect(),
        package_id=before.package_id,
        slot=before.slot,
        on=on,
        version=account.version,
    )
    told: dict[str, object] = {"must_pay_override": override} if unpaid else {}
    if charge is None:
        return Restored(told=told)
    return Restored((charge,), {**told, "reconnect_fee": charge.unit_price})

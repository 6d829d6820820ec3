"""Late and reconnect fees: their rules, charging them day by day, and waiving them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from chalicelib.domain.accounts import Account, PendingCharge, parse_invoice_id
from chalicelib.domain.erasure import is_erased
from chalicelib.domain.errors import Busy, DomainError, NotFound, StaleVersion
from chalicelib.domain.identifiers import MalformedId
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.late_fees import (
    RULES_MAX,
    FeeBilled,
    FeeState,
    InvalidLateFeeRule,
    LateFee,
    LateFeeRule,
    LateFeeRuleTaken,
    ReconnectFee,
    TooManyLateFeeRules,
    check_rule,
    key_of,
    late_charge,
    late_fee,
    late_fee_key,
)
from chalicelib.domain.pending_charges import with_charges
from chalicelib.domain.runs import RunShard
from chalicelib.domain.taxes import UnknownTaxGroup
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore, Write
from chalicelib.usecases.told_changes import changed_fields
from chalicelib.usecases.versions import require_version

CHARGE_ATTEMPTS_MAX: Final = 6
# Each fee of an account is two of a transaction's actions, beside the account's own.
FEES_PER_COMMIT_MAX: Final = 20
# Told of what an account's fees could not be charged for: account id and the refusal's code.
Refused = Callable[[str, str], None]


def _untold(_account_id: str, _code: str, /) -> None:
    """Tell nobody."""


# -- rules ---------------------------------------------------------------------------------


def create_rule(
    *,
    store: TenantStore,
    rule: LateFeeRule,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> LateFeeRule:
    """Add a rule; raise InvalidLateFeeRule, LateFeeRuleTaken, UnknownTaxGroup or TooManyLateFeeRules."""
    tenant = store.profile()
    check_rule(rule=rule, today=tenant.local_date(at=at))
    _check_group(tenant, rule.tax_group)
    in_use = [one for one in store.late_fees.rules() if one.active]
    if any(one.name.casefold() == rule.name.casefold() for one in in_use):
        raise LateFeeRuleTaken("a rule in use has this name: end it first, or change it", param="name")
    if len(in_use) >= RULES_MAX:
        raise TooManyLateFeeRules(f"a tenant has at most {RULES_MAX} rules in use: end one first")
    store.commit(
        *store.late_fees.add_rule(rule=rule),
        store.note(note=replace(note, details={"rule": rule})),
        *store.remember(idempotency=idempotency, answer=rule),
    )
    return rule


def change_rule(
    *,
    store: TenantStore,
    rule_id: str,
    change: Mapping[str, object],
    if_match: int | None,
    note: AuditNote,
) -> LateFeeRule:
    """Change a rule for the fees to come; its grace and its first day stay."""
    before = store.late_fees.rule(rule_id=rule_id)
    require_version(current=before.version, expected=if_match)
    after: LateFeeRule = replace(before, **change)  # type: ignore[arg-type]
    if after == before:
        return before
    after = replace(after, version=before.version + 1)
    check_rule(rule=after)
    if after.tax_group != before.tax_group:
        _check_group(store.profile(), after.tax_group)
    told = replace(note, details=changed_fields(before=before, after=after))
    store.commit(*store.late_fees.change_rule(before=before, after=after), store.note(note=told))
    return after


def change_reconnect(
    *, store: TenantStore, fee: ReconnectFee, if_match: int | None, note: AuditNote
) -> ReconnectFee:
    """Set what restoring a suspended subscription costs."""
    before = store.late_fees.reconnect()
    require_version(current=before.version, expected=if_match)
    _check_group(store.profile(), fee.tax_group)
    known = {package.package_id for package in store.packages.all()}
    unknown = [package_id for package_id, _ in fee.packages if package_id not in known]
    if unknown:
        raise InvalidLateFeeRule("there is no package of this id", param="packages")
    after = replace(fee, version=before.version + 1)
    told = replace(note, details=changed_fields(before=before, after=after))
    store.commit(*store.late_fees.change_reconnect(before=before, after=after), store.note(note=told))
    return after


def _check_group(tenant: Tenant, code: str | None) -> None:
    if code is not None and tenant.tax_group(code=code) is None:
        raise UnknownTaxGroup("there is no tax group of this code", param="tax_group")


# -- charging ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FeePass:
    """The charging of a date's fees for a shard; it may be ended anywhere and done again.

    ``passing`` are the refusals that another try mends.
    """

    store: TenantStore
    on: date
    shard: RunShard
    at: datetime
    out_of_time: Callable[[], bool]
    refused: Refused = _untold
    passing: tuple[type[DomainError], ...] = (Busy,)


def charge_late_fees(*, work: FeePass) -> bool:
    """Charge what is overdue on a date; return whether all of the shard is done.

    Each account's fees are one transaction, which marks the invoices: done again, or twice at
    once, it charges nothing twice. What is ``passing`` is raised, for the work is to be done again;
    an account that no retry mends is told and left out, so that it stops no other.
    """
    rules = [rule for rule in work.store.late_fees.rules() if rule.active]
    for rule in rules:
        due_on = rule.due_on_before(on=work.on)
        if not rule.holds_for(due_on=due_on):
            continue
        for account_id, invoice_ids in work.store.late_fees.unpaid(due_on=due_on, shard=work.shard):
            for start in range(0, len(invoice_ids), FEES_PER_COMMIT_MAX):
                if work.out_of_time():
                    return False
                some = invoice_ids[start : start + FEES_PER_COMMIT_MAX]
                try:
                    _charge(work, rule, account_id, some)
                except DomainError as error:
                    if isinstance(error, work.passing):
                        raise
                    work.refused(account_id, error.code)
    return True


def _charge(work: FeePass, rule: LateFeeRule, account_id: str, invoice_ids: tuple[str, ...]) -> None:
    """Charge one account's invoices by one rule, from what stands now."""
    for _ in range(CHARGE_ATTEMPTS_MAX):
        subscriber = work.store.subscribers.get(subscriber_id=account_id)
        if is_erased(subscriber=subscriber):
            return  # nobody is there to be billed: what is owed is paid, or written off
        before = subscriber.account
        charged = _charged(work, rule, invoice_ids)
        if not charged:
            return
        after = with_charges(account=before, charges=[charge for _, _, charge in charged])
        fees = [(fee, invoice) for fee, invoice, _ in charged]
        told = {"rule_id": rule.rule_id, "fees": {invoice.number: fee.amount for fee, invoice in fees}}
        note = AuditNote("system", "late_fees.charged", account_id, work.at, details=told)
        try:
            work.store.commit(
                *work.store.late_fees.charge(
                    before=before, after=replace(after, version=before.version + 1), fees=fees
                ),
                work.store.note(note=note),
            )
        except StaleVersion:
            continue
        return
    raise Busy("the account kept changing")


def _charged(
    work: FeePass, rule: LateFeeRule, invoice_ids: tuple[str, ...]
) -> list[tuple[LateFee, Invoice, PendingCharge]]:
    found = []
    for invoice_id in invoice_ids:
        invoice = work.store.invoices.get(invoice_id=invoice_id)
        amount = late_fee(rule=rule, invoice=invoice, on=work.on)
        if amount:
            fee = LateFee(invoice.account_id, invoice_id, rule.rule_id, amount, work.on)
            charge = late_charge(rule=rule, invoice=invoice, fee=amount, on=work.on)
            found.append((fee, invoice, charge))
    return found


# -- waiving -------------------------------------------------------------------------------


def waive_late_fee(
    *, store: TenantStore, invoice_id: str, rule_id: str, reason: str, at: datetime, note: AuditNote
) -> LateFee:
    """Waive the fee of a rule for an invoice: one that waits for its bill, or one not charged yet.

    Waiving twice changes nothing. Raises NotFound, FeeBilled or Busy.
    """
    try:
        account_id, _ = parse_invoice_id(value=invoice_id)
    except MalformedId:
        raise NotFound("no such invoice", param="invoice_id") from None
    rule = store.late_fees.rule(rule_id=rule_id)
    told = replace(note, details={**note.details, "rule_id": rule_id}, personal={"reason": reason})
    for _ in range(CHARGE_ATTEMPTS_MAX):
        known = store.late_fees.fee(invoice_id=invoice_id, rule_id=rule_id)
        if known is not None and known.state is FeeState.WAIVED:
            return known
        today = store.profile().local_date(at=at)
        fee = known or LateFee(account_id, invoice_id, rule.rule_id, 0, today)
        waived = replace(fee, state=FeeState.WAIVED, reason=reason)
        try:
            store.commit(*_waiving(store, known, waived), store.note(note=told))
        except StaleVersion:
            continue
        return waived
    raise Busy("the account kept changing; nothing was written, so try again")


def _waiving(store: TenantStore, known: LateFee | None, waived: LateFee) -> Sequence[Write]:
    invoice = store.invoices.get(invoice_id=waived.invoice_id)
    before = store.subscribers.get(subscriber_id=waived.account_id).account
    if known is None:
        return store.late_fees.charge(before=before, after=before, fees=[(waived, invoice)])
    after = _without_charge(before, waived.rule_id, waived.invoice_id)
    return store.late_fees.waive(before=before, after=after, fee=waived)


def _without_charge(account: Account, rule_id: str, invoice_id: str) -> Account:
    key = late_fee_key(rule_id=rule_id, invoice_key=key_of(invoice_id=invoice_id))
    left = tuple(charge for charge in account.charges if charge.key != key)
    if left == account.charges:
        message = "the fee is on an invoice, which never changes: make a credit note for it"
        raise FeeBilled(message, param="rule_id")
    return replace(account, charges=left, version=account.version + 1)

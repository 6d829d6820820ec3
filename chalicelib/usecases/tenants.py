"""A tenant's own settings and taxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib.domain.invoices import fiscal_year
from chalicelib.domain.numbering import DocumentKind
from chalicelib.domain.origins import check_origins
from chalicelib.domain.staff import Principal
from chalicelib.domain.taxes import TaxGroup, check_tax_change
from chalicelib.domain.tenants import (
    Tenant,
    check_bill_day,
    check_billing,
    check_company,
    check_time_zone,
)
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.changes import UNCHANGED, Unchanged
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.staff_factors import hold_without_factor, may_ask_for_factors
from chalicelib.usecases.told_changes import changed_fields
from chalicelib.usecases.versions import require_version


@dataclass(frozen=True, slots=True)
class TenantChange:
    """New settings; None leaves one as it is, but for ``invoice_limit``, where it is the default again.

    Country, currency and fiscal year stay: invoices and their numbers are made of them.
    ``number_formats`` are those of the kinds to change.
    """

    company: str | None = None
    time_zone: str | None = None
    billing_hour: int | None = None
    payment_days: int | None = None
    round_to: int | None = None
    consolidated: bool | None = None
    invoice_limit: int | Unchanged | None = UNCHANGED
    bill_day: int | None = None
    allowed_origins: Sequence[str] | None = None
    portal: bool | None = None
    portal_sms: bool | None = None
    mfa_required: bool | None = None
    receipt_mails: bool | None = None
    number_formats: Mapping[DocumentKind, str] = field(default_factory=dict)


def change_settings(
    *,
    identity: Identity,
    store: TenantStore,
    principal: Principal,
    change: TenantChange,
    if_match: int | None,
    at: datetime,
    note: AuditNote,
) -> Tenant:
    """Change settings and return the tenant, or raise InvalidValue, SecondFactorOff or StaleVersion.

    What is changed holds for what is billed from now on. The format of a kind's numbers holds from
    the present fiscal year on, or where that has a document of the kind, from the next: numbers
    that were given never change. Where second factors are asked for, the sessions of who has none are
    held before it returns; should that fail, asking for them once more holds the rest.
    """
    before = store.profile()
    require_version(current=before.version, expected=if_match)
    limit = change.invoice_limit
    after = replace(
        before,
        company=before.company if change.company is None else check_company(company=change.company),
        time_zone=before.time_zone if change.time_zone is None else change.time_zone,
        billing_hour=before.billing_hour if change.billing_hour is None else change.billing_hour,
        payment_days=before.payment_days if change.payment_days is None else change.payment_days,
        round_to=before.round_to if change.round_to is None else change.round_to,
        consolidated=before.consolidated if change.consolidated is None else change.consolidated,
        invoice_limit=before.invoice_limit if isinstance(limit, Unchanged) else limit,
        bill_day=before.bill_day if change.bill_day is None else change.bill_day,
        allowed_origins=_origins(before, change),
        portal=before.portal if change.portal is None else change.portal,
        portal_sms=before.portal_sms if change.portal_sms is None else change.portal_sms,
        mfa_required=before.mfa_required if change.mfa_required is None else change.mfa_required,
        receipt_mails=before.receipt_mails if change.receipt_mails is None else change.receipt_mails,
    )
    check_time_zone(time_zone=after.time_zone)
    check_bill_day(bill_day=after.bill_day)
    check_billing(billing_hour=after.billing_hour, payment_days=after.payment_days, round_to=after.round_to)
    after, conditions = _with_formats(store, after, change.number_formats, at)
    if before.mfa_required != after.mfa_required:
        conditions.append(may_ask_for_factors(store=store, principal=principal))
    saved = _save(store, before, after, note, conditions)
    if change.mfa_required:
        hold_without_factor(identity=identity, store=store)
    return saved


def _origins(before: Tenant, change: TenantChange) -> tuple[str, ...]:
    given = change.allowed_origins
    return before.allowed_origins if given is None else check_origins(origins=given)


def _with_formats(
    store: TenantStore, tenant: Tenant, formats: Mapping[DocumentKind, str], at: datetime
) -> tuple[Tenant, list[Write]]:
    """Return the tenant with its new formats, and what must still hold when they are written."""
    present = fiscal_year(on=tenant.local_date(at=at), start_month=tenant.fiscal_year_start_month)
    conditions: list[Write] = []
    for kind, pattern in formats.items():
        years = store.invoices.series_years(kind=kind.value)
        begun = present in years
        if not begun:
            conditions.append(store.invoices.none_numbered(kind=kind.value, fiscal_year=present))
        from_year = present + 1 if begun else present
        tenant = tenant.with_number_format(kind=kind, pattern=pattern, from_year=from_year)
    return tenant, conditions


def put_tax_group(*, store: TenantStore, group: TaxGroup, if_match: int | None, note: AuditNote) -> Tenant:
    """Add or replace a tax group and return the tenant.

    Raises InvalidValue, StaleVersion, TaxRowInForce where a date that runs have billed would get
    other taxes, or Busy where a run starts meanwhile. Until the tenant's first invoice nothing is billed, and
    everything may be changed.
    """
    before = store.profile()
    require_version(current=before.version, expected=if_match)
    after = before.with_tax_group(group=group)
    replaced = before.tax_group(code=group.code)
    note = replace(note, details={"tax_group": [replaced, group]})
    if replaced is None:
        return _save(store, before, after, note)
    state = store.billing_state()
    billing = state.started_through > state.completed_through
    if billing or store.invoices.series_years():
        check_tax_change(before=replaced, after=group, billed_through=state.started_through)
    return _save(store, before, after, note, [store.billing_unmoved(state=state)])


def _save(
    store: TenantStore, before: Tenant, after: Tenant, note: AuditNote, conditions: Sequence[Write] = ()
) -> Tenant:
    changes = changed_fields(before=before, after=after)
    changes.pop("tax_groups", None)  # the one that changed is told by itself
    # A company may have its owner's name: it goes with the company, as what is told of people does.
    named = {name: changes.pop(name) for name in ("company",) if name in changes}
    told = replace(note, details={**note.details, **changes}, personal=named)
    store.commit(*store.change_profile(before=before, after=after), store.note(note=told), *conditions)
    return replace(after, version=before.version + 1)

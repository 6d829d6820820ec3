"""A tenant's own settings and taxes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain.taxes import TaxGroup
from chalicelib.domain.tenants import Tenant, check_billing, check_company, check_time_zone
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.versions import require_version


@dataclass(frozen=True, slots=True)
class TenantChange:
    """New settings; None leaves one as it is.

    Country, currency and fiscal year stay: invoices and their numbers are made of them.
    """

    company: str | None = None
    time_zone: str | None = None
    billing_hour: int | None = None
    payment_days: int | None = None


def change_settings(
    *, store: TenantStore, change: TenantChange, if_match: int | None, note: AuditNote
) -> Tenant:
    """Change settings and return the tenant, or raise InvalidValue or StaleVersion."""
    before = store.profile()
    require_version(current=before.version, expected=if_match)
    after = replace(
        before,
        company=before.company if change.company is None else check_company(company=change.company),
        time_zone=before.time_zone if change.time_zone is None else change.time_zone,
        billing_hour=before.billing_hour if change.billing_hour is None else change.billing_hour,
        payment_days=before.payment_days if change.payment_days is None else change.payment_days,
    )
    check_time_zone(time_zone=after.time_zone)
    check_billing(billing_hour=after.billing_hour, payment_days=after.payment_days)
    return _save(store, before, after, note)


def put_tax_group(*, store: TenantStore, group: TaxGroup, if_match: int | None, note: AuditNote) -> Tenant:
    """Add or replace a tax group and return the tenant, or raise InvalidValue or StaleVersion."""
    before = store.profile()
    require_version(current=before.version, expected=if_match)
    return _save(store, before, before.with_tax_group(group=group), note)


def _save(store: TenantStore, before: Tenant, after: Tenant, note: AuditNote) -> Tenant:
    store.commit(*store.change_profile(before=before, after=after), store.note(note=note))
    return replace(after, version=before.version + 1)

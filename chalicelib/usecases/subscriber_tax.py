"""Where a subscriber is taxed, and from which taxes it is exempt."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain.accounts import Account
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.taxes import TaxProfile, check_tax_profile
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.versions import require_version


class UnknownTax(InvalidValue):
    """No tax group of the tenant has a component of this code."""

    code = "unknown_tax"


@dataclass(frozen=True, slots=True)
class AccountTax:
    """A subscriber's tax profile with its account's version, which guards it."""

    subscriber_id: str
    profile: TaxProfile
    version: int


def get_tax(*, store: TenantStore, subscriber_id: str) -> AccountTax:
    """Return a subscriber's tax profile, or raise NotFound."""
    return _of(store.subscribers.get(subscriber_id=subscriber_id).account)


def set_tax(
    *, store: TenantStore, subscriber_id: str, profile: TaxProfile, if_match: int | None, note: AuditNote
) -> AccountTax:
    """Set a subscriber's tax profile for what is billed from now on; invoices keep their taxes.

    Raises NotFound, StaleVersion, InvalidTaxGroup, InvalidExemption or UnknownTax.
    """
    check_tax_profile(profile=profile)
    read = store.subscribing(subscriber_id=subscriber_id)
    before = read.subscriber.account
    require_version(current=before.version, expected=if_match)
    _check_taxes_exist(read.tenant, before.tax, profile)
    if before.tax == profile:
        return _of(before)
    after = replace(before, tax=profile)
    store.commit(
        *store.subscribers.change_account(before=before, after=after),
        store.note(note=replace(note, details=_told(before.tax, profile))),
    )
    return _of(replace(after, version=before.version + 1))


def _check_taxes_exist(tenant: Tenant, before: TaxProfile, after: TaxProfile) -> None:
    """Raise UnknownTax for a new exemption from a tax that nobody charges: a misspelt code exempts nobody."""
    charged = {
        component.code for group in tenant.tax_groups for row in group.rows for component in row.components
    }
    kept = {one.code for one in before.exemptions}
    for number, one in enumerate(after.exemptions):
        if one.code not in charged | kept:
            raise UnknownTax(f"no tax group has the tax {one.code!r}", param=f"exemptions.{number}.code")


def _of(account: Account) -> AccountTax:
    return AccountTax(account.account_id, account.tax, account.version)


def _told(before: TaxProfile, after: TaxProfile) -> dict[str, object]:
    """Return what the audit entry tells: all of both, for a certificate is the reason of a lower bill."""
    return {"before": _plain(before), "after": _plain(after)}


def _plain(profile: TaxProfile) -> dict[str, object]:
    exemptions = [
        [one.code, one.certificate, one.starts_on.isoformat(), one.ends_on and one.ends_on.isoformat()]
        for one in profile.exemptions
    ]
    return {"jurisdiction": profile.jurisdiction, "exemptions": exemptions}

"""Packages: what an ISP sells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.money import CurrencyMismatch, Money
from chalicelib.domain.packages import (
    PACKAGES_MAX,
    Package,
    PackageState,
    TooManyPackages,
    check_package_name,
    check_price,
    check_speeds,
)
from chalicelib.domain.periods import BillingTiming, Cycle
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore
from chalicelib.usecases.changes import UNCHANGED, Unchanged
from chalicelib.usecases.versions import require_version


class UnknownTaxGroup(InvalidValue):
    """The tenant has no tax group of this code."""

    code = "unknown_tax_group"


@dataclass(frozen=True, slots=True)
class NewPackage:
    """What a package is created from."""

    name: str
    price: Money
    cycle: Cycle
    timing: BillingTiming
    download_kbps: int
    upload_kbps: int
    tax_group: str | None = None


@dataclass(frozen=True, slots=True)
class PackageChange:
    """What a change sets; None leaves as it is. A tax group of None takes the taxes off.

    Cycle and timing stay: subscriptions were sold by them. A new price holds for every period
    that is not invoiced yet.
    """

    name: str | None = None
    price: Money | None = None
    download_kbps: int | None = None
    upload_kbps: int | None = None
    tax_group: str | Unchanged | None = UNCHANGED


def create_package(
    *,
    store: TenantStore,
    package_id: str,
    new: NewPackage,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Package:
    """Add a package to the catalogue; raise InvalidValue, PackageNameTaken or TooManyPackages."""
    package = Package(
        package_id=package_id,
        name=check_package_name(name=new.name),
        price=new.price,
        cycle=new.cycle,
        timing=new.timing,
        download_kbps=new.download_kbps,
        upload_kbps=new.upload_kbps,
        tax_group=new.tax_group,
        state=PackageState.ACTIVE,
        version=1,
        created_at=at,
    )
    tenant = store.profile()
    _check(package, currency=tenant.currency)
    _check_tax_group(package.tax_group, tenant)
    if len(store.packages.all()) >= PACKAGES_MAX:
        raise TooManyPackages(f"a catalogue holds at most {PACKAGES_MAX} packages")
    store.commit(
        *store.packages.add(package=package),
        store.note(note=replace(note, details=_told(package))),
        *store.remember(idempotency=idempotency, answer=package),
    )
    return package


def change_package(
    *, store: TenantStore, package_id: str, change: PackageChange, if_match: int | None, note: AuditNote
) -> Package:
    """Change a package; raise NotFound, InvalidValue, PackageNameTaken or StaleVersion."""
    before = store.packages.get(package_id=package_id)
    require_version(current=before.version, expected=if_match)
    after = replace(
        before,
        name=before.name if change.name is None else check_package_name(name=change.name),
        price=change.price or before.price,
        download_kbps=before.download_kbps if change.download_kbps is None else change.download_kbps,
        upload_kbps=before.upload_kbps if change.upload_kbps is None else change.upload_kbps,
        tax_group=before.tax_group if isinstance(change.tax_group, Unchanged) else change.tax_group,
    )
    _check(after, currency=before.price.currency)
    if after.tax_group != before.tax_group:
        _check_tax_group(after.tax_group, store.profile())
    return _save(store, before, after, note)


def archive_package(*, store: TenantStore, package_id: str, if_match: int | None, note: AuditNote) -> Package:
    """Take a package off sale; subscriptions keep it. Archiving twice changes nothing."""
    return _set_state(store, package_id, PackageState.ARCHIVED, if_match, note)


def unarchive_package(
    *, store: TenantStore, package_id: str, if_match: int | None, note: AuditNote
) -> Package:
    """Put a package on sale again."""
    return _set_state(store, package_id, PackageState.ACTIVE, if_match, note)


def _set_state(
    store: TenantStore, package_id: str, state: PackageState, if_match: int | None, note: AuditNote
) -> Package:
    before = store.packages.get(package_id=package_id)
    require_version(current=before.version, expected=if_match)
    return before if before.state is state else _save(store, before, replace(before, state=state), note)


def _save(store: TenantStore, before: Package, after: Package, note: AuditNote) -> Package:
    was, now = _told(before), _told(after)
    details = {name: [was[name], now[name]] for name in was if was[name] != now[name]}
    store.commit(
        *store.packages.change(before=before, after=after),
        store.note(note=replace(note, details=details)),
    )
    return replace(after, version=before.version + 1)


def _check(package: Package, *, currency: str) -> None:
    """Raise InvalidValue unless price and speeds are ones that can be sold; a tenant has one currency."""
    if package.price.currency != currency:
        raise CurrencyMismatch(f"prices are in {currency}", param="price.currency")
    check_price(price=package.price)
    check_speeds(download_kbps=package.download_kbps, upload_kbps=package.upload_kbps)


def _check_tax_group(tax_group: str | None, tenant: Tenant) -> None:
    if tax_group is not None and tax_group not in {one.code for one in tenant.tax_groups}:
        raise UnknownTaxGroup("there is no tax group of this code", param="tax_group")


def _told(package: Package) -> dict[str, object]:
    """Return what the audit entry tells of a package."""
    return {
        "name": package.name,
        "price": str(package.price),
        "download_kbps": package.download_kbps,
        "upload_kbps": package.upload_kbps,
        "tax_group": package.tax_group,
        "state": package.state.value,
    }

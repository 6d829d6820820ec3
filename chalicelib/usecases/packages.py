"""Packages: what an ISP sells."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta

from chalicelib.domain.billing_state import BillingState
from chalicelib.domain.money import CurrencyMismatch, Money
from chalicelib.domain.package_terms import (
    check_terms,
    move_existing,
    next_edition,
)
from chalicelib.domain.packages import (
    PACKAGES_MAX,
    Package,
    PackageKind,
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
from chalicelib.usecases.package_terms import Terms, with_terms
from chalicelib.usecases.versions import require_version


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
    kind: PackageKind = PackageKind.SERVICE
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True, slots=True)
class PackageChange:
    """What a change sets; None leaves as it is. A tax group of None takes the taxes off.

    Cycle and timing stay: subscriptions were sold by them. Another price or other terms are a
    new edition, which existing subscriptions are billed by for periods that start on
    ``moves_existing_on`` or later; without that date they keep the edition they were sold.
    """

    name: str | None = None
    price: Money | None = None
    download_kbps: int | None = None
    upload_kbps: int | None = None
    tax_group: str | Unchanged | None = UNCHANGED
    terms: Terms = field(default_factory=Terms)
    moves_existing_on: date | Unchanged | None = UNCHANGED


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
        kind=new.kind,
    )
    tenant = store.profile()
    _check(package, currency=tenant.currency)
    package = with_terms(package=package, terms=new.terms)
    _check_terms(package, tenant)
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
    """Change a package; raise NotFound, InvalidValue, PackageNameTaken, TooManyEditions or StaleVersion.

    Busy where a billing run starts while existing subscriptions are moved.
    """
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
    after = next_edition(before=before, after=with_terms(package=after, terms=change.terms))
    if after.edition != before.edition:
        _check_terms(after, store.profile())
    if isinstance(change.moves_existing_on, Unchanged):
        return _save(store, before, after, note)
    state = store.billing_state()
    first_open = state.started_through + timedelta(days=1)
    after = move_existing(package=after, on=change.moves_existing_on, first_open=first_open)
    return _save(store, before, after, note, unless_run_starts=state)


def list_editions(*, store: TenantStore, package_id: str) -> tuple[Package, ...]:
    """Return every edition of a package, oldest first, or raise NotFound."""
    newest = store.packages.get(package_id=package_id)
    if newest.edition == 1:
        return (newest,)
    older = store.packages.editions(package_id=package_id)
    return (*(one for one in older if one.edition < newest.edition), newest)


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


def _save(
    store: TenantStore,
    before: Package,
    after: Package,
    note: AuditNote,
    *,
    unless_run_starts: BillingState | None = None,
) -> Package:
    was, now = _told(before), _told(after)
    details = {name: [was[name], now[name]] for name in was if was[name] != now[name]}
    store.commit(
        *store.packages.change(before=before, after=after, unless_run_starts=unless_run_starts),
        store.note(note=replace(note, details=details)),
    )
    return replace(after, version=before.version + 1)


def _check(package: Package, *, currency: str) -> None:
    """Raise InvalidValue unless price and speeds are ones that can be sold; a tenant has one currency."""
    if package.price.currency != currency:
        raise CurrencyMismatch(f"prices are in {currency}", param="price.currency")
    check_price(price=package.price)
    check_speeds(download_kbps=package.download_kbps, upload_kbps=package.upload_kbps)


def _check_terms(package: Package, tenant: Tenant) -> None:
    check_terms(package=package, tax_groups={one.code for one in tenant.tax_groups})


def _told(package: Package) -> dict[str, object]:
    """Return what the audit entry tells of a package."""
    moves_on = package.moves_existing_on
    return {
        "name": package.name,
        "price": str(package.price),
        "download_kbps": package.download_kbps,
        "upload_kbps": package.upload_kbps,
        "tax_group": package.tax_group,
        "state": package.state.value,
        "edition": package.edition,
        "moves_existing_on": moves_on and moves_on.isoformat(),
        "kind": package.kind.value,
        "phases": [asdict(one) for one in package.phases],
        "bundle": [asdict(one) for one in package.bundle],
        "activation_fee": package.activation_fee,
        "deposit": package.deposit,
        "pause_share": package.pause_share,
        "refund": package.refund.value,
        "cap": package.cap and asdict(package.cap),
        "valid_minutes": package.valid_minutes,
        "top_up_mib": package.top_up_mib,
    }

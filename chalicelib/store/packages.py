"""Packages in DynamoDB: one item each under the tenant, and one that holds its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.accounts import is_ulid
from chalicelib.domain.errors import NotFound, StaleVersion
from chalicelib.domain.money import Money
from chalicelib.domain.packages import Package, PackageNameTaken, PackageState
from chalicelib.domain.periods import BillingTiming, Cycle, CycleUnit
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.base import ModelWrite, TenantsItem, delete, from_iso, put, put_new, to_iso
from chalicelib.store.paging import query_page


class PackageItem(TenantsItem):
    """``<tenant>#PKG`` / package id."""

    name = UnicodeAttribute()
    price = NumberAttribute()
    currency = UnicodeAttribute()
    cycle_unit = UnicodeAttribute()
    cycle_count = NumberAttribute()
    timing = UnicodeAttribute()
    download_kbps = NumberAttribute()
    upload_kbps = NumberAttribute()
    tax_group = UnicodeAttribute(null=True)
    state = UnicodeAttribute()
    version = NumberAttribute()
    created_at = UnicodeAttribute()


class PackageNameItem(TenantsItem):
    """``<tenant>#PKGNAME`` / folded name: makes names unique."""

    package_id = UnicodeAttribute()


class DynamoPackages:
    """A tenant's catalogue."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def get(self, *, package_id: str) -> Package:
        """Return the package, or raise NotFound."""
        _, pk, sk = self.read(package_id=package_id)
        try:
            return _package(PackageItem.get(pk, sk, consistent_read=True))
        except DoesNotExist:
            raise _absent() from None

    def read(self, *, package_id: str) -> tuple[type[PackageItem], str, str]:
        """Return where a package stands, to be read together with other items; or raise NotFound."""
        if not (package_id.startswith("pkg_") and is_ulid(text=package_id.removeprefix("pkg_"))):
            raise _absent()
        return PackageItem, keys.packages(self._tenant_id), package_id

    def package_of(self, item: PackageItem | None) -> Package:
        """Return a package that was read together with other items, or raise NotFound."""
        if item is None:
            raise _absent()
        return _package(item)

    def list(self, *, limit: int, after: str | None) -> Page[Package]:
        """Return a page, oldest first."""
        page = query_page(PackageItem, keys.packages(self._tenant_id), limit=limit, after=after)
        return Page(tuple(map(_package, page.items)), page.after)

    def all(self) -> tuple[Package, ...]:
        """Return the whole catalogue."""
        items = PackageItem.query(keys.packages(self._tenant_id), consistent_read=True)
        return tuple(map(_package, items))

    def add(self, *, package: Package) -> Sequence[ModelWrite]:
        """Describe adding a package."""
        return [put_new(self._item(package), refused=_name_taken()), self._name(package)]

    def change(self, *, before: Package, after: Package) -> Sequence[ModelWrite]:
        """Describe a change; the version must still be ``before``'s."""
        changed = replace(after, version=before.version + 1)
        stale = StaleVersion("the package changed since it was read")
        writes = [put(self._item(changed), condition=PackageItem.version == before.version, refused=stale)]
        if _folded(before.name) != _folded(after.name):
            writes += [delete(PackageNameItem(keys.package_names(self._tenant_id), _folded(before.name)))]
            writes += [self._name(after)]
        return writes

    def _name(self, package: Package) -> ModelWrite:
        lock = PackageNameItem(
            keys.package_names(self._tenant_id), _folded(package.name), package_id=package.package_id
        )
        return put_new(lock, refused=_name_taken())

    def _item(self, package: Package) -> PackageItem:
        return PackageItem(
            keys.packages(self._tenant_id),
            package.package_id,
            name=package.name,
            price=package.price.amount,
            currency=package.price.currency,
            cycle_unit=package.cycle.unit.value,
            cycle_count=package.cycle.count,
            timing=package.timing.value,
            download_kbps=package.download_kbps,
            upload_kbps=package.upload_kbps,
            tax_group=package.tax_group,
            state=package.state.value,
            version=package.version,
            created_at=to_iso(package.created_at),
        )


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _absent() -> NotFound:
    return NotFound("no such package", param="package_id")


def _name_taken() -> PackageNameTaken:
    return PackageNameTaken("another package has this name", param="name")


def _package(item: PackageItem) -> Package:
    return Package(
        package_id=item.sk,
        name=item.name,
        price=Money(int(item.price), item.currency),
        cycle=Cycle(CycleUnit(item.cycle_unit), int(item.cycle_count)),
        timing=BillingTiming(item.timing),
        download_kbps=int(item.download_kbps),
        upload_kbps=int(item.upload_kbps),
        tax_group=item.tax_group,
        state=PackageState(item.state),
        version=int(item.version),
        created_at=from_iso(item.created_at),
    )

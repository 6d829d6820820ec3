"""Packages in DynamoDB: one item each under the tenant, one that holds its name, and old editions.

An edition that a later one takes the place of is copied to an item of its own, which never
changes. Terms that a plain package does not have are one JSON string, absent where there are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import orjson
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.billing_state import BillingState
from chalicelib.domain.errors import NotFound, StaleVersion
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.money import Money
from chalicelib.domain.packages import (
    BundlePart,
    CapAction,
    DataCap,
    Package,
    PackageKind,
    PackageNameTaken,
    PackageState,
    Phase,
    RefundPolicy,
    folded_name,
)
from chalicelib.domain.periods import BillingTiming, Cycle, CycleUnit
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import (
    ModelWrite,
    TenantsItem,
    delete,
    from_iso,
    nullable,
    put,
    put_new,
    to_iso,
)
from chalicelib.store.due import unmoved
from chalicelib.store.paging import query_page


class PackageItem(TenantsItem):
    """``<tenant>#PKG`` / package id; ``<tenant>#PKGED`` / package id, ``#``, edition for old ones."""

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
    edition = NumberAttribute(default=1)
    kind = UnicodeAttribute(default=PackageKind.SERVICE.value)
    moves_on = UnicodeAttribute(null=True)
    terms = UnicodeAttribute(null=True)


class PackageNameItem(TenantsItem):
    """``<tenant>#PKGNAME`` / folded name: makes names unique."""

    package_id = UnicodeAttribute()


class DynamoPackages(OfTenant):
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
        if not is_id(value=package_id, prefix="pkg"):
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

    def editions(self, *, package_id: str | None = None) -> tuple[Package, ...]:
        """Return the editions that later ones took the place of: of one package or of all."""
        of_one = None if package_id is None else PackageItem.sk.startswith(f"{package_id}#")
        items = PackageItem.query(keys.package_editions(self._tenant_id), of_one, consistent_read=True)
        return tuple(map(_package, items))

    def add(self, *, package: Package) -> Sequence[ModelWrite]:
        """Describe adding a package."""
        return [put_new(self._item(package), refused=_name_taken()), self._name(package)]

    def change(
        self, *, before: Package, after: Package, unless_run_starts: BillingState | None = None
    ) -> Sequence[ModelWrite]:
        """Describe a change; the version must still be ``before``'s."""
        changed = replace(after, version=before.version + 1)
        stale = StaleVersion("the package changed since it was read")
        writes = [put(self._item(changed), condition=PackageItem.version == before.version, refused=stale)]
        if folded_name(name=before.name) != folded_name(name=after.name):
            writes += [
                delete(PackageNameItem(keys.package_names(self._tenant_id), folded_name(name=before.name)))
            ]
            writes += [self._name(after)]
        if after.edition != before.edition:
            kept = self._item(before)
            kept.pk, kept.sk = keys.package_editions(self._tenant_id), _edition_key(before)
            writes.append(put_new(kept, refused=stale))
        if unless_run_starts is not None:
            writes.append(unmoved(tenant_id=self._tenant_id, state=unless_run_starts))
        return writes

    def _name(self, package: Package) -> ModelWrite:
        lock = PackageNameItem(
            keys.package_names(self._tenant_id), folded_name(name=package.name), package_id=package.package_id
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
            edition=package.edition,
            kind=package.kind.value,
            moves_on=package.moves_existing_on and package.moves_existing_on.isoformat(),
            terms=_encode_terms(package),
        )


def _edition_key(package: Package) -> str:
    return f"{package.package_id}#{package.edition:05d}"


def _encode_terms(package: Package) -> str | None:
    """Return the stored JSON of what not every package has; None where there is nothing of it."""
    cap = package.cap
    terms = {
        "phases": [[one.name, one.periods, one.price] for one in package.phases],
        "bundle": [[one.name, one.weight, one.tax_group] for one in package.bundle],
        "activation_fee": package.activation_fee,
        "deposit": package.deposit,
        "pause_share": package.pause_share,
        "refund": None if package.refund is RefundPolicy.NONE else package.refund.value,
        "cap": cap
        and [
            cap.included_mib,
            cap.action.value,
            cap.fair_use_down_kbps,
            cap.fair_use_up_kbps,
            cap.rollover,
            cap.overage_per_gib,
        ],
        "valid_minutes": package.valid_minutes,
        "top_up_mib": package.top_up_mib,
    }
    given = {name: value for name, value in terms.items() if value}
    return orjson.dumps(given).decode() if given else None


def _decode_terms(text: str | None) -> dict[str, Any]:
    """Read what ``_encode_terms`` wrote, as fields of a package."""
    terms: dict[str, Any] = orjson.loads(text) if text else {}
    if "phases" in terms:
        terms["phases"] = tuple(Phase(*one) for one in terms["phases"])
    if "bundle" in terms:
        terms["bundle"] = tuple(BundlePart(*one) for one in terms["bundle"])
    if "refund" in terms:
        terms["refund"] = RefundPolicy(terms["refund"])
    if "cap" in terms:
        included_mib, action, *rest = terms["cap"]
        terms["cap"] = DataCap(included_mib, CapAction(action), *rest)
    return terms


def _absent() -> NotFound:
    return NotFound("no such package", param="package_id")


def _name_taken() -> PackageNameTaken:
    return PackageNameTaken("another package has this name", param="name")


def _package(item: PackageItem) -> Package:
    moves_on = nullable(item.moves_on)
    return Package(
        package_id=item.sk.partition("#")[0],
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
        edition=int(item.edition),
        kind=PackageKind(item.kind),
        moves_existing_on=date.fromisoformat(moves_on) if moves_on else None,
        **_decode_terms(nullable(item.terms)),
    )

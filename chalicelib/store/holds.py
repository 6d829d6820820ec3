"""Legal holds, as items of the tenant whose data they keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.errors import NotFound
from chalicelib.domain.holds import HeldCategory, Hold
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, delete, from_iso, put_new, to_iso

AUDIT_FAMILY = "audit"


class HoldItem(TenantsItem):
    """``<tenant>#HOLD`` / hold id; ``reason`` is sealed under the audit key, which a purge leaves."""

    category = UnicodeAttribute()
    reason = BinaryAttribute(legacy_encoding=False)
    set_at = UnicodeAttribute()


class DynamoHolds(OfTenant):
    """The holds on one tenant's data."""

    def __init__(self, *, tenant_id: str, tenant_keys: Callable[[], TenantKeys]) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._pk = keys.holds(tenant_id)

    def all(self) -> tuple[Hold, ...]:
        """Return every hold, oldest first: one round trip."""
        return tuple(map(self._hold, HoldItem.query(self._pk, consistent_read=True)))

    def categories(self) -> frozenset[HeldCategory]:
        """Return what is held; no key is needed for that."""
        return held_categories(tenant_id=self._tenant_id)

    def add(self, *, hold: Hold) -> Sequence[ModelWrite]:
        """Describe a hold."""
        reason = self._keys().seal(
            family=AUDIT_FAMILY, place=self._place(hold.hold_id), plain=hold.reason.encode()
        )
        item = HoldItem(
            self._pk,
            hold.hold_id,
            category=hold.category.value,
            reason=reason,
            set_at=to_iso(hold.set_at),
        )
        return [put_new(item, refused=NotFound("the hold's identifier was taken"))]

    def lift(self, *, hold_id: str) -> Sequence[ModelWrite]:
        """Describe that a hold is lifted; refused with NotFound."""
        absent = NotFound("no such hold", param="hold_id")
        return [delete(HoldItem(self._pk, hold_id), condition=HoldItem.pk.exists(), refused=absent)]

    def _hold(self, item: HoldItem) -> Hold:
        plain = self._keys().open(family=AUDIT_FAMILY, place=self._place(str(item.sk)), sealed=item.reason)
        return Hold(str(item.sk), HeldCategory(item.category), plain.decode(), from_iso(item.set_at))

    def _place(self, hold_id: str) -> str:
        return f"tenants|{self._pk}|{hold_id}|reason"


def held_categories(*, tenant_id: str) -> frozenset[HeldCategory]:
    """Return what is held of a tenant: one round trip, and no key."""
    wanted = ["pk", "sk", "category"]
    found = HoldItem.query(keys.holds(tenant_id), consistent_read=True, attributes_to_get=wanted)
    return frozenset(HeldCategory(item.category) for item in found)

"""Second factors in DynamoDB: one item a person, the secret sealed, recovery codes as digests."""

from __future__ import annotations

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.second_factor import SecondFactor, WrongCode
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, delete, from_iso, put, put_new, to_iso

OPERATIONAL = "op"


class SecondFactorItem(TenantsItem):
    """``<tenant>#MFA`` / staff id; ``recovery`` are digests between blanks."""

    secret = BinaryAttribute(legacy_encoding=False)
    created_at = UnicodeAttribute()
    last_step = NumberAttribute()
    recovery = UnicodeAttribute()
    confirmed = BooleanAttribute()
    version = NumberAttribute()


class DynamoSecondFactors(OfTenant):
    """The second factors of a tenant's staff."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._pk = keys.second_factors(tenant_id)
        self._keys = tenant_keys

    def find(self, *, staff_id: str) -> SecondFactor | None:
        """Return what the person's codes are checked against, or None."""
        try:
            item = SecondFactorItem.get(self._pk, staff_id, consistent_read=True)
        except DoesNotExist:
            return None
        secret = self._keys.open(family=OPERATIONAL, place=self._place(staff_id), sealed=item.secret)
        return SecondFactor(
            staff_id=staff_id,
            secret=secret.decode(),
            created_at=from_iso(item.created_at),
            last_step=int(item.last_step),
            recovery=frozenset(item.recovery.split()),
            confirmed=bool(item.confirmed),
            version=int(item.version),
        )

    def save(self, *, before: SecondFactor | None, after: SecondFactor) -> ModelWrite:
        """Describe a change; refused with WrongCode where another was made since ``before`` was read."""
        version = 1 if before is None else before.version + 1
        sealed = self._keys.seal(
            family=OPERATIONAL, place=self._place(after.staff_id), plain=after.secret.encode()
        )
        item = SecondFactorItem(
            self._pk,
            after.staff_id,
            secret=sealed,
            created_at=to_iso(after.created_at),
            last_step=after.last_step,
            recovery=" ".join(sorted(after.recovery)),
            confirmed=after.confirmed,
            version=version,
        )
        if before is None:
            return put_new(item, refused=WrongCode())
        return put(item, condition=SecondFactorItem.version == before.version, refused=WrongCode())

    def remove(self, *, before: SecondFactor) -> ModelWrite:
        """Describe taking it off; refused with WrongCode where it changed since it was read."""
        item = SecondFactorItem(self._pk, before.staff_id)
        return delete(item, condition=SecondFactorItem.version == before.version, refused=WrongCode())

    def _place(self, staff_id: str) -> str:
        return f"tenants|{self._pk}|{staff_id}|secret"

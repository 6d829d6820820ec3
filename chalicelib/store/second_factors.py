"""Second factors in DynamoDB: one item a person, secret and passkeys sealed, recovery codes as digests."""

from __future__ import annotations

from typing import Any

import orjson
from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.contacts import normal_email
from chalicelib.domain.passkeys import Passkey, base64url
from chalicelib.domain.second_factor import SecondFactor, WrongCode
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, delete, from_iso, nullable, put, put_new, to_iso

OPERATIONAL = "op"


class SecondFactorItem(TenantsItem):
    """``<tenant>#MFA`` / staff id; ``recovery`` are digests between blanks.

    ``secret`` is of the authenticator, empty where there is none; ``passkeys`` is the sealed JSON of all
    of them, so that what changes any factor changes one item.
    """

    secret = BinaryAttribute(legacy_encoding=False)
    created_at = UnicodeAttribute()
    last_step = NumberAttribute()
    recovery = UnicodeAttribute()
    confirmed = BooleanAttribute()
    version = NumberAttribute()
    passkeys = BinaryAttribute(legacy_encoding=False, null=True)


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
        sealed = nullable(item.passkeys)
        return SecondFactor(
            staff_id=staff_id,
            secret=secret.decode(),
            created_at=from_iso(item.created_at),
            last_step=int(item.last_step),
            recovery=frozenset(item.recovery.split()),
            confirmed=bool(item.confirmed),
            version=int(item.version),
            passkeys=() if sealed is None else self._opened(staff_id, sealed),
        )

    def save(
        self, *, before: SecondFactor | None, after: SecondFactor, refused: Exception | None = None
    ) -> ModelWrite:
        """Describe a change; refused where another was made since ``before`` was read.

        It is refused with WrongCode, unless it is said with what.
        """
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
            passkeys=self._sealed(after) if after.passkeys else None,
        )
        if before is None:
            return put_new(item, refused=refused or WrongCode())
        return put(item, condition=SecondFactorItem.version == before.version, refused=refused or WrongCode())

    def remove(self, *, before: SecondFactor, refused: Exception | None = None) -> ModelWrite:
        """Describe taking it off; refused, as ``save`` is, where it changed since it was read."""
        item = SecondFactorItem(self._pk, before.staff_id)
        unmoved = SecondFactorItem.version == before.version
        return delete(item, condition=unmoved, refused=refused or WrongCode())

    def handle(self, *, staff_id: str) -> str:
        """Return what names a person to their devices: opaque, Base64url, the same for all of them."""
        return base64url(raw=bytes.fromhex(self._keys.blind(kind="passkey-user", value=staff_id)))

    def decoy_seed(self, *, email: str) -> str:
        """Return what an address's decoys are made of; who lacks the tenant's key cannot."""
        return self._keys.blind(kind="passkey-decoy", value=normal_email(email=email))

    def _sealed(self, factor: SecondFactor) -> bytes:
        plain = orjson.dumps([_stored(one) for one in factor.passkeys])
        return self._keys.seal(
            family=OPERATIONAL, place=self._place(factor.staff_id, "passkeys"), plain=plain
        )

    def _opened(self, staff_id: str, sealed: bytes) -> tuple[Passkey, ...]:
        place = self._place(staff_id, "passkeys")
        return tuple(
            map(_passkey, orjson.loads(self._keys.open(family=OPERATIONAL, place=place, sealed=sealed)))
        )

    def _place(self, staff_id: str, attribute: str = "secret") -> str:
        return f"tenants|{self._pk}|{staff_id}|{attribute}"


def _stored(passkey: Passkey) -> dict[str, Any]:
    return {
        "passkey_id": passkey.passkey_id,
        "name": passkey.name,
        "credential_id": passkey.credential_id,
        "public_key": passkey.public_key.hex(),
        "sign_count": passkey.sign_count,
        "created_at": to_iso(passkey.created_at),
        "transports": passkey.transports,
        "used_at": passkey.used_at and to_iso(passkey.used_at),
    }


def _passkey(stored: dict[str, Any]) -> Passkey:
    return Passkey(
        **stored
        | {
            "public_key": bytes.fromhex(stored["public_key"]),
            "created_at": from_iso(stored["created_at"]),
            "transports": tuple(stored["transports"]),
            "used_at": stored["used_at"] and from_iso(stored["used_at"]),
        }
    )

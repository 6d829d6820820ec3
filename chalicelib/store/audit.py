"""Audit entries: put in the transaction of the change that they record."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

import orjson
from pynamodb.attributes import BinaryAttribute, UnicodeAttribute

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.audit_ids import month_of
from chalicelib.domain.errors import Busy
from chalicelib.ports.services import Ids
from chalicelib.ports.store import AuditNote
from chalicelib.store import keys
from chalicelib.store.base import ModelWrite, TenantsItem, put_new, to_iso

# What an erasure, or the end of its time, takes away; its hash stays.
ERASABLE: Final = ("access", "personal")


class AuditItem(TenantsItem):
    """``<tenant>#AUD#<yyyy-mm>`` / ULID; ``details`` is sealed under the audit key.

    ``personal`` (what a person's data was, before and after) and ``access`` (the network address that
    the request came from) are sealed under the key of operational data. The chain holds their
    hashes, in hex, and not themselves: an erasure takes the one away, time the other, and the entry
    stays what it was.
    """

    actor_id = UnicodeAttribute()
    action = UnicodeAttribute()
    object_id = UnicodeAttribute()
    at = UnicodeAttribute()
    request_id = UnicodeAttribute(null=True)
    details = BinaryAttribute(null=True, legacy_encoding=False)
    personal = BinaryAttribute(null=True, legacy_encoding=False)
    personal_hash = UnicodeAttribute(null=True)
    access = BinaryAttribute(null=True, legacy_encoding=False)
    access_hash = UnicodeAttribute(null=True)


def audit_write(
    *, tenant_id: str, tenant_keys: Callable[[], TenantKeys], ids: Ids, note: AuditNote
) -> ModelWrite:
    """Describe the entry; keys are asked for only where there are details to seal."""
    item = audit_item(tenant_id=tenant_id, tenant_keys=tenant_keys, ids=ids, note=note)
    return put_new(item, refused=Busy("the audit entry's identifier was taken"))


def audit_item(
    *, tenant_id: str, tenant_keys: Callable[[], TenantKeys], ids: Ids, note: AuditNote
) -> AuditItem:
    """Return the entry's item, under the month of its identifier: so all are in the order of these."""
    sk = ids.new(prefix="aud")
    pk = keys.audit(tenant_id, month_of(entry_id=sk))

    def seal(family: str, attribute: str, told: object) -> bytes:
        place = sealed_at(pk, sk, attribute)
        return tenant_keys().seal(family=family, place=place, plain=orjson.dumps(told))

    personal = seal("op", "personal", note.personal) if note.personal else None
    access = seal("op", "access", note.address) if note.address else None
    return AuditItem(
        pk,
        sk,
        actor_id=note.actor_id,
        action=note.action,
        object_id=note.object_id,
        at=to_iso(note.at),
        request_id=note.request_id or None,
        details=seal("audit", "details", note.details) if note.details else None,
        personal=personal,
        personal_hash=sha256(personal).hexdigest() if personal else None,
        access=access,
        access_hash=sha256(access).hexdigest() if access else None,
    )


def sealed_at(pk: str, sk: str, attribute: str) -> str:
    """Return what a sealed attribute of an entry is bound to."""
    return f"tenants|{pk}|{sk}|{attribute}"

"""Audit entries: put in the transaction of the change that they record."""

from __future__ import annotations

from collections.abc import Callable

import orjson
from pynamodb.attributes import BinaryAttribute, UnicodeAttribute

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.errors import Busy
from chalicelib.ports.services import Ids
from chalicelib.ports.store import AuditNote
from chalicelib.store import keys
from chalicelib.store.base import ModelWrite, TenantsItem, put_new, to_iso


class AuditItem(TenantsItem):
    """``<tenant>#AUD#<yyyy-mm>`` / ULID; ``details`` is sealed under the audit key."""

    actor_id = UnicodeAttribute()
    action = UnicodeAttribute()
    object_id = UnicodeAttribute()
    at = UnicodeAttribute()
    request_id = UnicodeAttribute(null=True)
    details = BinaryAttribute(null=True, legacy_encoding=False)


def audit_write(
    *, tenant_id: str, tenant_keys: Callable[[], TenantKeys], ids: Ids, note: AuditNote
) -> ModelWrite:
    """Describe the entry; keys are asked for only where there are details to seal."""
    item = audit_item(tenant_id=tenant_id, tenant_keys=tenant_keys, ids=ids, note=note)
    return put_new(item, refused=Busy("the audit entry's identifier was taken"))


def audit_item(
    *, tenant_id: str, tenant_keys: Callable[[], TenantKeys], ids: Ids, note: AuditNote
) -> AuditItem:
    """Return the entry's item."""
    pk, sk = keys.audit(tenant_id, note.at.strftime("%Y-%m")), ids.new(prefix="aud")
    sealed = None
    if note.details:
        place = f"tenants|{pk}|{sk}|details"
        sealed = tenant_keys().seal(family="audit", place=place, plain=orjson.dumps(note.details))
    return AuditItem(
        pk,
        sk,
        actor_id=note.actor_id,
        action=note.action,
        object_id=note.object_id,
        at=to_iso(note.at),
        request_id=note.request_id or None,
        details=sealed,
    )

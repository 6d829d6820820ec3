"""Accesses of platform support in DynamoDB: one item with each side, and one that the token's digest finds.

The tenant's is what its owner sees, the operator's what its people did. They are of two tenants,
so no transaction holds both: ``usecases.support`` says in which order they are written. The third
lies with the sessions, for the tenant is not known before it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import orjson
from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.errors import Busy, NotFound
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.support import EndedBy, SupportAccess
from chalicelib.ports.store import Page
from chalicelib.ports.support import AccessOver, FoundAccess
from chalicelib.store import keys
from chalicelib.store.acting import OfPlatform, OfTenant
from chalicelib.store.base import (
    Database,
    EphemeralItem,
    ModelWrite,
    TenantsItem,
    delete,
    from_iso,
    nullable,
    put,
    put_new,
    to_iso,
)
from chalicelib.store.paging import query_page

SUPPORT: Final = "SUPPORT"
ACCESS: Final = "spa_"
# Before the accesses in the order of sort keys, and not among them.
OPEN: Final = "OPEN#"
OPERATIONAL: Final = "op"


class AccessItem(TenantsItem):
    """``<tenant>#SUPPORT`` and ``<operator>#ENTERED`` / access id; ``told`` is the sealed name and reason.

    ``<operator>#ENTERED`` / ``OPEN#<access id>`` is there while no end is noted.
    """

    tenant_id = UnicodeAttribute(null=True)
    subdomain = UnicodeAttribute(null=True)
    operator_id = UnicodeAttribute(null=True)
    staff_id = UnicodeAttribute(null=True)
    told = BinaryAttribute(legacy_encoding=False, null=True)
    write = BooleanAttribute(null=True)
    opened_at = UnicodeAttribute(null=True)
    until = UnicodeAttribute(null=True)
    token_hash = UnicodeAttribute(null=True)
    session_hash = UnicodeAttribute(null=True)
    ended_at = UnicodeAttribute(null=True)
    ended_by = UnicodeAttribute(null=True)
    ended_by_id = UnicodeAttribute(null=True)


class OpenedItem(EphemeralItem):
    """``SUPPORT#<digest of the token>`` / ``SUPPORT``; ``ttl`` is the time limit in epoch seconds."""

    access_id = UnicodeAttribute()
    tenant_id = UnicodeAttribute()
    staff_id = UnicodeAttribute()
    write = BooleanAttribute()
    session_hash = UnicodeAttribute()
    until = UnicodeAttribute()
    ttl = NumberAttribute()


class DynamoSupport(OfTenant):
    """Accesses to one tenant; and those of its own people to others, where it is the operator."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._accesses = keys.support_accesses(tenant_id)
        self._entries = keys.support_entries(tenant_id)

    # -- to this tenant ----------------------------------------------------------------------

    def get(self, *, access_id: str) -> SupportAccess:
        """Return an access to this tenant, or raise NotFound."""
        return self._one(self._accesses, access_id)

    def list(self, *, limit: int, after: str | None) -> Page[SupportAccess]:
        """Return a page of accesses to this tenant, newest first."""
        return self._page(self._accesses, limit, after)

    def add(self, *, access: SupportAccess) -> Sequence[ModelWrite]:
        """Describe an access to this tenant, with what its token opens."""
        opened = OpenedItem(
            _opened_pk(access.token_hash),
            SUPPORT,
            access_id=access.access_id,
            tenant_id=access.tenant_id,
            staff_id=access.staff_id,
            write=access.write,
            session_hash=access.session_hash,
            until=to_iso(access.until),
            ttl=int(access.until.timestamp()),
        )
        return [
            put_new(self._item(self._accesses, access), refused=_taken()),
            put_new(opened, refused=_taken()),
        ]

    def end(self, *, access: SupportAccess) -> Sequence[ModelWrite]:
        """Describe its end: the token opens nothing any more; refused with AccessOver."""
        return [
            self._ended(self._accesses, access),
            delete(OpenedItem(_opened_pk(access.token_hash), SUPPORT)),
        ]

    # -- of this operator's people -----------------------------------------------------------

    def get_entered(self, *, access_id: str) -> SupportAccess:
        """Return an access of this operator's people to another tenant, or raise NotFound."""
        return self._one(self._entries, access_id)

    def list_entered(self, *, limit: int, after: str | None) -> Page[SupportAccess]:
        """Return a page of accesses of this operator's people, newest first."""
        return self._page(self._entries, limit, after)

    def open_entered(self) -> tuple[SupportAccess, ...]:
        """Return those of which no end is noted yet, oldest first."""
        found = AccessItem.query(self._entries, AccessItem.sk.startswith(OPEN), consistent_read=True)
        names = [str(item.sk).removeprefix(OPEN) for item in found]
        return tuple(self._one(self._entries, name) for name in names)

    def add_entered(self, *, access: SupportAccess) -> Sequence[ModelWrite]:
        """Describe an access of this operator's people to another tenant."""
        return [
            put_new(self._item(self._entries, access), refused=_taken()),
            put_new(AccessItem(self._entries, f"{OPEN}{access.access_id}"), refused=_taken()),
        ]

    def end_entered(self, *, access: SupportAccess) -> Sequence[ModelWrite]:
        """Describe its end; refused with AccessOver."""
        return [
            self._ended(self._entries, access),
            delete(AccessItem(self._entries, f"{OPEN}{access.access_id}")),
        ]

    # -- items -------------------------------------------------------------------------------

    def _one(self, pk: str, access_id: str) -> SupportAccess:
        absent = NotFound("no such access", param="access_id")
        if not is_id(value=access_id, prefix="spa"):
            raise absent
        try:
            return self._access(AccessItem.get(pk, access_id, consistent_read=True))
        except DoesNotExist:
            raise absent from None

    def _page(self, pk: str, limit: int, after: str | None) -> Page[SupportAccess]:
        ours = AccessItem.sk.startswith(ACCESS)
        page = query_page(AccessItem, pk, limit=limit, after=after, sort=ours, newest_first=True)
        return Page(tuple(map(self._access, page.items)), page.after)

    def _ended(self, pk: str, access: SupportAccess) -> ModelWrite:
        still_open = AccessItem.pk.exists() & AccessItem.ended_at.does_not_exist()
        over = AccessOver("the access has ended already")
        return put(self._item(pk, access), condition=still_open, refused=over)

    def _item(self, pk: str, access: SupportAccess) -> AccessItem:
        plain = orjson.dumps([access.name, access.reason])
        place = _place(pk, access.access_id)
        return AccessItem(
            pk,
            access.access_id,
            tenant_id=access.tenant_id,
            subdomain=access.subdomain,
            operator_id=access.operator_id,
            staff_id=access.staff_id,
            told=self._keys.seal(family=OPERATIONAL, place=place, plain=plain),
            write=access.write,
            opened_at=to_iso(access.opened_at),
            until=to_iso(access.until),
            token_hash=access.token_hash,
            session_hash=access.session_hash,
            ended_at=None if access.ended_at is None else to_iso(access.ended_at),
            ended_by=access.ended_by,
            ended_by_id=access.ended_by_id or None,
        )

    def _access(self, item: AccessItem) -> SupportAccess:
        place = _place(str(item.pk), str(item.sk))
        name, reason = orjson.loads(self._keys.open(family=OPERATIONAL, place=place, sealed=item.told))
        ended_at, ended_by = nullable(item.ended_at), nullable(item.ended_by)
        return SupportAccess(
            access_id=str(item.sk),
            tenant_id=item.tenant_id,
            subdomain=item.subdomain,
            operator_id=item.operator_id,
            staff_id=item.staff_id,
            name=name,
            reason=reason,
            write=bool(item.write),
            opened_at=from_iso(item.opened_at),
            until=from_iso(item.until),
            token_hash=item.token_hash,
            session_hash=item.session_hash,
            ended_at=None if ended_at is None else from_iso(ended_at),
            ended_by=None if ended_by is None else EndedBy(ended_by),
            ended_by_id=nullable(item.ended_by_id) or "",
        )


class DynamoSupportFinder(OfPlatform):
    """The accesses of every tenant, by the digests of their tokens."""

    def __init__(self, *, database: Database) -> None:
        self._database = database  # binds the tables

    def find(self, *, token_hash: str, at: datetime) -> FoundAccess | None:
        """Return what the token opens, unless it was ended or its time is over: one read."""
        try:
            item = OpenedItem.get(_opened_pk(token_hash), SUPPORT, consistent_read=True)
        except DoesNotExist:
            return None
        if at >= from_iso(item.until):  # the table's TTL removes items days late
            return None
        return FoundAccess(item.access_id, item.tenant_id, item.staff_id, bool(item.write), item.session_hash)


def _opened_pk(token_hash: str) -> str:
    return f"SUPPORT#{token_hash}"


def _place(pk: str, access_id: str) -> str:
    return f"tenants|{pk}|{access_id}|told"


def _taken() -> Busy:
    return Busy("the access's identifier was taken")

"""Keys of programs: made and revoked by people, and recognised."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.api_keys import (
    API_KEYS_MAX,
    KEY_ROLE,
    PREFIX_CHARS,
    USE_TOLD_AFTER,
    ApiKey,
    TooManyKeys,
    check_key_name,
    check_key_permissions,
    key_expiry,
)
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.permissions import Permission
from chalicelib.domain.staff import Principal, may_grant
from chalicelib.ports.api_keys import KeyFinder
from chalicelib.ports.store import AuditNote, Stores, TenantStore, Write
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.sessions import principal_of


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is to be."""

    name: str
    permissions: Sequence[Permission]
    days: int


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key with its token, which is shown this once."""

    token: str
    key: ApiKey


def make_key(
    *,
    identity: Identity,
    store: TenantStore,
    principal: Principal,
    key_id: str,
    command: NewKey,
    at: datetime,
    note: AuditNote,
) -> MadeKey:
    """Make a key that holds nothing that its maker lacks.

    It is made on the condition that the maker's rights are as they were read. Raises InvalidValue,
    RightsExceeded, TooManyKeys or Busy.
    """
    permissions = check_key_permissions(permissions=command.permissions)
    member = store.staff.get(staff_id=principal.actor_id)
    maker, as_read = principal_of(store=store, member=member)
    may_grant(principal=maker, permissions=permissions)
    token = identity.tokens.new(prefix="key")
    key = ApiKey(
        key_id=key_id,
        name=check_key_name(name=command.name),
        prefix=token[:PREFIX_CHARS],
        token_hash=identity.tokens.hash(token=token),
        permissions=permissions,
        made_by=member.staff_id,
        created_at=at,
        expires_at=key_expiry(at=at, days=command.days),
    )
    known = store.api_keys.all()
    expired = [one for one in known.keys if at >= one.expires_at]
    if len(known.keys) - len(expired) >= API_KEYS_MAX:
        raise TooManyKeys(f"a company has at most {API_KEYS_MAX} keys: revoke one first")
    details = {"permissions": sorted(permissions), "expires_at": key.expires_at.isoformat()}
    told = replace(note, details=details, personal={"name": key.name})
    writes = [
        *as_read,
        store.staff.unmoved(member=member),
        *store.api_keys.add(key=key, known=known),
        *(write for one in expired for write in store.api_keys.remove(key=one)),
        store.note(note=told),
    ]
    try:
        store.commit(*writes)
    except StaleVersion as error:
        raise Busy("your rights were changed just now: try again") from error
    return MadeKey(token, key)


def revoke_key(*, store: TenantStore, key_id: str, note: AuditNote) -> None:
    """Revoke a key at once, or raise NotFound."""
    key = next((one for one in store.api_keys.all().keys if one.key_id == key_id), None)
    if key is None:
        raise NotFound("no such key", param="key_id")
    told = replace(note, details={"made_by": key.made_by}, personal={"name": key.name})
    store.commit(*store.api_keys.remove(key=key), store.note(note=told))


def outgrown(
    *, store: TenantStore, staff_ids: Collection[str], permissions: frozenset[Permission]
) -> tuple[list[Write], list[str]]:
    """Describe revoking the keys of people that hold more than these may do from now on.

    Returns the writes and the keys' identifiers. Where a key is made meanwhile, they are refused
    with KeysMoved.
    """
    known = store.api_keys.all()
    gone = [one for one in known.keys if one.made_by in staff_ids and not one.permissions <= permissions]
    removed = (write for one in gone for write in store.api_keys.remove(key=one))
    return [store.api_keys.none_made(known=known), *removed], [one.key_id for one in gone]


def recognise(*, finder: KeyFinder, stores: Stores, token_hash: str, at: datetime) -> Principal | None:
    """Return who a key is, or None; its use is noted at most once an hour."""
    key = finder.find(token_hash=token_hash, at=at)
    if key is None:
        return None
    due = at - USE_TOLD_AFTER
    if (key.used_at is None or key.used_at <= due) and finder.used(key=key, before=due, at=at):
        stores.of(tenant_id=key.tenant_id).api_keys.used(key_id=key.key_id, at=at)
    return Principal(key.tenant_id, key.key_id, KEY_ROLE, key.permissions)

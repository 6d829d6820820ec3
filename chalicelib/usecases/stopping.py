"""The stop of a tenant: nobody is signed in any more who was, and no key or access opens anything."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from chalicelib.domain.errors import Busy
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.identity import ListedSession, Sessions, SessionsMoved
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.paging import each
from chalicelib.usecases.sessions import COMMIT_ATTEMPTS_MAX
from chalicelib.usecases.staff_lists import everybody
from chalicelib.usecases.support import SupportPorts, end_access

LIFE_ACTOR: Final = "tenant-life"
ACCESSES_PER_READ: Final = 50


def stop_access(
    *,
    identity: Identity,
    support: Callable[[], SupportPorts],
    store: TenantStore,
    tenant: Tenant,
    at: datetime,
    begun_before: datetime | None = None,
    but: str = "",
) -> None:
    """End sessions, keys and accesses of platform support; keys stay listed, to be started again.

    The session ``but`` goes on, and so do those that began at ``begun_before`` or later: whoever signs in
    afterwards finds the tenant's state. Subscribers' sessions are asked about it at each request, and
    are left to go on after a recovery. Raises Busy where the tenant is not as it was read: it may be back.
    """
    unmoved = store.profile_unmoved(tenant=tenant)

    def ends(one: ListedSession) -> bool:
        return one.session_id != but and (begun_before is None or one.created_at < begun_before)

    for member in everybody(store=store):
        _end_sessions(identity.sessions, store, member.staff_id, unmoved, ends)
    keys = store.api_keys.all().keys
    if keys:
        store.commit(unmoved, *(store.api_keys.stopped(key=key) for key in keys))
    _end_accesses(support, store, at)


def _end_sessions(
    sessions: Sessions,
    store: TenantStore,
    staff_id: str,
    unmoved: Write,
    ends: Callable[[ListedSession], bool],
) -> None:
    for _ in range(COMMIT_ATTEMPTS_MAX):
        known = sessions.of_person(tenant_id=store.tenant_id, staff_id=staff_id)
        ended = {one.session_id for one in known.listed if ends(one)}
        if not ended:
            return
        with suppress(SessionsMoved):
            store.commit(unmoved, *sessions.end(known=known, session_ids=ended))
            return
    raise Busy("somebody kept signing in: the next pass ends their sessions")


def keys_started(*, store: TenantStore) -> list[Write]:
    """Describe that the tenant's keys open again what they did."""
    return [store.api_keys.started(key=key) for key in store.api_keys.all().keys]


def _end_accesses(support: Callable[[], SupportPorts], store: TenantStore, at: datetime) -> None:
    for access in each(read=store.support.list, limit=ACCESSES_PER_READ):
        if access.ended_at is None:
            note = AuditNote(LIFE_ACTOR, "support.ended", access.access_id, at)
            end_access(ports=support(), store=store, access_id=access.access_id, at=at, note=note)

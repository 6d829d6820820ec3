"""Roles of a tenant's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.errors import Busy, InvalidValue, NotFound
from chalicelib.domain.permissions import ROLE_PERMISSIONS, Permission, Role
from chalicelib.domain.roles import (
    CUSTOM_ROLES_MAX,
    CustomRole,
    RoleInUse,
    TooManyRoles,
    check_role_name,
    check_role_permissions,
)
from chalicelib.domain.staff import Principal, StaffMember, may_grant, may_manage
from chalicelib.ports.identity import PersonSessions, Sessions, SessionsMoved
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.api_keys import outgrown
from chalicelib.usecases.sessions import COMMIT_ATTEMPTS_MAX
from chalicelib.usecases.staff_lists import everybody
from chalicelib.usecases.versions import require_version


class UnknownRole(InvalidValue):
    """There is no role of this name or identifier."""

    code = "unknown_role"


@dataclass(frozen=True, slots=True)
class RoleChange:
    """What a change sets; None leaves as it is."""

    name: str | None = None
    permissions: Sequence[Permission] | None = None


def permissions_of(*, store: TenantStore, role: str) -> frozenset[Permission]:
    """Return what a role may do, or raise UnknownRole."""
    if role in set(Role):
        return ROLE_PERMISSIONS[Role(role)]
    try:
        return store.roles.get(role_id=role).granted
    except NotFound:
        raise UnknownRole("there is no such role", param="role") from None


def require_manages(*, store: TenantStore, principal: Principal, member: StaffMember) -> None:
    """Raise RightsExceeded where a member of staff may do more than oneself."""
    may_manage(principal=principal, permissions=permissions_of(store=store, role=member.role))


def handed(*, store: TenantStore, before: str | None, after: str | None) -> list[Write]:
    """Describe counting who has which role of the tenant's own; None is nobody."""
    if before == after:
        return []
    own = [(before, -1), (after, 1)]
    return [
        store.roles.hand(role_id=role, people=people)
        for role, people in own
        if role is not None and role not in set(Role)
    ]


def create_role(
    *,
    store: TenantStore,
    principal: Principal,
    role_id: str,
    name: str,
    permissions: Sequence[Permission],
    at: datetime,
    note: AuditNote,
) -> CustomRole:
    """Make a role; raise InvalidValue, RightsExceeded, RoleNameTaken or TooManyRoles."""
    role = CustomRole(
        role_id=role_id,
        name=check_role_name(name=name),
        permissions=check_role_permissions(permissions=permissions),
        created_at=at,
    )
    may_grant(principal=principal, permissions=role.permissions)
    if len(store.roles.all()) >= CUSTOM_ROLES_MAX:
        raise TooManyRoles(f"a company has at most {CUSTOM_ROLES_MAX} roles of its own")
    details = {"name": role.name, "permissions": sorted(role.permissions)}
    store.commit(*store.roles.add(role=role), store.note(note=replace(note, details=details)))
    return role


def change_role(
    *,
    store: TenantStore,
    sessions: Sessions,
    principal: Principal,
    role_id: str,
    change: RoleChange,
    if_match: int | None,
    note: AuditNote,
) -> CustomRole:
    """Change a role; where its permissions change, who has it must sign in again.

    Raises NotFound, InvalidValue, RightsExceeded, RoleNameTaken, StaleVersion or Busy.
    """
    before = store.roles.get(role_id=role_id)
    require_version(current=before.version, expected=if_match)
    may_manage(principal=principal, permissions=before.granted)
    permissions = before.permissions
    if change.permissions is not None:
        permissions = check_role_permissions(permissions=change.permissions)
    name = before.name if change.name is None else check_role_name(name=change.name)
    after = replace(before, name=name, permissions=permissions, version=before.version + 1)
    may_grant(principal=principal, permissions=after.granted)
    told = {
        "name": [before.name, after.name],
        "permissions": [sorted(before.permissions), sorted(after.permissions)],
    }
    writes = [
        *store.roles.change(before=before, after=after),
        store.note(note=replace(note, details=told)),
    ]
    if after.permissions == before.permissions:
        store.commit(*writes)
    else:
        _commit_for_holders(store, sessions, after, writes)
    return after


def _commit_for_holders(
    store: TenantStore, sessions: Sessions, role: CustomRole, writes: Sequence[Write]
) -> None:
    """Make the change when nobody in the role has a session.

    Their sessions are too many for one transaction: they end first, person by person, and the
    change is made on the condition that nobody began one since, nor came to the role. Keys that they
    made and that hold more than the role does now end with it.
    """
    for _ in range(COMMIT_ATTEMPTS_MAX):
        holders = [one.staff_id for one in everybody(store=store) if one.role == role.role_id]
        keys, _ = outgrown(store=store, staff_ids=holders, permissions=role.granted)
        known = [sessions.of_person(tenant_id=store.tenant_id, staff_id=one) for one in holders]
        try:
            for one in known:
                _end(store, sessions, one)
            store.commit(*writes, *keys, *(sessions.none_begun(known=one) for one in known))
        except SessionsMoved:
            continue
        return
    raise Busy("people of this role kept signing in: try again")


def _end(store: TenantStore, sessions: Sessions, known: PersonSessions) -> None:
    if known.listed:
        store.commit(*sessions.end(known=known))


def remove_role(*, store: TenantStore, principal: Principal, role_id: str, note: AuditNote) -> None:
    """Remove a role that nobody has; raise NotFound, RightsExceeded or RoleInUse."""
    role = store.roles.get(role_id=role_id)
    may_manage(principal=principal, permissions=role.granted)
    if any(one.role == role_id for one in store.invitations.all()):
        raise RoleInUse("somebody is invited to this role")
    store.commit(*store.roles.remove(role=role), store.note(note=replace(note, details={"name": role.name})))

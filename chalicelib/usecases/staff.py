"""Staff: their roles, and whether they may sign in.

Whatever changes what somebody may do ends their sessions in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.passwords import normal_password
from chalicelib.domain.permissions import Permission
from chalicelib.domain.staff import (
    LastOwner,
    Principal,
    Role,
    Scope,
    StaffMember,
    check_scope,
    check_staff_name,
    may_grant,
    not_erased,
    only_others,
)
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.api_keys import outgrown
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.roles import handed, permissions_of, require_manages
from chalicelib.usecases.sessions import commit_ending
from chalicelib.usecases.staff_lists import everybody
from chalicelib.usecases.throttle import Limit, give_back, reserve
from chalicelib.usecases.versions import require_version

# Passwords asked again of who is signed in: each costs Argon2.
PASSWORDS_ASKED: Final = Limit("password-asked", most=10, window_seconds=900)


class WrongPassword(InvalidValue):
    """It is not the password of who is signed in."""

    code = "wrong_password"


class NotActive(Conflict):
    """The person cannot sign in."""

    code = "not_active"


@dataclass(frozen=True, slots=True)
class StaffChange:
    """What a change sets; None leaves as it is, but a new role begins without areas and dealer."""

    name: str | None = None
    role: str | None = None
    areas: Sequence[str] | None = None
    dealer_id: str | None = None

    @property
    def of_rights(self) -> bool:
        """Whether it touches more than the name."""
        return (self.role, self.areas, self.dealer_id) != (None, None, None)


def change_staff(
    *,
    identity: Identity,
    store: TenantStore,
    principal: Principal,
    staff_id: str,
    change: StaffChange,
    if_match: int | None,
    note: AuditNote,
) -> StaffMember:
    """Change a person's name, role or scope.

    Raises NotFound, PersonErased, InvalidValue, OwnRecord, RightsExceeded, LastOwner or StaleVersion.
    """
    before = store.staff.get(staff_id=staff_id)
    not_erased(member=before)
    require_version(current=before.version, expected=if_match)
    require_manages(store=store, principal=principal, member=before)
    name = before.name if change.name is None else check_staff_name(name=change.name)
    after = replace(before, name=name)
    if not change.of_rights:
        return _save(identity, store, before, after, note)
    only_others(principal=principal, staff_id=staff_id)
    role = change.role or before.role
    may_grant(principal=principal, permissions=permissions_of(store=store, role=role))
    after = replace(after, role=role, scope=_scope(before, role, change))
    return _save(identity, store, before, after, note)


def _scope(before: StaffMember, role: str, change: StaffChange) -> Scope:
    kept = before.scope if role == before.role else Scope()
    areas = kept.areas if change.areas is None else change.areas
    dealer_id = kept.dealer_id if change.dealer_id is None else change.dealer_id
    return check_scope(role=role, areas=areas, dealer_id=dealer_id)


def disable_staff(
    *, identity: Identity, store: TenantStore, principal: Principal, staff_id: str, note: AuditNote
) -> StaffMember:
    """Let a person sign in no more, and end their sessions; disabling twice changes nothing.

    Raises NotFound, PersonErased, OwnRecord, RightsExceeded, LastOwner or StaleVersion.
    """
    before = _other(store, principal, staff_id)
    if before.disabled:
        return before
    return _save(identity, store, before, replace(before, disabled=True), note)


def enable_staff(
    *, identity: Identity, store: TenantStore, principal: Principal, staff_id: str, note: AuditNote
) -> StaffMember:
    """Let a person sign in again; enabling twice changes nothing. Raises as disabling does."""
    before = _other(store, principal, staff_id)
    if not before.disabled:
        return before
    return _save(identity, store, before, replace(before, disabled=False), note)


def _other(store: TenantStore, principal: Principal, staff_id: str) -> StaffMember:
    found = store.staff.get(staff_id=staff_id)
    not_erased(member=found)
    only_others(principal=principal, staff_id=staff_id)
    require_manages(store=store, principal=principal, member=found)
    return found


def transfer_ownership(
    *,
    identity: Identity,
    store: TenantStore,
    principal: Principal,
    staff_id: str,
    password: str,
    at: datetime,
    note: AuditNote,
) -> StaffMember:
    """Make another person the owner, and the present one an administrator: both sign in again.

    The password is that of who asks. Raises NotFound, OwnRecord, WrongPassword, TooManyAttempts,
    NotActive or StaleVersion.
    """
    heir = store.staff.get(staff_id=staff_id)
    only_others(principal=principal, staff_id=staff_id)
    owner = ask_password(identity=identity, store=store, principal=principal, password=password, at=at)
    if heir.disabled or not heir.email_verified:
        raise NotActive("this person cannot sign in")
    after = replace(heir, role=Role.OWNER, scope=Scope())
    writes = [
        *store.staff.change(before=heir, after=after),
        *store.staff.change(before=owner, after=replace(owner, role=Role.ADMIN)),
        *handed(store=store, before=heir.role, after=after.role),
        store.note(note=replace(note, details={"role_before": heir.role})),
    ]
    both = (heir.staff_id, owner.staff_id)
    commit_ending(sessions=identity.sessions, store=store, staff_ids=both, writes=writes)
    return replace(after, version=heir.version + 1)


def ask_password(
    *,
    identity: Identity,
    store: TenantStore,
    principal: Principal,
    password: str,
    at: datetime,
    param: str = "password",
) -> StaffMember:
    """Return who is signed in if the password is theirs, or raise WrongPassword or TooManyAttempts."""
    key = f"{store.tenant_id}|{principal.actor_id}"
    reserve(identity=identity, limit=PASSWORDS_ASKED, key=key, at=at)
    member = store.staff.get(staff_id=principal.actor_id)
    given = normal_password(password=password)
    if not identity.passwords.matches(password=given, stored=member.password_hash):
        raise WrongPassword("this is not your password", param=param)
    give_back(identity=identity, limit=PASSWORDS_ASKED, key=key, at=at)
    return member


def _save(
    identity: Identity, store: TenantStore, before: StaffMember, after: StaffMember, note: AuditNote
) -> StaffMember:
    writes = [
        *store.staff.change(before=before, after=after),
        *handed(store=store, before=before.role, after=after.role),
        *_owner_left(store, before, after),
    ]
    told = _told(before, after)
    if (before.role, before.scope, before.disabled) == (after.role, after.scope, after.disabled):
        store.commit(*writes, store.note(note=replace(note, details=told)))
    else:
        staff_ids = (before.staff_id,)
        revoked, key_ids = outgrown(store=store, staff_ids=staff_ids, permissions=_may(store, after))
        told |= {"api_keys_revoked": key_ids} if key_ids else {}
        writes += [*revoked, store.note(note=replace(note, details=told))]
        commit_ending(sessions=identity.sessions, store=store, staff_ids=staff_ids, writes=writes)
    return replace(after, version=before.version + 1)


def _may(store: TenantStore, member: StaffMember) -> frozenset[Permission]:
    """Return what somebody may give to keys: nothing where they cannot sign in, or are held to a part."""
    if member.disabled or not member.scope.everything:
        return frozenset()
    return permissions_of(store=store, role=member.role)


def _owner_left(store: TenantStore, before: StaffMember, after: StaffMember) -> list[Write]:
    """Describe that another owner stays as they were read, where one goes; or raise LastOwner.

    Of two owners who take each other's role at once, so only one succeeds.
    """
    if not before.active_owner or after.active_owner:
        return []
    others = (one for one in everybody(store=store) if one.staff_id != before.staff_id)
    other = next((one for one in others if one.active_owner), None)
    if other is None:
        raise LastOwner("this is the last owner who can sign in")
    return [store.staff.unmoved(member=other)]


def _told(before: StaffMember, after: StaffMember) -> dict[str, object]:
    """Return what the audit entry tells: of a name, that it changed."""
    told: dict[str, object] = {} if before.name == after.name else {"changed": ["name"]}
    for field in ("role", "disabled"):
        if getattr(before, field) != getattr(after, field):
            told[field] = [getattr(before, field), getattr(after, field)]
    if before.scope != after.scope:
        told["areas"] = [before.scope.areas, after.scope.areas]
        told["dealer_id"] = [before.scope.dealer_id, after.scope.dealer_id]
    return told

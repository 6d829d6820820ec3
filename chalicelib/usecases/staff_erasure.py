"""Erasing who worked for the ISP and left: what names them goes, what law asks for stays by identifier.

All with which somebody comes in goes in the transaction that begins the erasure, so that nobody can be
let in again in the middle of it. The rest is a worker's: each step takes away what it finds, and
finds nothing where it was done before.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from chalicelib.domain.contacts import normal_email
from chalicelib.domain.erasure import check_left, without_name
from chalicelib.domain.errors import Busy, NotFound
from chalicelib.domain.funds import fund_id_of
from chalicelib.domain.staff import LastOwner, StaffMember
from chalicelib.ports.identity import PersonSessions, SessionsMoved
from chalicelib.ports.privacy import Erased
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.api_keys import outgrown
from chalicelib.usecases.erasing import commit_all, erase_requests
from chalicelib.usecases.roles import handed
from chalicelib.usecases.sessions import COMMIT_ATTEMPTS_MAX
from chalicelib.usecases.staff_lists import everybody

ERASER: Final = "system"


class Sessions(Protocol):
    """What an erasure asks of the sessions of staff; ``NO_SESSIONS`` where none are in the tables."""

    def of_person(self, *, tenant_id: str, staff_id: str) -> PersonSessions:
        """Return a person's sessions, expired ones too."""

    def forget(self, *, known: PersonSessions) -> Sequence[Write]:
        """Describe ending all sessions of a person, and forgetting their devices."""


class _NoSessions:
    """Restored tables: sessions are in no backup, and those in use are ended already."""

    def of_person(self, *, tenant_id: str, staff_id: str) -> PersonSessions:
        """Return none."""
        return PersonSessions(tenant_id, staff_id, begun=0, listed=())

    def forget(self, *, known: PersonSessions) -> Sequence[Write]:  # noqa: ARG002 - the port's shape
        """Describe nothing."""
        return []


NO_SESSIONS: Final = _NoSessions()


def require_left(*, store: TenantStore, member: StaffMember, hold: str) -> None:
    """Raise OnHold, LastOwner, StillEmployed or HoldsCash where a member of staff is not to be erased."""
    check_left(
        member=member,
        only_owner=_only_owner(store, member),
        cash=_cash(store, staff_id=member.staff_id),
        hold=hold,
    )


def _only_owner(store: TenantStore, member: StaffMember) -> bool:
    others = (one for one in everybody(store=store) if one.staff_id != member.staff_id)
    return member.active_owner and not any(one.active_owner for one in others)


def _cash(store: TenantStore, *, staff_id: str) -> int:
    with suppress(NotFound):
        return store.funds.get(fund_id=fund_id_of(staff_id=staff_id)).balance
    return 0


def commit_leaving(
    *, store: TenantStore, sessions: Sessions, member: StaffMember, writes: Sequence[Write]
) -> None:
    """Make the record nobody's, in one transaction with ``writes``: nothing with which they came in is left.

    That is the password, second factors, sessions, devices, keys of programs, and invitations to the
    address. Raises StaleVersion, Busy, and what the writes are refused with.
    """
    after = without_name(member=member)
    revoked, _ = outgrown(store=store, staff_ids=(member.staff_id,), permissions=frozenset())
    factor = store.second_factors.find(staff_id=member.staff_id)
    gone: list[Write] = [
        *store.staff.change(before=member, after=after),
        *handed(store=store, before=member.role, after=after.role),
        *([store.second_factors.remove(before=factor, refused=_moved())] if factor else []),
        *(
            store.invitations.remove(invitation=one)
            for one in store.invitations.all()
            if normal_email(email=one.email) == normal_email(email=member.email)
        ),
        *revoked,
    ]
    for _ in range(COMMIT_ATTEMPTS_MAX):
        known = sessions.of_person(tenant_id=store.tenant_id, staff_id=member.staff_id)
        with suppress(SessionsMoved):
            store.commit(*writes, *gone, *sessions.forget(known=known))
            return
    raise Busy("the person kept signing in: try again")


def erase_staff(*, store: TenantStore, sessions: Sessions, erased: Erased, at: datetime) -> None:
    """Take everything away that names who worked here; repeating it does what is left.

    An identifier that is nobody's is noted as done: a restored table may be older than the person.
    Raises LastOwner where a restored table has them as the only owner, and Busy where others keep
    changing the person.
    """
    subject_id = erased.subject_id
    with suppress(NotFound):
        _erase_record(store, sessions, erased, at)
    data, since = store.subject_data, store.profile().created_at - timedelta(days=1)
    commit_all(store=store, writes=data.erase_choices(subject_id=subject_id))
    commit_all(store=store, writes=data.erase_entries(subject_id=subject_id, since=since))
    erase_requests(store=store, erased=erased)
    if erased.done_at is None:
        store.commit(store.privacy.note_erasure(erased=replace(erased, done_at=at)))


def _erase_record(store: TenantStore, sessions: Sessions, erased: Erased, at: datetime) -> None:
    """Make the record nobody's where it is not: in a restored table it is as it was then."""
    member = store.staff.get(staff_id=erased.subject_id)
    if member.erased:
        return
    if _only_owner(store, member):
        raise LastOwner("the restored table has this person as the only owner: make another one first")
    # By themselves: with everything else they might be more than a transaction holds.
    revoked, key_ids = outgrown(store=store, staff_ids=(member.staff_id,), permissions=frozenset())
    if key_ids:
        store.commit(*revoked)
    note = AuditNote(ERASER, "staff.erased", member.staff_id, at, details={"request": erased.request_id})
    commit_leaving(store=store, sessions=sessions, member=member, writes=[store.note(note=note)])


def _moved() -> Busy:
    return Busy("the person changed meanwhile: try again")

"""Second factors of a company's people: asked for, and taken off for who lost theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.api_keys import KEY_ROLE
from chalicelib.domain.errors import Busy, StaleVersion
from chalicelib.domain.second_factor import SecondFactorOff
from chalicelib.domain.staff import Principal, StaffMember, only_others
from chalicelib.ports.identity import Session
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.factor_changes import Again, shown_again
from chalicelib.usecases.factors import tell_of_recovery
from chalicelib.usecases.identity import Identity, tell
from chalicelib.usecases.mails import factor_taken_off_mail
from chalicelib.usecases.roles import require_manages
from chalicelib.usecases.sessions import COMMIT_ATTEMPTS_MAX, commit_ending
from chalicelib.usecases.staff_lists import everybody, owners


def take_off_for(
    *,
    identity: Identity,
    store: TenantStore,
    session: Session,
    staff_id: str,
    again: Again,
    at: datetime,
    note: AuditNote,
) -> StaffMember:
    """Take off all second factors of another person, who lost them, and end their sessions.

    Who asks is shown ``again``. Raises NotFound, OwnRecord, RightsExceeded (of an owner, for all but
    owners), SecondFactorOff, and what ``shown_again`` does.
    """
    principal = session.principal
    person = store.staff.get(staff_id=staff_id)
    only_others(principal=principal, staff_id=staff_id)
    require_manages(store=store, principal=principal, member=person)
    factor = store.second_factors.find(staff_id=staff_id)
    if factor is None or not factor.on:
        raise SecondFactorOff("this person has no second factor")
    actor, used = shown_again(identity=identity, store=store, session=session, again=again, at=at)
    after = replace(person, second_factor=False)
    writes: Sequence[Write] = [
        *(used.kept(store=store) if used else ()),
        store.second_factors.remove(before=factor, refused=Busy("it changed meanwhile: try again")),
        *store.staff.change(before=person, after=after),
        store.note(note=replace(note, details={"factors": factor.kinds})),
    ]
    commit_ending(sessions=identity.sessions, store=store, staff_ids=(staff_id,), writes=writes)
    if used:
        tell_of_recovery(identity=identity, store=store, member=actor, used=used)
    company = store.profile().company
    for one in {told.staff_id: told for told in (person, *owners(store=store))}.values():
        mail = factor_taken_off_mail(
            to=one.email, name=one.name, company=company, whose=person.name, by=actor.name
        )
        tell(identity=identity, mail=mail)
    return replace(after, version=person.version + 1)


def may_ask_for_factors(*, store: TenantStore, principal: Principal) -> Write:
    """Describe that a person with a second factor decides whether everybody needs one.

    So nobody shuts themselves out, and no program loosens what people agreed on. Raises
    SecondFactorOff.
    """
    if principal.role == KEY_ROLE:
        raise SecondFactorOff("a person decides this, and no program", param="mfa_required")
    member = store.staff.get(staff_id=principal.actor_id)
    if not member.second_factor:
        raise SecondFactorOff("put a second factor of your own on first", param="mfa_required")
    return store.staff.unmoved(member=member)


def hold_without_factor(*, identity: Identity, store: TenantStore) -> None:
    """Hold the open sessions of everybody without a second factor, now that the company asks for one.

    Sessions that begin afterwards see that themselves. Raises Busy.
    """
    for member in everybody(store=store):
        _hold(identity, store, member)


def _hold(identity: Identity, store: TenantStore, member: StaffMember) -> None:
    for _ in range(COMMIT_ATTEMPTS_MAX):
        if member.second_factor:
            return
        listed = identity.sessions.of_person(tenant_id=store.tenant_id, staff_id=member.staff_id).listed
        if not listed:
            return
        try:
            # Who put a second factor on meanwhile is not held for lack of one.
            store.commit(store.staff.unmoved(member=member), *identity.sessions.hold(listed=listed))
        except StaleVersion:
            member = store.staff.get(staff_id=member.staff_id)
        else:
            return
    raise Busy("a person kept changing: try again")

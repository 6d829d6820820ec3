"""One's own second factor: put on by a code of it, taken off by the password and a code.

Either ends one's other sessions, which began under other conditions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.errors import Conflict
from chalicelib.domain.second_factor import (
    RECOVERY_CODES,
    SecondFactor,
    SecondFactorOff,
    SecondFactorOn,
    WrongCode,
    typed_code,
)
from chalicelib.domain.staff import Principal, StaffMember
from chalicelib.ports.identity import Session
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.codes import tell_of_recovery, use_code
from chalicelib.usecases.identity import Identity, tell
from chalicelib.usecases.mails import recovery_renewed_mail, second_factor_mail
from chalicelib.usecases.sessions import commit_ending
from chalicelib.usecases.staff import ask_password
from chalicelib.usecases.throttle import Limit, reserve

CONFIRMATIONS: Final = Limit("confirm-code", most=20, window_seconds=900)


class NotBegun(Conflict):
    """There is no secret that a code could confirm: begin first."""

    code = "second_factor_not_begun"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The secret of a new second factor, shown this once; in force when a code of it came back."""

    secret: str
    uri: str


def begin_enrolment(
    *,
    identity: Identity,
    store: TenantStore,
    principal: Principal,
    password: str,
    at: datetime,
    note: AuditNote,
) -> Enrolment:
    """Make a secret for one's authenticator, in place of one that was not confirmed.

    Raises WrongPassword, SecondFactorOn or TooManyAttempts.
    """
    member = ask_password(identity=identity, store=store, principal=principal, password=password, at=at)
    before = store.second_factors.find(staff_id=member.staff_id)
    if before is not None and before.confirmed:
        raise SecondFactorOn("take your second factor off first")
    secret = identity.authenticator.new_secret()
    after = SecondFactor(staff_id=member.staff_id, secret=secret, created_at=at)
    store.commit(store.second_factors.save(before=before, after=after), store.note(note=note))
    company = store.profile().company
    return Enrolment(secret, identity.authenticator.uri(secret=secret, account=member.email, issuer=company))


def confirm_enrolment(
    *, identity: Identity, store: TenantStore, session: Session, code: str, at: datetime, note: AuditNote
) -> tuple[str, ...]:
    """Put one's second factor on by a code of it; return the recovery codes, shown this once.

    Raises WrongCode, NotBegun, SecondFactorOn or TooManyAttempts.
    """
    staff_id = session.principal.actor_id
    reserve(identity=identity, limit=CONFIRMATIONS, key=f"{store.tenant_id}|{staff_id}", at=at)
    before, member = store.second_factors.find(staff_id=staff_id), store.staff.get(staff_id=staff_id)
    if before is None:
        raise NotBegun("ask for a secret first")
    if before.confirmed:
        raise SecondFactorOn("your second factor is on already")
    typed = typed_code(text=code)
    step = identity.authenticator.step_of(secret=before.secret, code=typed, at=at)
    if step is None:
        raise WrongCode
    codes, digests = _recovery_codes(identity)
    after = replace(before.stepped(step=step), recovery=digests, confirmed=True)
    writes = [
        store.second_factors.save(before=before, after=after),
        *store.staff.change(before=member, after=replace(member, second_factor=True)),
        store.note(note=note),
    ]
    commit_ending(
        sessions=identity.sessions, store=store, staff_ids=(staff_id,), writes=writes, but=session.session_id
    )
    _tell(identity, store, member, on=True)
    return codes


def renew_recovery_codes(
    *,
    identity: Identity,
    store: TenantStore,
    principal: Principal,
    password: str,
    at: datetime,
    note: AuditNote,
) -> tuple[str, ...]:
    """Make new recovery codes, shown this once; the ones before are worthless.

    Raises WrongPassword, SecondFactorOff or TooManyAttempts.
    """
    member = ask_password(identity=identity, store=store, principal=principal, password=password, at=at)
    before = store.second_factors.find(staff_id=member.staff_id)
    if before is None or not before.confirmed:
        raise SecondFactorOff("there is no second factor")
    codes, digests = _recovery_codes(identity)
    after = replace(before, recovery=digests)
    store.commit(store.second_factors.save(before=before, after=after), store.note(note=note))
    company = store.profile().company
    mail = recovery_renewed_mail(to=member.email, name=member.name, company=company)
    tell(identity=identity, mail=mail)
    return codes


def take_off(
    *,
    identity: Identity,
    store: TenantStore,
    session: Session,
    password: str,
    code: str,
    address: str,
    at: datetime,
    note: AuditNote,
) -> None:
    """Take one's second factor off; the code is one of the authenticator, or for recovery.

    Raises WrongPassword, WrongCode, SecondFactorOff or TooManyAttempts.
    """
    who = session.principal
    member = ask_password(identity=identity, store=store, principal=who, password=password, at=at)
    used = use_code(identity=identity, store=store, member=member, code=code, address=address, at=at)
    writes = [
        store.second_factors.remove(before=used.after),
        *store.staff.change(before=member, after=replace(member, second_factor=False)),
        store.note(note=note),
    ]
    staff_ids = (member.staff_id,)
    commit_ending(
        sessions=identity.sessions, store=store, staff_ids=staff_ids, writes=writes, but=session.session_id
    )
    tell_of_recovery(identity=identity, store=store, member=member, used=used)
    _tell(identity, store, member, on=False)


def _recovery_codes(identity: Identity) -> tuple[tuple[str, ...], frozenset[str]]:
    codes = tuple(identity.authenticator.new_recovery_code() for _ in range(RECOVERY_CODES))
    return codes, frozenset(identity.tokens.hash(token=typed_code(text=one)) for one in codes)


def _tell(identity: Identity, store: TenantStore, member: StaffMember, *, on: bool) -> None:
    company = store.profile().company
    mail = second_factor_mail(to=member.email, name=member.name, company=company, on=on)
    tell(identity=identity, mail=mail)

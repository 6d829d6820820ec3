"""One's own authenticator: put on by a code of it, taken off by the password and the second factor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.errors import Conflict
from chalicelib.domain.second_factor import (
    SecondFactor,
    SecondFactorOff,
    SecondFactorOn,
    WrongCode,
    typed_code,
)
from chalicelib.ports.identity import Session
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.factor_changes import (
    Again,
    commit_change,
    new_recovery_codes,
    shown_again,
    with_recovery,
)
from chalicelib.usecases.factors import tell_of_recovery
from chalicelib.usecases.identity import Identity, tell
from chalicelib.usecases.mails import factor_off_mail, recovery_renewed_mail, second_factor_mail
from chalicelib.usecases.staff import ask_password
from chalicelib.usecases.throttle import Limit, reserve

CONFIRMATIONS: Final = Limit("confirm-code", most=20, window_seconds=900)


class NotBegun(Conflict):
    """There is no secret that a code could confirm: begin first."""

    code = "second_factor_not_begun"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The secret of a new authenticator, shown this once; in force when a code of it came back."""

    secret: str
    uri: str


def begin_enrolment(
    *,
    identity: Identity,
    store: TenantStore,
    session: Session,
    again: Again,
    at: datetime,
    note: AuditNote,
) -> Enrolment:
    """Make a secret for one's authenticator, in place of one that was not confirmed.

    Raises WrongPassword, SecondFactorOn, TooManyAttempts, and where there are passkeys what
    ``shown_again`` does.
    """
    staff_id = session.principal.actor_id
    before = store.second_factors.find(staff_id=staff_id)
    if before is not None and before.confirmed:
        ask_password(
            identity=identity, store=store, principal=session.principal, password=again.password, at=at
        )
        raise SecondFactorOn("take your authenticator off first")
    member, used = shown_again(identity=identity, store=store, session=session, again=again, at=at)
    before = used.after if used else before
    secret = identity.authenticator.new_secret()
    fresh = SecondFactor(staff_id=staff_id, secret=secret, created_at=at)
    after = fresh if used is None else replace(used.after, secret=secret, last_step=0)
    spent = used.spent if used else ()
    store.commit(store.second_factors.save(before=before, after=after), *spent, store.note(note=note))
    if used:
        tell_of_recovery(identity=identity, store=store, member=member, used=used)
    company = store.profile().company
    return Enrolment(secret, identity.authenticator.uri(secret=secret, account=member.email, issuer=company))


def confirm_enrolment(
    *, identity: Identity, store: TenantStore, session: Session, code: str, at: datetime, note: AuditNote
) -> tuple[str, ...]:
    """Put one's authenticator on by a code of it; return the recovery codes, shown this once.

    There are none to be shown where a passkey was there first. Raises WrongCode, NotBegun,
    SecondFactorOn or TooManyAttempts.
    """
    staff_id = session.principal.actor_id
    reserve(identity=identity, limit=CONFIRMATIONS, key=f"{store.tenant_id}|{staff_id}", at=at)
    before, member = store.second_factors.find(staff_id=staff_id), store.staff.get(staff_id=staff_id)
    if before is None or not before.secret:
        raise NotBegun("ask for a secret first")
    if before.confirmed:
        raise SecondFactorOn("your authenticator is on already")
    typed = typed_code(text=code)
    step = identity.authenticator.step_of(secret=before.secret, code=typed, at=at)
    if step is None:
        raise WrongCode
    confirmed = replace(before.stepped(step=step), confirmed=True)
    after, codes = with_recovery(identity=identity, factor=confirmed)
    commit_change(
        identity=identity,
        store=store,
        session=session,
        member=member,
        before=before,
        after=after,
        note=note,
    )
    company = store.profile().company
    tell(identity=identity, mail=second_factor_mail(to=member.email, name=member.name, company=company))
    return codes


def renew_recovery_codes(
    *,
    identity: Identity,
    store: TenantStore,
    session: Session,
    again: Again,
    at: datetime,
    note: AuditNote,
) -> tuple[str, ...]:
    """Make new recovery codes, shown this once; the ones before are worthless.

    They stand for the second factor, so that is shown too. Raises SecondFactorOff, and what
    ``shown_again`` does.
    """
    member, used = shown_again(identity=identity, store=store, session=session, again=again, at=at)
    if used is None:
        raise SecondFactorOff("there is no second factor")
    codes, digests = new_recovery_codes(identity=identity)
    after = replace(used.after, recovery=digests)
    saved = store.second_factors.save(before=used.after, after=after)
    store.commit(saved, *used.spent, store.note(note=note))
    company = store.profile().company
    mail = recovery_renewed_mail(to=member.email, name=member.name, company=company)
    tell(identity=identity, mail=mail)
    return codes


def take_off(
    *,
    identity: Identity,
    store: TenantStore,
    session: Session,
    again: Again,
    at: datetime,
    note: AuditNote,
) -> None:
    """Take one's authenticator off, by the password and the second factor.

    Raises WrongPassword, WrongCode, WrongPasskey, SecondFactorOff, LastSecondFactor or
    TooManyAttempts.
    """
    member, used = shown_again(identity=identity, store=store, session=session, again=again, at=at)
    if used is None or not used.after.confirmed:
        raise SecondFactorOff("there is no authenticator")
    commit_change(
        identity=identity,
        store=store,
        session=session,
        member=member,
        before=used.after,
        after=used.after.without_authenticator(),
        note=note,
        spent=used.spent,
    )
    tell_of_recovery(identity=identity, store=store, member=member, used=used)
    company, left = store.profile().company, used.after.without_authenticator().on
    mail = factor_off_mail(to=member.email, name=member.name, company=company, passkey=False, left=left)
    tell(identity=identity, mail=mail)

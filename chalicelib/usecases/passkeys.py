"""One's own passkeys: registered, named, and taken off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.errors import Busy, NotFound
from chalicelib.domain.passkeys import (
    PASSKEYS_MAX,
    Passkey,
    SentPasskey,
    TooManyPasskeys,
    check_passkey_name,
)
from chalicelib.domain.second_factor import SecondFactor
from chalicelib.domain.staff import StaffMember
from chalicelib.ports.identity import Session
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.challenges import (
    Asked,
    Challenge,
    Purpose,
    answered_challenge,
    give_challenge,
)
from chalicelib.usecases.factor_changes import Again, commit_change, shown_again, with_recovery
from chalicelib.usecases.factors import tell_of_recovery
from chalicelib.usecases.identity import Identity, tell
from chalicelib.usecases.mails import factor_off_mail, passkey_added_mail
from chalicelib.usecases.throttle import Limit, reserve

REGISTRATIONS: Final = Limit("register-passkey", most=20, window_seconds=900)


@dataclass(frozen=True, slots=True)
class Registration:
    """What a device is told to make a passkey of; ``handle`` names the person to it."""

    challenge: Challenge
    company: str
    member: StaffMember
    handle: str
    passkeys: tuple[Passkey, ...]


def begin_registration(
    *,
    identity: Identity,
    store: TenantStore,
    session: Session,
    again: Again,
    at: datetime,
) -> Registration:
    """Give out a challenge for a new passkey.

    Raises WrongPassword, TooManyPasskeys, TooManyAttempts, and where there is a second factor what
    ``shown_again`` does.
    """
    member, used = shown_again(identity=identity, store=store, session=session, again=again, at=at)
    passkeys = used.after.passkeys if used else ()
    if len(passkeys) >= PASSKEYS_MAX:
        raise TooManyPasskeys(f"a person has at most {PASSKEYS_MAX} passkeys: take one off first")
    if used:
        store.commit(*used.kept(store=store))
        tell_of_recovery(identity=identity, store=store, member=member, used=used)
    challenge = give_challenge(identity=identity, store=store, asked=_registering(session), at=at)
    handle = store.second_factors.handle(staff_id=member.staff_id)
    return Registration(challenge, store.profile().company, member, handle, passkeys)


def finish_registration(
    *,
    identity: Identity,
    store: TenantStore,
    session: Session,
    name: str,
    sent: SentPasskey,
    at: datetime,
    note: AuditNote,
) -> tuple[Passkey, tuple[str, ...]]:
    """Keep the passkey that a device made for the challenge of this session.

    Returns it with the recovery codes, shown this once: none where there was a second factor before.
    Raises WrongPasskey, InvalidValue, TooManyPasskeys, PasskeyThere, TooManyAttempts or Busy.
    """
    staff_id = session.principal.actor_id
    reserve(identity=identity, limit=REGISTRATIONS, key=f"{store.tenant_id}|{staff_id}", at=at)
    label = check_passkey_name(name=name)
    asked = _registering(session)
    challenge, spend = answered_challenge(identity=identity, store=store, asked=asked, sent=sent, at=at)
    made = identity.passkeys.registered(sent=sent, challenge=challenge)
    member, before = store.staff.get(staff_id=staff_id), store.second_factors.find(staff_id=staff_id)
    passkey = Passkey(
        passkey_id=identity.ids.new(prefix="psk"),
        name=label,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        created_at=at,
        transports=sent.transports,
    )
    factor = before or SecondFactor(staff_id=staff_id, secret="", created_at=at)
    after, codes = with_recovery(identity=identity, factor=factor.with_passkey(passkey=passkey))
    commit_change(
        identity=identity,
        store=store,
        session=session,
        member=member,
        before=before,
        after=after,
        note=replace(note, details={"passkey_id": passkey.passkey_id}),
        spent=(spend,),
    )
    company = store.profile().company
    tell(identity=identity, mail=passkey_added_mail(to=member.email, name=member.name, company=company))
    return passkey, codes


def ask_again(
    *, identity: Identity, store: TenantStore, session: Session, at: datetime
) -> tuple[Challenge, tuple[Passkey, ...]]:
    """Give out a challenge by which one shows a passkey once more, before one changes second factors."""
    staff_id = session.principal.actor_id
    reserve(identity=identity, limit=REGISTRATIONS, key=f"{store.tenant_id}|{staff_id}", at=at)
    factor = store.second_factors.find(staff_id=staff_id)
    asked = Asked(Purpose.SHOWN_AGAIN, staff_id, session.session_id)
    challenge = give_challenge(identity=identity, store=store, asked=asked, at=at)
    return challenge, factor.passkeys if factor else ()


def rename_passkey(
    *, store: TenantStore, staff_id: str, passkey_id: str, name: str, note: AuditNote
) -> Passkey:
    """Give one's passkey another name; raises NotFound, InvalidValue or Busy."""
    before = store.second_factors.find(staff_id=staff_id)
    if before is None:
        raise NotFound("no such passkey", param="passkey_id")
    renamed = replace(before.passkey(passkey_id=passkey_id), name=check_passkey_name(name=name))
    after, refused = before.changed(passkey=renamed), Busy("your second factor changed meanwhile: try again")
    store.commit(
        store.second_factors.save(before=before, after=after, refused=refused), store.note(note=note)
    )
    return renamed


def remove_passkey(
    *,
    identity: Identity,
    store: TenantStore,
    session: Session,
    passkey_id: str,
    again: Again,
    at: datetime,
    note: AuditNote,
) -> None:
    """Take one of one's passkeys off, by the password and the second factor: this one, or another.

    Raises WrongPassword, NotFound, WrongCode, WrongPasskey, LastSecondFactor or TooManyAttempts.
    """
    member, used = shown_again(identity=identity, store=store, session=session, again=again, at=at)
    if used is None:
        raise NotFound("no such passkey", param="passkey_id")
    after = used.after.without_passkey(passkey_id=passkey_id)
    commit_change(
        identity=identity,
        store=store,
        session=session,
        member=member,
        before=used.after,
        after=after,
        note=note,
        spent=used.spent,
    )
    tell_of_recovery(identity=identity, store=store, member=member, used=used)
    company = store.profile().company
    mail = factor_off_mail(to=member.email, name=member.name, company=company, passkey=True, left=after.on)
    tell(identity=identity, mail=mail)


def _registering(session: Session) -> Asked:
    return Asked(Purpose.REGISTRATION, session.principal.actor_id, session.session_id)

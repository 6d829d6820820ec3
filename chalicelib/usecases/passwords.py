"""Passwords of staff: changed by who knows the old one, reset by who has the mailbox.

Either ends every other session. A reset signs nobody in, so what else signing in asks for it
still asks for; and it answers alike whether or not there is such an account.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.contacts import normal_email
from chalicelib.domain.devices import UNKNOWN_DEVICE, Device
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.passwords import check_password, normal_password
from chalicelib.domain.staff import Principal, StaffMember
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.identity import TokenNotValid
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.asked_mails import MailKind
from chalicelib.usecases.identity import Identity, tell
from chalicelib.usecases.mails import password_changed_mail, reset_mail
from chalicelib.usecases.sessions import LoggedIn, begin_session, commit_ending, password_mark
from chalicelib.usecases.staff import ask_password
from chalicelib.usecases.throttle import Limit, client_of, reserve, within

RESET: Final = "password-reset"
RESET_LIFE: Final = timedelta(hours=1)
_HOUR: Final = 3600
RESETS_PER_CLIENT: Final = Limit("reset", most=20, window_seconds=_HOUR)
RESET_MAIL: Final = MailKind(RESET, RESETS_PER_CLIENT, Capability.SIGN_IN)
RESETS_PER_MAILBOX: Final = Limit("reset-mail", most=5, window_seconds=_HOUR)
# Each costs Argon2.
COMPLETIONS: Final = Limit("complete-reset", most=10, window_seconds=900)


def change_password(
    *,
    identity: Identity,
    store: TenantStore,
    principal: Principal,
    current: str,
    password: str,
    at: datetime,
    note: AuditNote,
    device: Device = UNKNOWN_DEVICE,
) -> LoggedIn:
    """Change one's own password; one new session takes the place of all the others.

    Raises WrongPassword, InvalidValue, TooManyAttempts or Busy.
    """
    before = ask_password(
        identity=identity, store=store, principal=principal, password=current, at=at, param="current"
    )
    tenant = store.profile()
    after = _with_password(identity, tenant, before, password)
    change = [*store.staff.change(before=before, after=after), store.note(note=note)]
    begun = begin_session(
        identity=identity, store=store, member=before, at=at, change=change, instead=True, device=device
    )
    notice = password_changed_mail(to=before.email, name=before.name, company=tenant.company)
    tell(identity=identity, mail=notice)
    return begun


def send_reset(
    *, identity: Identity, tenant_id: str, person: str, at: datetime, request_id: str = ""
) -> bool:
    """Mail a code for a new password to who has the address of a digest; return whether one was sent."""
    store = identity.stores.of(tenant_id=tenant_id)
    member = store.staff.find_by_digest(digest=person)
    if member is None or member.disabled or not member.email_verified:
        return False
    key = f"{store.tenant_id}|{normal_email(email=member.email)}"
    if not within(identity=identity, limit=RESETS_PER_MAILBOX, key=key, at=at):
        return False
    token, tenant = identity.tokens.new(prefix="pwr"), store.profile()
    store.commit(
        identity.one_time_tokens.issue(
            token_hash=identity.tokens.hash(token=token),
            purpose=RESET,
            subject={
                "tenant_id": store.tenant_id,
                "staff_id": member.staff_id,
                "password": password_mark(member=member),
            },
            expires_at=at + RESET_LIFE,
        ),
        store.note(note=AuditNote(member.staff_id, "password.reset_asked", member.staff_id, at, request_id)),
    )
    minutes = RESET_LIFE // timedelta(minutes=1)
    mail = reset_mail(to=member.email, name=member.name, company=tenant.company, token=token, minutes=minutes)
    return tell(identity=identity, mail=mail)


def complete_reset(
    *, identity: Identity, token: str, password: str, address: str, at: datetime, request_id: str = ""
) -> None:
    """Set a new password by the code that was mailed, once, and end all sessions.

    Raises TokenNotValid, InvalidValue, TooManyAttempts or Busy.
    """
    reserve(identity=identity, limit=COMPLETIONS, key=client_of(address=address), at=at)
    token_hash = identity.tokens.hash(token=token)
    refused = TokenNotValid("the token is not valid, or not any more", param="token")
    subject = identity.one_time_tokens.find(token_hash=token_hash, purpose=RESET, at=at)
    if subject is None:
        raise refused
    store = identity.stores.of(tenant_id=subject["tenant_id"])
    try:
        tenant, before = store.profile_and_staff(staff_id=subject["staff_id"])
    except NotFound:
        raise refused from None
    # A password that was changed since makes older codes worthless.
    if (
        before.disabled
        or not may(state=tenant.state, capability=Capability.SIGN_IN)
        or password_mark(member=before) != subject["password"]
    ):
        raise refused
    after = _with_password(identity, tenant, before, password)
    writes = [
        identity.one_time_tokens.spend(token_hash=token_hash, purpose=RESET),
        *store.staff.change(before=before, after=after),
        store.note(note=AuditNote(before.staff_id, "password.reset", before.staff_id, at, request_id)),
    ]
    try:
        commit_ending(sessions=identity.sessions, store=store, staff_ids=(before.staff_id,), writes=writes)
    except StaleVersion as error:
        raise Busy("the account was changed just now: try again") from error
    notice = password_changed_mail(to=before.email, name=before.name, company=tenant.company)
    tell(identity=identity, mail=notice)


def _with_password(identity: Identity, tenant: Tenant, member: StaffMember, password: str) -> StaffMember:
    known = (tenant.company, tenant.subdomain, member.name, member.email.partition("@")[0])
    check_password(password=password, known=known, param="password")
    made = identity.passwords.hash(password=normal_password(password=password))
    return replace(member, password_hash=made)

"""Inviting people to work for a tenant, by mail.

The code in the mail shows whose the mailbox is, works once, and is stored hashed. What it grants
was granted by who invited: where they may not grant it any more, the code is worthless.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.contacts import normal_email
from chalicelib.domain.emails import check_email
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.invitations import (
    INVITATION_LIFE,
    INVITATIONS_MAX,
    AlreadyInvited,
    Invitation,
    TooManyInvitations,
)
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.passwords import check_password, normal_password
from chalicelib.domain.permissions import Role
from chalicelib.domain.staff import (
    STAFF_MAX,
    EmailTaken,
    Principal,
    StaffMember,
    TooManyStaff,
    check_scope,
    check_staff_name,
    may_grant,
)
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.identity import TokenNotValid
from chalicelib.ports.services import MailNotSent
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.mails import invitation_mail
from chalicelib.usecases.roles import UnknownRole, handed, permissions_of
from chalicelib.usecases.throttle import Limit, client_of, reserve, within

INVITATION: Final = "invitation"
_HOUR: Final = 3600
MAILS_PER_TENANT: Final = Limit("invitation-tenant", most=100, window_seconds=_HOUR)
MAILS_PER_MAILBOX: Final = Limit("invitation-mail", most=10, window_seconds=_HOUR)
# Each costs Argon2.
ACCEPTANCES: Final = Limit("accept-invitation", most=10, window_seconds=900)


@dataclass(frozen=True, slots=True)
class Invite:
    """Who is to be invited, to which role, and held to what."""

    email: str
    role: str
    areas: Sequence[str] = ()
    dealer_id: str = ""


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation; where the mail could not be sent, it can be sent again."""

    invitation: Invitation
    mail_sent: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """Who accepted an invitation, and where they may now sign in."""

    tenant: Tenant
    member: StaffMember


def invite(
    *,
    identity: Identity,
    store: TenantStore,
    principal: Principal,
    invitation_id: str,
    command: Invite,
    at: datetime,
    note: AuditNote,
) -> Invited:
    """Invite somebody; raise InvalidValue, RightsExceeded, EmailTaken, AlreadyInvited or a limit."""
    email = check_email(email=command.email)
    may_grant(principal=principal, permissions=permissions_of(store=store, role=command.role))
    scope = check_scope(role=command.role, areas=command.areas, dealer_id=command.dealer_id)
    _check_room(store, email)
    token = identity.tokens.new(prefix="ivt")
    invitation = Invitation(
        invitation_id=invitation_id,
        email=email,
        role=command.role,
        scope=scope,
        invited_by=principal.actor_id,
        token_hash=identity.tokens.hash(token=token),
        created_at=at,
        expires_at=at + INVITATION_LIFE,
    )
    store.commit(
        store.invitations.add(invitation=invitation),
        _issue(identity, store, invitation),
        store.note(note=replace(note, details=_told(invitation))),
    )
    return Invited(invitation, _mail(identity, store, invitation, token, at))


def _check_room(store: TenantStore, email: str) -> None:
    if store.staff.find_by_email(email=email) is not None:
        raise EmailTaken("somebody has this address already", param="email")
    open_ones = store.invitations.all()
    if any(normal_email(email=one.email) == normal_email(email=email) for one in open_ones):
        raise AlreadyInvited("this address is invited: send it again, or withdraw it", param="email")
    if len(open_ones) >= INVITATIONS_MAX:
        raise TooManyInvitations(f"at most {INVITATIONS_MAX} invitations are open at a time")
    if store.staff.count() + len(open_ones) >= STAFF_MAX:
        raise TooManyStaff(f"a company has at most {STAFF_MAX} people")


def _issue(identity: Identity, store: TenantStore, invitation: Invitation) -> Write:
    return identity.one_time_tokens.issue(
        token_hash=invitation.token_hash,
        purpose=INVITATION,
        subject={"tenant_id": store.tenant_id, "invitation_id": invitation.invitation_id},
        expires_at=invitation.expires_at,
    )


def _mail(identity: Identity, store: TenantStore, invitation: Invitation, token: str, at: datetime) -> bool:
    """Send the mail; the invitation stands without it, for it can be sent again."""
    key = normal_email(email=invitation.email)
    if not within(identity=identity, limit=MAILS_PER_TENANT, key=store.tenant_id, at=at):
        return False
    if not within(identity=identity, limit=MAILS_PER_MAILBOX, key=key, at=at):
        return False
    tenant = store.profile()
    own = invitation.role not in set(Role)
    mail = invitation_mail(
        to=invitation.email,
        company=tenant.company,
        subdomain=tenant.subdomain,
        role=store.roles.get(role_id=invitation.role).name if own else invitation.role,
        token=token,
        hours=INVITATION_LIFE // timedelta(hours=1),
    )
    with suppress(MailNotSent):
        identity.mailer.send(mail=mail)
        return True
    return False


def _told(invitation: Invitation) -> dict[str, object]:
    """Return what the audit entry tells; the address stays where it can be erased."""
    scope = invitation.scope
    return {"role": invitation.role, "areas": scope.areas, "dealer_id": scope.dealer_id}


def resend_invitation(
    *,
    identity: Identity,
    store: TenantStore,
    principal: Principal,
    invitation_id: str,
    at: datetime,
    note: AuditNote,
) -> Invited:
    """Mail a new code, which is good for another 72 hours; the one before is worthless.

    Who sends it again answers for it. Raises NotFound, RightsExceeded or StaleVersion.
    """
    before = store.invitations.get(invitation_id=invitation_id)
    may_grant(principal=principal, permissions=permissions_of(store=store, role=before.role))
    token = identity.tokens.new(prefix="ivt")
    after = replace(
        before,
        token_hash=identity.tokens.hash(token=token),
        invited_by=principal.actor_id,
        expires_at=at + INVITATION_LIFE,
        version=before.version + 1,
    )
    store.commit(
        store.invitations.change(before=before, after=after),
        identity.one_time_tokens.cancel(token_hash=before.token_hash, purpose=INVITATION),
        _issue(identity, store, after),
        store.note(note=note),
    )
    return Invited(after, _mail(identity, store, after, token, at))


def withdraw_invitation(
    *, identity: Identity, store: TenantStore, invitation_id: str, note: AuditNote
) -> None:
    """Make an invitation worthless and forget it; raise NotFound or StaleVersion."""
    invitation = store.invitations.get(invitation_id=invitation_id)
    store.commit(
        store.invitations.remove(invitation=invitation),
        identity.one_time_tokens.cancel(token_hash=invitation.token_hash, purpose=INVITATION),
        store.note(note=replace(note, details=_told(invitation))),
    )


def accept_invitation(
    *,
    identity: Identity,
    token: str,
    name: str,
    password: str,
    address: str,
    at: datetime,
    request_id: str = "",
) -> Joined:
    """Become one of the staff, once, with a name and a password of one's own.

    Raises TokenNotValid, InvalidValue, EmailTaken, TooManyHolders or TooManyAttempts.
    """
    reserve(identity=identity, limit=ACCEPTANCES, key=client_of(address=address), at=at)
    store, tenant, invitation, conditions = _open(identity, token, at)
    checked = check_staff_name(name=name)
    known = (tenant.company, tenant.subdomain, checked, invitation.email.partition("@")[0])
    check_password(password=password, known=known, param="password")
    member = StaffMember(
        staff_id=identity.ids.new(prefix="stf"),
        name=checked,
        email=invitation.email,
        role=invitation.role,
        email_verified=True,
        password_hash=identity.passwords.hash(password=normal_password(password=password)),
        created_at=at,
        scope=invitation.scope,
    )
    note = AuditNote(member.staff_id, "staff.joined", member.staff_id, at, request_id, _told(invitation))
    try:
        store.commit(
            *conditions,
            *store.staff.add(member=member),
            *handed(store=store, before=None, after=member.role),
            store.note(note=note),
        )
    except StaleVersion as error:
        raise Busy("the invitation was changed just now: try again") from error
    return Joined(tenant, member)


def _open(
    identity: Identity, token: str, at: datetime
) -> tuple[TenantStore, Tenant, Invitation, list[Write]]:
    """Return the invitation of a code, and describe using it up; or raise TokenNotValid."""
    refused = TokenNotValid("the token is not valid, or not any more", param="token")
    token_hash = identity.tokens.hash(token=token)
    subject = identity.one_time_tokens.find(token_hash=token_hash, purpose=INVITATION, at=at)
    if subject is None:
        raise refused
    store = identity.stores.of(tenant_id=subject["tenant_id"])
    try:
        invitation = store.invitations.get(invitation_id=subject["invitation_id"])
        tenant, inviter = store.profile_and_staff(staff_id=invitation.invited_by)
        asked = permissions_of(store=store, role=invitation.role)
        able = asked <= permissions_of(store=store, role=inviter.role)
    except (NotFound, UnknownRole):
        raise refused from None
    if not may(state=tenant.state, capability=Capability.WORK) or inviter.disabled or not able:
        raise refused
    if invitation.token_hash != token_hash or invitation.expired(at=at):
        raise refused
    used = [
        identity.one_time_tokens.spend(token_hash=token_hash, purpose=INVITATION),
        store.invitations.remove(invitation=invitation),
        store.staff.unmoved(member=inviter),
    ]
    return store, tenant, invitation, used

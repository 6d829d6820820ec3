"""Signing up: a tenant, its owner, and the mail that verifies the owner.

An unverified sign-up holds its subdomain as long as its token is good, and no longer than
``HOLD_DAYS_MAX`` however often the mail is asked for. Nothing has to run
for it to become free again: the next sign-up may take it from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.contacts import normal_email
from chalicelib.domain.emails import check_email
from chalicelib.domain.errors import DomainError
from chalicelib.domain.lifecycle import Capability
from chalicelib.domain.passwords import check_password, normal_password
from chalicelib.domain.policies import PolicyVersion, VersionOutdated
from chalicelib.domain.staff import Role, StaffMember, check_staff_name
from chalicelib.domain.tenants import (
    SubdomainTaken,
    Tenant,
    TenantState,
    check_company,
    check_settings,
    check_subdomain,
)
from chalicelib.ports.identity import TokenNotValid
from chalicelib.ports.services import MailNotSent
from chalicelib.ports.store import AuditNote
from chalicelib.usecases.asked_mails import MailKind
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.mails import verification_mail
from chalicelib.usecases.sessions import WrongCredentials
from chalicelib.usecases.throttle import Limit, client_of, reserve, within

VERIFY: Final = "verify-owner"
# The public page that takes the code.
VERIFY_PAGE: Final = "/signup/verify"
VERIFY_HOURS: Final = 48
HOLD_DAYS_MAX: Final = 7
_HOUR: Final = 3600
# A client's own limits come first, and are lower than those of a mailbox: one stranger cannot use
# up what its owner may be sent. A tenant's resends are counted apart from sign-ups.
SIGN_UPS_PER_CLIENT: Final = Limit("sign-up", most=10, window_seconds=_HOUR)
RESENDS_PER_CLIENT: Final = Limit("resend", most=20, window_seconds=_HOUR)
VERIFICATION_MAIL: Final = MailKind(VERIFY, RESENDS_PER_CLIENT, Capability.VERIFY)
SIGN_UP_MAILS: Final = Limit("sign-up-mail", most=40, window_seconds=_HOUR)
RESENDS_PER_TENANT: Final = Limit("resend-tenant", most=5, window_seconds=_HOUR)
RESENT_MAILS: Final = Limit("resend-mail", most=40, window_seconds=_HOUR)
# Each costs Argon2.
VERIFICATIONS: Final = Limit("verify", most=10, window_seconds=900)


def _untold(_tenant: Tenant, /) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class SignUp:
    """What somebody signs up with."""

    company: str
    subdomain: str
    owner_name: str
    owner_email: str
    password: str
    country: str
    currency: str
    time_zone: str
    fiscal_year_start_month: int
    terms_version: str | None = None


@dataclass(frozen=True, slots=True)
class SignedUp:
    """A new tenant; where the mail could not be sent, it can be asked for again."""

    tenant: Tenant
    mail_sent: bool


def sign_up(
    *,
    identity: Identity,
    command: SignUp,
    address: str,
    at: datetime,
    request_id: str = "",
    terms: PolicyVersion | None = None,
) -> SignedUp:
    """Create an unverified tenant with its owner.

    ``terms`` are those in force; the owner accepts them where the command names their version.
    Raises InvalidValue, SubdomainTaken, or TooManyAttempts for the client at ``address``.
    """
    checked = _checked(command)
    if command.terms_version is not None and (terms is None or terms.version != command.terms_version):
        raise VersionOutdated("other terms are in force: read and accept those", param="terms_version")
    reserve(identity=identity, limit=SIGN_UPS_PER_CLIENT, key=client_of(address=address), at=at)
    if identity.registry.locate(subdomain=checked.subdomain, at=at) is not None:
        raise SubdomainTaken("this subdomain is taken", param="subdomain")
    tenant = _tenant(checked, tenant_id=identity.ids.new(prefix="ten"), at=at)
    owner = StaffMember(
        staff_id=identity.ids.new(prefix="stf"),
        name=checked.owner_name,
        email=checked.owner_email,
        role=Role.OWNER,
        email_verified=False,
        password_hash=identity.passwords.hash(password=normal_password(password=checked.password)),
        created_at=at,
    )
    token = identity.tokens.new(prefix="svt")
    try:
        accepted = terms if command.terms_version is not None else None
        _create(identity, tenant, owner, token=token, at=at, request_id=request_id, accepted=accepted)
    except SubdomainTaken:
        # Lost a race: of this tenant nothing was written but its keys.
        identity.stores.discard(tenant_id=tenant.tenant_id)
        raise
    sent = _may_mail(identity, SIGN_UP_MAILS, owner, at) and _mail(
        identity, tenant, owner, token=token, hours=VERIFY_HOURS
    )
    return SignedUp(tenant, mail_sent=sent)


def _checked(command: SignUp) -> SignUp:
    check_subdomain(subdomain=command.subdomain)
    check_settings(
        currency=command.currency,
        time_zone=command.time_zone,
        fiscal_year_start_month=command.fiscal_year_start_month,
        country=command.country,
    )
    company = check_company(company=command.company)
    name = check_staff_name(name=command.owner_name, param="owner.name")
    email = check_email(email=command.owner_email, param="owner.email")
    known = (company, command.subdomain, name, email.partition("@")[0])
    check_password(password=command.password, known=known, param="owner.password")
    return replace(command, company=company, owner_name=name, owner_email=email)


def _tenant(command: SignUp, *, tenant_id: str, at: datetime) -> Tenant:
    return Tenant(
        tenant_id=tenant_id,
        company=command.company,
        subdomain=command.subdomain,
        country=command.country,
        currency=command.currency,
        time_zone=command.time_zone,
        fiscal_year_start_month=command.fiscal_year_start_month,
        state=TenantState.UNVERIFIED,
        created_at=at,
    )


def _create(
    identity: Identity,
    tenant: Tenant,
    owner: StaffMember,
    *,
    token: str,
    at: datetime,
    request_id: str,
    accepted: PolicyVersion | None,
) -> None:
    store = identity.stores.of(tenant_id=tenant.tenant_id)
    until = at + timedelta(hours=VERIFY_HOURS)
    yesterday = tenant.local_date(at=at) - timedelta(days=1)
    details = {"subdomain": tenant.subdomain}
    states = (
        [store.policy_states.accept(staff_id=owner.staff_id, version=accepted, at=at)] if accepted else []
    )
    details |= {"terms": accepted.version} if accepted else {}
    note = AuditNote(
        owner.staff_id,
        "tenant.signed_up",
        tenant.tenant_id,
        at,
        request_id,
        details,
        personal={"company": tenant.company},
    )
    store.commit(
        *identity.registry.hold(
            tenant=tenant,
            until=until,
            owner_id=owner.staff_id,
            digest=store.staff.digest(email=owner.email),
        ),
        *store.staff.add(member=owner),
        store.start_billing(completed_through=yesterday),
        *states,
        identity.one_time_tokens.issue(
            token_hash=identity.tokens.hash(token=token),
            purpose=VERIFY,
            subject={"tenant_id": tenant.tenant_id, "staff_id": owner.staff_id},
            expires_at=until,
        ),
        store.note(note=note),
    )


def _may_mail(identity: Identity, limit: Limit, owner: StaffMember, at: datetime) -> bool:
    return within(identity=identity, limit=limit, key=normal_email(email=owner.email), at=at)


def _mail(identity: Identity, tenant: Tenant, owner: StaffMember, *, token: str, hours: int) -> bool:
    """Send the mail; the sign-up stands without it, for it can be sent again."""
    mail = verification_mail(
        to=owner.email,
        name=owner.name,
        company=tenant.company,
        subdomain=tenant.subdomain,
        address=f"{identity.pages_url}{VERIFY_PAGE}",
        token=token,
        hours=hours,
    )
    with suppress(MailNotSent):
        identity.mailer.send(mail=mail)
        return True
    return False


def verify_owner(
    *,
    identity: Identity,
    token: str,
    password: str,
    at: datetime,
    request_id: str = "",
    activated: Callable[[Tenant], None] = _untold,
) -> Tenant:
    """Activate the tenant of a token, once; or raise TokenNotValid, WrongCredentials or TooManyAttempts.

    ``activated`` is told of it then; where it refuses, the tenant is active all the same.

    The token shows that the mailbox is the caller's, the password that the sign-up is: nobody
    confirms, by a code that came unasked, a tenant whose password a stranger chose.
    """
    token_hash = identity.tokens.hash(token=token)
    subject = identity.one_time_tokens.find(token_hash=token_hash, purpose=VERIFY, at=at)
    if subject is None:
        raise TokenNotValid("the token is not valid, or not any more", param="token")
    store = identity.stores.of(tenant_id=subject["tenant_id"])
    tenant, owner = store.profile_and_staff(staff_id=subject["staff_id"])
    reserve(identity=identity, limit=VERIFICATIONS, key=token_hash, at=at)
    given = normal_password(password=password)
    if not identity.passwords.matches(password=given, stored=owner.password_hash):
        raise WrongCredentials("this is not the password that was chosen at sign-up")
    spent = identity.one_time_tokens.spend(token_hash=token_hash, purpose=VERIFY)
    if tenant.state is not TenantState.UNVERIFIED:
        store.commit(spent)
        return tenant
    note = AuditNote(owner.staff_id, "tenant.verified", tenant.tenant_id, at, request_id)
    store.commit(
        spent,
        *identity.registry.activate(tenant=tenant),
        *store.staff.change(before=owner, after=replace(owner, email_verified=True)),
        store.note(note=note),
    )
    active = replace(tenant, state=TenantState.ACTIVE, version=tenant.version + 1)
    with suppress(DomainError):
        activated(active)
    return active


def send_verification(*, identity: Identity, tenant_id: str, person: str, at: datetime) -> bool:
    """Mail the owner of an unverified tenant a new token; return whether a mail was sent."""
    store = identity.stores.of(tenant_id=tenant_id)
    owner = store.staff.find_by_digest(digest=person)
    if owner is None or owner.email_verified:
        return False
    tenant, token = store.profile(), identity.tokens.new(prefix="svt")
    held = identity.registry.locate(subdomain=tenant.subdomain, at=at)
    if held is None or held.tenant_id != tenant_id or held.state is not TenantState.UNVERIFIED:
        return False
    until = min(at + timedelta(hours=VERIFY_HOURS), tenant.created_at + timedelta(days=HOLD_DAYS_MAX))
    # Before anything is written: a mail that is not sent holds nothing any longer.
    mine = within(identity=identity, limit=RESENDS_PER_TENANT, key=tenant.tenant_id, at=at)
    if until <= at or not mine or not _may_mail(identity, RESENT_MAILS, owner, at):
        return False
    store.commit(
        identity.registry.hold_longer(tenant=tenant, until=until),
        identity.one_time_tokens.issue(
            token_hash=identity.tokens.hash(token=token),
            purpose=VERIFY,
            subject={"tenant_id": tenant.tenant_id, "staff_id": owner.staff_id},
            expires_at=until,
        ),
    )
    return _mail(identity, tenant, owner, token=token, hours=(until - at) // timedelta(hours=1))

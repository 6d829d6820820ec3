"""Sessions: signing in and out.

A wrong password, an unknown person and an unknown tenant answer alike and cost the same
Argon2 work. (That a subdomain exists is no secret: it is in DNS, and sign-up tells.)
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from chalicelib.domain.contacts import normal_email
from chalicelib.domain.devices import UNKNOWN_DEVICE, Device, device_of
from chalicelib.domain.errors import Busy, DomainError, StaleVersion
from chalicelib.domain.lifecycle import Capability, TenantInRecovery, may
from chalicelib.domain.passwords import normal_password
from chalicelib.domain.staff import Principal, Role, StaffMember
from chalicelib.ports.identity import ListedSession, PersonSessions, Session, Sessions, SessionsMoved
from chalicelib.ports.store import TenantStore, Write
from chalicelib.usecases.identity import Identity, tell
from chalicelib.usecases.mails import new_device_mail
from chalicelib.usecases.throttle import Limit, client_of, give_back, reserve

SESSION_IDLE: Final = timedelta(hours=12)
SESSION_LIFE: Final = timedelta(days=7)
FACTOR_ASKED: Final = "code-asked"
FACTOR_ASKED_LIFE: Final = timedelta(minutes=5)
EXTEND_AFTER: Final = timedelta(minutes=5)
# Two people's sessions are ended in one transaction, of two writes each.
SESSIONS_PER_PERSON_MAX: Final = 20
COMMIT_ATTEMPTS_MAX: Final = 6
FAILURES: Final = Limit("failed-log-in", most=10, window_seconds=900)
# Right or wrong: each costs Argon2, and a stranger may try one password on many accounts.
LOG_INS: Final = Limit("log-in", most=100, window_seconds=900)


class WrongCredentials(DomainError):
    """Subdomain, email and password do not belong together; which of them is not said."""

    code = "wrong_credentials"


class EmailNotVerified(DomainError):
    """The password is right, but the address is not verified yet."""

    code = "email_not_verified"


@dataclass(frozen=True, slots=True)
class SessionKind:
    """What sessions of staff and of subscribers differ in: how tokens begin, and how long they last."""

    prefix: str
    idle: timedelta
    life: timedelta


STAFF_SESSIONS: Final = SessionKind("ses", idle=SESSION_IDLE, life=SESSION_LIFE)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A new session with the secrets that only the client keeps."""

    token: str
    csrf_token: str
    session: Session


@dataclass(frozen=True, slots=True)
class FactorAsked:
    """The password was right, and a second factor is asked for besides; the token is no session.

    ``factors`` are those that the person has.
    """

    token: str
    expires_at: datetime
    factors: tuple[str, ...] = ()


def log_in(
    *,
    identity: Identity,
    subdomain: str,
    email: str,
    password: str,
    address: str,
    at: datetime,
    user_agent: str = "",
) -> LoggedIn | FactorAsked:
    """Start a session, or ask who has a second factor for it.

    Raises WrongCredentials, EmailNotVerified or TooManyAttempts.

    Failures are counted by the client's network address and the account together, so that
    nobody is locked out by a stranger. An attempt counts as failed until the password is known
    to be right: many at once are not checked beyond the limit.
    """
    client = client_of(address=address)
    reserve(identity=identity, limit=LOG_INS, key=client, at=at)
    key = f"{client}|{subdomain}|{normal_email(email=email)}"
    reserve(identity=identity, limit=FAILURES, key=key, at=at)
    tenant_id, member = find_person(identity=identity, subdomain=subdomain, email=email, at=at)
    stored = None if member is None else member.password_hash
    right = identity.passwords.matches(password=normal_password(password=password), stored=stored)
    if member is None or member.disabled or not right:
        raise WrongCredentials("subdomain, email and password do not belong together")
    give_back(identity=identity, limit=FAILURES, key=key, at=at)
    if not member.email_verified:
        raise EmailNotVerified("confirm your address first: the code is in the mail we sent")
    store = identity.stores.of(tenant_id=tenant_id)
    renewed: Sequence[Write] = ()
    after = member
    if identity.passwords.outdated(stored=member.password_hash):
        # Now that the password is known, its hash can be made as one would be today.
        made = identity.passwords.hash(password=normal_password(password=password))
        after = replace(member, password_hash=made)
        renewed = store.staff.change(before=member, after=after)
    if member.second_factor:
        return _ask_factor(identity, store, after, at, renewed)
    device = device_of(user_agent=user_agent, address=address)
    return begin_session(identity=identity, store=store, member=member, at=at, change=renewed, device=device)


def _ask_factor(
    identity: Identity, store: TenantStore, member: StaffMember, at: datetime, change: Sequence[Write]
) -> FactorAsked:
    """Hand out a token that says that the password was right: this password, and no later one."""
    factor = store.second_factors.find(staff_id=member.staff_id)
    factors = factor.kinds if factor else ()
    asked = FactorAsked(identity.tokens.new(prefix="mfa"), at + FACTOR_ASKED_LIFE, factors)
    subject = {
        "tenant_id": store.tenant_id,
        "staff_id": member.staff_id,
        "password": password_mark(member=member),
    }
    issued = identity.one_time_tokens.issue(
        token_hash=identity.tokens.hash(token=asked.token),
        purpose=FACTOR_ASKED,
        subject=subject,
        expires_at=asked.expires_at,
    )
    try:
        store.commit(issued, *change)
    except StaleVersion as error:
        raise Busy("the account was changed just now: try again") from error
    return asked


def password_mark(*, member: StaffMember) -> str:
    """Return what tells one password from the next, and nothing of it: the hash has its own salt."""
    return sha256(member.password_hash.encode()).hexdigest()


def find_person(
    *, identity: Identity, subdomain: str, email: str, at: datetime
) -> tuple[str, StaffMember | None]:
    """Return the tenant of a subdomain, empty where there is none, and who has the address there."""
    address = identity.registry.locate(subdomain=subdomain, at=at)
    if address is None or not may(state=address.state, capability=Capability.SIGN_IN):
        return "", None
    store = identity.stores.of(tenant_id=address.tenant_id)
    return address.tenant_id, store.staff.find_by_email(email=email)


def begin_session(
    *,
    identity: Identity,
    store: TenantStore,
    member: StaffMember,
    at: datetime,
    change: Sequence[Write] = (),
    instead: bool = False,
    device: Device = UNKNOWN_DEVICE,
    second_factor: bool = False,
) -> LoggedIn:
    """Begin a session on the condition that the person, and their role, are still as they were read.

    ``change`` is a change of the person that goes with it, and has that condition itself. With
    ``instead`` it takes the place of all their sessions. With ``second_factor`` it says that a code
    or a passkey was brought for it. A mail tells of a device that is not known, but of the first. The
    session is held where the tenant asks for a second factor that the person does not have, and only
    reads while the tenant is in recovery. Raises Busy, or TenantInRecovery for who is no owner then.
    """
    principal, as_read = principal_of(store=store, member=member)
    conditions = [*as_read, *(change or [store.staff.unmoved(member=member)])]
    logged_in = new_session(
        identity=identity,
        kind=STAFF_SESSIONS,
        principal=principal,
        at=at,
        device=device,
        second_factor=second_factor,
    )
    known = commit_beginning(
        sessions=identity.sessions, store=store, begun=logged_in.session, writes=conditions, instead=instead
    )
    _tell_of_device(identity, store, member, logged_in.session, known)
    return replace(logged_in, session=_as_allowed(identity, store, member, logged_in.session))


def _as_allowed(identity: Identity, store: TenantStore, member: StaffMember, session: Session) -> Session:
    """Hold a session that began, where the person lacks the second factor that the tenant asks for.

    Where the tenant is in recovery, an owner's only reads, and another's is ended again. The tenant is
    read after the session began: so whoever asks for second factors meanwhile, or ends everybody's
    sessions, either finds this one in the person's list, or is seen here.
    """
    tenant = store.profile()
    read_only = not may(state=tenant.state, capability=Capability.WORK)
    held = tenant.mfa_required and not member.second_factor
    owner_let_in = member.role == Role.OWNER and may(state=tenant.state, capability=Capability.SIGN_IN)
    if read_only and not owner_let_in:
        identity.sessions.remove(session=session)
        raise TenantInRecovery("this company's account has ended: only its owners can sign in")
    one = ListedSession(session.session_id, session.token_hash, session.created_at, session.expires_at)
    if held or read_only:
        store.commit(*identity.sessions.hold(listed=(one,), held=held, read_only=read_only))
    return replace(session, held=held, read_only=read_only)


def principal_of(*, store: TenantStore, member: StaffMember) -> tuple[Principal, list[Write]]:
    """Return who somebody is, and describe that what their role grants is still as it was read."""
    if member.role in set(Role):
        return Principal(store.tenant_id, member.staff_id, member.role, scope=member.scope), []
    role = store.roles.get(role_id=member.role)
    principal = Principal(store.tenant_id, member.staff_id, member.role, role.granted, member.scope)
    return principal, [store.roles.unmoved(role=role)]


def commit_beginning(
    *, sessions: Sessions, store: TenantStore, begun: Session, writes: Sequence[Write], instead: bool
) -> PersonSessions:
    """Begin a session with its writes, in one transaction; return the person's sessions of before.

    With ``instead`` it takes the place of all of them, else of those that expired, and of the oldest
    where there would be too many. Raises what the writes are refused with, or Busy.
    """
    who = begun.principal
    for _ in range(COMMIT_ATTEMPTS_MAX):
        known = sessions.of_person(tenant_id=who.tenant_id, staff_id=who.actor_id)
        ended = _all(known, but="") if instead else _outlived(known, begun.created_at)
        starting = sessions.start(session=begun, known=known, ended=ended)
        try:
            store.commit(*writes, *starting)
        except SessionsMoved:
            continue
        except StaleVersion as error:
            raise Busy("the account was changed just now: try again") from error
        return known
    raise Busy("others kept signing in to this account: try again")


def _outlived(known: PersonSessions, at: datetime) -> set[str]:
    """Return the sessions that have expired, and the oldest where there would be too many."""
    live = [one for one in known.listed if at < one.expires_at]
    kept = {one.session_id for one in live[-(SESSIONS_PER_PERSON_MAX - 1) :]}
    return {one.session_id for one in known.listed} - kept


def _tell_of_device(
    identity: Identity, store: TenantStore, member: StaffMember, session: Session, known: PersonSessions
) -> None:
    """Mail the person where they signed in from a device that is none of those known."""
    marks = {one.mark for one in known.devices if session.created_at < one.until}
    if not marks or identity.sessions.mark(session=session) in marks:
        return
    mail = new_device_mail(
        to=member.email,
        name=member.name,
        company=store.profile().company,
        family=session.device.family,
        network=session.device.network,
        at=session.created_at,
    )
    tell(identity=identity, mail=mail)


def new_session(
    *,
    identity: Identity,
    kind: SessionKind,
    principal: Principal,
    at: datetime,
    device: Device,
    second_factor: bool = False,
) -> LoggedIn:
    """Return a session that begins, with the secrets that only the client keeps."""
    token, csrf_token = identity.tokens.new(prefix=kind.prefix), identity.tokens.new(prefix="csrf")
    session = Session(
        session_id=identity.ids.new(prefix="sss"),
        token_hash=identity.tokens.hash(token=token),
        principal=principal,
        csrf_hash=identity.tokens.hash(token=csrf_token),
        created_at=at,
        idle_expires_at=at + kind.idle,
        expires_at=at + kind.life,
        device=device,
        second_factor=second_factor,
    )
    return LoggedIn(token, csrf_token, session)


def log_out(*, sessions: Sessions, session: Session) -> None:
    """End a session: its token is dead at once."""
    sessions.remove(session=session)


def commit_ending(
    *,
    sessions: Sessions,
    store: TenantStore,
    staff_ids: Sequence[str],
    writes: Sequence[Write],
    but: str = "",
) -> None:
    """Make a change of people's rights and end all their sessions, in one transaction.

    So no request that comes afterwards has the rights of before. The session ``but`` goes on.
    Raises what the writes are refused with, or Busy.
    """
    for _ in range(COMMIT_ATTEMPTS_MAX):
        known = [sessions.of_person(tenant_id=store.tenant_id, staff_id=one) for one in staff_ids]
        ended = [write for one in known for write in sessions.end(known=one, session_ids=_all(one, but))]
        with suppress(SessionsMoved):
            store.commit(*writes, *ended)
            return
    raise Busy("the person kept signing in: try again")


def _all(known: PersonSessions, but: str) -> set[str]:
    return {one.session_id for one in known.listed} - {but}


def resume(
    *, sessions: Sessions, token_hash: str, at: datetime, idle: timedelta = SESSION_IDLE
) -> Session | None:
    """Return the live session of a token, or None; its idle time starts anew."""
    session = sessions.get(token_hash=token_hash, at=at)
    if session is None:
        return None
    idle_until = min(at + idle, session.expires_at)
    # Not at every request: extending is a write.
    if idle_until - session.idle_expires_at >= EXTEND_AFTER:
        sessions.extend(session=session, idle_expires_at=idle_until, at=at)
    return session

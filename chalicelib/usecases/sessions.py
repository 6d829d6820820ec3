"""Sessions: signing in and out.

A wrong password, an unknown person and an unknown tenant answer alike and cost the same
Argon2 work. (That a subdomain exists is no secret: it is in DNS, and sign-up tells.)
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.errors import Busy, DomainError, StaleVersion
from chalicelib.domain.passwords import normal_password
from chalicelib.domain.staff import Principal, Role, StaffMember
from chalicelib.domain.subscribers import normal_email
from chalicelib.domain.tenants import TenantState
from chalicelib.ports.identity import PersonSessions, Session, Sessions, SessionsMoved
from chalicelib.ports.store import TenantStore, Write
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.throttle import Limit, client_of, give_back, reserve

SESSION_IDLE: Final = timedelta(hours=12)
SESSION_LIFE: Final = timedelta(days=7)
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
class LoggedIn:
    """A new session with the secrets that only the client keeps."""

    token: str
    csrf_token: str
    session: Session


def log_in(
    *, identity: Identity, subdomain: str, email: str, password: str, address: str, at: datetime
) -> LoggedIn:
    """Start a session, or raise WrongCredentials, EmailNotVerified or TooManyAttempts.

    Failures are counted by the client's network address and the account together, so that
    nobody is locked out by a stranger. An attempt counts as failed until the password is known
    to be right: many at once are not checked beyond the limit.
    """
    client = client_of(address=address)
    reserve(identity=identity, limit=LOG_INS, key=client, at=at)
    key = f"{client}|{subdomain}|{normal_email(email=email)}"
    reserve(identity=identity, limit=FAILURES, key=key, at=at)
    tenant_id, member = _find(identity, subdomain, email, at)
    stored = None if member is None else member.password_hash
    right = identity.passwords.matches(password=normal_password(password=password), stored=stored)
    if member is None or member.disabled or not right:
        raise WrongCredentials("subdomain, email and password do not belong together")
    give_back(identity=identity, limit=FAILURES, key=key, at=at)
    if not member.email_verified:
        raise EmailNotVerified("confirm your address first: the code is in the mail we sent")
    store = identity.stores.of(tenant_id=tenant_id)
    if not identity.passwords.outdated(stored=member.password_hash):
        return begin_session(identity=identity, store=store, member=member, at=at)
    # Now that the password is known, its hash can be made as one would be today.
    made = identity.passwords.hash(password=normal_password(password=password))
    renewed = store.staff.change(before=member, after=replace(member, password_hash=made))
    return begin_session(identity=identity, store=store, member=member, at=at, change=renewed)


def _find(identity: Identity, subdomain: str, email: str, at: datetime) -> tuple[str, StaffMember | None]:
    address = identity.registry.locate(subdomain=subdomain, at=at)
    if address is None or address.state is TenantState.CLOSED:
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
) -> LoggedIn:
    """Begin a session on the condition that the person, and their role, are still as they were read.

    ``change`` is a change of the person that goes with it, and has that condition itself. With
    ``instead`` it takes the place of all their sessions. Raises Busy.
    """
    principal, as_read = _principal(store, member)
    conditions = [*as_read, *(change or [store.staff.unmoved(member=member)])]
    logged_in = _new(identity, principal, at)
    for _ in range(COMMIT_ATTEMPTS_MAX):
        known = identity.sessions.of_person(tenant_id=store.tenant_id, staff_id=member.staff_id)
        ended = {one.session_id for one in known.listed} if instead else _over(known, at)
        begun = identity.sessions.start(session=logged_in.session, known=known, ended=ended)
        try:
            store.commit(*conditions, *begun)
        except SessionsMoved:
            continue
        except StaleVersion as error:
            raise Busy("the account was changed just now: try again") from error
        return logged_in
    raise Busy("others kept signing in to this account: try again")


def _principal(store: TenantStore, member: StaffMember) -> tuple[Principal, list[Write]]:
    """Return who signs in, and describe that what their role grants is still as it was read."""
    if member.role in set(Role):
        return Principal(store.tenant_id, member.staff_id, member.role, scope=member.scope), []
    role = store.roles.get(role_id=member.role)
    principal = Principal(store.tenant_id, member.staff_id, member.role, role.granted, member.scope)
    return principal, [store.roles.unmoved(role=role)]


def _over(known: PersonSessions, at: datetime) -> set[str]:
    """Return the sessions that have expired, and the oldest where there would be too many."""
    live = [one for one in known.listed if at < one.expires_at]
    kept = {one.session_id for one in live[-(SESSIONS_PER_PERSON_MAX - 1) :]}
    return {one.session_id for one in known.listed} - kept


def _new(identity: Identity, principal: Principal, at: datetime) -> LoggedIn:
    token, csrf_token = identity.tokens.new(prefix="ses"), identity.tokens.new(prefix="csrf")
    session = Session(
        session_id=identity.ids.new(prefix="sss"),
        token_hash=identity.tokens.hash(token=token),
        principal=principal,
        csrf_hash=identity.tokens.hash(token=csrf_token),
        created_at=at,
        idle_expires_at=at + SESSION_IDLE,
        expires_at=at + SESSION_LIFE,
    )
    return LoggedIn(token, csrf_token, session)


def log_out(*, sessions: Sessions, session: Session) -> None:
    """End a session: its token is dead at once."""
    sessions.remove(session=session)


def commit_ending(
    *, sessions: Sessions, store: TenantStore, staff_ids: Sequence[str], writes: Sequence[Write]
) -> None:
    """Make a change of people's rights and end all their sessions, in one transaction.

    So no request that comes afterwards has the rights of before. Raises what the writes are refused
    with, or Busy.
    """
    for _ in range(COMMIT_ATTEMPTS_MAX):
        known = [sessions.of_person(tenant_id=store.tenant_id, staff_id=one) for one in staff_ids]
        ended = [write for one in known for write in sessions.end(known=one)]
        with suppress(SessionsMoved):
            store.commit(*writes, *ended)
            return
    raise Busy("the person kept signing in: try again")


def resume(*, sessions: Sessions, token_hash: str, at: datetime) -> Session | None:
    """Return the live session of a token, or None; its idle time starts anew."""
    session = sessions.get(token_hash=token_hash, at=at)
    if session is None:
        return None
    idle_until = min(at + SESSION_IDLE, session.expires_at)
    # Not at every request: extending is a write.
    if idle_until - session.idle_expires_at >= EXTEND_AFTER:
        sessions.extend(session=session, idle_expires_at=idle_until)
    return session

"""Break-glass: platform support enters a tenant, is seen there, and is out again.

An access is known on two sides, the operator's and the tenant's, and no transaction holds two
tenants. So it is opened with the operator first and ended with the tenant first: nobody is within
of whom not both know. Whoever is ended between the two finds the rest done by ``settle``.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.errors import DomainError, InvalidValue, NotFound
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.plans import NotTheOperator
from chalicelib.domain.second_factor import SecondFactorRequired
from chalicelib.domain.staff import Principal
from chalicelib.domain.support import (
    OPEN_ENTRIES_MAX,
    EndedBy,
    SupportAccess,
    TooManyEntries,
    check_reason,
    support_actor,
    support_principal,
    time_limit,
)
from chalicelib.ports.identity import Registry, Session, Sessions, Tokens
from chalicelib.ports.services import JobQueue, Mailer, MailNotSent, QueueUnavailable
from chalicelib.ports.store import AuditNote, Page, Stores, TenantStore
from chalicelib.ports.support import AccessOver, SupportFinder
from chalicelib.usecases.mails import support_entered_mail
from chalicelib.usecases.staff_lists import owners

NOTICE: Final = "support-entered"
SYSTEM_ACTOR: Final = "system"


@dataclass(frozen=True, slots=True)
class SupportPorts:
    """What entering works with; ``queue`` takes mails."""

    registry: Registry
    stores: Stores
    sessions: Sessions
    finder: SupportFinder
    tokens: Tokens
    queue: JobQueue


@dataclass(frozen=True, slots=True)
class Entering:
    """Which tenant is to be entered, why, for how many minutes, and whether to change something."""

    subdomain: str
    reason: str
    minutes: int
    write: bool


@dataclass(frozen=True, slots=True)
class Entered:
    """An access with its token, which is shown this once."""

    token: str
    access: SupportAccess


# -- entering --------------------------------------------------------------------------------


def enter(
    *,
    ports: SupportPorts,
    operator: TenantStore | None,
    store: TenantStore,
    session: Session,
    command: Entering,
    access_id: str,
    at: datetime,
    note: AuditNote,
) -> Entered:
    """Open an access to another tenant for who is signed in to the operator's, and tell its owners.

    What is refused of an existing tenant is audited on both sides. Raises NotTheOperator, NotFound,
    InvalidValue, SecondFactorRequired, TooManyEntries or QueueUnavailable.
    """
    require_operator(operator=operator, store=store)
    found = ports.registry.locate(subdomain=command.subdomain, at=at)
    if found is None or not may(state=found.state, capability=Capability.SUPPORT):
        raise NotFound("there is no such company", param="subdomain")
    if found.tenant_id == store.tenant_id:
        raise InvalidValue("this is your own company", param="subdomain")
    target = ports.stores.of(tenant_id=found.tenant_id)
    told = replace(note, details={"subdomain": command.subdomain, "write": command.write})
    try:
        reason, until = _checked(store, session, command, at)
    except (SecondFactorRequired, InvalidValue, TooManyEntries) as refused:
        _note_refused(store, target, replace(told, personal={"reason": command.reason}), refused)
        raise
    token, staff_id = ports.tokens.new(prefix="sup"), session.principal.actor_id
    access = SupportAccess(
        access_id=access_id,
        tenant_id=target.tenant_id,
        subdomain=command.subdomain,
        operator_id=store.tenant_id,
        staff_id=staff_id,
        name=store.staff.get(staff_id=staff_id).name,
        reason=reason,
        write=command.write,
        opened_at=at,
        until=until,
        token_hash=ports.tokens.hash(token=token),
        session_hash=session.token_hash,
    )
    _open(ports, store, target, access, told)
    return Entered(token, access)


def require_operator(*, operator: TenantStore | None, store: TenantStore) -> None:
    """Raise NotTheOperator where the tenant is not the platform's operator."""
    if operator is None or operator.tenant_id != store.tenant_id:
        raise NotTheOperator("only the platform's operator enters other companies")


def _checked(store: TenantStore, session: Session, command: Entering, at: datetime) -> tuple[str, datetime]:
    """Return the reason as it is kept, and the time limit."""
    if not session.second_factor:
        raise SecondFactorRequired("sign in with a code of your authenticator, or a passkey, first")
    reason = check_reason(reason=command.reason)
    until = time_limit(at=at, minutes=command.minutes, session_ends_at=session.expires_at)
    if len(store.support.open_entered()) >= OPEN_ENTRIES_MAX:
        raise TooManyEntries(f"at most {OPEN_ENTRIES_MAX} accesses are open at once: end one first")
    return reason, until


def _note_refused(store: TenantStore, target: TenantStore, told: AuditNote, refused: DomainError) -> None:
    note = replace(
        told,
        action="support.refused",
        object_id=target.tenant_id,
        details={**told.details, "code": refused.code},
    )
    store.commit(store.note(note=note))
    actor = support_actor(staff_id=told.actor_id, access_id="none")
    target.commit(target.note(note=replace(note, actor_id=actor)))


def _open(
    ports: SupportPorts, store: TenantStore, target: TenantStore, access: SupportAccess, told: AuditNote
) -> None:
    """Write the access down on both sides, and have the owners told; else it is ended again."""
    note = replace(
        told,
        details={**told.details, "until": access.until.isoformat()},
        personal={"name": access.name, "reason": access.reason},
    )
    actor = support_actor(staff_id=access.staff_id, access_id=access.access_id)
    store.commit(*store.support.add_entered(access=access), store.note(note=note))
    target.commit(*target.support.add(access=access), target.note(note=replace(note, actor_id=actor)))
    message = {
        "mail": NOTICE,
        "tenant_id": access.tenant_id,
        "access_id": access.access_id,
        "request_id": note.request_id,
    }
    try:
        ports.queue.send(message=message)
    except QueueUnavailable:
        _write_end(ports, access.ended(by=EndedBy.OPERATOR, at=note.at), note)
        raise


def send_notice(*, stores: Stores, mailer: Mailer, tenant_id: str, access_id: str) -> None:
    """Mail the tenant's owners that platform support entered; raise MailNotSent where none was reached."""
    store = stores.of(tenant_id=tenant_id)
    access, company = store.support.get(access_id=access_id), store.profile().company
    operator = stores.of(tenant_id=access.operator_id).profile().company
    reached, lost = 0, MailNotSent("no owner could be told")
    for owner in owners(store=store):
        mail = support_entered_mail(
            to=owner.email, name=owner.name, company=company, operator=operator, access=access
        )
        try:
            mailer.send(mail=mail)
        except MailNotSent as error:
            lost = error
        else:
            reached += 1
    if not reached:
        raise lost


# -- within ----------------------------------------------------------------------------------


def recognise(*, ports: SupportPorts, token_hash: str, at: datetime) -> Principal | None:
    """Return who a token of platform support is, or None where it, or the session behind it, has ended."""
    found = ports.finder.find(token_hash=token_hash, at=at)
    if found is None or not _lives(ports, found.session_hash, at):
        return None
    return support_principal(
        tenant_id=found.tenant_id, staff_id=found.staff_id, access_id=found.access_id, write=found.write
    )


def _lives(ports: SupportPorts, session_hash: str, at: datetime) -> bool:
    return ports.sessions.get(token_hash=session_hash, at=at) is not None


# -- seen ------------------------------------------------------------------------------------


def list_accesses(
    *, ports: SupportPorts, store: TenantStore, limit: int, after: str | None, at: datetime
) -> Page[SupportAccess]:
    """Return a page of platform support's accesses to a tenant, newest first, as they stand."""
    page = store.support.list(limit=limit, after=after)
    return Page(tuple(_standing(ports, one, at) for one in page.items), page.after)


def list_entries(
    *,
    ports: SupportPorts,
    operator: TenantStore | None,
    store: TenantStore,
    limit: int,
    after: str | None,
    at: datetime,
) -> Page[SupportAccess]:
    """Return a page of the operator's people's accesses, newest first; raise NotTheOperator."""
    require_operator(operator=operator, store=store)
    page = store.support.list_entered(limit=limit, after=after)
    return Page(tuple(_standing(ports, one, at) for one in page.items), page.after)


def _standing(ports: SupportPorts, access: SupportAccess, at: datetime) -> SupportAccess:
    if access.ended_at is not None:
        return access
    return access.standing(session_lives=_lives(ports, access.session_hash, at), at=at)


# -- out again -------------------------------------------------------------------------------


def end_entry(
    *,
    ports: SupportPorts,
    operator: TenantStore | None,
    store: TenantStore,
    access_id: str,
    at: datetime,
    note: AuditNote,
) -> None:
    """End an access of the operator's people, one's own or another's; one that is over stays as it is.

    Raises NotTheOperator or NotFound.
    """
    require_operator(operator=operator, store=store)
    access = store.support.get_entered(access_id=access_id)
    by = EndedBy.PERSON if access.staff_id == note.actor_id else EndedBy.OPERATOR
    _end(ports, access, by, at, note)


def end_access(
    *, ports: SupportPorts, store: TenantStore, access_id: str, at: datetime, note: AuditNote
) -> None:
    """End an access to the tenant that asks; one that is over stays as it is. Raises NotFound."""
    _end(ports, store.support.get(access_id=access_id), EndedBy.TENANT, at, note)


def _end(ports: SupportPorts, access: SupportAccess, by: EndedBy, at: datetime, note: AuditNote) -> None:
    stood = _standing(ports, _as_the_tenant_has_it(ports, access), at)
    after = stood if stood.ended_at else access.ended(by=by, at=at, staff_id=note.actor_id)
    _write_end(ports, after, note)


def settle(*, ports: SupportPorts, access: SupportAccess, at: datetime) -> bool:
    """Write down the end of an access of which the operator has none yet; return whether it is over.

    For those whose time or session ended by itself, and those whose end was noted on one side.
    """
    after = _standing(ports, _as_the_tenant_has_it(ports, access), at)
    if after.ended_at is None:
        return False
    note = AuditNote(SYSTEM_ACTOR, "support.ended", access.access_id, at)
    _write_end(ports, after, note)
    return True


def _as_the_tenant_has_it(ports: SupportPorts, access: SupportAccess) -> SupportAccess:
    """Return the tenant's record; that of the operator where it was opened with the operator alone."""
    try:
        return ports.stores.of(tenant_id=access.tenant_id).support.get(access_id=access.access_id)
    except NotFound:
        return access


def _write_end(ports: SupportPorts, after: SupportAccess, note: AuditNote) -> None:
    """Write an end down on both sides, each once; the tenant's first, by which the token is dead."""
    assert after.ended_at is not None, "an end has a time"
    target, operator = (ports.stores.of(tenant_id=one) for one in (after.tenant_id, after.operator_id))
    told = replace(
        note,
        action="support.ended",
        object_id=after.access_id,
        details={"ended_at": after.ended_at.isoformat(), "ended_by": after.ended_by},
    )
    by_tenant = after.ended_by is EndedBy.TENANT
    within = replace(told, actor_id=_actor_in_the_tenant(after))
    # Where the tenant's people are when they end it is not the operator's business.
    without = replace(told, actor_id=_actor_at_the_operator(after), address="" if by_tenant else note.address)
    with suppress(AccessOver):
        target.commit(*target.support.end(access=after), target.note(note=within))
    with suppress(AccessOver):
        operator.commit(*operator.support.end_entered(access=after), operator.note(note=without))


def _actor_in_the_tenant(after: SupportAccess) -> str:
    if not after.ended_by_id:
        return SYSTEM_ACTOR
    if after.ended_by is EndedBy.TENANT:
        return after.ended_by_id
    return support_actor(staff_id=after.ended_by_id, access_id=after.access_id)


def _actor_at_the_operator(after: SupportAccess) -> str:
    if not after.ended_by_id:
        return SYSTEM_ACTOR
    return after.tenant_id if after.ended_by is EndedBy.TENANT else after.ended_by_id

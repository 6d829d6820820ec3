"""The end of an account, as its owner asks for it: cancelled, withdrawn, recovered; and how it stands."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from chalicelib.domain.errors import Busy, InvalidValue
from chalicelib.domain.invoices import InvoiceState
from chalicelib.domain.lifecycle import (
    REASON_CHARS_MAX,
    Accounts,
    EndingMoment,
    IsTheOperator,
    Standing,
    cancelled,
    recovered,
    standing,
    withdrawn,
)
from chalicelib.domain.tenants import Tenant, TenantState
from chalicelib.ports.identity import ListedSession, Session
from chalicelib.ports.life import EndingStore
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.ending_mails import recovered_mail
from chalicelib.usecases.factor_changes import Again, shown_again
from chalicelib.usecases.factors import tell_of_recovery
from chalicelib.usecases.identity import Identity, tell
from chalicelib.usecases.staff_lists import owners
from chalicelib.usecases.stopping import keys_started, stop_access
from chalicelib.usecases.support import SupportPorts

# Of the operator's newest invoices so many are looked at for one that is overdue.
INVOICES_LOOKED_AT: Final = 50
_OWED: Final = frozenset({InvoiceState.OPEN, InvoiceState.PARTLY_PAID})


@dataclass(frozen=True, slots=True)
class Cancelling:
    """When the account is to end, why, and the subdomain once more; ``again`` shows who asks."""

    moment: EndingMoment
    reason: str
    confirm: str
    again: Again


def cancel(
    *,
    identity: Identity,
    support: Callable[[], SupportPorts],
    operator: TenantStore | None,
    store: EndingStore,
    session: Session,
    command: Cancelling,
    at: datetime,
    note: AuditNote,
) -> Tenant:
    """Cancel the account, and begin its recovery where it ends now; the asker's session then only reads.

    Raises NotConfirmed, CancelledAlready, IsTheOperator, InvalidValue, what ``shown_again`` does, or Busy.
    """
    if operator is not None and operator.tenant_id == store.tenant_id:
        raise IsTheOperator("the platform's operator does not end its own account")
    if len(command.reason) > REASON_CHARS_MAX:
        raise InvalidValue(f"a reason has at most {REASON_CHARS_MAX} characters", param="reason")
    before = store.profile()
    after = cancelled(tenant=before, moment=command.moment, confirm=command.confirm, at=at)
    member, used = shown_again(identity=identity, store=store, session=session, again=command.again, at=at)
    told = replace(note, details={"when": command.moment.value}, personal={"reason": command.reason})
    writes = [*(used.kept(store=store) if used else ()), store.note(note=told)]
    mine = ListedSession(session.session_id, session.token_hash, session.created_at, session.expires_at)
    ended = after.state is TenantState.RECOVERY
    if ended:
        writes += identity.sessions.hold(listed=(mine,), held=False, read_only=True)
    store.commit(*store.life.move(before=before, after=after), *writes)
    if used:
        tell_of_recovery(identity=identity, store=store, member=member, used=used)
    now = replace(after, version=before.version + 1)
    if ended:
        # Where somebody gets in the way, the next pass of the schedule does the rest.
        with suppress(Busy):
            stop_access(
                identity=identity, support=support, store=store, tenant=now, at=at, but=session.session_id
            )
    return now


def withdraw(*, store: EndingStore, note: AuditNote) -> Tenant:
    """Withdraw a cancellation before the account ends, or raise NotCancelled."""
    before = store.profile()
    after = withdrawn(tenant=before)
    store.commit(*store.life.move(before=before, after=after), store.note(note=note))
    return replace(after, version=before.version + 1)


def recover(*, identity: Identity, store: EndingStore, at: datetime, note: AuditNote) -> Tenant:
    """Bring the account back as it was, in one transaction, or raise NotCancelled; owners are told.

    What was paused at the operator is resumed by the next pass of its schedule.
    """
    before = store.profile()
    after = recovered(tenant=before, at=at)
    store.commit(
        *store.life.move(before=before, after=after), *keys_started(store=store), store.note(note=note)
    )
    for owner in owners(store=store):
        tell(identity=identity, mail=recovered_mail(to=owner.email, name=owner.name, company=after.company))
    return replace(after, version=before.version + 1)


# -- how it stands -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TenantStanding:
    """A tenant, where it stands, and what the operator's books say of it."""

    tenant: Tenant
    standing: Standing
    accounts: Accounts


def tenant_standing(
    *, operator: Callable[[], TenantStore | None], store: TenantStore, at: datetime
) -> TenantStanding:
    """Return where the tenant stands, by its own record and the operator's books."""
    plan = store.plans.standing()
    tenant, enrolment = plan.tenant, plan.enrolment
    accounts = Accounts()
    if enrolment is not None and tenant.state is TenantState.ACTIVE:
        last_day = date.fromordinal(enrolment.starts_on.toordinal() - 1)
        accounts = Accounts(last_day, _past_due_since(operator(), enrolment.account_id, at))
    today = tenant.local_date(at=at)
    return TenantStanding(tenant, standing(tenant=tenant, accounts=accounts, today=today), accounts)


def _past_due_since(operator: TenantStore | None, account_id: str, at: datetime) -> date | None:
    """Return by when the oldest overdue invoice was to be paid; None where there is none."""
    if operator is None:
        return None
    today = operator.profile().local_date(at=at)
    page = operator.invoices.of_account(account_id=account_id, limit=INVOICES_LOOKED_AT, after=None)
    return min((one.due_on for one in page.items if one.state in _OWED and one.due_on < today), default=None)

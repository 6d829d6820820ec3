"""The life cycle of a tenant: what it may do in each state, and when it passes to the next.

Active, until its owner cancels it; then thirty days of recovery, in which owners look, export and
bring it back; then it is purged, and seven fiscal years later what the law had kept goes too. Instants
are UTC; where people count days or months, they are of the tenant's zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from chalicelib.domain.errors import Conflict, DomainError, InvalidValue
from chalicelib.domain.tenants import Ending, Tenant, TenantState

# The same as in the data map (a test compares them), which a cold start does without.
RECOVERY_LIFE: Final = timedelta(days=30)
KEPT_FISCAL_YEARS: Final = 7
# Days before the purge at which owners are told.
NOTICES: Final = (30, 14, 7, 1)
# Who claimed a notice and did not say that it is sent has died: somebody else sends it.
NOTICE_CLAIM: Final = timedelta(minutes=15)
# Between stopping and deleting: the longest worker (15 minutes) and the longest that a container keeps a
# tenant's keys in memory (5 minutes), one after the other.
STOPPED_FOR: Final = timedelta(minutes=20)
# Mails and links point to the subdomain: nobody else has it for so long after the purge.
SUBDOMAIN_HELD: Final = timedelta(days=90)
REASON_CHARS_MAX: Final = 500


class Capability(StrEnum):
    """What the platform does for a tenant, or lets somebody do, in some states and not in others."""

    VERIFY = "be verified by its first owner"
    SIGN_IN = "let owners sign in, and ask for a new password"
    WORK = "let all of its people sign in, and change things"
    PORTAL = "let subscribers sign in"
    PROGRAMS = "let keys of programs in"
    CALLBACKS = "take money online, as payment gateways report it"
    BILL = "be billed, charged and renewed by schedules"
    IMPORT = "import files"
    EXPORT = "make exports"
    SUPPORT = "let platform support in"
    SEAL = "have its audit log chained and verified"
    KEYS = "have its keys replaced"
    RIGHTS = "take and answer requests about people's data"
    RETAIN = "have taken away what is past its time"
    END = "be seen to where its account ends"
    BOOKS = "have what the law keeps of it read by the platform's operator"


class Standing(StrEnum):
    """Where a tenant stands, as people say it: trial, past due and cancelled are all active."""

    UNVERIFIED = "unverified"
    TRIAL = "trial"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    CANCELLED = "cancelled"
    RECOVERY = "recovery"
    PURGING = "purging"
    PURGED = "purged"
    SHREDDED = "shredded"


C, S = Capability, Standing

_GOES_ON: Final = frozenset(C) - {C.VERIFY, C.BOOKS}
# The one place that decides. What is not here is not allowed. Trial, past due and cancelled are active in
# every respect: they are not stored, and nobody is cut off before the account ends.
ALLOWED: Final[Mapping[Standing, frozenset[Capability]]] = {
    S.UNVERIFIED: frozenset({C.VERIFY, C.SIGN_IN, C.WORK}),
    S.TRIAL: _GOES_ON,
    S.ACTIVE: _GOES_ON,
    S.PAST_DUE: _GOES_ON,
    S.CANCELLED: _GOES_ON,
    S.RECOVERY: frozenset({C.SIGN_IN, C.EXPORT, C.SEAL, C.KEYS, C.RETAIN, C.END}),
    S.PURGING: frozenset({C.SEAL, C.END}),
    # Its root is wrapped anew with the key service's key: bills stay readable, by the operator.
    S.PURGED: frozenset({C.KEYS, C.END, C.BOOKS}),
    S.SHREDDED: frozenset(),
}


def may(*, state: TenantState, capability: Capability) -> bool:
    """Whether a tenant in a state has a capability."""
    return capability in ALLOWED[Standing(state.value)]


def states_with(*, capability: Capability) -> frozenset[TenantState]:
    """Return the states that have a capability."""
    return frozenset(state for state in TenantState if may(state=state, capability=capability))


class EndingMoment(StrEnum):
    """When a cancelled account ends: at once, or with the month that runs, in the tenant's zone."""

    NOW = "now"
    END_OF_MONTH = "end_of_month"


class TenantInRecovery(DomainError):
    """The account has ended: owners look, export and recover, and nothing else is possible."""

    code = "tenant_in_recovery"


class NotCancelled(Conflict):
    """There is no cancellation to withdraw, or nothing to recover."""

    code = "not_cancelled"


class CancelledAlready(Conflict):
    """The account is cancelled already: withdraw that first."""

    code = "cancelled_already"


class NotConfirmed(InvalidValue):
    """What was typed to confirm is not the subdomain."""

    code = "not_confirmed"


class IsTheOperator(Conflict):
    """The account of the platform's operator is not ended this way."""

    code = "is_the_operator"


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the operator's books say of an ISP: the last day of its trial, and since when it owes; or None."""

    trial_through: date | None = None
    past_due_since: date | None = None


def standing(*, tenant: Tenant, accounts: Accounts, today: date) -> Standing:
    """Return where a tenant stands; ``today`` is the tenant's."""
    if tenant.state is not TenantState.ACTIVE:
        return Standing(tenant.state.value)
    if tenant.ending is not None:
        return Standing.CANCELLED
    if accounts.past_due_since is not None:
        return Standing.PAST_DUE
    on_trial = accounts.trial_through is not None and today <= accounts.trial_through
    return Standing.TRIAL if on_trial else Standing.ACTIVE


def ending_at(*, tenant: Tenant, moment: EndingMoment, at: datetime) -> datetime:
    """Return the instant at which an account ends that is cancelled ``at``, in UTC."""
    if moment is EndingMoment.NOW:
        return at
    today = tenant.local_date(at=at)
    following = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    begins = datetime.combine(following, time(), tzinfo=ZoneInfo(tenant.time_zone))
    return begins.astimezone(at.tzinfo)


def cancelled(*, tenant: Tenant, moment: EndingMoment, confirm: str, at: datetime) -> Tenant:
    """Return the tenant cancelled, in recovery already where that is at once.

    Raises NotConfirmed or CancelledAlready.
    """
    if tenant.state is not TenantState.ACTIVE or tenant.ending is not None:
        raise CancelledAlready("the account is cancelled already: withdraw that to change when it ends")
    if confirm != tenant.subdomain:
        raise NotConfirmed("to confirm, send your subdomain", param="confirm")
    ending = Ending(asked_at=at, ends_at=ending_at(tenant=tenant, moment=moment, at=at))
    after = replace(tenant, ending=ending)
    return in_recovery(tenant=after, at=at) if ending_due(tenant=after, at=at) else after


def ending_due(*, tenant: Tenant, at: datetime) -> bool:
    """Whether a cancelled account's last instant has come."""
    return tenant.state is TenantState.ACTIVE and tenant.ending is not None and tenant.ending.ends_at <= at


def in_recovery(*, tenant: Tenant, at: datetime) -> Tenant:
    """Return the tenant as recovery begins; the thirty days count from now, however late that is.

    They end at the same time of the day in the tenant's zone, and are never less than 720 hours: clocks
    that are set back or forward meanwhile take no hour of them.
    """
    assert tenant.ending is not None, "it was cancelled"
    by_its_clock = at.astimezone(ZoneInfo(tenant.time_zone)) + RECOVERY_LIFE
    purge_at = max(at + RECOVERY_LIFE, by_its_clock.astimezone(at.tzinfo))
    ending = replace(tenant.ending, ends_at=at, purge_at=purge_at)
    return replace(tenant, state=TenantState.RECOVERY, ending=ending)


def withdrawn(*, tenant: Tenant) -> Tenant:
    """Return the tenant whose cancellation is taken back before its end, or raise NotCancelled."""
    if tenant.state is not TenantState.ACTIVE or tenant.ending is None:
        raise NotCancelled("there is no cancellation to withdraw")
    return replace(tenant, ending=None)


def recovered(*, tenant: Tenant, at: datetime) -> Tenant:
    """Return the tenant as it was before its end, or raise NotCancelled."""
    ending = tenant.ending
    if tenant.state is not TenantState.RECOVERY or ending is None or ending.purge_at is None:
        raise NotCancelled("there is nothing to recover")
    if at >= ending.purge_at:
        raise NotCancelled("the thirty days of recovery are over")
    return replace(tenant, state=TenantState.ACTIVE, ending=None)


def purge_due(*, tenant: Tenant, at: datetime) -> bool:
    """Whether the days of recovery are over."""
    purge_at = tenant.ending.purge_at if tenant.ending else None
    return tenant.state is TenantState.RECOVERY and purge_at is not None and purge_at <= at


def untold(*, ending: Ending, at: datetime) -> bool:
    """Whether the days of recovery are over without the last notice: no pass was made in their last day."""
    return ending.purge_at is not None and ending.purge_at <= at and ending.told != NOTICES[-1]


def postponed(*, ending: Ending, at: datetime, days: int = NOTICES[-1]) -> Ending:
    """Return the ending with so many days of recovery from now on, in which owners are told anew."""
    return replace(ending, purge_at=at + timedelta(days=days), told=None, telling_since=None)


def postponed_by_order(*, tenant: Tenant, days: int, at: datetime) -> Tenant:
    """Return a tenant in recovery with so many days from now on, or raise NotCancelled or InvalidValue."""
    if tenant.state is not TenantState.RECOVERY or tenant.ending is None:
        raise NotCancelled("the tenant is not in recovery")
    if not 1 <= days <= RECOVERY_LIFE.days:
        raise InvalidValue(f"1 to {RECOVERY_LIFE.days} days", param="days")
    return replace(tenant, ending=postponed(ending=tenant.ending, at=at, days=days))


def days_left(*, purge_at: datetime, at: datetime) -> int:
    """Return the days until the purge, a begun one as a whole one; 0 where it is due."""
    # The hour that is more where clocks are set back is none of a day of its own.
    return min(max(0, -((at - purge_at) // timedelta(days=1))), RECOVERY_LIFE.days)


def notice_due(*, ending: Ending, at: datetime) -> int | None:
    """Return the newest notice that is due and not given: days before the purge; else None.

    Where the schedule was away, those in between are not made up for. One whose sender died is due again.
    """
    if ending.purge_at is None or at >= ending.purge_at:
        return None
    reached = [days for days in NOTICES if ending.purge_at - timedelta(days=days) <= at]
    newest = min(reached, default=None)
    if newest is None:
        return None
    if ending.told is None or newest < ending.told:
        return newest
    lost = ending.telling_since is not None and at - ending.telling_since >= NOTICE_CLAIM
    return ending.told if lost else None


def year_over(*, fiscal_year: int, present: int) -> bool:
    """Whether the billing records of a fiscal year need not be kept any more in the present one."""
    return present > fiscal_year + KEPT_FISCAL_YEARS

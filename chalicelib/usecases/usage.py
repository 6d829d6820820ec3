"""Data used by subscriptions: recording it, topping it up, and closing its periods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from chalicelib.domain.accounts import (
    Account,
    PendingCharge,
    Subscription,
    parse_subscription_id,
    subscription_id,
)
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.errors import InvalidValue, NotFound
from chalicelib.domain.identifiers import MalformedId
from chalicelib.domain.packages import DataCap, Package
from chalicelib.domain.pending_charges import with_charges
from chalicelib.domain.tenants import Tenant
from chalicelib.domain.usage import (
    ROLLOVER_PERIODS_MAX,
    Closing,
    NoService,
    NotAPeriod,
    NothingToTopUp,
    PeriodUse,
    Standing,
    UsagePeriodOpen,
    UsageRecord,
    UsageState,
    file_on,
    overage_charge,
    standing,
    top_up_charge,
    usage_period,
)
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore, Write
from chalicelib.ports.usage import RecordKept, UsageMoved

CLOSE_ATTEMPTS_MAX: Final = 3
USED_DAYS_BACK_MAX: Final = 3_660


class UnknownTopUp(InvalidValue):
    """The tenant has no package of this identifier."""

    code = "unknown_top_up"


class RecordIdReused(InvalidValue):
    """Another record of this subscription has the identifier."""

    code = "record_id_reused"


class UsageInFuture(InvalidValue):
    """Data cannot have been used later than now."""

    code = "usage_in_future"


@dataclass(frozen=True, slots=True)
class UsageShown:
    """How a subscription stands in a period; ``package`` is the edition that the period is billed by.

    ``newest`` is the package as it is sold now, whose speeds hold for all.
    """

    account: Account
    subscription: Subscription
    package: Package
    newest: Package
    standing: Standing

    @property
    def subscription_id(self) -> str:
        """The subscription's identifier."""
        return subscription_id(account_id=self.account.account_id, slot=self.subscription.slot)

    @property
    def speeds(self) -> tuple[int | None, int | None]:
        """Speeds down and up that the state allows, in kbit/s; None where it blocks."""
        cap, state = self.standing.cap, self.standing.state
        if state is UsageState.BLOCKED:
            return None, None
        if cap is not None and state is UsageState.FAIR_USE:
            return cap.fair_use_down_kbps, cap.fair_use_up_kbps
        return self.newest.download_kbps, self.newest.upload_kbps


@dataclass(frozen=True, slots=True)
class _Line:
    """A subscription as it was read, with what its caps are looked up in."""

    tenant: Tenant
    account: Account
    subscription: Subscription
    catalogue: Catalogue
    asked: Package | None

    def package_on(self, on: date) -> Package:
        sub = self.subscription
        return self.catalogue.package(package_id=sub.package_id, edition=sub.edition, on=on)

    def cap_on(self, on: date) -> DataCap | None:
        return self.package_on(on).cap


def get_usage(*, store: TenantStore, subscription_id: str, on: date | None, at: datetime) -> UsageShown:
    """Return how a subscription stands in the period of a date, today's unless given.

    Raises NotFound, UsageInFuture or NoService.
    """
    line = _read(store, subscription_id)
    if on is None and line.subscription.ends_on is not None:
        # Of what has ended, the last period is shown.
        on = min(line.tenant.local_date(at=at), line.subscription.ends_on - timedelta(days=1))
    return _shown(store, line, _not_later(line, on, at, "on"))


def record_usage(
    *,
    store: TenantStore,
    subscription_id: str,
    record: UsageRecord,
    used_at: datetime | None,
    at: datetime,
    actor_id: str,
) -> UsageShown:
    """Count a record in the period of the date on which it was used; the same one is counted once.

    Raises NotFound, UsageInFuture, NoService, RecordIdReused or UsagePeriodClosed.
    """
    line = _read(store, subscription_id)
    used_on = None if used_at is None else _local_date(line, used_at, at)
    on = _not_later(line, used_on, at, "used_at")
    period, uses = usage_period(subscription=line.subscription, on=on), _uses(store, line, on)
    use = uses.get(period.start)
    try:
        store.commit(
            *store.usage.record(
                account_id=line.account.account_id,
                slot=line.subscription.slot,
                start=period.start,
                record=record,
                actor_id=actor_id,
                file_on=file_on(period=period, use=use, cap=line.cap_on(period.start)),
                first=use is None,
            )
        )
    except RecordKept:
        kept = store.usage.recorded(
            account_id=line.account.account_id,
            slot=line.subscription.slot,
            record_id=record.record_id,
        )
        if kept != record:
            message = "another record of this subscription has this identifier"
            raise RecordIdReused(message, param="record_id") from None
        return _shown(store, line, on)
    use = use or PeriodUse(period.start)
    counted = replace(use, up_mib=use.up_mib + record.up_mib, down_mib=use.down_mib + record.down_mib)
    return _stands(line, {**uses, period.start: counted}, on)


def top_up(
    *,
    store: TenantStore,
    subscription_id: str,
    package_id: str,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> UsageShown:
    """Sell a top-up: its data belongs to today's period, its price waits for the next bill.

    Raises NotFound, UnknownTopUp, NotATopUp, PackageArchived, NothingToTopUp, TooManyCharges or
    UsagePeriodClosed.
    """
    line = _read(store, subscription_id, package_id=package_id)
    assert line.asked is not None, "a package was asked for"
    today = line.tenant.local_date(at=at)
    charge = top_up_charge(account=line.account, subscription=line.subscription, package=line.asked, on=today)
    assert line.asked.top_up_mib is not None, "a top-up adds data"
    before = _shown(store, line, today)
    if before.standing.cap is None:
        raise NothingToTopUp("the data of this package is not limited", param="subscription_id")
    use = before.standing.use
    topped = replace(use, topped_up_mib=use.topped_up_mib + line.asked.top_up_mib)
    shown = replace(before, standing=replace(before.standing, use=topped))
    details = {"package_id": package_id, "mib": line.asked.top_up_mib, "price": str(line.asked.price)}
    store.commit(
        *store.usage.top_up(
            account_id=line.account.account_id,
            slot=line.subscription.slot,
            start=use.start,
            mib=line.asked.top_up_mib,
            file_on=file_on(period=before.standing.period, use=use, cap=before.standing.cap),
        ),
        *_charged(store, line.account, charge),
        store.note(note=replace(note, details=details)),
        *store.remember(idempotency=idempotency, answer=shown),
    )
    return shown


def close_usage(
    *,
    store: TenantStore,
    subscription_id: str,
    period_start: date,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> UsageShown:
    """Close a period that is over: what was used beyond the cap waits for the next bill.

    A period is closed and charged once; closing it again changes nothing. Raises NotFound,
    NoService, NotAPeriod, UsagePeriodOpen, TooManyCharges, AmountOutOfRange or UsageMoved.
    """
    for attempt in range(1, CLOSE_ATTEMPTS_MAX + 1):
        try:
            return _close(
                store=store,
                subscription_id=subscription_id,
                period_start=period_start,
                at=at,
                note=note,
                idempotency=idempotency,
            )
        except UsageMoved:
            if attempt == CLOSE_ATTEMPTS_MAX:
                raise
    raise AssertionError("the last attempt returns or raises")


def _close(
    *,
    store: TenantStore,
    subscription_id: str,
    period_start: date,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None,
) -> UsageShown:
    line = _read(store, subscription_id)
    period = usage_period(subscription=line.subscription, on=period_start)
    if period.start != period_start:
        raise NotAPeriod(f"the period of this date begins on {period.start}", param="period_start")
    if period.end > line.tenant.local_date(at=at):
        raise UsagePeriodOpen(f"the period is not over before {period.end}", param="period_start")
    uses = _uses(store, line, period_start)
    shown = _stands(line, uses, period_start)
    if shown.standing.use.closing is not None:
        if idempotency is not None:
            store.commit(*store.remember(idempotency=idempotency, answer=shown))
        return shown
    earlier = [one.start for one in uses.values() if one.start < period_start and one.closing is None]
    if earlier:
        message = f"the period from {min(earlier)} is not closed: close it first"
        raise UsagePeriodOpen(message, param="period_start")
    charge = overage_charge(subscription=line.subscription, package=shown.package, standing=shown.standing)
    closing = Closing(shown.standing.carried_mib, shown.standing.carried_out_mib)
    closed = replace(shown.standing, use=replace(shown.standing.use, closing=closing))
    answer = replace(shown, standing=closed)
    told = {
        "period_start": period_start.isoformat(),
        "used_mib": shown.standing.use.used_mib,
        "over_mib": shown.standing.over_mib,
        "amount": shown.standing.overage,
    }
    store.commit(
        *store.usage.close(
            account_id=line.account.account_id, slot=line.subscription.slot, standing=shown.standing
        ),
        *_charged(store, line.account, charge),
        store.note(note=replace(note, details=told)),
        *store.remember(idempotency=idempotency, answer=answer),
    )
    return answer


def _read(store: TenantStore, subscription_id: str, *, package_id: str | None = None) -> _Line:
    absent = NotFound("no such subscription", param="subscription_id")
    try:
        account_id, slot = parse_subscription_id(value=subscription_id)
        read = store.subscribing(subscriber_id=account_id, package_id=package_id)
    except MalformedId:
        raise absent from None
    except NotFound as error:
        if error.param == "package_id":
            raise UnknownTopUp("there is no package of this id", param="package_id") from None
        raise absent from None
    subscription = read.subscriber.account.subscription(slot=slot)
    if subscription is None:
        raise absent
    newest = store.packages.get(package_id=subscription.package_id)
    older = () if newest.edition == subscription.edition else _older(store, newest)
    catalogue = Catalogue(
        packages={newest.package_id: newest},
        tax_groups={},
        editions={(one.package_id, one.edition): one for one in older},
    )
    return _Line(read.tenant, read.subscriber.account, subscription, catalogue, read.package)


def _older(store: TenantStore, newest: Package) -> tuple[Package, ...]:
    return store.packages.editions(package_id=newest.package_id)


def _local_date(line: _Line, used_at: datetime, at: datetime) -> date:
    """Return the date of an instant in the tenant's zone; far ones have none that a calendar holds."""
    if used_at > at:
        raise UsageInFuture(f"it is {at:%Y-%m-%dT%H:%M:%SZ} now", param="used_at")
    if used_at < at - timedelta(days=USED_DAYS_BACK_MAX):
        raise NoService(f"this is more than {USED_DAYS_BACK_MAX} days ago", param="used_at")
    return line.tenant.local_date(at=used_at)


def _not_later(line: _Line, on: date | None, at: datetime, param: str) -> date:
    today = line.tenant.local_date(at=at)
    if on is not None and on > today:
        raise UsageInFuture(f"today is {today}", param=param)
    return today if on is None else on


def _uses(store: TenantStore, line: _Line, on: date) -> Mapping[date, PeriodUse]:
    """Return what is recorded of the period of a date and of those before."""
    return store.usage.periods(
        account_id=line.account.account_id,
        slot=line.subscription.slot,
        through=on,
        limit=ROLLOVER_PERIODS_MAX + 2,
    )


def _shown(store: TenantStore, line: _Line, on: date) -> UsageShown:
    return _stands(line, _uses(store, line, on), on)


def _stands(line: _Line, uses: Mapping[date, PeriodUse], on: date) -> UsageShown:
    found = standing(subscription=line.subscription, on=on, uses=uses, cap_on=line.cap_on)
    package = line.package_on(found.period.start)
    newest = line.catalogue.packages[package.package_id]
    return UsageShown(line.account, line.subscription, package, newest, found)


def _charged(store: TenantStore, account: Account, charge: PendingCharge | None) -> Sequence[Write]:
    """Describe putting a charge on the account, and filing it for the next bill."""
    if charge is None:
        return []
    after = with_charges(account=account, charges=[charge])
    return store.subscribers.change_account(before=account, after=after)

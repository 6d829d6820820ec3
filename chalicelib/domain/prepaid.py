"""Prepaid service: a package is bought for a time, and runs out to the minute.

A line of service began at an instant and lasts for the sum of what was bought since: months
and days by the calendar of the tenant's zone, then minutes that pass. The expiry is always
computed from that beginning and that sum, never from the expiry before. So a year bought
month by month ends where a year bought at once does, clocks that change take nothing, and a
recharge that is taken back takes exactly what it gave, whichever came after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from chalicelib.domain.accounts import Account, ChargeKind, InvalidTransition, subscription_id
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.charges import bundle_lines, check_amount, taxed
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.invoices import Invoice, InvoiceLine
from chalicelib.domain.money import CurrencyMismatch
from chalicelib.domain.packages import Package, PackageKind
from chalicelib.domain.periods import CycleUnit, Period, add_months

PREPAID_LINES_MAX: Final = 10
# What is bought ahead ends within five years.
PREPAID_DAYS_AHEAD_MAX: Final = 5 * 366
# A line is renewed so long before it runs out, that service goes on without a gap.
RENEWED_AHEAD: Final = timedelta(minutes=6)
_STAMP: Final = "%Y%m%dT%H%MZ"
EXPIRED: Final = "expired"
REVERSED: Final = "recharge_reversed"


class NotPrepaid(InvalidValue):
    """The package is not bought for a time, but subscribed to or added."""

    code = "not_prepaid"


class LineRequired(Conflict):
    """The account has several prepaid lines: say which is recharged."""

    code = "line_required"


class TooManyPrepaidLines(Conflict):
    """The account has as many prepaid lines as one may have."""

    code = "too_many_prepaid_lines"


class TooFarAhead(Conflict):
    """So much is bought ahead that service would end further ahead than it may."""

    code = "prepaid_too_far_ahead"


class NotARecharge(Conflict):
    """The invoice is not that of a recharge."""

    code = "not_a_recharge"


class PrepaidState(StrEnum):
    """Whether service runs; derived from the expiry."""

    RUNNING = "running"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Validity:
    """How long something lasts: ``months`` and ``days`` of the calendar, and ``minutes`` that pass."""

    months: int = 0
    days: int = 0
    minutes: int = 0

    def plus(self, *, other: Validity) -> Validity:
        """Return both together."""
        return Validity(self.months + other.months, self.days + other.days, self.minutes + other.minutes)

    def less(self, *, other: Validity) -> Validity:
        """Return what is left without the other."""
        return Validity(self.months - other.months, self.days - other.days, self.minutes - other.minutes)

    @property
    def text(self) -> str:
        """``1.0.0``: months, days and minutes, as kept."""
        return f"{self.months}.{self.days}.{self.minutes}"


def parse_validity(*, text: str) -> Validity:
    """Read what ``Validity.text`` wrote."""
    months, days, minutes = map(int, text.split("."))
    return Validity(months, days, minutes)


def validity_of(*, package: Package) -> Validity:
    """Return how long a prepaid package lasts: its minutes, or where it has none its cycle."""
    if package.valid_minutes is not None:
        return Validity(minutes=package.valid_minutes)
    cycle = package.cycle
    if cycle.unit is CycleUnit.MONTH:
        return Validity(months=cycle.count)
    return Validity(days=cycle.count * (7 if cycle.unit is CycleUnit.WEEK else 1))


def expiry(*, began_at: datetime, validity: Validity, zone: str) -> datetime:
    """Return the instant (UTC) at which what began at ``began_at`` and lasts so long is over.

    Months and days keep the local time of day. A day of the month that is none is the month's
    last; a local time that clocks skip is as much later as they skip, one that comes twice is
    the first. Raises InvalidValue after the last year that is reckoned with.
    """
    ends = began_at
    if validity.months or validity.days:
        local = began_at.astimezone(ZoneInfo(zone))
        day = add_months(origin=local.date(), months=validity.months, anchor_day=local.day)
        day += timedelta(days=validity.days)
        ends = datetime.combine(day, local.time().replace(fold=0), local.tzinfo)
    return ends.astimezone(UTC) + timedelta(minutes=validity.minutes)


def next_minute(*, at: datetime) -> datetime:
    """Return the instant itself where it is a whole minute, and the next one where it is not (UTC)."""
    whole = at.astimezone(UTC).replace(second=0, microsecond=0)
    return whole if whole == at else whole + timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PrepaidLine:
    """A line of prepaid service in a slot of an account; instants in UTC, whole minutes.

    ``edition`` is that of the package when last bought. ``validity`` is what was bought since
    ``began_at``. ``ended`` says why service ended, empty while it has not been seen to:
    ``expired``, or the code of what kept it from being renewed.
    """

    account_id: str
    slot: int
    package_id: str
    edition: int
    began_at: datetime
    validity: Validity
    expires_at: datetime
    auto_renew: bool = False
    version: int = 1
    ended: str = ""

    @property
    def subscription_id(self) -> str:
        """Return ``sbn_<account ULID>-<slot>``, as of any other service."""
        return subscription_id(account_id=self.account_id, slot=self.slot)

    def state(self, *, at: datetime) -> PrepaidState:
        """Return whether service runs at an instant."""
        return PrepaidState.RUNNING if at < self.expires_at else PrepaidState.EXPIRED


@dataclass(frozen=True, slots=True)
class Granted:
    """The time that one recharge gave: from ``start`` until ``end`` (UTC)."""

    validity: Validity
    start: datetime
    end: datetime

    @property
    def code(self) -> str:
        """``v:1.0.0:20261124T1030Z:20261224T1030Z``: as kept in the trace of the invoice's line."""
        return f"v:{self.validity.text}:{self.start.strftime(_STAMP)}:{self.end.strftime(_STAMP)}"


def granted_by(*, line: InvoiceLine) -> Granted | None:
    """Return the time that a line of an invoice gave; None where it is of no recharge."""
    if line.kind is not ChargeKind.RECHARGE:
        return None
    for code in line.trace:
        if code.startswith("v:"):
            _, text, start, end = code.split(":")
            return Granted(parse_validity(text=text), _instant(start), _instant(end))
    return None


def _instant(stamp: str) -> datetime:
    return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)


# -- buying ----------------------------------------------------------------------------------


def check_sold_prepaid(*, package: Package, account: Account) -> None:
    """Raise PackageArchived, NotPrepaid or CurrencyMismatch unless the account may buy the package."""
    package.require_on_sale()
    if package.kind is not PackageKind.PREPAID:
        raise NotPrepaid(f"a package of the kind {package.kind} is not bought for a time", param="package_id")
    if package.price.currency != account.currency:
        message = f"the package is priced in {package.price.currency}, the account in {account.currency}"
        raise CurrencyMismatch(message, param="package_id")


def recharge(
    *, line: PrepaidLine | None, account_id: str, slot: int, package: Package, at: datetime, zone: str
) -> tuple[PrepaidLine, Granted]:
    """Return a line after a package was bought for it, and the time that this gave.

    Time is added to what still runs on the same package; else service begins at ``at`` (the next
    whole minute), and what was left on another package is given up. Raises TooFarAhead.
    """
    validity = validity_of(package=package)
    start = began_at = next_minute(at=at)
    total = validity
    if line is not None and line.package_id == package.package_id and line.expires_at > at:
        start = began_at = line.expires_at
        if expiry(began_at=line.began_at, validity=line.validity, zone=zone) == line.expires_at:
            began_at, total = line.began_at, line.validity.plus(other=validity)
        # Else the tenant moved to another zone: what was promised stays, and a new sum begins there.
    ends = expiry(began_at=began_at, validity=total, zone=zone)
    if ends > at + timedelta(days=PREPAID_DAYS_AHEAD_MAX):
        raise TooFarAhead(f"service would end on {ends:%Y-%m-%d}: that is too far ahead", param="package_id")
    after = PrepaidLine(
        account_id=account_id,
        slot=slot,
        package_id=package.package_id,
        edition=package.edition,
        began_at=began_at,
        validity=total,
        expires_at=ends,
        auto_renew=line is not None and line.auto_renew,
        version=1 if line is None else line.version + 1,
    )
    return after, Granted(validity, start, ends)


def recharge_lines(
    *,
    account: Account,
    slot: int,
    package: Package,
    granted: Granted,
    catalogue: Catalogue,
    zone: str,
    at: datetime,
) -> tuple[InvoiceLine, ...]:
    """Return what a recharge costs, with the taxes of the local date of ``at``; several for a bundle.

    Raises TaxRateMissing, CatalogueMismatch or AmountOutOfRange.
    """
    local = ZoneInfo(zone)
    on = at.astimezone(local).date()
    first, last = granted.start.astimezone(local).date(), granted.end.astimezone(local).date()
    period = Period(first, max(last, first + timedelta(days=1)))
    place = account.tax.jurisdiction
    group = None if package.bundle else package.tax_group
    check_amount(amount=package.price.amount)
    rule = catalogue.tax_rule(group=group, jurisdiction=place, on=on)
    tax = taxed(amount=package.price.amount, rule=rule, profile=account.tax, on=on)
    line = InvoiceLine(
        package.name,
        package.package_id,
        slot,
        period,
        package.price.amount,
        1,
        1,
        tax.net,
        tax.taxes,
        ChargeKind.RECHARGE,
        package.edition,
        1,
        0,
        (f"e{package.edition}", granted.code, *tax.trace),
    )
    if not package.bundle:
        return (line,)
    rules = [catalogue.tax_rule(group=part.tax_group, jurisdiction=place, on=on) for part in package.bundle]
    return tuple(bundle_lines(line=line, package=package, rules=rules, profile=account.tax, tax_point=on))


# -- taking back -----------------------------------------------------------------------------


def recharge_of(*, invoice: Invoice) -> tuple[int, str, Granted]:
    """Return the slot, the package and the time that a recharge's invoice is for, or raise NotARecharge."""
    for line in invoice.lines:
        granted = granted_by(line=line)
        if granted is not None:
            return line.slot, line.package_id, granted
    raise NotARecharge(f"invoice {invoice.number} is not that of a recharge", param="invoice_id")


def take_back(
    *, line: PrepaidLine, package_id: str, granted: Granted, at: datetime, zone: str
) -> PrepaidLine:
    """Return the line without the time that a recharge gave; never shorter than until ``at``.

    What was used up, or given up for another package, is none to be taken: the line stays as it is.
    """
    used_up = granted.end <= at or line.expires_at <= at
    given_up = granted.start < line.began_at < granted.end
    if used_up or given_up or line.package_id != package_id:
        return line
    began_at, left = line.began_at, line.validity
    if granted.start >= line.began_at:
        left = left.less(other=granted.validity)
        ends = expiry(began_at=began_at, validity=left, zone=zone)
    else:  # the tenant moved to another zone, and a new sum began since
        ends = line.expires_at - (granted.end - granted.start)
        began_at, left = ends, Validity()
    now = at.astimezone(UTC).replace(second=0, microsecond=0)
    if ends <= now:
        began_at, left, ends = now, Validity(), now
    ended = REVERSED if ends <= at else ""
    changed = replace(line, began_at=began_at, validity=left, expires_at=ends, ended=ended)
    return replace(changed, version=line.version + 1)


def end_of(*, line: PrepaidLine, reason: str) -> PrepaidLine:
    """Return the line as seen to have ended, and why; raise InvalidTransition where that was seen."""
    if line.ended:
        raise InvalidTransition("the end of this line was seen already")
    return replace(line, ended=reason, version=line.version + 1)

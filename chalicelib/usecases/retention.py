"""Taking away what is past its time, a step at a time; and the rules, as a tenant sees and sets them.

Each step is one bounded transaction that counts what it takes away. Whoever is killed between two
leaves the rest to the next pass, which finds it by key and not by what was noted: the notes only
save looking again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime

from chalicelib.domain.audit_ids import floor_id
from chalicelib.domain.ledger import month_of
from chalicelib.domain.retention import CutOffs, Deleted, Period, Progress, Shortened, cut_offs, periods
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.retention import Retention
from chalicelib.ports.store import AuditNote, Page, TenantStore
from chalicelib.usecases.versions import require_version


@dataclass(frozen=True, slots=True)
class Kept:
    """The rules in force for a tenant, and the version of what it has shortened."""

    periods: tuple[Period, ...]
    version: int


def rules_in_force(*, retention: Retention, tenant: Tenant) -> Kept:
    """Return every rule with the tenant's own period."""
    return _kept(tenant, retention.shortened())


def shorten_rule(
    *,
    store: TenantStore,
    retention: Retention,
    code: str,
    days: int | None,
    if_match: int,
    note: AuditNote,
) -> Kept:
    """Set the days of a rule, or with None let it be as it is by default.

    Raises UnknownRule, RetentionTooLong, InvalidValue or StaleVersion.
    """
    tenant, before = store.known_profile, retention.shortened()
    require_version(current=before.version, expected=if_match)
    after = before.with_rule(code=code, days=days, country=tenant.country)
    told = replace(note, details={"rule": code, "days": [before.days.get(code), days]})
    store.commit(*retention.shorten(before=before, after=after), store.note(note=told))
    return _kept(tenant, after)


def list_deleted(*, retention: Retention, limit: int, after: str | None) -> Page[Deleted]:
    """Return what was taken away, the newest day first."""
    return retention.reports(limit=limit, after=after)


def _kept(tenant: Tenant, shortened: Shortened) -> Kept:
    return Kept(periods(country=tenant.country, shortened=shortened), shortened.version)


def take_away(*, retention: Retention, tenant: Tenant, at: datetime, out_of_time: Callable[[], bool]) -> bool:
    """Take away what is past its time; return whether all of it is."""
    today = tenant.local_date(at=at)
    cut = cut_offs(country=tenant.country, shortened=retention.shortened(), today=today, at=at)
    work = _Pass(retention, tenant, cut, today, out_of_time)
    return work.access() and work.jobs() and work.requests() and work.traffic()


@dataclass(frozen=True, slots=True)
class _Pass:
    """One pass over one tenant."""

    retention: Retention
    tenant: Tenant
    cut: CutOffs
    today: date
    out_of_time: Callable[[], bool]

    def access(self) -> bool:
        """Take the addresses out of old audit entries."""
        since = self.retention.progress().access_through or floor_id(at=self.tenant.created_at)
        before = floor_id(at=self.cut.access)
        while since < before:
            if self.out_of_time():
                return False
            since = self.retention.strip_access(since=since, before=before, on=self.today) or before
            progress = self.retention.progress()
            self._note(progress, replace(progress, access_through=since))
        return True

    def jobs(self) -> bool:
        """Delete jobs of old."""
        more = True
        while more:
            if self.out_of_time():
                return False
            more = self.retention.delete_jobs(ended_before=self.cut.jobs, on=self.today)
        return True

    def requests(self) -> bool:
        """Take out of privacy requests of old what was said in them."""
        more = True
        while more:
            if self.out_of_time():
                return False
            more = self.retention.strip_requests(closed_before=self.cut.requests, on=self.today)
        return True

    def traffic(self) -> bool:
        """Delete what was used long ago: a walk over the accounts once a month."""
        month = month_of(on=self.today)
        progress = self.retention.progress()
        if progress.traffic_month is not None and progress.traffic_month >= month:
            return True
        after: str | None = progress.traffic_after
        while after is not None:
            if self.out_of_time():
                return False
            after = self.retention.delete_traffic(after=after, through=self.cut.traffic, on=self.today)
            progress = self.retention.progress()
            done = replace(progress, traffic_after=after or "")
            self._note(progress, done if after else replace(done, traffic_month=month))
        return True

    def _note(self, before: Progress, after: Progress) -> None:
        if after != before:
            self.retention.note_progress(before=before, after=after)

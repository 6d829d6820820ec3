"""What is past its time, in DynamoDB: found by key, taken away and counted in one transaction.

``<tenant>#RETENTION`` holds what the tenant has shortened (``RULES``), how far passes are
(``PROGRESS``), and a report of each day on which something was taken away (``DAY#<date>``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, Final

import orjson
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.audit_ids import month_of, months_between
from chalicelib.domain.data_map import ACCESS_LOG, JOBS, REQUESTS, RULES, SIGN_UPS, TRAFFIC
from chalicelib.domain.errors import Busy, StaleVersion
from chalicelib.domain.jobs import JobState
from chalicelib.domain.privacy_requests import RequestKind, RequestState
from chalicelib.domain.retention import Deleted, Progress, Shortened, over_periods
from chalicelib.ports.sign_ups import PendingSignUp
from chalicelib.ports.store import Page
from chalicelib.store import exports, imports, keys, rehearsals
from chalicelib.store.acting import OfTenant
from chalicelib.store.audit import AuditItem
from chalicelib.store.base import (
    Database,
    ModelWrite,
    TenantsItem,
    delete,
    from_iso,
    nullable,
    put,
    to_iso,
    update,
)
from chalicelib.store.paging import query_page
from chalicelib.store.privacy import PrivacyRequestItem
from chalicelib.store.sign_ups import swept
from chalicelib.store.subscriber_search import DirectoryItem
from chalicelib.store.usage import PERIOD_PREFIX, RECORD_PREFIX, UsageItem, UsageRecordItem

RULES_KEY: Final = "RULES"
PROGRESS: Final = "PROGRESS"
DAY: Final = "DAY#"
# What one transaction takes away, besides the report.
TAKEN_MAX: Final = 80
ACCOUNTS_PER_STEP: Final = 50
# Not those that somebody is at work on, however old.
_AT_WORK: Final = frozenset({JobState.QUEUED.value, JobState.RUNNING.value})
_JOBS: Final[tuple[tuple[str, type[Any]], ...]] = (
    (exports.KIND, exports.ExportItem),
    (imports.KIND, imports.ImportItem),
    (rehearsals.KIND, rehearsals.RehearsalItem),
)


class RulesItem(TenantsItem):
    """``<tenant>#RETENTION`` / ``RULES``; ``days`` is JSON: days by the code of a rule."""

    days = UnicodeAttribute()
    version = NumberAttribute()


class ProgressItem(TenantsItem):
    """``<tenant>#RETENTION`` / ``PROGRESS``."""

    access_through = UnicodeAttribute(null=True)
    traffic_month = UnicodeAttribute(null=True)
    traffic_after = UnicodeAttribute(null=True)
    version = NumberAttribute()


class ReportItem(TenantsItem):
    """``<tenant>#RETENTION`` / ``DAY#<date>``: how much was taken away, by the code of the rule."""

    access_log = NumberAttribute(null=True)
    sign_ups = NumberAttribute(null=True)
    jobs = NumberAttribute(null=True)
    requests = NumberAttribute(null=True)
    traffic = NumberAttribute(null=True)


class DynamoRetention(OfTenant):
    """One tenant's rules, what is past its time, and what was taken away."""

    def __init__(self, *, tenant_id: str, database: Database) -> None:
        self._tenant_id = tenant_id
        self._database = database
        self._pk = keys.retention(tenant_id)

    # -- rules and reports -------------------------------------------------------------------

    def shortened(self) -> Shortened:
        """Return what the tenant has shortened."""
        try:
            item = RulesItem.get(self._pk, RULES_KEY, consistent_read=True)
        except DoesNotExist:
            return Shortened()
        return Shortened(orjson.loads(item.days), int(item.version))

    def shorten(self, *, before: Shortened, after: Shortened) -> Sequence[ModelWrite]:
        """Describe a change of it; refused with StaleVersion."""
        item = RulesItem(
            self._pk, RULES_KEY, days=orjson.dumps(dict(after.days)).decode(), version=after.version
        )
        # Of who has shortened nothing there is no item.
        first = before.version == Shortened().version
        unmoved = RulesItem.pk.does_not_exist() if first else RulesItem.version == before.version
        return [put(item, condition=unmoved, refused=StaleVersion("the rules changed since they were read"))]

    def reports(self, *, limit: int, after: str | None) -> Page[Deleted]:
        """Return what was taken away, the newest day first."""
        page = query_page(
            ReportItem,
            self._pk,
            limit=limit,
            after=after,
            sort=ReportItem.sk.startswith(DAY),
            newest_first=True,
        )
        return Page(tuple(map(_deleted, page.items)), page.after)

    # -- how far -------------------------------------------------------------------------------

    def progress(self) -> Progress:
        """Return how far passes are."""
        try:
            item = ProgressItem.get(self._pk, PROGRESS, consistent_read=True)
        except DoesNotExist:
            return Progress()
        month = nullable(item.traffic_month)
        return Progress(
            access_through=nullable(item.access_through) or "",
            traffic_month=date.fromisoformat(month) if month else None,
            traffic_after=nullable(item.traffic_after) or "",
            version=int(item.version),
        )

    def note_progress(self, *, before: Progress, after: Progress) -> None:
        """Keep how far; where another pass did meanwhile, leave it."""
        item = ProgressItem(
            self._pk,
            PROGRESS,
            access_through=after.access_through or None,
            traffic_month=after.traffic_month.isoformat() if after.traffic_month else None,
            traffic_after=after.traffic_after or None,
            version=before.version + 1,
        )
        version = ProgressItem.version
        unmoved = version == before.version if before.version else ProgressItem.pk.does_not_exist()
        moved = StaleVersion("another pass moved on meanwhile")
        self._database.commit([put(item, condition=unmoved, refused=moved)])

    # -- what is past its time -----------------------------------------------------------------

    def strip_access(self, *, since: str, before: str, on: date) -> str | None:
        """Take the addresses out of some audit entries between two identifiers, of one month at most.

        Returns the identifier through which none is left, or None where that is all of them.
        """
        _, low, high = next(months_between(since=since, until=before))
        entries = AuditItem.query(
            keys.audit(self._tenant_id, month_of(entry_id=low)),
            AuditItem.sk.between(low, high),
            filter_condition=AuditItem.access.exists(),
            attributes_to_get=["pk", "sk"],
            consistent_read=True,
        )
        found = list(islice(entries, TAKEN_MAX))
        self._take([_stripped(one) for one in found], ACCESS_LOG.code, on)
        if len(found) == TAKEN_MAX:
            return str(found[-1].sk)
        # A month in which nobody was at an address may have a million entries: time is looked at between.
        return high if high < before else None

    def delete_jobs(self, *, ended_before: datetime, on: date) -> bool:
        """Delete some jobs that ended before an instant; return whether there may be more."""
        taken: list[ModelWrite] = []
        for kind, model in _JOBS:
            for item in model.query(keys.jobs(self._tenant_id, kind), consistent_read=True):
                if from_iso(item.created_at) >= ended_before or len(taken) >= TAKEN_MAX:
                    break  # identifiers are in the order of time
                if not _ended(item, ended_before):
                    continue
                taken.append(_deleting(model(item.pk, item.sk)))
                if kind == rehearsals.KIND:
                    results = keys.jobs(self._tenant_id, rehearsals.RESULTS)
                    taken.append(delete(rehearsals.RehearsalResultItem(results, item.sk)))
        self._take(taken, JOBS.code, on)
        return len(taken) >= TAKEN_MAX

    def strip_requests(self, *, closed_before: datetime, on: date) -> bool:
        """Take what is personal out of some privacy requests that were closed before an instant.

        Not out of erasures that were done: they name nobody, and list what stays. Returns whether there
        may be more. All requests are looked at: there are few of them, and little of those of old.
        """
        item = PrivacyRequestItem
        erased = (item.kind == RequestKind.DELETION.value) & (item.state == RequestState.DONE.value)
        requests = item.query(
            keys.privacy_requests(self._tenant_id),
            filter_condition=item.asked.exists() & (item.closed_at < to_iso(closed_before)) & ~erased,
            attributes_to_get=["pk", "sk"],
            consistent_read=True,
        )
        found = list(islice(requests, TAKEN_MAX))
        self._take([_without_words(one) for one in found], REQUESTS.code, on)
        return len(found) >= TAKEN_MAX

    def delete_traffic(self, *, after: str, through: date, on: date) -> str | None:
        """Delete what some accounts used in periods that ended by a day; return where to go on, or None."""
        page = query_page(
            DirectoryItem, keys.directory(self._tenant_id), limit=ACCOUNTS_PER_STEP, after=after or None
        )
        for account in page.items:
            taken = list(self._used(account.subscriber_id, through))
            for start in range(0, len(taken), TAKEN_MAX):
                self._take(taken[start : start + TAKEN_MAX], TRAFFIC.code, on)
        return page.after

    def count_sign_up(self, *, sign_up: PendingSignUp, on: date) -> None:
        """Take a sign-up that lapsed off the list, and count it: in the platform's operator's report."""
        self._take([swept(sign_up=sign_up)], SIGN_UPS.code, on)

    def _used(self, account_id: str, through: date) -> Iterator[ModelWrite]:
        """Describe deleting an account's periods that are over, their records before them."""
        pk = keys.account(self._tenant_id, account_id)
        periods: dict[str, list[date]] = {}
        for item in UsageItem.query(pk, UsageItem.sk.startswith(PERIOD_PREFIX), consistent_read=True):
            _, slot, begun = item.sk.split("#")
            periods.setdefault(slot, []).append(date.fromisoformat(begun))
        over = {
            (slot, start)
            for slot, starts in periods.items()
            for start in over_periods(starts=tuple(starts), through=through)
        }
        if not over:
            return
        for record in UsageRecordItem.query(
            pk, UsageRecordItem.sk.startswith(RECORD_PREFIX), consistent_read=True
        ):
            if (record.sk.split("#")[1], date.fromisoformat(record.start)) in over:
                yield _deleting(UsageRecordItem(pk, record.sk))
        for slot, start in sorted(over):
            yield _deleting(UsageItem(pk, f"{PERIOD_PREFIX}{slot}#{start:%Y%m%d}"))

    def _take(self, writes: list[ModelWrite], code: str, on: date) -> None:
        """Make the writes, and count them in the day's report, in one transaction."""
        if not writes:
            return
        counted = [NumberAttribute(attr_name=code).add(len(writes))]
        item = ReportItem(self._pk, f"{DAY}{on.isoformat()}")
        report = update(item, actions=counted, condition=None, refused=Busy("the report changed meanwhile"))
        self._database.commit([*writes, report])


def _stripped(item: AuditItem) -> ModelWrite:
    """Describe taking an entry's address away; refused where another pass counted it already."""
    return update(
        AuditItem(item.pk, item.sk),
        actions=[AuditItem.access.remove()],
        condition=AuditItem.access.exists(),
        refused=_gone(),
    )


def _without_words(item: PrivacyRequestItem) -> ModelWrite:
    """Describe taking out of a request what is personal; refused where another pass counted it already."""
    return update(
        PrivacyRequestItem(item.pk, item.sk),
        actions=[PrivacyRequestItem.asked.remove()],
        condition=PrivacyRequestItem.asked.exists(),
        refused=_gone(),
    )


def _deleting(item: TenantsItem) -> ModelWrite:
    """Describe deleting an item; refused where another pass counted it already."""
    return delete(item, condition=TenantsItem.pk.exists(), refused=_gone())


def _gone() -> Busy:
    return Busy("another pass took it away meanwhile")


def _ended(item: Any, before: datetime) -> bool:
    """Whether a job ended, or was begun and left, before an instant."""
    last = nullable(item.finished_at) or item.created_at
    return item.state not in _AT_WORK and from_iso(last) < before


def _deleted(item: ReportItem) -> Deleted:
    counts = {rule.code: int(getattr(item, rule.code, None) or 0) for rule in RULES}
    on = date.fromisoformat(item.sk.removeprefix(DAY))
    return Deleted(on, {code: count for code, count in counts.items() if count})

"""Imports in DynamoDB: the job in one item, the rows that were not created in sealed pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any, Final

import orjson
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.update import Action

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.csv_records import CsvFormat
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.import_mapping import (
    DateFormat,
    DecimalFormat,
    ImportDefaults,
    ImportField,
    ImportMapping,
    SkipRule,
)
from chalicelib.domain.imports import (
    REPORT_KEPT_DAYS,
    ImportJob,
    ImportProgress,
    ImportSource,
    RowFate,
    RowReport,
)
from chalicelib.domain.jobs import JobFailure, JobState
from chalicelib.domain.money import Money
from chalicelib.ports.services import Clock
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.accounts import OPERATIONAL
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import (
    ModelWrite,
    TenantsItem,
    delete,
    from_iso,
    nullable,
    put,
    put_new,
    to_iso,
    update,
)
from chalicelib.store.paging import query_page

KIND: Final = "imports"


class ImportItem(TenantsItem):
    """``<tenant>#JOB#imports`` / import id; what is JSON inside is read and written whole."""

    file_name = UnicodeAttribute()
    size_bytes = NumberAttribute()
    state = UnicodeAttribute()
    created_by = UnicodeAttribute()
    created_at = UnicodeAttribute()
    version = NumberAttribute()
    source = UnicodeAttribute(null=True)
    mapping = UnicodeAttribute(null=True)
    progress = UnicodeAttribute(null=True)
    started_at = UnicodeAttribute(null=True)
    updated_at = UnicodeAttribute(null=True)
    finished_at = UnicodeAttribute(null=True)
    failure = UnicodeAttribute(null=True)


class AtWorkItem(TenantsItem):
    """``<tenant>#JOB#imports#at-work`` / import id; there while the import waits or runs."""


class ReportPageItem(TenantsItem):
    """``<tenant>#JOB#imports#<import id>`` / page of rows not created; sealed, for codes name people."""

    rows = BinaryAttribute(legacy_encoding=False)
    ttl = NumberAttribute()


class DynamoImports(OfTenant):
    """A tenant's imports."""

    def __init__(self, *, tenant_id: str, tenant_keys: Callable[[], TenantKeys], clock: Clock) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._clock = clock

    def get(self, *, import_id: str) -> ImportJob:
        """Return the import, or raise NotFound."""
        absent = NotFound("no such import", param="import_id")
        if not is_id(value=import_id, prefix="imp"):
            raise absent
        try:
            return _job(ImportItem.get(keys.jobs(self._tenant_id, KIND), import_id, consistent_read=True))
        except DoesNotExist:
            raise absent from None

    def list(self, *, limit: int, after: str | None) -> Page[ImportJob]:
        """Return a page, newest first."""
        pk = keys.jobs(self._tenant_id, KIND)
        page = query_page(ImportItem, pk, limit=limit, after=after, newest_first=True)
        return Page(tuple(map(_job, page.items)), page.after)

    def count_at_work(self) -> int:
        """Return how many imports wait for a worker or have one."""
        return AtWorkItem.count(self._at_work(), consistent_read=True)

    def add(self, *, job: ImportJob) -> Sequence[ModelWrite]:
        """Describe adding an import."""
        return [put_new(self._item(job), refused=Busy("the import's identifier was taken"))]

    def change(self, *, before: ImportJob, after: ImportJob) -> Sequence[ModelWrite]:
        """Describe a change; the version must still be ``before``'s.

        Only what differs is sent: a batch moves the progress, and the mapping may be large.
        """
        assert after.version == before.version + 1, "every change counts the version up"
        writes = [
            update(
                ImportItem(keys.jobs(self._tenant_id, KIND), after.import_id),
                actions=_changes(before, after),
                condition=ImportItem.version == before.version,
                refused=StaleVersion("the import changed since it was read"),
                decides=True,
            )
        ]
        if after.at_work and not before.at_work:
            busy = Busy("the import changed meanwhile")
            writes.append(put(AtWorkItem(self._at_work(), after.import_id), condition=None, refused=busy))
        elif before.at_work and not after.at_work:
            writes.append(delete(AtWorkItem(self._at_work(), after.import_id)))
        return writes

    def remove(self, *, job: ImportJob) -> Sequence[ModelWrite]:
        """Describe forgetting an import that has not begun; the version must still be ``job``'s."""
        assert not job.begun, "what has begun is kept"
        refused = StaleVersion("the import changed since it was read")
        item = ImportItem(keys.jobs(self._tenant_id, KIND), job.import_id)
        return [delete(item, condition=ImportItem.version == job.version, refused=refused)]

    def report(self, *, job: ImportJob, reports: Sequence[RowReport]) -> Sequence[ModelWrite]:
        """Describe keeping the page that the job's progress counts last."""
        assert job.progress is not None, "only a running import reports"
        assert job.updated_at is not None, "only a running import reports"
        pk, sk = self._pages(job.import_id), f"{job.progress.report_pages:06d}"
        plain = orjson.dumps([_row(report) for report in reports])
        sealed = self._keys().seal(family=OPERATIONAL, place=_place(pk, sk), plain=plain)
        expires = job.updated_at + timedelta(days=REPORT_KEPT_DAYS)
        page = ReportPageItem(pk, sk, rows=sealed, ttl=int(expires.timestamp()))
        return [put(page, condition=None, refused=Busy("the report changed meanwhile"))]

    def reports(self, *, import_id: str) -> Iterator[RowReport]:
        """Yield every kept row report, in the order of the file."""
        pk = self._pages(import_id)
        now = self._clock.now().timestamp()
        for page in ReportPageItem.query(pk, consistent_read=True, page_size=200):
            if page.ttl <= now:
                continue  # the table takes it away within days; nobody sees it meanwhile
            plain = self._keys().open(family=OPERATIONAL, place=_place(pk, page.sk), sealed=page.rows)
            for row, fate, code, message, column, subject in orjson.loads(plain):
                yield RowReport(row, RowFate(fate), code, message, column, subject)

    def _at_work(self) -> str:
        return keys.jobs(self._tenant_id, f"{KIND}#at-work")

    def _pages(self, import_id: str) -> str:
        return keys.jobs(self._tenant_id, f"{KIND}#{import_id}")

    def _item(self, job: ImportJob) -> ImportItem:
        return ImportItem(
            keys.jobs(self._tenant_id, KIND),
            job.import_id,
            **{name: encode(getattr(job, name)) for name, encode in _ENCODERS.items()},
        )


def _place(pk: str, sk: str) -> str:
    return f"tenants|{pk}|{sk}|rows"


def _row(report: RowReport) -> list[Any]:
    return [report.row, report.fate.value, report.code, report.message, report.column, report.subject]


def _json(value: Any) -> str | None:
    """Return a dataclass of plain values, dates and enumerations as JSON."""
    return None if value is None else orjson.dumps(asdict(value), option=orjson.OPT_NON_STR_KEYS).decode()


def _time(value: datetime | None) -> str | None:
    return None if value is None else to_iso(value)


def _plain(value: Any) -> Any:
    return value


# How each field of a job is stored, under its own name.
_ENCODERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "file_name": _plain,
    "size_bytes": _plain,
    "state": lambda state: state.value,
    "created_by": _plain,
    "created_at": _time,
    "version": _plain,
    "source": _json,
    "mapping": _json,
    "progress": _json,
    "started_at": _time,
    "updated_at": _time,
    "finished_at": _time,
    "failure": _json,
}


def _changes(before: ImportJob, after: ImportJob) -> list[Action]:
    """Return what makes the item of ``before`` that of ``after``."""
    actions: list[Action] = []
    for name, encode in _ENCODERS.items():
        if getattr(before, name) != getattr(after, name):
            attribute, value = getattr(ImportItem, name), encode(getattr(after, name))
            actions.append(attribute.remove() if value is None else attribute.set(value))
    return actions


def _job(item: ImportItem) -> ImportJob:
    started, updated, finished = (
        nullable(item.started_at),
        nullable(item.updated_at),
        nullable(item.finished_at),
    )
    source, mapping, progress, failure = map(
        _loaded, (item.source, item.mapping, item.progress, item.failure)
    )
    return ImportJob(
        import_id=item.sk,
        file_name=item.file_name,
        size_bytes=int(item.size_bytes),
        state=JobState(item.state),
        created_by=item.created_by,
        created_at=from_iso(item.created_at),
        version=int(item.version),
        source=_source(source) if source else None,
        mapping=_mapping(mapping) if mapping else None,
        progress=ImportProgress(**progress) if progress else None,
        started_at=from_iso(started) if started else None,
        updated_at=from_iso(updated) if updated else None,
        finished_at=from_iso(finished) if finished else None,
        failure=JobFailure(**failure) if failure else None,
    )


def _loaded(text: str | None) -> dict[str, Any] | None:
    return None if text is None else orjson.loads(text)


def _source(stored: Mapping[str, Any]) -> ImportSource:
    return ImportSource(
        **{**stored, "format": CsvFormat(**stored["format"]), "header": tuple(stored["header"])}
    )


def _mapping(stored: Mapping[str, Any]) -> ImportMapping:
    defaults = dict(stored["defaults"])
    start, price = defaults.pop("start_date"), defaults.pop("price")
    return ImportMapping(
        columns={ImportField(name): column for name, column in stored["columns"].items()},
        defaults=ImportDefaults(
            **defaults,
            start_date=date.fromisoformat(start) if start else None,
            price=Money(**price) if price else None,
        ),
        skip_when=tuple(
            SkipRule(rule["column"], tuple(rule["values"]), rule["reason"]) for rule in stored["skip_when"]
        ),
        date_format=DateFormat(stored["date_format"]),
        decimal_format=DecimalFormat(stored["decimal_format"]),
    )

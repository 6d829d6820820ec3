"""Exports in DynamoDB: one item each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson
from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.exports import ExportJob
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.jobs import JobFailure, JobState
from chalicelib.domain.permissions import Permission
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, from_iso, nullable, put, put_new, to_iso
from chalicelib.store.paging import query_page

KIND: Final = "exports"


class ExportItem(TenantsItem):
    """``<tenant>#JOB#exports`` / export id."""

    state = UnicodeAttribute()
    created_by = UnicodeAttribute()
    created_at = UnicodeAttribute()
    version = NumberAttribute()
    attempt = NumberAttribute()
    started_at = UnicodeAttribute(null=True)
    updated_at = UnicodeAttribute(null=True)
    finished_at = UnicodeAttribute(null=True)
    size_bytes = NumberAttribute()
    sha256 = UnicodeAttribute(null=True)
    counts = UnicodeAttribute()
    failure = UnicodeAttribute(null=True)
    permissions = UnicodeSetAttribute(null=True)


class DynamoExports(OfTenant):
    """A tenant's exports."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def get(self, *, export_id: str) -> ExportJob:
        """Return the export, or raise NotFound."""
        absent = NotFound("no such export", param="export_id")
        if not is_id(value=export_id, prefix="exp"):
            raise absent
        try:
            return _job(ExportItem.get(keys.jobs(self._tenant_id, KIND), export_id, consistent_read=True))
        except DoesNotExist:
            raise absent from None

    def list(self, *, limit: int, after: str | None) -> Page[ExportJob]:
        """Return a page, newest first."""
        pk = keys.jobs(self._tenant_id, KIND)
        page = query_page(ExportItem, pk, limit=limit, after=after, newest_first=True)
        return Page(tuple(map(_job, page.items)), page.after)

    def add(self, *, job: ExportJob) -> Sequence[ModelWrite]:
        """Describe adding an export."""
        return [put_new(self._item(job), refused=Busy("the export's identifier was taken"))]

    def change(self, *, before: ExportJob, after: ExportJob) -> Sequence[ModelWrite]:
        """Describe a change; the version must still be ``before``'s."""
        assert after.version == before.version + 1, "every change counts the version up"
        refused = StaleVersion("the export changed since it was read")
        return [put(self._item(after), condition=ExportItem.version == before.version, refused=refused)]

    def _item(self, job: ExportJob) -> ExportItem:
        failure = None
        if job.failure is not None:
            failure = orjson.dumps([job.failure.code, job.failure.message]).decode()
        return ExportItem(
            keys.jobs(self._tenant_id, KIND),
            job.export_id,
            state=job.state.value,
            created_by=job.created_by,
            created_at=to_iso(job.created_at),
            version=job.version,
            attempt=job.attempt,
            started_at=to_iso(job.started_at) if job.started_at else None,
            updated_at=to_iso(job.updated_at) if job.updated_at else None,
            finished_at=to_iso(job.finished_at) if job.finished_at else None,
            size_bytes=job.size_bytes,
            sha256=job.sha256 or None,
            counts=orjson.dumps(dict(job.counts)).decode(),
            failure=failure,
            permissions={one.value for one in job.permissions} or None,
        )


def _job(item: ExportItem) -> ExportJob:
    started, updated = nullable(item.started_at), nullable(item.updated_at)
    finished, failure = nullable(item.finished_at), nullable(item.failure)
    return ExportJob(
        export_id=item.sk,
        state=JobState(item.state),
        created_by=item.created_by,
        created_at=from_iso(item.created_at),
        version=int(item.version),
        attempt=int(item.attempt),
        started_at=from_iso(started) if started else None,
        updated_at=from_iso(updated) if updated else None,
        finished_at=from_iso(finished) if finished else None,
        size_bytes=int(item.size_bytes),
        sha256=nullable(item.sha256) or "",
        counts=orjson.loads(item.counts),
        failure=JobFailure(*orjson.loads(failure)) if failure else None,
        permissions=frozenset(map(Permission, nullable(item.permissions) or ())),
    )

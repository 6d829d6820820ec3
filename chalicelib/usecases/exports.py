"""Exports: asking for one, looking on, downloading. Making it is in ``export_work``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.exports import (
    EXPORTED,
    EXPORTS_AT_ONCE_MAX,
    ExportJob,
    ExportNotReady,
    TooManyExports,
    archive_key,
    archive_name,
)
from chalicelib.domain.jobs import DOWNLOAD_TTL_SECONDS, FileExpired, FileNotYours, JobFailure, JobState
from chalicelib.domain.permissions import Permission
from chalicelib.ports.services import Blobs, JobQueue, QueueUnavailable
from chalicelib.ports.store import AuditNote, Idempotency, Page, TenantStore
from chalicelib.usecases.downloads import Download
from chalicelib.usecases.plans import require_export_room

EXPORTS_LOOKED_AT: Final = 20


def create_export(
    *,
    store: TenantStore,
    queue: JobQueue,
    export_id: str,
    permissions: frozenset[Permission],
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> ExportJob:
    """Ask for an export of everything that somebody of these permissions may see.

    Raises TooManyExports, PlanLimitReached, or QueueUnavailable: then the export is marked as failed.
    """
    require_export_room(store=store, at=at)
    recent = store.exports.list(limit=EXPORTS_LOOKED_AT, after=None).items
    open_now = [one for one in recent if not one.as_of(at=at).finished]
    if len(open_now) >= EXPORTS_AT_ONCE_MAX:
        raise TooManyExports(f"{EXPORTS_AT_ONCE_MAX} exports are being made: wait for one to end")
    job = ExportJob(
        export_id=export_id,
        state=JobState.QUEUED,
        created_by=note.actor_id,
        created_at=at,
        permissions=permissions & EXPORTED,
    )
    store.commit(
        *store.exports.add(job=job),
        store.note(note=note),
        *store.remember(idempotency=idempotency, answer=job),
    )
    try:
        queue.send(message=export_message(tenant_id=store.tenant_id, export_id=export_id))
    except QueueUnavailable as error:
        failure = JobFailure(error.code, error.message)
        failed = replace(job, state=JobState.FAILED, finished_at=at, failure=failure, version=2)
        store.commit(*store.exports.change(before=job, after=failed))
        raise
    return job


def show_export(*, store: TenantStore, export_id: str, at: datetime) -> ExportJob:
    """Return the export as it stands, or raise NotFound."""
    return store.exports.get(export_id=export_id).as_of(at=at)


def list_exports(*, store: TenantStore, limit: int, after: str | None, at: datetime) -> Page[ExportJob]:
    """Return a page of exports as they stand, newest first."""
    page = store.exports.list(limit=limit, after=after)
    return replace(page, items=tuple(job.as_of(at=at) for job in page.items))


def export_message(*, tenant_id: str, export_id: str) -> Mapping[str, object]:
    """Return what travels in the queue."""
    return {"tenant_id": tenant_id, "export_id": export_id}


def download_of(
    *,
    store: TenantStore,
    blobs: Blobs,
    export_id: str,
    permissions: frozenset[Permission],
    at: datetime,
    note: AuditNote,
) -> Download:
    """Return where the archive is to be got, for fifteen minutes; each such grant is audited.

    Raises NotFound, FileNotYours, ExportNotReady or FileExpired.
    """
    job = show_export(store=store, export_id=export_id, at=at)
    if lacking := job.permissions - permissions:
        names = ", ".join(sorted(one.value for one in lacking))
        raise FileNotYours(f"who asked for this export may see more than you ({names}): ask for your own")
    if job.state is JobState.FAILED:
        raise ExportNotReady("the export could not be made: ask for another")
    if job.expires_at is None:
        raise ExportNotReady("the export is not made yet: look again in a moment")
    key = archive_key(tenant_id=store.tenant_id, export_id=export_id, attempt=job.attempt)
    if at >= job.expires_at or blobs.info(key=key) is None:
        raise FileExpired("the archive is deleted by now: ask for another export")
    store.commit(store.note(note=note))
    name = archive_name(job=job)
    url = blobs.presigned_get(key=key, file_name=name, ttl_seconds=DOWNLOAD_TTL_SECONDS)
    return Download(url, name, at + timedelta(seconds=DOWNLOAD_TTL_SECONDS))

"""Exports: a ZIP of everything that a company has."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from chalicelib.api.files import FailureOut, FileOut
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import ListAnswer, ListQuery, Schema
from chalicelib.domain.exports import ExportJob
from chalicelib.domain.jobs import JobState
from chalicelib.domain.staff import Permission
from chalicelib.usecases import exports


class ExportOut(Schema):
    """An export: ``queued``, ``running``, then ``succeeded`` or ``failed``; a week later it is deleted."""

    export_id: str = Field(examples=["exp_01JD0000000000000000000000"])
    state: JobState
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None
    size_bytes: int
    sha256: str = Field(description="of the archive, in hex; empty while there is none")
    counts: dict[str, int] = Field(description="rows of each table")
    failure: FailureOut | None
    permissions: list[str] = Field(
        description="of who asked, as far as tables need them: who lacks one may not download it"
    )

    @classmethod
    def of(cls, job: ExportJob) -> ExportOut:
        """Render an export."""
        return cls(
            export_id=job.export_id,
            state=job.state,
            created_at=job.created_at,
            finished_at=job.finished_at,
            expires_at=job.expires_at,
            size_bytes=job.size_bytes,
            sha256=job.sha256,
            counts=dict(job.counts),
            failure=FailureOut.of(job.failure) if job.failure else None,
            permissions=sorted(one.value for one in job.permissions),
        )


class ExportList(ListAnswer):
    """Exports, newest first."""

    items: list[ExportOut]


@endpoint("GET", "/v1/exports", permission=Permission.EXPORTS_READ, query=ListQuery, answer=ExportList)
def list_exports(request: Request) -> ExportList:
    """List exports, newest first."""
    limit = request.query_as(ListQuery).limit
    page = exports.list_exports(store=request.store, limit=limit, after=request.after, at=request.now)
    return request.listing(ExportList, page, ExportOut.of)


@endpoint(
    "POST",
    "/v1/exports",
    permission=Permission.EXPORTS_WRITE,
    answer=ExportOut,
    status=202,
    idempotent=True,
    without_terms=True,
)
def create_export(request: Request) -> ExportOut:
    """Ask for an export of everything that one may see: CSV and JSON Lines in one ZIP with a manifest."""
    export_id = request.services.ids.new(prefix="exp")
    job = exports.create_export(
        store=request.store,
        queue=request.services.export_queue,
        export_id=export_id,
        permissions=request.principal.permissions,
        at=request.now,
        note=request.note("export.created", export_id),
        idempotency=request.idempotency,
    )
    return ExportOut.of(job)


@endpoint("GET", "/v1/exports/{export_id}", permission=Permission.EXPORTS_READ, answer=ExportOut)
def get_export(request: Request) -> ExportOut:
    """Show an export; one whose worker was lost is seen as failed within half an hour."""
    export_id = request.path["export_id"]
    return ExportOut.of(exports.show_export(store=request.store, export_id=export_id, at=request.now))


@endpoint("GET", "/v1/exports/{export_id}/download", permission=Permission.EXPORTS_READ, answer=FileOut)
def download_export(request: Request) -> FileOut:
    """Show where the archive is: an address that is good for 15 minutes."""
    export_id = request.path["export_id"]
    found = exports.download_of(
        store=request.store,
        blobs=request.services.blobs,
        export_id=export_id,
        permissions=request.principal.permissions,
        at=request.now,
        note=request.note("export.downloaded", export_id),
    )
    return FileOut.of(found)

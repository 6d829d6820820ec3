"""Imports of subscribers from CSV files.

Ask for an import, PUT the file to its upload address, look at the preview, say which column
holds what, start, and look on. The rows that were not created are in a report.
"""

from __future__ import annotations

from chalicelib.api.files import FileOut
from chalicelib.api.import_answers import ImportBrief, ImportList, ImportOut, MappedOut, PreviewOut, UploadOut
from chalicelib.api.import_bodies import ImportIn, MappingBody
from chalicelib.api.request import Answer
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import ListQuery
from chalicelib.domain.staff import Permission
from chalicelib.usecases import imports


@endpoint("GET", "/v1/imports", permission=Permission.IMPORTS_READ, query=ListQuery, answer=ImportList)
def list_imports(request: Request) -> ImportList:
    """List imports, newest first."""
    page = request.store.imports.list(limit=request.query_as(ListQuery).limit, after=request.after)
    return request.listing(ImportList, page, ImportBrief.of)


@endpoint(
    "POST",
    "/v1/imports",
    permission=Permission.IMPORTS_WRITE,
    body=ImportIn,
    answer=UploadOut,
    status=201,
    idempotent=True,
)
def create_import(request: Request) -> UploadOut:
    """Ask for an import; the answer says where to PUT the file."""
    body, import_id = request.body_as(ImportIn), request.services.ids.new(prefix="imp")
    upload = imports.create_import(
        store=request.store,
        blobs=request.services.blobs,
        import_id=import_id,
        file_name=body.file_name,
        size_bytes=body.size_bytes,
        at=request.now,
        note=request.note("import.created", import_id),
        idempotency=request.idempotency,
    )
    return UploadOut.of(upload)


@endpoint("GET", "/v1/imports/{import_id}", permission=Permission.IMPORTS_READ, answer=ImportOut)
def get_import(request: Request) -> ImportOut:
    """Show an import and how far it is."""
    return ImportOut.of(request.store.imports.get(import_id=request.path["import_id"]))


@endpoint("DELETE", "/v1/imports/{import_id}", permission=Permission.IMPORTS_WRITE, status=204)
def withdraw_import(request: Request) -> Answer:
    """Forget an import that was not started, such as one whose file was refused."""
    import_id = request.path["import_id"]
    note = request.note("import.withdrawn", import_id)
    imports.withdraw_import(store=request.store, import_id=import_id, note=note)
    return Answer(None)


@endpoint("GET", "/v1/imports/{import_id}/preview", permission=Permission.IMPORTS_READ, answer=PreviewOut)
def preview_import(request: Request) -> PreviewOut:
    """Show what the uploaded file is: encoding, delimiter, columns, first rows, a guess at the mapping.

    The rows may hold people's numbers, so that they are shown is audited.
    """
    import_id = request.path["import_id"]
    preview = imports.preview_import(
        store=request.store,
        blobs=request.services.blobs,
        import_id=import_id,
        note=request.note("import.previewed", import_id),
    )
    return PreviewOut.of(preview)


@endpoint(
    "PUT",
    "/v1/imports/{import_id}/mapping",
    permission=Permission.IMPORTS_WRITE,
    body=MappingBody,
    answer=MappedOut,
)
def map_import(request: Request) -> MappedOut:
    """Say which column holds what; the answer shows what becomes of the first rows."""
    import_id = request.path["import_id"]
    mapped = imports.map_import(
        store=request.store,
        blobs=request.services.blobs,
        import_id=import_id,
        mapping=request.body_as(MappingBody).mapping(),
        at=request.now,
        note=request.note("import.mapped", import_id),
    )
    return MappedOut.of(mapped)


@endpoint(
    "POST",
    "/v1/imports/{import_id}/start",
    permission=Permission.IMPORTS_WRITE,
    answer=ImportOut,
    status=202,
)
def start_import(request: Request) -> ImportOut:
    """Start a mapped import, or go on with one that failed; starting twice does no harm."""
    import_id = request.path["import_id"]
    job = imports.start_import(
        store=request.store,
        blobs=request.services.blobs,
        queue=request.services.import_queue,
        import_id=import_id,
        at=request.now,
        note=request.note("import.started", import_id),
    )
    return ImportOut.of(job)


@endpoint("GET", "/v1/imports/{import_id}/errors", permission=Permission.IMPORTS_READ, answer=FileOut)
def get_import_errors(request: Request) -> FileOut:
    """Show where the report is: a CSV of every row that was not created, with row number and reason."""
    report = imports.report_of(
        store=request.store,
        blobs=request.services.blobs,
        import_id=request.path["import_id"],
        at=request.now,
    )
    return FileOut.of(report)

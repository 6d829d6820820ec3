"""Makes exports, batches of vouchers and copies of people's data that were asked for; and erases people."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.exports import ExportJob
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.sqs import JsonObject
from chalicelib.jobs.turns import JobKind, each_job
from chalicelib.ports.store import TenantStore
from chalicelib.ports.vouchers import VoucherSheets
from chalicelib.usecases.export_work import ExportWork, RecordReader, give_up, make_export
from chalicelib.usecases.voucher_work import VoucherWork, make_vouchers
from chalicelib.usecases.voucher_work import give_up as vouchers_given_up

# An export that is not read, or not written, in this time says so before its function's limit (900 s).
READ_SECONDS_MAX: Final = 600
WORK_SECONDS_MAX: Final = 840


def work_exports(services: Services, event: Mapping[str, Any]) -> JsonObject:
    """Make the export or the batch of vouchers that each message names, or work on its privacy request."""
    from chalicelib.jobs.privacy import privacy_requests

    work = ExportWork(
        stores=services.stores,
        blobs=services.blobs,
        now=services.clock.now,
        scratch=tempfile.TemporaryFile,
        records=partial(records_of, services),
        out_of_time_to_read=deadline(seconds=READ_SECONDS_MAX),
        out_of_time=deadline(seconds=WORK_SECONDS_MAX),
    )
    exports = JobKind(
        "export", services.export_queue, partial(make_export, work=work), partial(give_up, work=work)
    )
    return each_job(event, exports, _vouchers(services), privacy_requests(services))


def records_of(
    services: Services, store: TenantStore, tenant: Tenant, job: ExportJob, at: datetime
) -> RecordReader:
    """Return what is read besides subscribers and documents; it is imported by whoever exports."""
    from chalicelib.usecases.export_records import TenantRecords
    from chalicelib.usecases.export_source import Source

    source = Source(
        store=store,
        tenant=tenant,
        at=at,
        retention=services.retention(tenant_id=tenant.tenant_id),
        operator=lambda: services.operator,
    )
    return TenantRecords(source, job.permissions)


def _vouchers(services: Services) -> JobKind:
    """Return how batches of vouchers are made; what prints them is imported by whoever prints."""
    work = VoucherWork(
        stores=services.stores,
        blobs=services.blobs,
        sheets=_sheets,
        now=services.clock.now,
        out_of_time=deadline(seconds=READ_SECONDS_MAX),
        base_url=services.settings.public_base_url,
    )
    make, stop = partial(make_vouchers, work=work), partial(vouchers_given_up, work=work)
    return JobKind("voucher_batch", services.export_queue, make, stop)


def _sheets() -> VoucherSheets:
    from chalicelib.adapters.pdf.vouchers import A4VoucherSheets

    return A4VoucherSheets()

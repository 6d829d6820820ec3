"""Makes exports that were asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.sqs import JsonObject
from chalicelib.jobs.turns import JobKind, each_job
from chalicelib.usecases.export_work import ExportWork, give_up, make_export

# An export that is not read, or not written, in this time says so before its function's limit (900 s).
READ_SECONDS_MAX: Final = 600
WORK_SECONDS_MAX: Final = 840


def work_exports(services: Services, event: Mapping[str, Any]) -> JsonObject:
    """Make the export that each message names."""
    work = ExportWork(
        stores=services.stores,
        blobs=services.blobs,
        now=services.clock.now,
        scratch=tempfile.TemporaryFile,
        out_of_time_to_read=deadline(seconds=READ_SECONDS_MAX),
        out_of_time=deadline(seconds=WORK_SECONDS_MAX),
    )
    exports = JobKind(
        "export", services.export_queue, partial(make_export, work=work), partial(give_up, work=work)
    )
    return each_job(event, exports)

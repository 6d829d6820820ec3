"""Works on imports that were started."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.sqs import JsonObject
from chalicelib.jobs.turns import JobKind, each_job
from chalicelib.usecases.import_batches import ImportWork
from chalicelib.usecases.import_work import give_up, work_on_import

# A worker stops well before its function's limit (900 s) and hands the rest to a new message.
WORK_SECONDS_MAX: Final = 780


def work_imports(services: Services, event: Mapping[str, Any]) -> JsonObject:
    """Work on the import that each message names."""
    work = ImportWork(
        stores=services.stores,
        blobs=services.blobs,
        ids=services.ids,
        now=services.clock.now,
        pause=time.sleep,
        out_of_time=deadline(seconds=WORK_SECONDS_MAX),
    )
    imports = JobKind(
        "import", services.import_queue, partial(work_on_import, work=work), partial(give_up, work=work)
    )
    return each_job(event, imports)

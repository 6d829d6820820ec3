"""Works on imports that were started, and on settlements, whose files come the same way."""

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
from chalicelib.usecases.reconciliations import compare_settlement, give_up_settlement

# A worker stops well before its function's limit (900 s) and hands the rest to a new message.
WORK_SECONDS_MAX: Final = 780


def work_imports(services: Services, event: Mapping[str, Any]) -> JsonObject:
    """Work on the import, or the settlement, that each message names."""
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
    settlements = JobKind(
        "settlement", services.import_queue, partial(_compare, services), partial(_give_up, services)
    )
    return each_job(event, imports, settlements)


def _compare(services: Services, *, tenant_id: str, settlement_id: str) -> bool:
    store = services.stores.of(tenant_id=tenant_id)
    now = services.clock.now()
    compare_settlement(store=store, blobs=services.blobs, settlement_id=settlement_id, at=now)
    return True


def _give_up(services: Services, *, tenant_id: str, settlement_id: str) -> None:
    store = services.stores.of(tenant_id=tenant_id)
    give_up_settlement(store=store, settlement_id=settlement_id, at=services.clock.now())

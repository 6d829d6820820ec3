"""A batch of an import writes how far it has come, and nothing of what stays as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from pynamodb.transactions import TransactWrite

from chalicelib.domain.import_mapping import ImportDefaults, ImportField, ImportMapping
from chalicelib.domain.imports import ImportJob, ImportProgress
from chalicelib.domain.jobs import JobFailure, JobState
from chalicelib.store.base import ModelWrite
from chalicelib.store.imports import DynamoImports
from tests.fakes.clock import FakeClock

AT = datetime(2026, 11, 1, tzinfo=UTC)
MAPPING = ImportMapping(
    columns={ImportField.CODE: "id"}, defaults=ImportDefaults(start_date=date(2026, 11, 1))
)
RUNNING = ImportJob(
    "imp_1",
    "x.csv",
    1,
    JobState.RUNNING,
    "stf_1",
    AT,
    mapping=MAPPING,
    progress=ImportProgress(offset=0, row=1),
    updated_at=AT,
)


def written(write: ModelWrite) -> dict[str, list[Any]]:
    """The actions of an update by the attribute they name."""
    taken: list[Any] = []

    class Transaction:
        def update(self, _: object, *, actions: list[Any], condition: object) -> None:
            assert condition is not None
            taken.extend(actions)

    write.apply(cast("TransactWrite", Transaction()))
    return {action.values[0].path[0]: action for action in taken}


def change(after: ImportJob) -> dict[str, list[Any]]:
    imports = DynamoImports(
        tenant_id="ten_1",
        tenant_keys=lambda: None,  # type: ignore[arg-type,return-value]
        clock=FakeClock(AT),
    )
    first, *_ = imports.change(before=RUNNING, after=replace(after, version=RUNNING.version + 1))
    return written(first)


def test_a_batch_writes_its_progress_alone() -> None:
    later = AT + timedelta(seconds=1)

    assert set(change(replace(RUNNING, progress=ImportProgress(9, 3), updated_at=later))) == {
        "version",
        "progress",
        "updated_at",
    }


def test_an_end_writes_what_came_of_it_and_takes_away_what_no_longer_holds() -> None:
    assert set(change(replace(RUNNING, state=JobState.FAILED, failure=JobFailure("x", "y")))) == {
        "version",
        "state",
        "failure",
    }
    actions = change(replace(RUNNING, progress=None))
    assert type(actions["progress"]).__name__ == "RemoveAction"

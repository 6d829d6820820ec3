"""An import of any size takes flat memory: what grows is the set of codes seen, and that is bounded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from chalicelib.domain.csv_records import CsvFormat
from chalicelib.domain.import_mapping import ImportDefaults, ImportField, ImportMapping
from chalicelib.domain.imports import ImportJob, ImportSource, first_progress
from chalicelib.domain.jobs import JobState
from chalicelib.domain.money import Money
from chalicelib.domain.packages import Package, PackageState
from chalicelib.domain.periods import BillingTiming, Cycle, CycleUnit
from chalicelib.ports.plans import Standing
from chalicelib.ports.services import Blobs
from chalicelib.ports.store import Stores
from chalicelib.usecases.import_batches import ImportWork
from chalicelib.usecases.import_work import work_on_import
from tests.examples import FACTOR
from tests.fakes.services import FakeIds
from tests.unit.usecases.isp import TENANT

ROOT = Path(__file__).parents[3]
AT = datetime(2026, 11, 1, tzinfo=UTC)
HEADER = b"code,name,package,price\n"
# All of the longest file that is taken with `make simulate`; the codes of fewer rows take less.
ROWS = 60_000 if FACTOR == 1 else 200_000
CODES_MIB_MAX = 40 * ROWS // 200_000


class Nothing:
    """A write that does nothing."""

    once = ""


class Growing:
    """A tenant's store that forgets what it is given, but for the import and a count."""

    tenant_id = TENANT.tenant_id

    def __init__(self) -> None:
        source = ImportSource(
            etag="e",
            size_bytes=1,
            format=CsvFormat("utf-8", 0, ",", "\n"),
            header=("code", "name", "package", "price"),
            header_row=1,
            header_end=len(HEADER),
        )
        columns = {
            ImportField.CODE: "code",
            ImportField.NAME: "name",
            ImportField.PACKAGE: "package",
            ImportField.PRICE: "price",
        }
        mapping = ImportMapping(columns=columns, defaults=ImportDefaults(start_date=date(2026, 11, 1)))
        job = ImportJob("imp_1", "x.csv", 1, JobState.QUEUED, "stf_1", AT)
        self.job = replace(
            job, source=source, mapping=mapping, progress=first_progress(source=source), started_at=AT
        )
        self.added = 0
        self.subscribers = self.packages = self.imports = self.plans = self

    def of(self, *, tenant_id: str) -> Growing:
        assert tenant_id == self.tenant_id
        return self

    def profile(self) -> Any:
        return TENANT

    def standing(self) -> Standing:
        return Standing(TENANT, None, 0)

    def counted(self, **_: object) -> Nothing:
        return Nothing()

    def all(self) -> tuple[Package, ...]:
        home = Package(
            package_id="pkg_1",
            name="Home",
            price=Money(1, "PKR"),
            cycle=Cycle(CycleUnit.MONTH),
            timing=BillingTiming.ADVANCE,
            download_kbps=1,
            upload_kbps=1,
            tax_group=None,
            state=PackageState.ACTIVE,
            version=1,
            created_at=AT,
        )
        return (home,)

    def existing_codes(self, *, codes: Sequence[str]) -> set[str]:
        return set(codes[:1]) if codes[0].endswith("00") else set()

    def add(self, **_: object) -> list[Nothing]:
        self.added += 1
        return [Nothing(), Nothing(), Nothing(), Nothing()]

    def get(self, **_: object) -> ImportJob:
        return self.job

    def change(self, *, before: ImportJob, after: ImportJob) -> list[ImportJob]:
        assert before.version == self.job.version == after.version - 1
        return [after]

    def report(self, **_: object) -> list[Nothing]:
        return [Nothing()]

    def reports(self, **_: object) -> Iterator[Any]:
        return iter(())

    def note(self, **_: object) -> Nothing:
        return Nothing()

    def commit(self, *writes: object) -> None:
        assert len(writes) <= 100
        self.job = next(write for write in writes if isinstance(write, ImportJob))


class Endless:
    """A file of so many rows, made when it is read."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def read(self, *, start: int, **_: object) -> Iterator[bytes]:
        assert start == len(HEADER)
        for first in range(0, self.rows, 10_000):
            last = min(first + 10_000, self.rows)
            yield b"".join(b"C-%06d,Name of %d,Home,%d.50\n" % (n, n, n) for n in range(first, last))

    def write(self, *, chunks: Iterator[bytes], **_: object) -> int:
        return sum(map(len, chunks))


def imported(rows: int) -> Growing:
    store = Growing()
    work = ImportWork(
        stores=cast(Stores, store),
        blobs=cast(Blobs, Endless(rows)),
        ids=FakeIds(),
        now=lambda: AT,
        pause=lambda _seconds: None,
        out_of_time=lambda: False,
    )
    assert work_on_import(work=work, tenant_id=TENANT.tenant_id, import_id="imp_1")
    return store


def peak_mib(rows: int) -> int:
    """Import in a process of its own; return the most memory that it took."""
    code = (
        "import resource, sys; from tests.unit.usecases.test_import_memory import imported; "
        "store = imported(int(sys.argv[1])); assert store.job.progress.read == int(sys.argv[1]); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    command = [sys.executable, "-c", code, str(rows)]
    return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


@pytest.mark.slow
def test_many_rows_take_no_more_memory_than_their_codes() -> None:
    few = peak_mib(1_000)

    many = peak_mib(ROWS)

    assert many - few < CODES_MIB_MAX


def test_every_row_is_counted_once() -> None:
    store = imported(1_000)

    progress = store.job.progress
    assert progress is not None
    assert (store.job.state, progress.read, progress.created, progress.existing) == (
        JobState.SUCCEEDED,
        1_000,
        990,
        10,
    )
    assert store.added == 990

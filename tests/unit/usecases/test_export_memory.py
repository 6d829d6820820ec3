"""An export of any size is made in flat memory, and its archive is right."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from chalicelib.domain.accounts import Account, AccountStatus, Subscription, SubscriptionState, invoice_id
from chalicelib.domain.contacts import Contact, Recipient
from chalicelib.domain.export_records import Records
from chalicelib.domain.export_tables import Row
from chalicelib.domain.exports import ExportJob
from chalicelib.domain.invoices import Invoice, InvoiceLine, InvoiceState, format_number
from chalicelib.domain.jobs import JobState
from chalicelib.domain.periods import BillingTiming, Cycle, CycleUnit, Period
from chalicelib.domain.subscribers import Subscriber, SubscriberSummary
from chalicelib.domain.taxes import TaxAmount
from chalicelib.ports.services import Blobs
from chalicelib.ports.store import Page, Stores, SubscriberQuery
from chalicelib.usecases.export_work import ExportWork, make_export
from tests.examples import FACTOR
from tests.unit.usecases.isp import TENANT

ROOT = Path(__file__).parents[3]
AT = datetime(2026, 11, 1, tzinfo=UTC)
NOVEMBER = Period(date(2026, 11, 1), date(2026, 12, 1))
# More with `make simulate`.
COUNT = 15_000 if FACTOR == 1 else 50_000
TOTAL = 226_614


def account_id(number: int) -> str:
    return f"sbr_{number:026d}"


def subscriber(number: int) -> Subscriber:
    sub = Subscription(
        slot=1,
        package_id="pkg_1",
        state=SubscriptionState.ACTIVE,
        starts_on=NOVEMBER.start,
        anchor_day=1,
        cycle=Cycle(CycleUnit.MONTH),
        timing=BillingTiming.ADVANCE,
        billed_to=NOVEMBER.end,
        price_override=164_900,
    )
    one = account_id(number)
    return Subscriber(
        subscriber_id=one,
        code=f"C-{number:06d}",
        area="Gulberg",
        contact=Contact(name=f"=Name {number}", phone="+92 300 1234567", address="House 1, Street 2"),
        account=Account(one, f"C-{number:06d}", "PKR", TOTAL, 1, (sub,)),
        archived=False,
        created_at=AT,
    )


def invoice(number: int) -> Invoice:
    taxes = (TaxAmount("sales_tax", 195_000, 32_156), TaxAmount("income_tax", 150_000, 29_558))
    line = InvoiceLine("Home 20", "pkg_1", 1, NOVEMBER, 164_900, 30, 30, 164_900, taxes)
    return Invoice(
        invoice_id=invoice_id(account_id=account_id(number), period_start=NOVEMBER.start, slot=1),
        account_id=account_id(number),
        account_code=f"C-{number:06d}",
        number=format_number(fiscal_year_end=2027, sequence=number + 1),
        sequence=number + 1,
        series="INV#2027",
        state=InvoiceState.OPEN,
        currency="PKR",
        issued_on=NOVEMBER.start,
        due_on=NOVEMBER.end,
        period=NOVEMBER,
        lines=(line,),
        postings=(),
        run_id="run_2026-11-01",
        recipient=Recipient(f"=Name {number}"),
    )


class MadeUp:
    """A tenant's store whose subscribers and invoices are made when they are read."""

    tenant_id = TENANT.tenant_id

    def __init__(self, count: int) -> None:
        self.count = count
        self.job = ExportJob("exp_1", JobState.QUEUED, "stf_1", AT)
        self.subscribers = self.packages = self.invoices = self.exports = self

    def of(self, *, tenant_id: str) -> MadeUp:
        assert tenant_id == self.tenant_id
        return self

    def profile(self) -> Any:
        return TENANT

    def all(self) -> tuple[()]:
        return ()

    def editions(self) -> tuple[()]:
        return ()

    def list(self, *, query: SubscriberQuery, limit: int, after: str | None) -> Page[SubscriberSummary]:
        assert query.archived
        first = int(after) if after else 0
        last = min(first + limit, self.count)
        rows = tuple(
            SubscriberSummary(account_id(number), "", "", "", AccountStatus.ACTIVE, archived=False)
            for number in range(first, last)
        )
        return Page(rows, str(last) if last < self.count else None)

    def many(self, *, subscriber_ids: Sequence[str]) -> tuple[Subscriber, ...]:
        return tuple(subscriber(int(one[4:])) for one in subscriber_ids)

    def series_years(self, *, kind: str) -> tuple[int, ...]:
        return (2027,) if kind == "INV" else ()

    def by_number(self, *, limit: int, after: str | None, **_: object) -> Page[Invoice]:
        first = int(after) if after else 0
        last = min(first + limit, self.count)
        return Page(tuple(map(invoice, range(first, last))), str(last) if last < self.count else None)

    def get(self, *, export_id: str) -> ExportJob:
        assert export_id == "exp_1"
        return self.job

    def change(self, *, before: ExportJob, after: ExportJob) -> Sequence[ExportJob]:
        assert after.version == before.version + 1 == self.job.version + 1
        return [after]

    def note(self, *, note: object) -> object:
        return note

    def commit(self, *writes: object) -> None:
        for write in writes:
            if isinstance(write, ExportJob):
                self.job = write


class NothingElse:
    """What there is beside subscribers and documents: nothing."""

    tables: tuple[()] = ()
    left_out: tuple[()] = ()

    def of_company(self) -> Iterator[tuple[Records, Iterator[Row]]]:
        return iter(())

    def of_account(self, *, account: Account) -> Iterator[tuple[Records, Row]]:
        return iter(())

    def of_invoice(self, *, invoice: Invoice) -> Iterator[tuple[Records, Row]]:
        return iter(())


class OnDisk:
    """Writes files to a directory, chunk by chunk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.largest_chunk = 0

    def write(self, *, key: str, chunks: Iterable[bytes], content_type: str) -> int:
        assert (key, content_type) == ("exports/ten_1/exp_1-1.zip", "application/zip")
        part = self.path.with_suffix(".part")
        with part.open("wb") as file:
            for chunk in chunks:
                self.largest_chunk = max(self.largest_chunk, len(chunk))
                file.write(chunk)
        part.rename(self.path)
        return self.path.stat().st_size


def made(store: MadeUp, path: Path, *, late_reading: bool = False, late_writing: bool = False) -> OnDisk:
    blobs = OnDisk(path)
    work = ExportWork(
        stores=cast(Stores, store),
        blobs=cast(Blobs, blobs),
        now=lambda: AT,
        scratch=tempfile.TemporaryFile,
        records=lambda *_: NothingElse(),
        out_of_time_to_read=lambda: late_reading,
        out_of_time=lambda: late_writing,
    )
    make_export(work=work, tenant_id="ten_1", export_id="exp_1")
    return blobs


def peak_mib(count: int, path: Path) -> int:
    """Make an export in a process of its own; return the most memory that it took."""
    code = (
        "import resource, sys; from pathlib import Path; "
        "from tests.unit.usecases.test_export_memory import MadeUp, made; "
        "made(MadeUp(int(sys.argv[1])), Path(sys.argv[2])); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    command = [sys.executable, "-c", code, str(count), str(path)]
    return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


@pytest.mark.slow
def test_many_subscribers_and_invoices_take_no_more_memory_than_few(tmp_path: Path) -> None:
    few = peak_mib(500, tmp_path / "few.zip")

    many = peak_mib(COUNT, tmp_path / "many.zip")

    assert many - few < 16
    archive = zipfile.ZipFile(tmp_path / "many.zip")
    assert archive.testzip() is None
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["counts"].pop("documents") == 0
    assert set(manifest["counts"].values()) == {COUNT}
    assert manifest["sums"]["PKR"]["invoices"]["total"] == COUNT * TOTAL
    assert manifest["sums"]["PKR"]["balances"] == COUNT * TOTAL


def test_the_archive_comes_in_pieces(tmp_path: Path) -> None:
    store = MadeUp(3_000)

    blobs = made(store, tmp_path / "export.zip")

    assert store.job.state is JobState.SUCCEEDED
    assert blobs.largest_chunk < 4 * 1024 * 1024


@pytest.mark.parametrize("late", ["late_reading", "late_writing"])
def test_an_export_that_takes_too_long_says_so_before_it_is_ended_by_force(tmp_path: Path, late: str) -> None:
    store = MadeUp(5)

    made(store, tmp_path / "export.zip", **{late: True})

    assert store.job.failure is not None
    assert (store.job.state, store.job.failure.code) == (JobState.FAILED, "export_too_large")
    assert not (tmp_path / "export.zip").exists()


def test_a_finished_export_is_left_as_it_is(tmp_path: Path) -> None:
    store = MadeUp(5)
    store.job = done = replace(store.job, state=JobState.SUCCEEDED, finished_at=AT)

    made(store, tmp_path / "export.zip")

    assert store.job is done

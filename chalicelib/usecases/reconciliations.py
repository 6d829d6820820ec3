"""Reconciliation: begin a settlement, compare its file with the payments of the day, and look at it.

A worker compares (``compare_settlement``). Payments of the day are found in the register of receipts by
halves, and read in the order of their numbers: two reads for each doubling of the year's receipts, and
three for each hundred receipts of the three days, whatever their channels. Nothing is scanned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Final

from chalicelib.domain.csv_inspect import (
    FileTooLarge,
    check_file_name,
    encoding_of_all,
    inspect_csv,
)
from chalicelib.domain.csv_records import CsvFormat, read_records
from chalicelib.domain.documents import Document, DocumentKind
from chalicelib.domain.errors import InvalidValue, StaleVersion
from chalicelib.domain.imports import UPLOAD_TTL_SECONDS, NotUploaded
from chalicelib.domain.invoices import fiscal_year
from chalicelib.domain.jobs import JobFailure, JobState
from chalicelib.domain.ledger import months_between
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.reconciliation import (
    DAYS_ASKED_MAX,
    FILED_CHANNELS,
    Line,
    LineResult,
    Settlement,
    SettlementBegun,
    SettlementRepeated,
    check_channel,
    compare,
    totals_of,
)
from chalicelib.domain.settlement_files import (
    ROWS_MAX,
    SETTLEMENT_BYTES_MAX,
    BadRow,
    FileProfile,
    FileRow,
    RowsOfFile,
    TooManyRows,
)
from chalicelib.ports.services import BlobGone, Blobs, JobQueue
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore
from chalicelib.usecases.imports import UPLOAD_CONTENT_TYPE

# Numbers are given in the order of days, but for those that are given about midnight at once.
_ABOUT_MIDNIGHT: Final = 50
_READ_TOGETHER: Final = 100
_PAGES_PER_COMMIT: Final = 20


@dataclass(frozen=True, slots=True)
class SettlementUpload:
    """A new settlement and where its file is to be PUT."""

    settlement: Settlement
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SettlementAsked:
    """A file that is to come: of which channel and day, and how it is read."""

    channel: str
    on: date
    file_name: str
    size_bytes: int
    profile: FileProfile


def begin_settlement(
    *,
    store: TenantStore,
    blobs: Blobs,
    settlement_id: str,
    asked: SettlementAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> SettlementUpload:
    """Begin a settlement; the URL takes one file of exactly that size.

    Raises NotCsv, FileTooLarge, or InvalidValue for a channel without files or a day to come.
    """
    check_channel(channel=asked.channel)
    check_file_name(name=asked.file_name)
    if asked.size_bytes > SETTLEMENT_BYTES_MAX:
        raise FileTooLarge(f"a file has at most {SETTLEMENT_BYTES_MAX >> 20} MB", param="size_bytes")
    tenant = store.profile()
    if asked.on > tenant.local_date(at=at):
        raise InvalidValue("the day has not come", param="date")
    settlement = Settlement(
        settlement_id=settlement_id,
        channel=asked.channel,
        on=asked.on,
        currency=tenant.currency,
        file_name=asked.file_name,
        size_bytes=asked.size_bytes,
        profile=asked.profile,
        state=JobState.AWAITING_UPLOAD,
        created_by=note.actor_id,
        created_at=at,
    )
    url = blobs.presigned_put(
        key=_key(store, settlement_id),
        content_type=UPLOAD_CONTENT_TYPE,
        size_bytes=asked.size_bytes,
        ttl_seconds=UPLOAD_TTL_SECONDS,
    )
    upload = SettlementUpload(settlement, url, at + timedelta(seconds=UPLOAD_TTL_SECONDS))
    store.commit(
        store.money.settlements.add(settlement=settlement),
        store.note(note=note),
        *store.remember(idempotency=idempotency, answer=upload),
    )
    return upload


def start_settlement(
    *, store: TenantStore, blobs: Blobs, queue: JobQueue, settlement_id: str, note: AuditNote
) -> Settlement:
    """Have an uploaded file compared, or one that failed again; what was compared stays as it was.

    Raises NotFound or NotUploaded.
    """
    before = store.money.settlements.get(settlement_id=settlement_id)
    if before.done:
        return before
    if blobs.info(key=_key(store, settlement_id)) is None:
        raise NotUploaded("the file has not arrived: PUT it to the URL of the settlement first")
    after = before.queued()
    try:
        store.commit(store.money.settlements.change(before=before, after=after), store.note(note=note))
    except StaleVersion:
        raise SettlementBegun("the settlement was started meanwhile: look at it again") from None
    queue.send(message={"tenant_id": store.tenant_id, "settlement_id": settlement_id})
    return after


def compare_settlement(
    *,
    store: TenantStore,
    blobs: Blobs,
    settlement_id: str,
    at: datetime,
) -> Settlement:
    """Compare a settlement's file with the payments of its day, once; what is done stays.

    A file that cannot be of this channel ends it as failed, with why. Of an account that has ended it
    waits, and is started again after a recovery.
    """
    before = store.money.settlements.get(settlement_id=settlement_id)
    able = may(state=store.profile().state, capability=Capability.WORK)
    if before.state is not JobState.QUEUED or not able:
        return before
    try:
        return _compared(store, blobs, before, at)
    except (InvalidValue, SettlementRepeated, BlobGone) as error:
        failure = JobFailure(error.code, error.message)
    except UnicodeDecodeError:
        failure = JobFailure("not_csv", "the file's text cannot be read")
    return _failed(store, before, failure, at)


def give_up_settlement(*, store: TenantStore, settlement_id: str, at: datetime) -> None:
    """Mark a settlement that its workers could not get on with; starting it again tries once more."""
    before = store.money.settlements.get(settlement_id=settlement_id)
    if before.state is JobState.QUEUED:
        failure = JobFailure("internal_error", "something went wrong on our side; start it again")
        _failed(store, before, failure, at)


def _failed(store: TenantStore, before: Settlement, failure: JobFailure, at: datetime) -> Settlement:
    after = before.failed(failure=failure, at=at)
    note = _worker_note(before, "settlement.failed", at, code=failure.code)
    store.commit(store.money.settlements.change(before=before, after=after), store.note(note=note))
    return after


def _worker_note(settlement: Settlement, action: str, at: datetime, **details: object) -> AuditNote:
    """Return what the audit log tells of a worker's doing: it is at work for who began the settlement."""
    return AuditNote(settlement.created_by, action, settlement.settlement_id, at, details=details)


def _compared(store: TenantStore, blobs: Blobs, before: Settlement, at: datetime) -> Settlement:
    key = _key(store, before.settlement_id)
    info = blobs.info(key=key)
    if info is None:
        raise BlobGone("the file is deleted by now: begin another settlement")
    content = b"".join(blobs.read(key=key, etag=info.etag))
    digest = sha256(content).hexdigest()
    earlier = store.money.settlements.compared_before(channel=before.channel, sha256=digest)
    if earlier is not None:
        raise SettlementRepeated(f"this very file was compared by {earlier}")
    rows, count, left_out = _rows(before, content)
    days = (before.on - timedelta(days=1), before.on + timedelta(days=1))
    payments = [
        one
        for one in receipts_between(store=store, first=days[0], last=days[1])
        if one.channel == before.channel and not one.reversed_by
    ]
    elsewhere = store.money.settlements.claimed(channel=before.channel, on=before.on)
    lines = compare(rows=rows, payments=payments, references={}, on=before.on, elsewhere=elsewhere)
    if references := _references(store, lines):
        lines = compare(
            rows=rows, payments=payments, references=references, on=before.on, elsewhere=elsewhere
        )
    totals = totals_of(lines=lines, rows=count, left_out=left_out, payments=payments, on=before.on)
    named = {line.document_id for line in lines if line.row}
    others = [one for one in payments if one.document_id in named and one.issued_on != before.on]
    after = before.compared(sha256=digest, totals=totals, at=at)
    note = _worker_note(before, "settlement.compared", at, lines=dict(totals.counts), sha256=digest)
    _keep(store, after, lines, others)
    store.commit(*store.money.settlements.finish(before=before, after=after), store.note(note=note))
    return after


def _references(store: TenantStore, lines: Sequence[Line]) -> dict[str, list[str]]:
    """Return our references of payments, by receipt, for rows that the vendor's number did not find.

    Two reads for each such row that has a reference of a collection's form.
    """
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.result is not LineResult.MISSING_HERE:
            continue
        collection = store.collections.by_reference(reference=line.reference)
        for capture in collection.captures if collection else ():
            found.setdefault(capture.receipt_id, []).append(line.reference)
    return found


def _keep(store: TenantStore, after: Settlement, lines: Sequence[Line], others: Sequence[Document]) -> None:
    """Keep the lines, and which payments of other days the file has.

    Nobody sees them before the settlement says that they are all there.
    """
    settlements, settlement_id = store.money.settlements, after.settlement_id
    pages = list(settlements.keep_lines(settlement_id=settlement_id, lines=lines))
    pages += [settlements.claim(settlement_id=settlement_id, payment=one) for one in others]
    for place in range(0, len(pages), _PAGES_PER_COMMIT):
        store.commit(*pages[place : place + _PAGES_PER_COMMIT])


def _rows(settlement: Settlement, content: bytes) -> tuple[list[FileRow | BadRow], int, int]:
    """Return the payments of a file, how many rows it has, and how many took no money in."""
    inspection = inspect_csv(chunks=[content], first_rows=1)
    reader = RowsOfFile(profile=settlement.profile, header=inspection.header, currency=settlement.currency)
    found: list[FileRow | BadRow] = []
    count = left_out = 0
    body = content[inspection.header_end :]
    encoding = encoding_of_all(chunks=[body], found=inspection.format)
    way = CsvFormat(
        encoding, inspection.format.bom_bytes, inspection.format.delimiter, inspection.format.line_end
    )
    records = read_records(
        chunks=[body], csv_format=way, offset=inspection.header_end, row=inspection.header_row
    )
    for record in records:
        if record.blank:
            continue
        count += 1
        if count > ROWS_MAX:
            raise TooManyRows(f"a file has at most {ROWS_MAX:,} rows", param="file")
        row = reader.read(record=record)
        if row is None:
            left_out += 1
        else:
            found.append(row)
    return found, count, left_out


def receipts_between(*, store: TenantStore, first: date, last: date) -> Iterator[Document]:
    """Yield the receipts dated ``first`` to ``last``, both included, in the order of their numbers."""
    month = store.known_profile.fiscal_year_start_month
    years = sorted({fiscal_year(on=first, start_month=month), fiscal_year(on=last, start_month=month)})
    for year in years:
        start = store.money.settlements.first_number(fiscal_year=year, on=first)
        after: str | None = str(max(1, start - _ABOUT_MIDNIGHT) - 1)
        later = 0
        while after is not None and later < _ABOUT_MIDNIGHT:
            page = store.documents.by_number(
                kind=DocumentKind.RECEIPT,
                fiscal_year=year,
                limit=_READ_TOGETHER,
                after=after if after != "0" else None,
                newest_first=False,
            )
            for one in page.items:
                if first <= one.issued_on <= last:
                    yield one
                later += one.issued_on > last
            after = page.after


# -- days without one ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gap:
    """A day on which a channel took money in, and of which no file was compared; in minor units."""

    on: date
    channel: str
    received: int


def settlement_gaps(*, store: TenantStore, first: date, last: date) -> list[Gap]:
    """Return the days of channels without a settlement, from the ledger's day totals; at most 31 days.

    Raises InvalidValue for more, or an end before the beginning.
    """
    if not 0 <= (last - first).days < DAYS_ASKED_MAX:
        raise InvalidValue(f"ask for 1 to {DAYS_ASKED_MAX} days", param="to")
    compared = store.money.settlements.compared_days(first=first, last=last)
    gaps = []
    for month in months_between(first=first, last=last):
        for totals in store.ledger.month(month=month):
            if not first <= totals.on <= last:
                continue
            for channel in FILED_CHANNELS:
                turnover = totals.turnover.get(f"cash:{channel}")
                received = 0 if turnover is None else turnover.debit
                if received and channel not in compared.get(totals.on, frozenset()):
                    gaps.append(Gap(totals.on, channel, received))
    return gaps


def _key(store: TenantStore, settlement_id: str) -> str:
    return f"imports/{store.tenant_id}/{settlement_id}/settlement.csv"

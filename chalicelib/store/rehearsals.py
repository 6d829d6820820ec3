"""Rehearsals in DynamoDB: reading the books without writing, and the jobs with what they came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from itertools import chain
from typing import Any, Final

import orjson
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.accounts import ChargeKind, parse_invoice_id
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.invoices import InvoiceLine
from chalicelib.domain.jobs import JobFailure, JobState
from chalicelib.domain.rehearsals import (
    ChangeKind,
    Comparison,
    Rehearsal,
    RehearsalJob,
    RehearsedChange,
    RehearsedCharge,
    RehearsedQuarantine,
    Sums,
)
from chalicelib.domain.runs import RunShard, run_id
from chalicelib.ports.store import Page
from chalicelib.store import invoices as invoice_codec
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, from_iso, nullable, put, put_new, to_iso
from chalicelib.store.billing import DynamoBillingBooks
from chalicelib.store.paging import query_page
from chalicelib.store.register import SERIES_PREFIX, RegisterItem, register_ids
from chalicelib.store.wire import BATCH_GET_KEYS_MAX, batch_get

KIND: Final = "rehearsals"
RESULTS: Final = "rehearsal-results"


class DynamoRehearsalBooks(DynamoBillingBooks):
    """One tenant's books as a rehearsal reads them: with the reading of runs."""

    def filed(self, *, bucket: str, shard: RunShard) -> Iterator[tuple[str, int]]:
        """Yield (account id, slot) of what a bucket holds of a shard."""
        for sort in chain.from_iterable(self._filed(bucket, shard, "")):
            ulid, _, slot = sort[3:].rpartition("-")
            yield f"sbr_{ulid}", int(slot)

    def issued(self, *, on: date, fiscal_year: int) -> Iterator[tuple[str, tuple[InvoiceLine, ...]]]:
        """Yield (account id, lines) of each invoice of a run, found in the register from its end."""
        wanted: list[str] = []
        mine = run_id(on=on)
        series = f"{SERIES_PREFIX}{fiscal_year}"
        pages = RegisterItem.query(
            keys.register(self._tenant_id, series), scan_index_forward=False, consistent_read=True
        )
        for page in pages:
            if page.run_id == mine:
                wanted += register_ids(page.entries)
            elif page.run_id.startswith("run_") and page.run_id < mine:
                break  # runs issue in the order of their dates
            while len(wanted) >= BATCH_GET_KEYS_MAX:
                yield from self._lines(wanted[:BATCH_GET_KEYS_MAX])
                del wanted[:BATCH_GET_KEYS_MAX]
        if wanted:
            yield from self._lines(wanted)

    def _lines(self, invoice_ids: Sequence[str]) -> Iterator[tuple[str, tuple[InvoiceLine, ...]]]:
        places = [parse_invoice_id(value=one) for one in invoice_ids]
        wanted = [
            {"pk": {"S": keys.account(self._tenant_id, account_id)}, "sk": {"S": keys.invoice(key)}}
            for account_id, key in places
        ]
        for item in batch_get(self._wire, table=self._table, keys=wanted):
            account_id = f"sbr_{item['pk']['S'].rpartition('#')[2]}"
            yield account_id, invoice_codec.decode_lines(item["l"]["S"])


class RehearsalItem(TenantsItem):
    """``<tenant>#JOB#rehearsals`` / rehearsal id."""

    through = UnicodeAttribute()
    state = UnicodeAttribute()
    created_by = UnicodeAttribute()
    created_at = UnicodeAttribute()
    version = NumberAttribute()
    started_at = UnicodeAttribute(null=True)
    finished_at = UnicodeAttribute(null=True)
    failure = UnicodeAttribute(null=True)


class RehearsalResultItem(TenantsItem):
    """``<tenant>#JOB#rehearsal-results`` / rehearsal id: bounded lists and no personal data, in JSON."""

    data = UnicodeAttribute()


class DynamoRehearsals(OfTenant):
    """A tenant's rehearsals that were asked for as jobs."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def get(self, *, rehearsal_id: str) -> RehearsalJob:
        """Return the job, or raise NotFound."""
        absent = NotFound("no such rehearsal", param="rehearsal_id")
        if not is_id(value=rehearsal_id, prefix="rhs"):
            raise absent
        try:
            pk = keys.jobs(self._tenant_id, KIND)
            return _job(RehearsalItem.get(pk, rehearsal_id, consistent_read=True))
        except DoesNotExist:
            raise absent from None

    def list(self, *, limit: int, after: str | None) -> Page[RehearsalJob]:
        """Return a page, newest first."""
        pk = keys.jobs(self._tenant_id, KIND)
        page = query_page(RehearsalItem, pk, limit=limit, after=after, newest_first=True)
        return Page(tuple(map(_job, page.items)), page.after)

    def result(self, *, rehearsal_id: str) -> Rehearsal:
        """Return what a succeeded one came to, or raise NotFound."""
        try:
            pk = keys.jobs(self._tenant_id, RESULTS)
            return decode_rehearsal(RehearsalResultItem.get(pk, rehearsal_id, consistent_read=True).data)
        except DoesNotExist:
            raise NotFound("no such rehearsal", param="rehearsal_id") from None

    def add(self, *, job: RehearsalJob) -> Sequence[ModelWrite]:
        """Describe adding a job."""
        return [put_new(self._item(job), refused=Busy("the rehearsal's identifier was taken"))]

    def change(
        self, *, before: RehearsalJob, after: RehearsalJob, result: Rehearsal | None = None
    ) -> Sequence[ModelWrite]:
        """Describe a change, and keeping the result; the version must still be ``before``'s."""
        assert after.version == before.version + 1, "every change counts the version up"
        refused = StaleVersion("the rehearsal changed since it was read")
        same = RehearsalItem.version == before.version
        writes = [put(self._item(after), condition=same, refused=refused)]
        if result is not None:
            pk = keys.jobs(self._tenant_id, RESULTS)
            kept = RehearsalResultItem(pk, after.rehearsal_id, data=encode_rehearsal(result))
            writes.append(put(kept, condition=None, refused=refused))
        return writes

    def _item(self, job: RehearsalJob) -> RehearsalItem:
        return RehearsalItem(
            keys.jobs(self._tenant_id, KIND),
            job.rehearsal_id,
            through=job.through.isoformat(),
            state=job.state.value,
            created_by=job.created_by,
            created_at=to_iso(job.created_at),
            version=job.version,
            started_at=to_iso(job.started_at) if job.started_at else None,
            finished_at=to_iso(job.finished_at) if job.finished_at else None,
            failure=orjson.dumps([job.failure.code, job.failure.message]).decode() if job.failure else None,
        )


def _job(item: RehearsalItem) -> RehearsalJob:
    started, finished = nullable(item.started_at), nullable(item.finished_at)
    failure = nullable(item.failure)
    return RehearsalJob(
        rehearsal_id=item.sk,
        through=date.fromisoformat(item.through),
        state=JobState(item.state),
        created_by=item.created_by,
        created_at=from_iso(item.created_at),
        version=int(item.version),
        started_at=from_iso(started) if started else None,
        finished_at=from_iso(finished) if finished else None,
        failure=JobFailure(*orjson.loads(failure)) if failure else None,
    )


# -- the result's codec --------------------------------------------------------------------


def encode_rehearsal(rehearsal: Rehearsal) -> str:
    """Return the stored JSON."""
    stored = asdict(rehearsal)
    stored["by_date"] = [[on, *asdict(sums).values()] for on, sums in rehearsal.by_date.items()]
    stored["by_package"] = [[*key, *asdict(sums).values()] for key, sums in rehearsal.by_package.items()]
    return orjson.dumps(stored).decode()


def decode_rehearsal(text: str) -> Rehearsal:
    """Read what ``encode_rehearsal`` wrote."""
    stored = orjson.loads(text)
    compared = stored["compared"]
    return Rehearsal(
        **{
            **stored,
            "first": date.fromisoformat(stored["first"]),
            "through": date.fromisoformat(stored["through"]),
            "by_date": {date.fromisoformat(on): Sums(*sums) for on, *sums in stored["by_date"]},
            "by_package": {
                (package, ChargeKind(kind)): Sums(*sums) for package, kind, *sums in stored["by_package"]
            },
            "quarantined": tuple(
                RehearsedQuarantine(**{**one, "on": date.fromisoformat(one["on"])})
                for one in stored["quarantined"]
            ),
            "compared": _comparison(compared) if compared else None,
        }
    )


def _comparison(stored: dict[str, Any]) -> Comparison:
    sums = {name: Sums(**stored[name]) for name in ("before", "now", "new", "gone", "changed")}
    changes = tuple(
        RehearsedChange(
            ChangeKind(one["kind"]), one["subscription_id"], _charge(one["before"]), _charge(one["now"])
        )
        for one in stored["changes"]
    )
    on = date.fromisoformat(stored["run_on"])
    return Comparison(run_on=on, changes=changes, changes_left_off=stored["changes_left_off"], **sums)


def _charge(stored: dict[str, Any] | None) -> RehearsedCharge | None:
    return None if stored is None else RehearsedCharge(**stored)

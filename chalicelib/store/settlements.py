"""Settlements in DynamoDB.

- ``<tenant>#STL`` / settlement id: the settlement.
- ``<tenant>#STL#<settlement id>`` / ``L#<result>#<page>``: a hundred lines a page, sealed, for what is
  written on transfers may name people; ``R#<result>#<number>``: how a line was resolved.
- ``<tenant>#STLF`` / ``<channel>#<hash>``: files that were compared.
- ``<tenant>#STLD`` / ``<date>#<channel>``: days that were compared.
- ``<tenant>#STLE`` / ``<date>#<channel>#<receipt id>``: payments of a day that the file of another has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple
from datetime import date
from itertools import islice
from typing import Any, Final

import orjson
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.documents import Document
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.jobs import JobFailure, JobState
from chalicelib.domain.numbering import DocumentKind
from chalicelib.domain.reconciliation import (
    Line,
    LineResolved,
    LineResult,
    Resolution,
    ResolutionKind,
    Settlement,
    SettlementRepeated,
    Totals,
)
from chalicelib.domain.settlement_files import Column, FileProfile
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.accounts import OPERATIONAL
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import (
    ModelWrite,
    TenantsItem,
    delete,
    from_iso,
    nullable,
    put,
    put_new,
    to_iso,
)
from chalicelib.store.numbering import series_of
from chalicelib.store.paging import query_page
from chalicelib.store.register import SeriesItem, numbered

LINES_PER_PAGE: Final = 100
LINES_PREFIX: Final = "L#"
RESOLUTION_PREFIX: Final = "R#"


class SettlementItem(TenantsItem):
    """``<tenant>#STL`` / settlement id."""

    channel = UnicodeAttribute()
    on = UnicodeAttribute()
    currency = UnicodeAttribute()
    file_name = UnicodeAttribute()
    size_bytes = NumberAttribute()
    profile = UnicodeAttribute()
    state = UnicodeAttribute()
    created_by = UnicodeAttribute()
    created_at = UnicodeAttribute()
    sha256 = UnicodeAttribute(null=True)
    totals = UnicodeAttribute(null=True)
    failure = UnicodeAttribute(null=True)
    finished_at = UnicodeAttribute(null=True)
    version = NumberAttribute()


class LinesItem(TenantsItem):
    """``<tenant>#STL#<settlement id>`` / ``L#<result>#<page>``."""

    lines = BinaryAttribute(legacy_encoding=False)


class ResolutionItem(TenantsItem):
    """``<tenant>#STL#<settlement id>`` / ``R#<result>#<number>``."""

    kind = UnicodeAttribute()
    by = UnicodeAttribute()
    at = UnicodeAttribute()
    document_id = UnicodeAttribute(null=True)
    note = BinaryAttribute(null=True, legacy_encoding=False)


class SettledFileItem(TenantsItem):
    """``<tenant>#STLF`` / ``<channel>#<hash>``."""

    settlement_id = UnicodeAttribute()


class SettledDayItem(TenantsItem):
    """``<tenant>#STLD`` / ``<date>#<channel>``."""

    settlement_id = UnicodeAttribute()


class SettledElsewhereItem(TenantsItem):
    """``<tenant>#STLE`` / ``<date>#<channel>#<receipt id>``."""

    settlement_id = UnicodeAttribute()


class DynamoSettlements(OfTenant):
    """A tenant's settlements."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys

    def get(self, *, settlement_id: str) -> Settlement:
        """Return the settlement, or raise NotFound."""
        absent = NotFound("no such settlement", param="settlement_id")
        if not is_id(value=settlement_id, prefix="stl"):
            raise absent
        try:
            item = SettlementItem.get(keys.settlements(self._tenant_id), settlement_id, consistent_read=True)
        except DoesNotExist:
            raise absent from None
        return _settlement(item)

    def list(self, *, limit: int, after: str | None) -> Page[Settlement]:
        """Return a page, newest first."""
        pk = keys.settlements(self._tenant_id)
        page = query_page(SettlementItem, pk, limit=limit, after=after, newest_first=True)
        return Page(tuple(map(_settlement, page.items)), page.after)

    def add(self, *, settlement: Settlement) -> ModelWrite:
        """Describe adding a settlement."""
        return put_new(self._item(settlement), refused=Busy("the settlement's identifier was taken"))

    def change(self, *, before: Settlement, after: Settlement) -> ModelWrite:
        """Describe a change; refused with StaleVersion."""
        moved = StaleVersion("the settlement changed since it was read")
        return put(self._item(after), condition=SettlementItem.version == before.version, refused=moved)

    def compared_before(self, *, channel: str, sha256: str) -> str | None:
        """Return the settlement that compared this very file of a channel, or None."""
        try:
            pk = keys.settled_files(self._tenant_id)
            return SettledFileItem.get(pk, f"{channel}#{sha256}", consistent_read=True).settlement_id
        except DoesNotExist:
            return None

    def finish(self, *, before: Settlement, after: Settlement) -> Sequence[ModelWrite]:
        """Describe that a file was compared; refused with SettlementRepeated where it was before."""
        file = SettledFileItem(
            keys.settled_files(self._tenant_id),
            f"{after.channel}#{after.sha256}",
            settlement_id=after.settlement_id,
        )
        day = SettledDayItem(
            keys.settled_days(self._tenant_id),
            f"{after.on.isoformat()}#{after.channel}",
            settlement_id=after.settlement_id,
        )
        return [
            self.change(before=before, after=after),
            put_new(file, refused=SettlementRepeated("this file was compared before")),
            put(day, condition=None, refused=Busy("the day changed meanwhile")),
        ]

    def keep_lines(self, *, settlement_id: str, lines: Sequence[Line]) -> Sequence[ModelWrite]:
        """Describe keeping the lines, page by page; kept again, they take the place of the same."""
        pk = keys.settlement_lines(self._tenant_id, settlement_id)
        by_result: dict[LineResult, list[Line]] = {}
        for line in lines:
            by_result.setdefault(line.result, []).append(line)
        writes = []
        for result, same in by_result.items():
            for page, part in enumerate(_parts(same)):
                sk = _page_sk(result, page)
                plain = orjson.dumps([_row(line) for line in part])
                sealed = self._keys.seal(family=OPERATIONAL, place=_place(pk, sk), plain=plain)
                busy = Busy("the lines changed meanwhile")
                writes.append(put(LinesItem(pk, sk, lines=sealed), condition=None, refused=busy))
        return writes

    def lines(
        self, *, settlement_id: str, result: LineResult, first: int, limit: int
    ) -> Sequence[tuple[Line, Resolution | None]]:
        """Return lines of a result from a number on, each with how it was resolved."""
        pk = keys.settlement_lines(self._tenant_id, settlement_id)
        start = _page_sk(result, (first - 1) // LINES_PER_PAGE)
        pages = LinesItem.query(
            pk,
            LinesItem.sk.between(start, f"{LINES_PREFIX}{result.value}#~"),
            consistent_read=True,
            limit=limit // LINES_PER_PAGE + 2,
        )
        found = [line for page in pages for line in self._open(page) if line.number >= first][:limit]
        if not found:
            return []
        between = ResolutionItem.sk.between(_resolved_sk(found[0]), _resolved_sk(found[-1]))
        resolved = {item.sk: item for item in ResolutionItem.query(pk, between, consistent_read=True)}
        return [(line, self._resolution(resolved.get(_resolved_sk(line)))) for line in found]

    def resolve(self, *, settlement_id: str, line: Line, resolution: Resolution) -> ModelWrite:
        """Describe how a line was resolved; refused with LineResolved."""
        pk, sk = keys.settlement_lines(self._tenant_id, settlement_id), _resolved_sk(line)
        note = resolution.note.encode()
        item = ResolutionItem(
            pk,
            sk,
            kind=resolution.kind.value,
            by=resolution.by,
            at=to_iso(resolution.at),
            document_id=resolution.document_id or None,
            note=self._keys.seal(family=OPERATIONAL, place=_place(pk, sk), plain=note) if note else None,
        )
        return put_new(item, refused=LineResolved("the line is resolved already"))

    def reopen(self, *, settlement_id: str, line: Line, resolution: Resolution) -> ModelWrite:
        """Describe that a line is unresolved again; refused with StaleVersion."""
        pk = keys.settlement_lines(self._tenant_id, settlement_id)
        same = ResolutionItem.at == to_iso(resolution.at)
        moved = StaleVersion("the line was resolved anew meanwhile")
        return delete(ResolutionItem(pk, _resolved_sk(line)), condition=same, refused=moved)

    def compared_days(self, *, first: date, last: date) -> Mapping[date, frozenset[str]]:
        """Return the channels that were compared, by day."""
        days: dict[date, set[str]] = {}
        within = SettledDayItem.sk.between(first.isoformat(), f"{last.isoformat()}#~")
        for item in SettledDayItem.query(keys.settled_days(self._tenant_id), within, consistent_read=True):
            day, _, channel = item.sk.partition("#")
            days.setdefault(date.fromisoformat(day), set()).add(channel)
        return {day: frozenset(channels) for day, channels in days.items()}

    def claim(self, *, settlement_id: str, payment: Document) -> ModelWrite:
        """Describe that the file of another day has a payment; said again, it is the same."""
        item = SettledElsewhereItem(*self._claim(payment), settlement_id=settlement_id)
        return put(item, condition=None, refused=Busy("the payment changed meanwhile"))

    def unclaim(self, *, payment: Document) -> ModelWrite:
        """Describe that no file of another day has a payment any more."""
        return delete(SettledElsewhereItem(*self._claim(payment)))

    def claimed(self, *, channel: str, on: date) -> frozenset[str]:
        """Return the payments of a channel and day that files of other days have, by document id."""
        of_day = SettledElsewhereItem.sk.startswith(f"{on.isoformat()}#{channel}#")
        pk = keys.settled_elsewhere(self._tenant_id)
        found = SettledElsewhereItem.query(pk, of_day, consistent_read=True)
        return frozenset(item.sk.rpartition("#")[2] for item in found)

    def first_number(self, *, fiscal_year: int, on: date) -> int:
        """Return the first number of a receipt of a fiscal year that is dated ``on`` or later."""
        series = series_of(DocumentKind.RECEIPT, fiscal_year)
        try:
            following = SeriesItem.get(keys.series(self._tenant_id), series, consistent_read=True).following
        except DoesNotExist:
            return 1
        low, high, pk = 1, int(following), keys.register(self._tenant_id, series)
        while low < high:
            middle = (low + high) // 2
            entry = next(iter(numbered(pk=pk, start=middle, newest_first=True)), None)
            if entry is not None and _day_of(entry[1]) < on:
                low = middle + 1
            else:
                high = middle
        return low

    def _open(self, page: LinesItem) -> Iterable[Line]:
        place = _place(page.pk, page.sk)
        plain = self._keys.open(family=OPERATIONAL, place=place, sealed=page.lines)
        return (Line(LineResult(result), *rest) for result, *rest in orjson.loads(plain))

    def _resolution(self, item: ResolutionItem | None) -> Resolution | None:
        if item is None:
            return None
        sealed = nullable(item.note)
        place = _place(item.pk, item.sk)
        note = self._keys.open(family=OPERATIONAL, place=place, sealed=sealed).decode() if sealed else ""
        document_id = nullable(item.document_id) or ""
        return Resolution(ResolutionKind(item.kind), item.by, from_iso(item.at), document_id, note)

    def _claim(self, payment: Document) -> tuple[str, str]:
        day = payment.issued_on.isoformat()
        pk = keys.settled_elsewhere(self._tenant_id)
        return pk, f"{day}#{payment.channel}#{payment.document_id}"

    def _item(self, one: Settlement) -> SettlementItem:
        return SettlementItem(
            keys.settlements(self._tenant_id),
            one.settlement_id,
            channel=one.channel,
            on=one.on.isoformat(),
            currency=one.currency,
            file_name=one.file_name,
            size_bytes=one.size_bytes,
            profile=orjson.dumps(asdict(one.profile), option=orjson.OPT_NON_STR_KEYS).decode(),
            state=one.state.value,
            created_by=one.created_by,
            created_at=to_iso(one.created_at),
            sha256=one.sha256 or None,
            totals=orjson.dumps(asdict(one.totals)).decode() if one.done else None,
            failure=orjson.dumps(asdict(one.failure)).decode() if one.failure else None,
            finished_at=to_iso(one.finished_at) if one.finished_at else None,
            version=one.version,
        )


def _parts(lines: Sequence[Line]) -> Iterable[list[Line]]:
    left = iter(lines)
    while part := list(islice(left, LINES_PER_PAGE)):
        yield part


def _row(line: Line) -> list[Any]:
    return [one.value if isinstance(one, LineResult) else one for one in astuple(line)]


def _page_sk(result: LineResult, page: int) -> str:
    return f"{LINES_PREFIX}{result.value}#{page:06d}"


def _resolved_sk(line: Line) -> str:
    return f"{RESOLUTION_PREFIX}{line.result.value}#{line.number:06d}"


def _place(pk: str, sk: str) -> str:
    return f"tenants|{pk}|{sk}|settlement"


def _day_of(document_key: str) -> date:
    """Return the day in ``inv_<ULID>-<yyyymmdd>-<slot>``, as the register names documents."""
    return date.fromisoformat(document_key.split("-")[1])


def _settlement(item: SettlementItem) -> Settlement:
    profile = orjson.loads(item.profile)
    columns = {Column(name): column for name, column in profile.pop("columns").items()}
    totals, failure = nullable(item.totals), nullable(item.failure)
    finished = nullable(item.finished_at)
    return Settlement(
        settlement_id=item.sk,
        channel=item.channel,
        on=date.fromisoformat(item.on),
        currency=item.currency,
        file_name=item.file_name,
        size_bytes=int(item.size_bytes),
        profile=FileProfile(columns=columns, **profile),
        state=JobState(item.state),
        created_by=item.created_by,
        created_at=from_iso(item.created_at),
        sha256=nullable(item.sha256) or "",
        totals=Totals(**orjson.loads(totals)) if totals else Totals(),
        failure=JobFailure(**orjson.loads(failure)) if failure else None,
        finished_at=from_iso(finished) if finished else None,
        version=int(item.version),
    )

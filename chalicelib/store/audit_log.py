"""The audit log: entries as they are stored, opened for readers, and the chain that seals them.

The chain is a partition of its own: records by their first sequence, the head, and a marker for
each late entry. Entries are read as raw items here: what somebody altered need not fit a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import orjson
from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import CiphertextRejected, TenantKeys
from chalicelib.domain.audit_chain import LATE, Digest, Position, Record, digest_of, position_after
from chalicelib.domain.audit_ids import ID_CHARS, floor_id, month_of, months_between, written_at
from chalicelib.domain.errors import Busy
from chalicelib.ports.audit import AuditEntry, AuditQuery, ChainMoved
from chalicelib.ports.services import Clock
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.audit import ERASABLE, AuditItem, sealed_at
from chalicelib.store.base import Database, ModelWrite, TenantsItem, nullable, put, put_new, update
from chalicelib.store.paging import ITEMS_READ_MAX

HEAD: Final = "HEAD"
LATE_PREFIX: Final = "late#"
RECORDS_PER_READ: Final = 50
ENTRIES_PER_READ: Final = 500
_HASH_BYTES: Final = 32
# Until the year 3084: what is beyond is no time of ours.
_ID: Final = re.compile(r"aud_0[0-9A-HJKMNP-TV-Z]{25}")

Raw = dict[str, dict[str, Any]]


class RecordItem(TenantsItem):
    """``<tenant>#CHAIN`` / first sequence: the identifiers and hashes of its entries, one after the other."""

    links = BinaryAttribute(legacy_encoding=False)
    previous = BinaryAttribute(legacy_encoding=False)
    head = BinaryAttribute(legacy_encoding=False)
    late = BooleanAttribute(null=True)


class HeadItem(TenantsItem):
    """``<tenant>#CHAIN`` / ``HEAD``."""

    n = NumberAttribute()
    link = BinaryAttribute(legacy_encoding=False)
    until = UnicodeAttribute()


class LateItem(TenantsItem):
    """``<tenant>#CHAIN`` / ``late#<entry id>``: which record names the entry, by its first sequence."""

    n = NumberAttribute()


class DynamoAuditLog(OfTenant):
    """One tenant's audit entries and their chain."""

    def __init__(
        self, *, tenant_id: str, database: Database, tenant_keys: Callable[[], TenantKeys], clock: Clock
    ) -> None:
        self._tenant_id = tenant_id
        self._database = database
        self._keys = tenant_keys
        self._clock = clock
        self._chain = keys.audit_chain(tenant_id)

    # -- entries ---------------------------------------------------------------------------

    def search(
        self, *, query: AuditQuery, limit: int, after: str | None, newest_first: bool
    ) -> Page[AuditEntry]:
        """Return a page of entries; it may be short, or empty, and yet go on."""
        assert query.since is not None, "a search begins somewhere"
        since, until = floor_id(at=query.since), self._latest()
        if query.before is not None:
            until = min(until, floor_id(at=query.before))
        if after is not None:
            since, until = (since, after) if newest_first else (after, until)
        found: list[AuditEntry] = []
        last = after
        for read, item in enumerate(self._raw(since, until, newest_first=newest_first)):
            entry_id = item["sk"]["S"]
            if len(found) == limit or read == ITEMS_READ_MAX:
                return Page(tuple(found), last)
            last = entry_id
            if entry_id != after and _fits(item, query):
                found.append(self._opened(item))
        return Page(tuple(found))

    def entries(self, *, since: datetime, fits: Callable[[str, str], bool]) -> Iterator[AuditEntry]:
        """Yield the entries whose object and actor fit, oldest first; others are not opened."""
        for item in self._raw(floor_id(at=since), self._latest()):
            if fits(item["object_id"]["S"], item["actor_id"]["S"]):
                yield self._opened(item)

    def each(self, *, since: datetime) -> Iterator[AuditEntry]:
        """Yield every entry, oldest first."""
        yield from self.entries(since=since, fits=lambda _object_id, _actor_id: True)

    def touched(self, *, since: datetime, before: datetime) -> Iterator[tuple[str, str, str, str]]:
        """Yield time, actor, action and object of the entries written in a window, none of them opened."""
        until = min(floor_id(at=before), self._latest())
        for item in self._raw(floor_id(at=since), until):
            plain = [str(item.get(name, {}).get("S", "")) for name in ("actor_id", "action", "object_id")]
            yield item["sk"]["S"], plain[0], plain[1], plain[2]

    def without_person(
        self, *, since: datetime, about: Callable[[str], bool], actor_id: str
    ) -> Iterator[ModelWrite]:
        """Yield the writes that take a person out of the entries, where they are in them.

        Entries about them lose what told of them, entries by them the network address they came from.
        """
        for item in self._raw(floor_id(at=since), self._latest()):
            gone: list[Any] = []
            if "personal" in item and about(item["object_id"]["S"]):
                gone.append(AuditItem.personal.remove())
            if "access" in item and item["actor_id"]["S"] == actor_id:
                gone.append(AuditItem.access.remove())
            if gone:
                entry = AuditItem(item["pk"]["S"], item["sk"]["S"])
                there, busy = AuditItem.action.exists(), Busy("the audit entry is gone")
                yield update(entry, actions=gone, condition=there, refused=busy)

    def digests(self, *, since: str, until: str) -> Iterator[Digest]:
        """Yield the stored entries after an identifier through another, in order."""
        for item in self._raw(since, min(until, self._latest())):
            if item["sk"]["S"] != since:
                yield _digest(item)

    def digests_of(self, *, entry_ids: Sequence[str]) -> Mapping[str, bytes]:
        """Return the hashes of the stored forms of those entries that exist."""
        found: dict[str, bytes] = {}
        for entry_id in entry_ids:
            pk = keys.audit(self._tenant_id, month_of(entry_id=entry_id))
            answer: Any = TenantsItem._get_connection().get_item(pk, entry_id, consistent_read=True)  # noqa: SLF001 - raw
            if "Item" in answer:
                found[entry_id] = _digest(answer["Item"]).body
        return found

    def _latest(self) -> str:
        """The identifier beyond all that can exist by now."""
        return floor_id(at=self._clock.now() + LATE)

    def _raw(self, since: str, until: str, *, newest_first: bool = False) -> Iterator[Raw]:
        """Yield raw entries from one identifier through another, month by month."""
        if since > until:
            return
        months = list(months_between(since=since, until=until))
        for month, low, high in reversed(months) if newest_first else months:
            yield from _query(keys.audit(self._tenant_id, month), low, high, newest_first=newest_first)

    def _opened(self, item: Raw) -> AuditEntry:
        def text(name: str) -> str:
            return str(item.get(name, {}).get("S", ""))

        readable = True
        opened: dict[str, Any] = {}
        for name, family in (("details", "audit"), *((one, "op") for one in ERASABLE)):
            sealed, place = item.get(name, {}).get("B"), sealed_at(text("pk"), text("sk"), name)
            if isinstance(sealed, bytes):
                try:
                    plain = self._keys().open(family=family, place=place, sealed=sealed)
                    opened[name] = orjson.loads(plain)
                except CiphertextRejected:
                    readable = False
        return AuditEntry(
            entry_id=text("sk"),
            written_at=written_at(entry_id=text("sk")),
            at=text("at"),
            actor_id=text("actor_id"),
            action=text("action"),
            object_id=text("object_id"),
            request_id=text("request_id"),
            address=opened.get("access", ""),
            details=opened.get("details", {}),
            personal=opened.get("personal", {}),
            erased="personal_hash" in item and "personal" not in item,
            readable=readable,
        )

    # -- the chain -------------------------------------------------------------------------

    def head(self) -> Position | None:
        """Return how far the chain goes; None where nothing is sealed yet."""
        try:
            item = HeadItem.get(self._chain, HEAD, consistent_read=True)
        except DoesNotExist:
            return None
        return Position(int(item.n), item.link, item.until)

    def records(self, *, first: int) -> Iterator[Record]:
        """Yield the chain's records from a sequence on, in order; an unreadable one is left out."""
        bounds = RecordItem.sk.between(_record_key(first), ":")
        yield from _records(RecordItem, self._chain, bounds, forward=True)

    def records_back(self) -> Iterator[Record]:
        """Yield the chain's records, the newest first."""
        yield from _records(RecordItem, self._chain, RecordItem.sk < ":", forward=False)

    def late(self, *, entry_ids: Sequence[str]) -> Mapping[str, int]:
        """Return which of the entries late records name, each with the record's first sequence."""
        found: dict[str, int] = {}
        for entry_id in entry_ids:
            try:
                item = LateItem.get(self._chain, f"{LATE_PREFIX}{entry_id}", consistent_read=True)
            except DoesNotExist:
                continue
            found[entry_id] = int(item.n)
        return found

    def append(self, *, before: Position, record: Record) -> Position:
        """Chain a record behind a position, and return the new one; raise ChainMoved."""
        moved = ChainMoved("another sealer was first")
        after = position_after(position=before, record=record)
        links = b"".join(one.entry_id.encode() + one.body for one in record.digests)
        item = RecordItem(
            self._chain,
            _record_key(record.first),
            links=links,
            previous=record.previous,
            head=record.head,
            late=record.late or None,
        )
        head = HeadItem(self._chain, HEAD, n=after.sequence, link=after.link, until=after.until)
        unmoved = (HeadItem.n == before.sequence) & (HeadItem.link == before.link)
        condition = unmoved if before.sequence else HeadItem.pk.does_not_exist()
        writes: list[ModelWrite] = [
            put_new(item, refused=moved),
            put(head, condition=condition, refused=moved),
        ]
        if record.late:
            for one in record.digests:
                marker = LateItem(self._chain, f"{LATE_PREFIX}{one.entry_id}", n=record.first)
                writes.append(put_new(marker, refused=moved))
        self._database.commit(writes)
        return after


def _record_key(first: int) -> str:
    return f"{first:012d}"


def _records(model: type[RecordItem], pk: str, bounds: Any, *, forward: bool) -> Iterator[Record]:
    found = model.query(
        pk,
        range_key_condition=bounds,
        scan_index_forward=forward,
        consistent_read=True,
        page_size=RECORDS_PER_READ,
    )
    for item in found:
        record = _record(item)
        if record is not None:
            yield record


def _record(item: RecordItem) -> Record | None:
    """Return a record; None where it is not of the form that a sealer writes."""
    size = ID_CHARS + _HASH_BYTES
    links, previous, head = nullable(item.links), nullable(item.previous), nullable(item.head)
    if not links or len(links) % size or previous is None or head is None or not item.sk.isdigit():
        return None
    pieces = [links[start : start + size] for start in range(0, len(links), size)]
    names = [piece[:ID_CHARS].decode("ascii", "replace") for piece in pieces]
    if not all(map(_ID.fullmatch, names)):
        return None
    digests = tuple(Digest(name, piece[ID_CHARS:]) for name, piece in zip(names, pieces, strict=True))
    return Record(int(item.sk), previous, digests, head, late=bool(item.late))


def _query(pk: str, low: str, high: str, *, newest_first: bool) -> Iterator[Raw]:
    """Yield the raw items of a partition between two sort keys, both included."""
    start: Any = None
    while True:
        answer: Any = TenantsItem._get_connection().query(  # noqa: SLF001 - raw items
            pk,
            range_key_condition=AuditItem.sk.between(low, high),
            scan_index_forward=not newest_first,
            consistent_read=True,
            exclusive_start_key=start,
            limit=ENTRIES_PER_READ,
        )
        yield from (item for item in answer["Items"] if _ID.fullmatch(item["sk"]["S"]))
        start = answer.get("LastEvaluatedKey")
        if start is None:
            return


def _digest(item: Raw) -> Digest:
    """Return the digest of a raw entry: all that is stored, but for what an erasure may take away."""
    fields = {name: _typed(value) for name, value in item.items() if name not in ERASABLE}
    for name in ERASABLE:
        sealed, said = item.get(name, {}).get("B"), item.get(f"{name}_hash", {}).get("S")
        if name in item and (not isinstance(sealed, bytes) or sha256(sealed).hexdigest() != said):
            fields[name] = ("altered", b"")
    return digest_of(entry_id=item["sk"]["S"], item=fields)


def _typed(value: dict[str, Any]) -> tuple[str, bytes]:
    ((kind, plain),) = value.items()
    return kind, plain if isinstance(plain, bytes) else str(plain).encode()


def _fits(item: Raw, query: AuditQuery) -> bool:
    asked = {"object_id": query.object_id, "actor_id": query.actor_id, "action": query.action}
    return all(want is None or item.get(name, {}).get("S") == want for name, want in asked.items())

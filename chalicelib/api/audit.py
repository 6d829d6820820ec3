"""The audit log: who did what, from where, what was before and after; and whether it is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, Field

from chalicelib.api.request import Answer
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, Schema
from chalicelib.api.tables import table_csv
from chalicelib.domain.audit_chain import Fault, Flaw, Position
from chalicelib.domain.staff import Permission
from chalicelib.ports.audit import AuditEntry, AuditQuery
from chalicelib.ports.store import Page
from chalicelib.usecases.audit import export_entries, list_entries
from chalicelib.usecases.audit_verification import verify_piece

FILTER_CHARS_MAX: Final = 120
VERIFIED_ENTRIES_MAX: Final = 2_000

Filter = Annotated[Line, Field(min_length=1, max_length=FILTER_CHARS_MAX)]


class AuditEntryOut(Schema):
    """An entry. ``at`` is the time of what it tells of, ``written_at`` that of its writing.

    ``personal`` is what a person's data was before and after, and what staff wrote in words of their own
    (``reason``); ``erased`` where it was taken away by an erasure. What cannot be read any more is left
    out, and ``readable`` is false.
    """

    entry_id: str = Field(examples=["aud_01JD0000000000000000000000"])
    written_at: datetime
    at: str
    actor_id: str = Field(
        description=(
            "a person of staff, a key, what the platform did by itself (system), or platform support: "
            "platform_support/person/access"
        )
    )
    action: str = Field(examples=["subscriber.changed"])
    object_id: str
    request_id: str | None
    address: str | None = Field(description="the network address that the request came from")
    details: dict[str, Any] = Field(description="a changed field is [before, after]")
    personal: dict[str, Any] = Field(description="a changed field is [before, after]")
    erased: bool
    readable: bool

    @classmethod
    def of(cls, entry: AuditEntry) -> AuditEntryOut:
        """Render an entry."""
        return cls(
            entry_id=entry.entry_id,
            written_at=entry.written_at,
            at=entry.at,
            actor_id=entry.actor_id,
            action=entry.action,
            object_id=entry.object_id,
            request_id=entry.request_id or None,
            address=entry.address or None,
            details=dict(entry.details),
            personal=dict(entry.personal),
            erased=entry.erased,
            readable=entry.readable,
        )


class AuditList(ListAnswer):
    """Entries, the newest first unless asked for otherwise; a page may be short and yet have a next one."""

    items: list[AuditEntryOut]


class AuditListQuery(ListQuery):
    """Filters; all that are given must fit. ``from`` and ``to`` are of the writing; ``to`` is exclusive."""

    object_id: Filter | None = Field(default=None, description="exactly: a subscriber's id, a run's, …")
    actor_id: Filter | None = Field(default=None, description="exactly: a person's id, or system")
    action: Filter | None = Field(default=None, description="exactly: subscriber.changed, …")
    since: AwareDatetime | None = Field(default=None, alias="from", examples=["2026-11-01T00:00:00Z"])
    before: AwareDatetime | None = Field(default=None, alias="to", examples=["2026-12-01T00:00:00Z"])
    oldest_first: bool = False
    format: Literal["json", "csv", "jsonl"] = Field(
        default="json",
        description="csv and jsonl have the same entries as a file; X-Next-Cursor leads to the next page",
    )

    def query(self) -> AuditQuery:
        """Return the store's value."""
        return AuditQuery(
            object_id=self.object_id,
            actor_id=self.actor_id,
            action=self.action,
            since=self.since,
            before=self.before,
        )


class FlawOut(Schema):
    """One thing that is wrong: at which sequence of the chain (0: in none), and what it is about."""

    fault: Fault
    sequence: int
    about: str = Field(description="an entry's identifier, or what tells where")

    @classmethod
    def of(cls, flaw: Flaw) -> FlawOut:
        """Render a fault."""
        return cls(fault=flaw.fault, sequence=flaw.sequence, about=flaw.about)


class AuditVerificationOut(ListAnswer):
    """A piece of the verification: ``items`` are its faults, 200 at most; none means that it is whole.

    ``sequence`` and ``link`` are where the chain is at its end, to compare with what was noted
    elsewhere.
    """

    items: list[FlawOut]
    entries: int = 0
    late: int = Field(default=0, description="entries that were committed after later ones were sealed")
    anchors: int = Field(default=0, description="heads kept outside the database that were compared")
    unsealed: int = Field(default=0, description="entries that wait to be sealed; told by the last piece")
    sequence: int = 0
    link: str = ""


class VerificationQuery(ListQuery):
    """How many entries a piece has, about."""

    limit: int = Field(default=1_000, ge=1, le=VERIFIED_ENTRIES_MAX)


@endpoint("GET", "/v1/audit", permission=Permission.AUDIT_READ, query=AuditListQuery, answer=AuditList)
def list_audit_entries(request: Request) -> AuditList | Answer:
    """List what was done: by object, person, action and time. A file of it is audited itself."""
    asked = request.query_as(AuditListQuery)
    read = list_entries if asked.format == "json" else _exported(request)
    page = read(
        store=request.store,
        query=asked.query(),
        limit=asked.limit,
        after=request.after,
        newest_first=not asked.oldest_first,
    )
    listed = request.listing(AuditList, page, AuditEntryOut.of)
    return listed if asked.format == "json" else _file(listed, asked.format)


def _exported(request: Request) -> Callable[..., Page[AuditEntry]]:
    note = request.note("audit.exported", request.principal.tenant_id)
    return partial(export_entries, note=note)


def _file(listed: AuditList, kind: str) -> Answer:
    """Return entries as a file's piece; each piece of a table has its heading."""
    following = {"X-Next-Cursor": listed.next_cursor} if listed.next_cursor else {}
    if kind == "jsonl":
        text = "".join(f"{entry.model_dump_json()}\n" for entry in listed.items)
        return Answer(None, headers={"Content-Type": "application/jsonl", **following}, text=text)
    text = entries_csv([entry.model_dump(mode="json") for entry in listed.items])
    return Answer(None, headers={"Content-Type": "text/csv; charset=utf-8", **following}, text=text)


def entries_csv(entries: Iterable[Mapping[str, Any]]) -> str:
    """Return entries as a table; what is nested is JSON, and nothing is run by a spreadsheet."""
    return table_csv(names=AuditEntryOut.model_fields, rows=entries)


@endpoint(
    "GET",
    "/v1/audit/verification",
    permission=Permission.AUDIT_READ,
    query=VerificationQuery,
    answer=AuditVerificationOut,
)
def verify_audit_log(request: Request) -> AuditVerificationOut:
    """Compare a piece of the audit log with its chain and anchors, and locate every fault."""
    found = verify_piece(
        store=request.store,
        anchors=request.services.anchors,
        start=_position(request.after),
        entries_max=request.query_as(VerificationQuery).limit,
        at=request.now,
    )
    page = Page(found.flaws, _text(found.after))
    answer = request.listing(AuditVerificationOut, page, FlawOut.of)
    counts = {name: getattr(found, name) for name in ("entries", "late", "anchors", "unsealed")}
    return answer.model_copy(
        update={**counts, "sequence": found.position.sequence, "link": found.position.link.hex()}
    )


def _text(position: Position | None) -> str | None:
    return f"{position.sequence}:{position.link.hex()}:{position.until}" if position else None


def _position(text: str | None) -> Position | None:
    if text is None:
        return None
    sequence, link, until = text.split(":")
    return Position(int(sequence), bytes.fromhex(link), until)

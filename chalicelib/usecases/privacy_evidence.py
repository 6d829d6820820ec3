"""The evidence of one request: that it was answered, how, when, and what was told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.privacy_requests import PrivacyRequest
from chalicelib.ports.audit import AuditEntry, AuditQuery
from chalicelib.ports.store import AuditNote, TenantStore
from chalicelib.usecases.subscribers import IDENTITY_SHOWN, note_identity_shown

ENTRIES_PER_READ: Final = 200
# Pages of the log that are looked through: a request is in it for months at most.
PAGES_READ_MAX: Final = 20
# Entries that tell of looking at the evidence are none of it.
LOOKED: Final = frozenset({"privacy.evidence_taken", IDENTITY_SHOWN})


@dataclass(frozen=True, slots=True)
class Evidence:
    """A request, and the audit entries about it; ``complete`` is false where the log was too long."""

    request: PrivacyRequest
    entries: tuple[AuditEntry, ...]
    complete: bool
    made_at: datetime


def evidence_of(*, store: TenantStore, request_id: str, at: datetime, note: AuditNote) -> Evidence:
    """Return the evidence of a request; that it was taken is audited. Raises NotFound."""
    request = store.privacy.get(request_id=request_id)
    store.commit(store.note(note=replace(note, object_id=request_id)))
    note_identity_shown(store=store, shown=request.words.changes, note=note)
    query = AuditQuery(object_id=request_id, since=request.received_at)
    found: list[AuditEntry] = []
    after: str | None = None
    for _ in range(PAGES_READ_MAX):
        page = store.audit.search(query=query, limit=ENTRIES_PER_READ, after=after, newest_first=False)
        found += [one for one in page.items if one.action not in LOOKED]
        after = page.after
        if after is None:
            break
    return Evidence(request, tuple(found), after is None, at)

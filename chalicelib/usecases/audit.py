"""Reading the audit log."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from chalicelib.ports.audit import AuditEntry, AuditQuery
from chalicelib.ports.store import AuditNote, Page, TenantStore


def list_entries(
    *, store: TenantStore, query: AuditQuery, limit: int, after: str | None, newest_first: bool
) -> Page[AuditEntry]:
    """Return a page of entries; nothing is older than the tenant."""
    begins = store.profile().created_at - timedelta(days=1)
    since = begins if query.since is None else max(begins, query.since)
    if query.before is not None and query.before <= since:
        return Page(())
    return store.audit.search(
        query=replace(query, since=since), limit=limit, after=after, newest_first=newest_first
    )


def export_entries(
    *,
    store: TenantStore,
    query: AuditQuery,
    limit: int,
    after: str | None,
    newest_first: bool,
    note: AuditNote,
) -> Page[AuditEntry]:
    """Return a page of entries to be taken away as a file; the first page of each is audited itself."""
    if after is None:
        store.commit(store.note(note=replace(note, details={"asked": query})))
    return list_entries(store=store, query=query, limit=limit, after=after, newest_first=newest_first)

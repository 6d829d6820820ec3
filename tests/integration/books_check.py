"""Whether a tenant's books are right, for tests that moved money: call it at their end."""

from __future__ import annotations

from chalicelib.bootstrap import Services
from chalicelib.usecases.books_audit import BooksAudit, audit_books


def check_books(services: Services, tenant_id: str) -> BooksAudit:
    """Assert that registers, documents, accounts and ledger agree; return what was looked at.

    Accounts are found by the list of subscribers, which books seeded for benchmarks do not have.
    """
    audit = audit_books(store=services.stores.of(tenant_id=tenant_id))
    assert audit.differences == []
    assert not audit.moved
    return audit

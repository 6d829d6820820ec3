"""Everybody who works for a tenant."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.domain.staff import Role, StaffMember
from chalicelib.ports.store import TenantStore

PEOPLE_PER_READ = 200


def everybody(*, store: TenantStore) -> Iterator[StaffMember]:
    """Yield everybody, oldest first; there are at most STAFF_MAX."""
    after: str | None = None
    while True:
        page = store.staff.list(limit=PEOPLE_PER_READ, after=after)
        yield from page.items
        after = page.after
        if after is None:
            return


def owners(*, store: TenantStore) -> Iterator[StaffMember]:
    """Yield the owners who may sign in."""
    return (one for one in everybody(store=store) if one.role == Role.OWNER and not one.disabled)

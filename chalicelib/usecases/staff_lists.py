"""Everybody who works for a tenant."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.domain.staff import Role, StaffMember
from chalicelib.ports.store import TenantStore
from chalicelib.usecases.paging import each

PEOPLE_PER_READ = 200


def everybody(*, store: TenantStore) -> Iterator[StaffMember]:
    """Return everybody, oldest first; there are at most STAFF_MAX."""
    return each(read=store.staff.list, limit=PEOPLE_PER_READ)


def owners(*, store: TenantStore) -> Iterator[StaffMember]:
    """Yield the owners who are not disabled, oldest first: those who are told what happens."""
    return (one for one in everybody(store=store) if one.role == Role.OWNER and not one.disabled)

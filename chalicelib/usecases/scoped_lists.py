"""Lists of the whole tenant's documents, for who is held to areas or to a dealer's customers."""

from __future__ import annotations

from typing import Protocol, TypeVar

from chalicelib.domain.staff import Scope
from chalicelib.ports.store import Page, TenantStore


class OfAccount(Protocol):
    """What belongs to a subscriber's account."""

    @property
    def account_id(self) -> str:
        """The account's identifier."""


T = TypeVar("T", bound=OfAccount)


def kept_within(*, store: TenantStore, scope: Scope, page: Page[T]) -> Page[T]:
    """Return the page without what belongs to subscribers outside the scope."""
    if scope.everything or not page.items:
        return page
    accounts = {one.account_id for one in page.items}
    mine = store.subscribers.within(scope=scope, account_ids=accounts)
    return Page(tuple(one for one in page.items if one.account_id in mine), page.after)

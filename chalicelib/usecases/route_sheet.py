"""The route sheet: subscribers of areas with something to pay, page by page."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from chalicelib.domain.contacts import code_key
from chalicelib.domain.route_sheet import RouteStop, owes, stop_of
from chalicelib.domain.staff import Scope
from chalicelib.domain.subscribers import Subscriber
from chalicelib.ports.store import Page, SubscriberQuery, TenantStore

# When a due date is asked for by itself, a page of stops has so many at most.
STOPS_PER_PAGE_MAX: Final = 50
# Subscribers that are looked at for one page, whether they owe something or not: so many, so often.
LOOKED_AT_TOGETHER: Final = 100
READS_PER_PAGE_MAX: Final = 2


def route_sheet(
    *, store: TenantStore, area: str | None, scope: Scope, limit: int, after: str | None, at: datetime
) -> Page[RouteStop]:
    """Return who has something to pay, in the order of codes: of an area, or all that the scope holds.

    A page may be short, or empty, and yet go on. Reads are batches but for the due dates: they are
    in invoices alone, so that each stop is one query more.
    """
    query = SubscriberQuery(area=area, scope=scope)
    today = store.known_profile.local_date(at=at)
    stops: list[RouteStop] = []
    for _ in range(READS_PER_PAGE_MAX):
        page = store.subscribers.list(query=query, limit=LOOKED_AT_TOGETHER, after=after)
        ids = [one.subscriber_id for one in page.items]
        for subscriber in filter(_owes, store.subscribers.many(subscriber_ids=ids)):
            stops.append(_stop(store, subscriber, today))
            if len(stops) == limit:
                # Positions in the list of subscribers are folded codes.
                return Page(tuple(stops), code_key(code=subscriber.code))
        after = page.after
        if after is None:
            break
    return Page(tuple(stops), after)


def _owes(subscriber: Subscriber) -> bool:
    return owes(subscriber=subscriber)


def _stop(store: TenantStore, subscriber: Subscriber, today: date) -> RouteStop:
    account = subscriber.account
    due = store.book_reader.oldest_due(
        account_id=account.account_id, receivable=account.balance + account.credit
    )
    return stop_of(subscriber=subscriber, oldest_due_on=due, today=today)

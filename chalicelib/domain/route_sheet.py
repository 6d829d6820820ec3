"""A collector's route sheet: who has something to pay, how long overdue it is, and where they live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from chalicelib.domain.accounts import AccountStatus, summary_status
from chalicelib.domain.subscribers import Subscriber


@dataclass(frozen=True, slots=True)
class RouteStop:
    """A subscriber to be called on: minor units to pay, and of that what invoices are open.

    ``oldest_due_on`` is the day by which the oldest open invoice was, or is, to be paid; None where
    what is owed is on none. ``map_link`` opens the device's own map (RFC 5870), by the address.
    """

    subscriber_id: str
    code: str
    name: str
    phone: str
    address: str
    area: str
    status: AccountStatus
    currency: str
    to_pay: int
    open_amount: int
    oldest_due_on: date | None
    days_overdue: int
    map_link: str | None


def owes(*, subscriber: Subscriber) -> bool:
    """Whether there is something to collect: what is open and no credit covers."""
    return subscriber.account.balance > 0


def stop_of(*, subscriber: Subscriber, oldest_due_on: date | None, today: date) -> RouteStop:
    """Return the stop at a subscriber who owes something."""
    account, contact = subscriber.account, subscriber.contact
    late = (today - oldest_due_on).days if oldest_due_on else 0
    return RouteStop(
        subscriber_id=subscriber.subscriber_id,
        code=subscriber.code,
        name=contact.name,
        phone=contact.phone,
        address=contact.address,
        area=subscriber.area,
        status=summary_status(account=account),
        currency=account.currency,
        to_pay=account.balance,
        open_amount=account.balance + account.credit,
        oldest_due_on=oldest_due_on,
        days_overdue=max(0, late),
        map_link=map_link(address=contact.address),
    )


def map_link(*, address: str) -> str | None:
    """Return a link that looks the address up in the device's map; None where there is none.

    No company's map is named: who opens it chooses who learns the address.
    """
    return f"geo:0,0?q={quote(address, safe='')}" if address else None

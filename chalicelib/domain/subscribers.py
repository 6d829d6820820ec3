"""Subscribers: the ISP's customers as people."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime

from chalicelib.domain.accounts import Account, AccountStatus, SubscriptionState
from chalicelib.domain.contacts import Contact, check_area, check_code, check_contact, check_dealer_id
from chalicelib.domain.errors import Conflict


class CodeTaken(Conflict):
    """Another subscriber of this tenant has the code."""

    code = "code_taken"


class SubscriberArchived(Conflict):
    """The subscriber is archived: unarchive it first."""

    code = "subscriber_archived"


class SubscriberErased(Conflict):
    """The subscriber is erased: nobody comes back to the account, and a restore erases it again."""

    code = "subscriber_erased"


class SubscriberInService(Conflict):
    """A subscriber with subscriptions that have not ended cannot be archived."""

    code = "subscriber_in_service"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A customer: the person, and the account with its subscriptions.

    ``code`` is the ISP's own customer number, unique in the tenant. ``version`` is the
    profile's; the account counts its own. ``dealer_id`` is the ISP's own name for the dealer
    whose customer it is; empty where it is the ISP's own.
    """

    subscriber_id: str
    code: str
    area: str
    contact: Contact
    account: Account
    archived: bool
    created_at: datetime
    version: int = 1
    dealer_id: str = ""


@dataclass(frozen=True, slots=True)
class SubscriberSummary:
    """One row of a list."""

    subscriber_id: str
    code: str
    name: str
    area: str
    status: AccountStatus
    archived: bool
    package_ids: tuple[str, ...] = field(default=())
    dealer_id: str = ""


def new_subscriber(
    *,
    subscriber_id: str,
    code: str,
    area: str,
    contact: Contact,
    currency: str,
    at: datetime,
    consolidated: bool | None = None,
    dealer_id: str = "",
) -> Subscriber:
    """Return a subscriber that owes nothing and has no subscription, or raise InvalidValue."""
    checked = check_code(code=code)
    return Subscriber(
        subscriber_id=subscriber_id,
        code=checked,
        area=check_area(area=area),
        contact=check_contact(contact=contact),
        account=Account(subscriber_id, checked, currency, balance=0, version=1, consolidated=consolidated),
        archived=False,
        created_at=at,
        dealer_id=check_dealer_id(dealer_id=dealer_id),
    )


def in_service(*, account: Account, on: date) -> bool:
    """Whether any subscription has not ended by a date of the tenant's."""
    return any(
        sub.state is not SubscriptionState.TERMINATED or (sub.ends_on is not None and sub.ends_on > on)
        for sub in account.subscriptions
    )


def changed(*, before: Subscriber, after: Subscriber) -> Subscriber:
    """Return ``after`` as it stands once stored: the versions that the change moves, moved.

    The account's version moves with its code and ``consolidated``, which it holds, and with archiving,
    so that no subscription is added to a subscriber that is being archived.
    """
    consolidated = after.account.consolidated
    guarded = (before.code, before.archived, before.account.consolidated) != (
        after.code,
        after.archived,
        consolidated,
    )
    version = before.account.version + 1 if guarded else before.account.version
    account = replace(before.account, code=after.code, version=version, consolidated=consolidated)
    return replace(after, version=before.version + 1, account=account)

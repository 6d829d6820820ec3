"""Erasing a person: when it may be done, what stays, and what is left of a request about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Final

from chalicelib.domain.accounts import Account
from chalicelib.domain.contacts import Contact
from chalicelib.domain.data_map import BILLING_YEARS
from chalicelib.domain.errors import Conflict
from chalicelib.domain.invoices import fiscal_year
from chalicelib.domain.privacy_requests import Kept, PrivacyRequest, Told, Words
from chalicelib.domain.staff import EVERYTHING, LastOwner, Role, StaffMember
from chalicelib.domain.subscribers import Subscriber, SubscriberInService, in_service

# What is said of documents that stay: they are unreadable when their fiscal year's key is destroyed.
WHY_KEPT: Final = (
    "Tax and accounting law asks for documents of the books: they stay as they were issued, with the name, "
    "address and tax id that they show, under a key of their fiscal year that is destroyed at the date."
)
WHAT_STAYS: Final = (
    "the customer number, balance, packages and dates of service, coupons, late fees and payments online "
    "with their amounts, and that there were requests about data, without a name; entries of the audit log "
    "without what they told of the person; copies in files that were made before, for seven days, and in "
    "backups, for thirty, out of which nobody is restored who was erased"
)


# Of who worked for the ISP; until when stands with the request.
WHAT_STAYS_OF_STAFF: Final = (
    "the identifier, the role and the day of joining, without name, address, password or keys. Entries of "
    "the audit log, documents, movements of cash and jobs name the identifier, for law asks who did them. An "
    "ISP that platform support entered keeps who it was, by name, with its list of accesses"
)


class OwesMoney(Conflict):
    """The subscriber owes money: it is paid, written off, or said why it is erased all the same."""

    code = "subscriber_owes"


class HasCredit(Conflict):
    """The ISP holds money of the subscriber: credit and deposits are given back first."""

    code = "subscriber_has_credit"


class StillEmployed(Conflict):
    """The person can still sign in: who leaves is disabled first."""

    code = "still_employed"


class HoldsCash(Conflict):
    """The person still holds cash of the company: it is handed over, or written off, first."""

    code = "holds_cash"


class MoneyUnderWay(Conflict):
    """A payment gateway is at a payment of the subscriber, or at giving one back."""

    code = "money_under_way"


class OnHold(Conflict):
    """A legal hold is on the person's data."""

    code = "legal_hold"


def check_erasable(*, subscriber: Subscriber, today: date, despite_debt: bool, hold: str = "") -> None:
    """Raise OnHold, SubscriberInService, HasCredit or OwesMoney where a subscriber is not to be erased.

    What is owed may be said not to matter; what is held of the subscriber's money may not.
    """
    account = subscriber.account
    if hold:
        raise OnHold("a legal hold is on this data")
    if in_service(account=account, on=today) or _to_be_billed(account):
        raise SubscriberInService(
            "end the subscriber's subscriptions, and have their last days billed, first"
        )
    if account.credit or account.deposits or account.balance < 0:
        raise HasCredit("give credit and deposits back first")
    if account.balance > 0 and not despite_debt:
        raise OwesMoney("the subscriber owes money", param="despite_debt")


def check_left(*, member: StaffMember, only_owner: bool, cash: int, hold: str = "") -> None:
    """Raise OnHold, LastOwner, StillEmployed or HoldsCash where who worked here is not to be erased.

    ``cash`` is what the person holds of the company's money, in minor units.
    """
    if hold:
        raise OnHold("a legal hold is on this data")
    if only_owner:
        raise LastOwner("this is the last owner who can sign in: hand the company over first")
    if not member.disabled:
        raise StillEmployed("let the person sign in no more first")
    if cash:
        raise HoldsCash("have the cash that the person holds handed over first")


def without_name(*, member: StaffMember) -> StaffMember:
    """Return the record of who left as nobody's: it cannot sign in, and is found by no address.

    A role of the company's own is given back, so that it does not count as somebody's for ever.
    """
    return replace(
        member,
        name="",
        email="",
        role=member.role if member.role in set(Role) else Role.AUDITOR,
        email_verified=False,
        password_hash="",
        scope=EVERYTHING,
        disabled=True,
        second_factor=False,
    )


def _to_be_billed(account: Account) -> bool:
    return bool(account.charges) or any(not sub.finished for sub in account.subscriptions)


def without_person(*, subscriber: Subscriber) -> Subscriber:
    """Return the subscriber as nobody: no contact, no area, off the lists."""
    return replace(subscriber, contact=Contact(), area="", dealer_id="", archived=True)


def is_erased(*, subscriber: Subscriber) -> bool:
    """Whether a subscriber is nobody: an erasure would take nothing away from what it left."""
    return without_person(subscriber=subscriber) == subscriber


def kept_until(*, issued_on: date, start_month: int) -> date:
    """Return the first day on which a document is not kept any more."""
    year = fiscal_year(on=issued_on, start_month=start_month) + BILLING_YEARS
    return date(year, start_month, 1) if start_month > 1 else date(year + 1, 1, 1)


def kept_of(*, documents: Iterable[tuple[str, str, date]], start_month: int) -> tuple[Kept, ...]:
    """Return what stays of documents that are given as identifier, number and date of issue."""
    return tuple(
        Kept(document_id, number, kept_until(issued_on=on, start_month=start_month))
        for document_id, number, on in documents
    )


def without_words(*, request: PrivacyRequest) -> PrivacyRequest:
    """Return a request of which nothing tells who made it: what was asked, done and when stays.

    The texts of mails stay, for they name nobody; whom they went to does not.
    """
    told = tuple(
        Told(one.at, one.notice, "taken away" if one.to else "", one.subject, one.text)
        for one in request.words.told
    )
    history = tuple(replace(one, words="") for one in request.history)
    return replace(
        request, words=Words(told=told), history=history, version=request.version + 1, file=request.file
    )

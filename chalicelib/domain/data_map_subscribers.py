"""The data map of what is filed under a subscriber of an ISP."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.data_map import Stored, Subject
from chalicelib.domain.data_map_handlings import (
    DOCUMENT,
    DOCUMENT_PERSON,
    MONEY,
    PASSWORD,
    PROFILE,
    SERVICE,
    VOLUME,
    WRITTEN,
)

_CONTACT: Final = "name, email, phone, address, national id, tax id, note"
_RECIPIENT: Final = "name, address and tax id of who is billed"
_WORDS: Final = "what staff wrote, and the number of a cheque or transaction"

_ACCOUNT: Final = "balance charges code consolidated credit currency deposits run slots_used tax version"
SUBSCRIBERS: Final[tuple[Stored, ...]] = (
    Stored(
        "accounts.AccountItem",
        "an account: what is owed, and its subscriptions",
        Subject.SUBSCRIBER,
        {MONEY: _ACCOUNT, SERVICE: "subscriptions", PROFILE: "recipient"},
        {"recipient": _RECIPIENT},
    ),
    Stored(
        "subscribers.PersonItem",
        "the person behind an account",
        Subject.SUBSCRIBER,
        {PROFILE: "contact", SERVICE: "archived area created_at dealer_id revision"},
        {"contact": _CONTACT},
    ),
    Stored(
        "subscribers.SubscriberItem",
        "both of them, as one read; never written",
        Subject.SUBSCRIBER,
        {
            MONEY: _ACCOUNT,
            SERVICE: "subscriptions archived area created_at dealer_id revision",
            PROFILE: "contact recipient",
        },
        {"contact": _CONTACT, "recipient": _RECIPIENT},
    ),
    Stored(
        "subscribers.PastItem",
        "a subscription of the past",
        Subject.SUBSCRIBER,
        {SERVICE: "subscription"},
    ),
    Stored(
        "subscriber_search.DirectoryItem",
        "the list of subscribers",
        Subject.SUBSCRIBER,
        {PROFILE: "name", SERVICE: "archived area code dealer_id package_ids status subscriber_id"},
        {"name": "the name"},
    ),
    Stored(
        "portal.PortalAccessItem",
        "how a subscriber signs in to the portal",
        Subject.SUBSCRIBER,
        {PASSWORD: "password_hash version"},
    ),
    Stored(
        "usage.UsageItem",
        "data used in a period",
        Subject.SUBSCRIBER,
        {VOLUME: "carried_in_mib carried_out_mib down_mib filed_on topped_up_mib up_mib"},
    ),
    Stored(
        "usage.UsageRecordItem",
        "a report of data used",
        Subject.SUBSCRIBER,
        {VOLUME: "actor_id down_mib start up_mib"},
    ),
    Stored(
        "prepaid.PrepaidItem",
        "a prepaid line",
        Subject.SUBSCRIBER,
        {SERVICE: "auto_renew began_at edition ended expires_at package_id validity version"},
    ),
    Stored("coupons.RedeemedItem", "how often a coupon was used", Subject.SUBSCRIBER, {SERVICE: "redeemed"}),
    Stored(
        "late_fees.LateFeeItem",
        "a late fee, charged or waived",
        Subject.SUBSCRIBER,
        {MONEY: "amount on state", WRITTEN: "reason"},
    ),
    Stored(
        "invoices.InvoiceItem",
        "an invoice or debit note",
        Subject.SUBSCRIBER,
        {
            DOCUMENT: "about code credited credited_lines currency due_on fees fiscal_year issued_on kind "
            "lines paid postings run_id sequence state total written_off",
            DOCUMENT_PERSON: "recipient words",
        },
        {"recipient": _RECIPIENT, "words": _WORDS},
    ),
    Stored(
        "posting.DocumentItem",
        "a credit note, receipt, refund or journal",
        Subject.SUBSCRIBER,
        {
            DOCUMENT: "about allocated amount at channel charged_back code currency fiscal_year issued_on "
            "kind lines postings reason refunded reversed_by sequence settled",
            DOCUMENT_PERSON: "recipient words",
        },
        {"recipient": _RECIPIENT, "words": _WORDS},
    ),
)

"""The data map of the company's own money, and of who holds it."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.data_map import Stored, Subject
from chalicelib.domain.data_map_handlings import BOOKKEEPING, DOCUMENT, DOCUMENT_PERSON, WRITTEN

FUNDS: Final[tuple[Stored, ...]] = (
    Stored(
        "funds.FundItem",
        "the company's money that a person, the office or a dealer holds",
        Subject.STAFF,
        {
            DOCUMENT: "archived balance channel currency entries idle_since kind movements name owner_id "
            "version"
        },
    ),
    Stored("funds.ChannelItem", "which fund has a channel", Subject.NOBODY, {BOOKKEEPING: "fund_id"}),
    Stored(
        "funds.MovementItem",
        "what moved a fund",
        Subject.STAFF,
        {DOCUMENT: "about actor_id amount at balance on reason"},
    ),
    Stored(
        "field_receipts.FieldReceiptItem",
        "a receipt that a collector's device made",
        Subject.SUBSCRIBER,
        {DOCUMENT: "amount currency document_id subscriber_id taken_at"},
    ),
    Stored(
        "hand_overs.HandOverItem",
        "cash on its way from a collector to the office",
        Subject.STAFF,
        {
            DOCUMENT: "counted counted_by currency document_id ended_at offered offered_at office_fund_id "
            "staff_id state version",
            WRITTEN: "reason",
        },
        {"reason": "why it was refused"},
    ),
    Stored(
        "hand_overs.OpenHandOverItem",
        "the hand-over that a collector has open",
        Subject.STAFF,
        {DOCUMENT: "hand_over_id"},
    ),
    Stored(
        "till_closings.TillClosingItem",
        "a count of an office fund at the day's end",
        Subject.STAFF,
        {DOCUMENT: "closed_at closed_by counted currency document_id expected", WRITTEN: "reason"},
        {"reason": "why the count is not what the books say"},
    ),
    Stored(
        "expenses.ExpenseItem",
        "what the company spent",
        Subject.STAFF,
        {
            DOCUMENT: "amount category currency document_id fiscal_year fund_id payment_id recorded_by "
            "reversed_by version",
            DOCUMENT_PERSON: "words",
        },
        {"words": "who was paid, the number of the bill, and a note"},
    ),
)

"""Closing a day of an office fund: what was counted against what the books say it holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.funds import CompanyEntry, Fund, FundMove, company_entry
from chalicelib.domain.invoices import Posting
from chalicelib.domain.ledger import CASH_DIFFERENCE

REASON: Final = "cash_difference"
REASON_CHARS_MIN: Final = 3
REASON_CHARS_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class TillClosing:
    """A count of a fund at the end of a day: minor units expected by the books, and counted.

    A further count of the day is a closing of its own. ``document_id`` is the company journal that
    posted the difference; empty where there was none.
    """

    closing_id: str
    fund_id: str
    on: date
    currency: str
    expected: int
    counted: int
    closed_by: str
    closed_at: datetime
    reason: str = ""
    document_id: str = ""

    @property
    def difference(self) -> int:
        """What was over; negative was missing."""
        return self.counted - self.expected


def check_reason(*, reason: str, difference: int) -> str:
    """Return the reason without surrounding blanks; or raise InvalidValue, or CardNumberRefused.

    A difference has one.
    """
    cleaned = reason.strip()
    if len(cleaned) > REASON_CHARS_MAX or (difference and len(cleaned) < REASON_CHARS_MIN):
        message = f"the books say otherwise: say why in {REASON_CHARS_MIN} to {REASON_CHARS_MAX} characters"
        raise InvalidValue(message, param="reason")
    refuse_card_number(text=cleaned, param="reason")
    return cleaned


def entry_of(*, closing: TillClosing, fund: Fund) -> CompanyEntry:
    """Return the entry that makes the books say what was counted; or raise FundArchived."""
    difference = closing.difference
    return company_entry(
        amount=abs(difference),
        reason=REASON,
        moves=[FundMove(fund, difference)],
        postings=[Posting(CASH_DIFFERENCE, -difference)],
        about=closing.closing_id,
        note=closing.reason,
    )

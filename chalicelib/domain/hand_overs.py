"""Handing cash over: a collector offers, the office counts, and the money moves when both agree.

While a hand-over is open the money is the collector's still. What the office counts moves: where
that is what was offered, at once; where not, when the collector accepts the count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from chalicelib.domain.errors import Conflict
from chalicelib.domain.funds import (
    CompanyEntry,
    Fund,
    FundKind,
    FundMove,
    check_covers,
    check_kind,
    company_entry,
)

REASON: Final = "hand_over"
REASON_CHARS_MAX: Final = 300


class HandOverOpen(Conflict):
    """The collector has an open hand-over: there is one at a time."""

    code = "hand_over_open"


class HandOverEnded(Conflict):
    """The hand-over is confirmed, refused or withdrawn already."""

    code = "hand_over_ended"


class NotCounted(Conflict):
    """Only a count that the office made can be accepted."""

    code = "not_counted"


class OwnHandOver(Conflict):
    """Nobody counts what they hand over themselves."""

    code = "own_hand_over"


class CountChanged(Conflict):
    """The office counted anew: what is accepted is not what was counted."""

    code = "count_changed"


class HandOverState(StrEnum):
    """How a hand-over stands; the first two are open."""

    OFFERED = "offered"
    COUNTED = "counted"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


OPEN: Final = frozenset({HandOverState.OFFERED, HandOverState.COUNTED})


@dataclass(frozen=True, slots=True)
class HandOver:
    """Cash on its way from a collector to the office; amounts in minor units.

    ``counted`` and ``office_fund_id`` are what the office counted and where it goes, ``counted_by``
    who did. ``reason`` is why it was refused, ``document_id`` the company journal that moved it.
    """

    hand_over_id: str
    staff_id: str
    currency: str
    offered: int
    offered_at: datetime
    state: HandOverState = HandOverState.OFFERED
    counted: int | None = None
    counted_by: str = ""
    office_fund_id: str = ""
    ended_at: datetime | None = None
    reason: str = ""
    document_id: str = ""
    version: int = 1


def check_open(*, hand_over: HandOver) -> None:
    """Raise HandOverEnded where the hand-over is not open."""
    if hand_over.state not in OPEN:
        raise HandOverEnded(f"the hand-over is {hand_over.state}")


def counted(*, hand_over: HandOver, amount: int, by: str, office: Fund) -> HandOver:
    """Return a hand-over with the office's count; or raise HandOverEnded, OwnHandOver or WrongFund."""
    check_open(hand_over=hand_over)
    if by == hand_over.staff_id:
        raise OwnHandOver("somebody else counts what you hand over")
    check_kind(fund=office, kind=FundKind.OFFICE)
    return replace(
        hand_over,
        state=HandOverState.COUNTED,
        counted=amount,
        counted_by=by,
        office_fund_id=office.fund_id,
        version=hand_over.version + 1,
    )


def check_accepted(*, hand_over: HandOver, amount: int) -> None:
    """Raise HandOverEnded, NotCounted or CountChanged unless the count stands and is this."""
    check_open(hand_over=hand_over)
    if hand_over.state is not HandOverState.COUNTED:
        raise NotCounted("the office has not counted it yet")
    if hand_over.counted != amount:
        raise CountChanged(f"the office counted {hand_over.counted}", param="counted")


def confirmed(*, hand_over: HandOver, at: datetime) -> HandOver:
    """Return a counted hand-over on which both agree; its money moves with it."""
    assert hand_over.counted is not None, "what is confirmed was counted"
    return replace(hand_over, state=HandOverState.CONFIRMED, ended_at=at, version=hand_over.version + 1)


def ended(*, hand_over: HandOver, state: HandOverState, at: datetime, reason: str = "") -> HandOver:
    """Return a hand-over that the office refuses, or the collector withdraws; or raise HandOverEnded."""
    check_open(hand_over=hand_over)
    return replace(hand_over, state=state, ended_at=at, reason=reason, version=hand_over.version + 1)


def entry_of(*, hand_over: HandOver, hands: Fund, office: Fund) -> CompanyEntry:
    """Return the entry that moves what was counted; or raise InsufficientFunds or FundArchived."""
    amount = hand_over.counted
    assert amount, "what is handed over was counted"
    check_covers(fund=hands, amount=amount, param="counted")
    moves = [FundMove(hands, -amount), FundMove(office, amount)]
    return company_entry(amount=amount, reason=REASON, moves=moves, about=hand_over.hand_over_id)

"""Funds as the use cases see them: what is held, what moved it, and the entries of the company's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.domain.documents import Document
    from chalicelib.domain.expenses import Expense
    from chalicelib.domain.field_receipts import FieldReceipt, KeptReceipt
    from chalicelib.domain.funds import CompanyEntry, Fund, FundKind, FundMove, Movement
    from chalicelib.domain.hand_overs import HandOver, HandOverState
    from chalicelib.domain.tenants import Tenant
    from chalicelib.domain.till_closings import TillClosing
    from chalicelib.ports.dealers import Dealers
    from chalicelib.ports.store import Page, Write


@dataclass(frozen=True, slots=True)
class FundQuery:
    """Which funds: of a kind, of an owner, idle since a day or longer; archived ones only where asked for."""

    kind: FundKind | None = None
    owner_id: str | None = None
    idle_through: date | None = None
    archived: bool = False

    def fits(self, *, fund: Fund) -> bool:
        """Whether the fund is one of those."""
        if self.idle_through is not None and (fund.idle_since is None or fund.idle_since > self.idle_through):
            return False
        return (
            self.kind in {None, fund.kind}
            and self.owner_id in {None, fund.owner_id}
            and (self.archived or not fund.archived)
        )


@dataclass(frozen=True, slots=True)
class ExpenseQuery:
    """Which expenses: of a period, both days inclusive, and of a category where one is named."""

    first: date
    last: date
    category: str | None = None


@dataclass(frozen=True, slots=True)
class CompanyStanding:
    """What a company entry is computed from, read together; ``funds`` are those that are kept."""

    tenant: Tenant
    closed_through: date | None
    funds: Mapping[str, Fund]


class Funds(Protocol):
    """A tenant's funds, and the writes of a company entry."""

    def get(self, *, fund_id: str) -> Fund:
        """Return the fund, or raise NotFound."""

    def list(self, *, query: FundQuery, limit: int, after: str | None) -> Page[Fund]:
        """Return a page of funds; it may be short and yet go on."""

    def channels(self) -> Mapping[str, str]:
        """Return the fund of each channel that the office's have taken."""

    def movements(
        self, *, fund_id: str, limit: int, after: str | None, newest_first: bool = True
    ) -> Page[Movement]:
        """Return what moved a fund."""

    def add(self, *, fund: Fund) -> Sequence[Write]:
        """Describe adding a fund; refused with ChannelTaken, or StaleVersion where it is there."""

    def change(self, *, before: Fund, after: Fund) -> Sequence[Write]:
        """Describe a change of name, or archiving; refused with StaleVersion."""

    def move(
        self,
        *,
        move: FundMove,
        on: date,
        reason: str,
        about: str,
        actor_id: str,
        handed_on: bool = False,
    ) -> tuple[Sequence[Write], Fund]:
        """Describe moving a fund along with a subscriber's entry, and return it as it then is.

        The entry posts to the fund's ledger account what the fund is moved by. Refused with
        StaleVersion: read and try again.
        """

    def post(
        self, *, entry: CompanyEntry, on: date, fiscal_year: int, actor_id: str
    ) -> tuple[Sequence[Write], Document, tuple[Fund, ...]]:
        """Describe writing a company entry dated ``on``; return its document, and the funds it moves.

        Refused with NumbersTaken, DocumentTaken, StaleVersion or Busy: read and try again; or with
        PeriodClosed.
        """

    def entry(self, *, document_id: str) -> Document:
        """Return a company journal, or raise NotFound."""


class FieldReceipts(Protocol):
    """Receipts of the field, by the identifiers that devices made."""

    def kept(self, *, fund_id: str, receipt_ids: Sequence[str]) -> Mapping[str, KeptReceipt]:
        """Return those of a collector's receipts that are recorded."""

    def of_fund(self, *, fund_id: str, limit: int, after: str | None) -> Page[KeptReceipt]:
        """Return a page of a collector's receipts, in the order of their identifiers."""

    def add(self, *, fund_id: str, receipt: FieldReceipt, document_id: str) -> Write:
        """Describe keeping a receipt's identifier; refused with ReceiptRepeated."""


class HandOvers(Protocol):
    """Hand-overs of cash to the office."""

    def get(self, *, hand_over_id: str) -> HandOver:
        """Return the hand-over, or raise NotFound."""

    def list(
        self, *, staff_id: str | None, state: HandOverState | None, limit: int, after: str | None
    ) -> Page[HandOver]:
        """Return hand-overs, of a collector and as they stand where asked for, the newest first."""

    def add(self, *, hand_over: HandOver) -> Sequence[Write]:
        """Describe an offer; refused with HandOverOpen."""

    def change(self, *, before: HandOver, after: HandOver) -> Sequence[Write]:
        """Describe a change; refused with StaleVersion."""


class TillClosings(Protocol):
    """Closings of the days of office funds."""

    def of_fund(self, *, fund_id: str, limit: int, after: str | None) -> Page[TillClosing]:
        """Return a fund's closings, the newest first."""

    def add(self, *, closing: TillClosing) -> Write:
        """Describe keeping a closing."""


class Expenses(Protocol):
    """What the company spends."""

    def get(self, *, expense_id: str) -> Expense:
        """Return the expense, or raise NotFound."""

    def list(self, *, query: ExpenseQuery, limit: int, after: str | None) -> Page[Expense]:
        """Return expenses of a period, the latest first; a page may be short and yet go on."""

    def add(self, *, expense: Expense, fiscal_year: int) -> Sequence[Write]:
        """Describe keeping an expense; ``fiscal_year`` is that of its day."""

    def change(self, *, before: Expense, after: Expense, fiscal_year: int) -> Sequence[Write]:
        """Describe a change; refused with StaleVersion."""


class CompanyMoney(Protocol):
    """The part of a tenant's store that is about the company's own money."""

    @property
    def funds(self) -> Funds:
        """Funds, and the entries of the company's own."""

    @property
    def dealers(self) -> Dealers:
        """Dealers; their wallets are funds."""

    @property
    def field_receipts(self) -> FieldReceipts:
        """Receipts of the field."""

    @property
    def hand_overs(self) -> HandOvers:
        """Hand-overs of cash to the office."""

    @property
    def till_closings(self) -> TillClosings:
        """Closings of the days of office funds."""

    @property
    def expenses(self) -> Expenses:
        """What the company spends."""

    def company_standing(self, *, fund_ids: Sequence[str]) -> CompanyStanding:
        """Return the tenant, how far its books are closed, and those of the funds that are kept."""

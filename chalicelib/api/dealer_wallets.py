"""Dealers' wallets: money into them, out of them, from one to another, and the statement of each."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.api.dealers import DealerRef
from chalicelib.api.funds import MovementList, MovementOut
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Line, ListQuery, MoneyIn, MoneyOut, Schema
from chalicelib.api.tables import table_csv
from chalicelib.domain.dealers import Dealer
from chalicelib.domain.documents import NOTE_CHARS_MAX
from chalicelib.domain.payments import REFERENCE_CHARS_MAX
from chalicelib.domain.staff import Permission
from chalicelib.usecases import dealer_wallets


class WalletIn(Schema):
    """Money that comes into a fund of the office, or goes out of it, for a wallet."""

    fund_id: str = Field(min_length=1, max_length=40, examples=["fnd_01JD0000000000000000000000"])
    amount: MoneyIn
    reference: Line = Field(default="", max_length=REFERENCE_CHARS_MAX)
    note: Line = Field(default="", max_length=NOTE_CHARS_MAX)

    def asked(self) -> dealer_wallets.MoneyAsked:
        """Return the use case's value."""
        return dealer_wallets.MoneyAsked(self.amount.money(), self.reference, self.note)


class TransferIn(Schema):
    """Money for the wallet of a dealer directly below, or of the parent."""

    to_dealer_id: DealerRef
    amount: MoneyIn
    note: Line = Field(default="", max_length=NOTE_CHARS_MAX)

    def asked(self) -> dealer_wallets.MoneyAsked:
        """Return the use case's value."""
        return dealer_wallets.MoneyAsked(self.amount.money(), note=self.note)


class WalletMovedOut(Schema):
    """A company journal that moved a dealer's wallet, and what the wallet held after it."""

    document_id: str
    number: str = Field(examples=["CJN-2041-000007"])
    dealer_id: str
    amount: MoneyOut
    wallet: MoneyOut

    @classmethod
    def of(cls, moved: dealer_wallets.Moved) -> WalletMovedOut:
        """Render it."""
        document = moved.document
        return cls(
            document_id=document.document_id,
            number=document.number,
            dealer_id=moved.dealer.dealer_id,
            amount=MoneyOut(amount=document.amount, currency=document.currency),
            wallet=MoneyOut(amount=moved.wallet.balance, currency=document.currency),
        )


class WalletStatementQuery(ListQuery):
    """A page of a statement; as CSV it has the same rows, and X-Next-Cursor leads on."""

    format: Literal["json", "csv"] = "json"


def statement(request: Request, *, after: str | None, dealer: Dealer) -> MovementList | Answer:
    """Answer with a page of a wallet's statement."""
    asked = request.query_as(WalletStatementQuery)
    page = request.store.funds.movements(fund_id=dealer.fund_id, limit=asked.limit, after=after)
    listed = request.listing(MovementList, page, MovementOut.of)
    if asked.format == "json":
        return listed
    rows = [row.model_dump(mode="json") for row in listed.items]
    following = {"X-Next-Cursor": listed.next_cursor} if listed.next_cursor else {}
    headers = {"Content-Type": "text/csv; charset=utf-8", **following}
    return Answer(None, headers=headers, text=table_csv(names=MovementOut.model_fields, rows=rows))


@endpoint(
    "POST",
    "/v1/dealers/{dealer_id}/top-ups",
    permission=Permission.DEALERS_WRITE,
    body=WalletIn,
    answer=WalletMovedOut,
    status=201,
    idempotency_required=True,
)
def top_up_dealer(request: Request) -> WalletMovedOut:
    """Put money into a wallet that the dealer paid into a fund of the office."""
    body, dealer_id = request.body_as(WalletIn), request.path["dealer_id"]
    moved = dealer_wallets.top_up(
        store=request.store,
        dealer_id=dealer_id,
        fund_id=body.fund_id,
        asked=body.asked(),
        at=request.now,
        note=request.note("dealer.topped_up", dealer_id),
        idempotency=request.idempotency,
    )
    return WalletMovedOut.of(moved)


@endpoint(
    "POST",
    "/v1/dealers/{dealer_id}/withdrawals",
    permission=Permission.DEALERS_WRITE,
    body=WalletIn,
    answer=WalletMovedOut,
    status=201,
    idempotency_required=True,
)
def withdraw_for_dealer(request: Request) -> WalletMovedOut:
    """Pay money of a wallet out of a fund of the office."""
    body, dealer_id = request.body_as(WalletIn), request.path["dealer_id"]
    moved = dealer_wallets.withdraw(
        store=request.store,
        dealer_id=dealer_id,
        fund_id=body.fund_id,
        asked=body.asked(),
        at=request.now,
        note=request.note("dealer.withdrawn", dealer_id),
        idempotency=request.idempotency,
    )
    return WalletMovedOut.of(moved)


@endpoint(
    "POST",
    "/v1/dealers/{dealer_id}/transfers",
    permission=Permission.DEALERS_WRITE,
    body=TransferIn,
    answer=WalletMovedOut,
    status=201,
    idempotency_required=True,
)
def transfer_for_dealer(request: Request) -> WalletMovedOut:
    """Move money to the wallet of a dealer directly below, or of the parent."""
    body, dealer_id = request.body_as(TransferIn), request.path["dealer_id"]
    moved = dealer_wallets.transfer(
        store=request.store,
        dealer=request.store.dealers.get(dealer_id=dealer_id),
        to_dealer_id=body.to_dealer_id,
        asked=body.asked(),
        at=request.now,
        note=request.note("dealer.transferred", dealer_id),
        idempotency=request.idempotency,
    )
    return WalletMovedOut.of(moved)


@endpoint(
    "GET",
    "/v1/dealers/{dealer_id}/movements",
    permission=Permission.DEALERS_READ,
    query=WalletStatementQuery,
    answer=MovementList,
)
def list_dealer_movements(request: Request) -> MovementList | Answer:
    """Show a wallet's statement: what moved it, with the balance after each, the newest first."""
    dealer = request.store.dealers.get(dealer_id=request.path["dealer_id"])
    return statement(request, after=request.after, dealer=dealer)

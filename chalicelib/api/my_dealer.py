"""What who works for a dealer sees of it: its wallet, prices, statement and commissions."""

from __future__ import annotations

from chalicelib.api.dealer_wallets import TransferIn, WalletMovedOut, WalletStatementQuery, statement
from chalicelib.api.dealers import (
    CommissionQuery,
    CommissionReportOut,
    DealerOut,
    DealerPriceList,
    commission_report,
    price_list,
)
from chalicelib.api.funds import MovementList
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import ListQuery
from chalicelib.domain.dealers import Dealer
from chalicelib.domain.staff import Permission
from chalicelib.usecases import dealer_wallets, dealers


def _own(request: Request) -> Dealer:
    return dealers.own_dealer(store=request.store, principal=request.principal)


@endpoint("GET", "/v1/me/dealer", permission=Permission.WALLET_SPEND, answer=DealerOut)
def get_own_dealer(request: Request) -> DealerOut:
    """Show the dealer that one works for, and what its wallet holds."""
    return DealerOut.of(dealers.show_dealer(store=request.store, dealer_id=_own(request).dealer_id))


@endpoint(
    "GET",
    "/v1/me/dealer/prices",
    permission=Permission.WALLET_SPEND,
    query=ListQuery,
    answer=DealerPriceList,
)
def list_own_prices(request: Request) -> DealerPriceList:
    """List what one's dealer pays for packages."""
    return price_list(request, after=request.after, dealer_id=_own(request).dealer_id)


@endpoint(
    "GET",
    "/v1/me/dealer/movements",
    permission=Permission.WALLET_SPEND,
    query=WalletStatementQuery,
    answer=MovementList,
)
def list_own_movements(request: Request) -> MovementList | Answer:
    """Show the statement of one's dealer's wallet, the newest first."""
    return statement(request, after=request.after, dealer=_own(request))


@endpoint(
    "GET",
    "/v1/me/dealer/commissions",
    permission=Permission.WALLET_SPEND,
    query=CommissionQuery,
    answer=CommissionReportOut,
)
def report_own_commissions(request: Request) -> CommissionReportOut:
    """Show what one's dealer sold and earned in months."""
    return commission_report(request, _own(request).dealer_id)


@endpoint(
    "POST",
    "/v1/me/dealer/transfers",
    permission=Permission.WALLET_SPEND,
    body=TransferIn,
    answer=WalletMovedOut,
    status=201,
    idempotency_required=True,
)
def transfer_own_money(request: Request) -> WalletMovedOut:
    """Move money of one's dealer to a dealer directly below it, or back to its parent."""
    body = request.body_as(TransferIn)
    moved = dealer_wallets.own_transfer(
        store=request.store,
        principal=request.principal,
        to_dealer_id=body.to_dealer_id,
        asked=body.asked(),
        at=request.now,
        note=request.note("dealer.transferred", request.principal.actor_id),
        idempotency=request.idempotency,
    )
    return WalletMovedOut.of(moved)

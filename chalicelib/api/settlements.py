"""Reconciliation: files of gateways and banks compared with a day's payments, and what differs resolved."""

from __future__ import annotations

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import ListQuery
from chalicelib.api.settlement_answers import (
    GapOut,
    GapsOut,
    GapsQuery,
    NewSettlementOut,
    ResolutionIn,
    SettlementIn,
    SettlementLineList,
    SettlementLineOut,
    SettlementLinesQuery,
    SettlementList,
    SettlementOut,
)
from chalicelib.domain.staff import Permission
from chalicelib.usecases import reconciliations, resolutions


@endpoint(
    "GET",
    "/v1/settlements",
    permission=Permission.SETTLEMENTS_READ,
    query=ListQuery,
    answer=SettlementList,
)
def list_settlements(request: Request) -> SettlementList:
    """List settlements, newest first."""
    limit = request.query_as(ListQuery).limit
    page = request.store.money.settlements.list(limit=limit, after=request.after)
    return request.listing(SettlementList, page, SettlementOut.of)


@endpoint(
    "POST",
    "/v1/settlements",
    permission=Permission.SETTLEMENTS_WRITE,
    body=SettlementIn,
    answer=NewSettlementOut,
    status=201,
    idempotent=True,
)
def begin_settlement(request: Request) -> NewSettlementOut:
    """Begin a settlement of a channel and day; the answer says where to PUT the file."""
    asked, settlement_id = request.body_as(SettlementIn).asked(), request.services.ids.new(prefix="stl")
    made = reconciliations.begin_settlement(
        store=request.store,
        blobs=request.services.blobs,
        settlement_id=settlement_id,
        asked=asked,
        at=request.now,
        note=request.note("settlement.begun", settlement_id, channel=asked.channel, on=asked.on.isoformat()),
        idempotency=request.idempotency,
    )
    return NewSettlementOut.of(made)


@endpoint(
    "GET",
    "/v1/settlements/{settlement_id}",
    permission=Permission.SETTLEMENTS_READ,
    answer=SettlementOut,
)
def get_settlement(request: Request) -> SettlementOut:
    """Show a settlement, and what comparing its file came to."""
    settlement_id = request.path["settlement_id"]
    return SettlementOut.of(request.store.money.settlements.get(settlement_id=settlement_id))


@endpoint(
    "POST",
    "/v1/settlements/{settlement_id}/start",
    permission=Permission.SETTLEMENTS_WRITE,
    answer=SettlementOut,
    status=202,
)
def start_settlement(request: Request) -> SettlementOut:
    """Have the uploaded file compared; what was compared stays as it was."""
    settlement_id = request.path["settlement_id"]
    settlement = reconciliations.start_settlement(
        store=request.store,
        blobs=request.services.blobs,
        queue=request.services.import_queue,
        settlement_id=settlement_id,
        note=request.note("settlement.started", settlement_id),
    )
    return SettlementOut.of(settlement)


@endpoint(
    "GET",
    "/v1/settlements/{settlement_id}/lines",
    permission=Permission.SETTLEMENTS_READ,
    query=SettlementLinesQuery,
    answer=SettlementLineList,
)
def list_settlement_lines(request: Request) -> SettlementLineList:
    """List the lines of one result, each with how it was resolved."""
    asked = request.query_as(SettlementLinesQuery)
    page = resolutions.list_lines(
        store=request.store,
        settlement_id=request.path["settlement_id"],
        result=asked.result,
        limit=asked.limit,
        after=request.after,
    )
    return request.listing(SettlementLineList, page, SettlementLineOut.of)


@endpoint(
    "POST",
    "/v1/settlements/{settlement_id}/lines/{line_id}/resolution",
    permission=Permission.SETTLEMENTS_WRITE,
    body=ResolutionIn,
    answer=SettlementLineOut,
    status=201,
    idempotency_required=True,
)
def resolve_settlement_line(request: Request) -> SettlementLineOut:
    """Resolve a difference: take the payment, link the row to one, or say why nothing is to be done."""
    body, settlement_id = request.body_as(ResolutionIn), request.path["settlement_id"]
    line_id = request.path["line_id"]
    resolved = resolutions.resolve_line(
        store=request.store,
        settlement_id=settlement_id,
        line_id=line_id,
        asked=body.asked(),
        at=request.now,
        note=request.note("settlement.resolved", settlement_id, line_id=line_id, kind=body.kind),
        idempotency=request.idempotency,
    )
    return SettlementLineOut.of(resolved)


@endpoint(
    "DELETE",
    "/v1/settlements/{settlement_id}/lines/{line_id}/resolution",
    permission=Permission.SETTLEMENTS_WRITE,
    answer=SettlementLineOut,
)
def reopen_settlement_line(request: Request) -> SettlementLineOut:
    """Undo how a difference was resolved; a payment recorded for it is reversed first."""
    settlement_id, line_id = request.path["settlement_id"], request.path["line_id"]
    reopened = resolutions.reopen_line(
        store=request.store,
        settlement_id=settlement_id,
        line_id=line_id,
        note=request.note("settlement.reopened", settlement_id, line_id=line_id),
    )
    return SettlementLineOut.of(reopened)


@endpoint(
    "GET",
    "/v1/settlement-gaps",
    permission=Permission.SETTLEMENTS_READ,
    query=GapsQuery,
    answer=GapsOut,
)
def list_settlement_gaps(request: Request) -> GapsOut:
    """List the days on which a gateway or bank took money in, and of which no file was compared."""
    asked = request.query_as(GapsQuery)
    gaps = reconciliations.settlement_gaps(store=request.store, first=asked.first, last=asked.last)
    return GapsOut(items=[GapOut.of(gap) for gap in gaps])

"""Which answers are told to the watch for anomalies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from chalice.app import Response as ChaliceResponse

from chalicelib.api.request import Request
from chalicelib.domain.anomalies import Anomaly


def watch(request: Request, response: ChaliceResponse) -> None:
    """Tell of what was asked for, and how it was answered; an answer that is a repetition tells nothing."""
    look = _WATCHED.get(request.operation_id)
    if look is not None and "Idempotent-Replayed" not in response.headers:
        look(request, response)


def _done(response: ChaliceResponse) -> bool:
    return int(response.status_code) < HTTPStatus.BAD_REQUEST


def _log_in(request: Request, response: ChaliceResponse) -> None:
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        body = request.body
        request.services.watch.log_in_failed(subdomain=body.subdomain, email=body.email, at=request.now)


def _suspension(request: Request, response: ChaliceResponse) -> None:
    if _done(response) and request.body.state == "suspended":
        _happened(request, Anomaly.SUSPENSIONS)


def _refund(request: Request, response: ChaliceResponse) -> None:
    if _done(response):
        _happened(request, Anomaly.REFUNDS)


def _erasure(request: Request, response: ChaliceResponse) -> None:
    if _done(response) and json.loads(response.body)["kind"] == "deletion":
        _happened(request, Anomaly.ERASURES)


def _happened(request: Request, kind: Anomaly) -> None:
    request.services.watch.happened(kind=kind, tenant_id=request.principal.tenant_id, at=request.now)


def _export(request: Request, response: ChaliceResponse) -> None:
    if _done(response):
        tenant_id = request.principal.tenant_id
        request.services.watch.exported(tenant_id=tenant_id, address=request.address, at=request.now)


def _audit_file(request: Request, response: ChaliceResponse) -> None:
    if request.query.format != "json":
        _export(request, response)


def _verification(request: Request, response: ChaliceResponse) -> None:
    if _done(response) and json.loads(response.body)["items"]:
        tenant_id = request.principal.tenant_id
        request.services.watch.alert(kind=Anomaly.AUDIT_BROKEN, tenant_id=tenant_id, at=request.now)


_WATCHED: Final[Mapping[str, Callable[[Request, ChaliceResponse], None]]] = {
    "log_in": _log_in,
    "log_in_with_passkey": _log_in,
    "change_subscription": _suspension,
    "refund_subscriber": _refund,
    "refund_receipt": _refund,
    "refund_by_gateway": _refund,
    "reverse_payment": _refund,
    "take_dealer_sale_back": _refund,
    "write_off_invoice": _refund,
    "complete_privacy_request": _erasure,
    "create_export": _export,
    "download_export": _export,
    "download_privacy_file": _export,
    "list_audit_entries": _audit_file,
    "verify_audit_log": _verification,
}

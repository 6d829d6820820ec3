"""Sends mails that nobody is to wait for, or that were asked for by who may have no account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.anomalies import Anomaly
from chalicelib.jobs.privacy import MAILS as OF_PRIVACY
from chalicelib.jobs.sqs import JsonObject, each_message
from chalicelib.usecases.audit_rounds import BROKEN
from chalicelib.usecases.passwords import RESET, send_reset
from chalicelib.usecases.pay_links import INVOICE_MAIL, send_invoice_mail
from chalicelib.usecases.portal_codes import PORTAL_CODE
from chalicelib.usecases.portal_sending import ACTIVATION, send_activation, send_code
from chalicelib.usecases.receipt_mails import RECEIPT, send_receipt
from chalicelib.usecases.signup import VERIFY, send_verification
from chalicelib.usecases.support import NOTICE, send_notice


def send_mails(services: Services, event: Mapping[str, Any]) -> JsonObject:
    """Send the mail of each message, if there is such a person; a lost one is asked for again."""
    return each_message(event, partial(_send, services))


def _send(services: Services, message: JsonObject) -> None:
    if message["mail"] in _BY_NAME:
        _BY_NAME[message["mail"]](services, message)
        return
    identity, now = services.identity, services.clock.now()
    kind, tenant_id = message["mail"], str(message["tenant_id"])
    if kind == VERIFY:
        send_verification(identity=identity, tenant_id=tenant_id, person=message["person"], at=now)
    elif kind == NOTICE:
        access_id = message["access_id"]
        send_notice(stores=services.stores, mailer=services.mailer, tenant_id=tenant_id, access_id=access_id)
    elif kind == BROKEN:
        services.watch.alert_owners(kind=Anomaly.AUDIT_BROKEN, tenant_id=tenant_id, at=now)
    else:
        assert kind == RESET, "there is no other mail"
        person, request_id = message["person"], message["request_id"]
        send_reset(identity=identity, tenant_id=tenant_id, person=person, at=now, request_id=request_id)


def _send_portal_code(services: Services, message: JsonObject) -> None:
    send_code(
        portal=services.portal,
        tenant_id=message["tenant_id"],
        sealed_login=message["person"],
        challenge_hash=message["challenge"],
        expires_at=datetime.fromisoformat(message["expires_at"]),
        at=services.clock.now(),
        request_id=message["request_id"],
    )


def _send_portal_activation(services: Services, message: JsonObject) -> None:
    send_activation(
        portal=services.portal,
        tenant_id=message["tenant_id"],
        subscriber_id=message["person"],
        channel=message["channel"],
        at=services.clock.now(),
    )


def _send_receipt(services: Services, message: JsonObject) -> None:
    send_receipt(
        store=services.stores.of(tenant_id=message["tenant_id"]),
        mailer=services.mailer,
        document_id=message["document_id"],
        at=services.clock.now(),
    )


def _send_invoice(services: Services, message: JsonObject) -> None:
    send_invoice_mail(
        ports=services.gateways,
        mailer=services.mailer,
        tenant_id=message["tenant_id"],
        invoice_id=message["invoice_id"],
        at=services.clock.now(),
    )


_BY_NAME: Final[Mapping[str, Callable[[Services, JsonObject], None]]] = {
    RECEIPT: _send_receipt,
    PORTAL_CODE: _send_portal_code,
    ACTIVATION: _send_portal_activation,
    INVOICE_MAIL: _send_invoice,
    **OF_PRIVACY,
}

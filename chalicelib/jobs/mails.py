"""Sends mails that were asked for by who may have no account: the request itself looks nobody up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.jobs.sqs import JsonObject, each_message
from chalicelib.usecases.passwords import RESET, send_reset
from chalicelib.usecases.portal_codes import PORTAL_CODE
from chalicelib.usecases.portal_sending import ACTIVATION, send_activation, send_code
from chalicelib.usecases.signup import VERIFY, send_verification


def send_mails(services: Services, event: Mapping[str, Any]) -> JsonObject:
    """Send the mail of each message, if there is such a person; a lost one is asked for again."""
    return each_message(event, partial(_send, services))


def _send(services: Services, message: JsonObject) -> None:
    if message["mail"] in _OF_PORTAL:
        _OF_PORTAL[message["mail"]](services, message)
        return
    identity, now = services.identity, services.clock.now()
    tenant_id, person, request_id = (message[name] for name in ("tenant_id", "person", "request_id"))
    if message["mail"] == VERIFY:
        send_verification(identity=identity, tenant_id=tenant_id, person=person, at=now)
    else:
        assert message["mail"] == RESET, "there is no other mail"
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


_OF_PORTAL: Final[Mapping[str, Callable[[Services, JsonObject], None]]] = {
    PORTAL_CODE: _send_portal_code,
    ACTIVATION: _send_portal_activation,
}

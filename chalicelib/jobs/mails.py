"""Sends mails that were asked for by who may have no account: the request itself looks nobody up."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from chalicelib.bootstrap import Services
from chalicelib.jobs.sqs import JsonObject, each_message
from chalicelib.usecases.passwords import RESET, send_reset
from chalicelib.usecases.signup import VERIFY, send_verification


def send_mails(services: Services, event: Mapping[str, Any]) -> JsonObject:
    """Send the mail of each message, if there is such a person; a lost one is asked for again."""
    return each_message(event, partial(_send, services))


def _send(services: Services, message: JsonObject) -> None:
    identity, now = services.identity, services.clock.now()
    tenant_id, person, request_id = (message[name] for name in ("tenant_id", "person", "request_id"))
    if message["mail"] == VERIFY:
        send_verification(identity=identity, tenant_id=tenant_id, person=person, at=now)
    else:
        assert message["mail"] == RESET, "there is no other mail"
        send_reset(identity=identity, tenant_id=tenant_id, person=person, at=now, request_id=request_id)

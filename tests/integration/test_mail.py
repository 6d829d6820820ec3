"""Mail through the engine's mail service."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.email.null import NullMailer
from chalicelib.adapters.email.ses import SesMailer
from chalicelib.bootstrap import Services
from chalicelib.config import Settings
from chalicelib.local.mailbox import read_mailbox
from chalicelib.ports.services import Mail, MailNotSent
from tests.fixtures_engine import EngineHandle
from tests.integration.conftest import EngineServices


def services_with(stack_env: dict[str, str], **changes: str) -> Services:
    return Services(settings=Settings.from_env(stack_env | changes), clock=SystemClock())


def test_a_mail_arrives_as_it_was_written(
    services: EngineServices, stack_env: dict[str, str], engine: EngineHandle
) -> None:
    subject = f"Bestätigung {secrets.token_hex(4)}"
    mail = Mail(to="owner@lahore-net.example", subject=subject, text="Grüße,\nلاہور نیٹ\n")  # noqa: RUF001 - Urdu

    services_with(stack_env).mailer.send(mail=mail)

    [arrived] = [one for one in read_mailbox(engine.url) if one.subject == subject]
    assert "لاہور نیٹ" in arrived.text
    assert "owner@lahore-net.example" in str(arrived.recipients)


def test_a_mail_service_that_is_away_is_told_to_who_sends_and_to_the_operator(
    services: EngineServices, stack_env: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = services_with(stack_env, AWS_ENDPOINT_URL="http://127.0.0.1:9", MAIL_FROM="a@b.example")
    mailer = nowhere.mailer
    assert isinstance(mailer, SesMailer)

    with pytest.raises(MailNotSent):
        mailer.send(mail=Mail(to="x@y.example", subject="a subject", text="a secret"))

    told = not_sent(capsys)
    assert (told["channel"], told["cause"]) == ("mail", ["EndpointConnectionError"])
    assert (told["Stage"], told["MessagesNotSent"]) == (nowhere.settings.stage, 1)
    assert not {"x@y.example", "a subject", "a secret"} & set(map(str, told.values()))


def not_sent(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the one line that tells the operator of a message that was not taken."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line[:1] == "{"]
    (told,) = [line for line in lines if line["message"] == "message not sent"]
    return dict(told)


def test_a_sender_that_cannot_be_sends_nothing(stack_env: dict[str, str]) -> None:
    assert isinstance(services_with(stack_env, MAIL_FROM="nobody@example.invalid").mailer, NullMailer)

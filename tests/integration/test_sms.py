"""SMS through the engine's service, and on the mailbox page."""

from __future__ import annotations

import json
import secrets

import pytest

from chalicelib.adapters.sms.null import NullTexter
from chalicelib.adapters.sms.sns import SnsTexter
from chalicelib.local.mailbox import read_texts
from chalicelib.local.pages import mailbox_page
from chalicelib.ports.services import TextMessage, TextNotSent
from tests.fixtures_engine import EngineHandle
from tests.integration.conftest import EngineServices
from tests.integration.test_mail import not_sent, services_with


def test_an_sms_arrives_as_it_was_written(
    services: EngineServices, stack_env: dict[str, str], engine: EngineHandle
) -> None:
    text = f"{secrets.token_hex(4)} لاہور <b>نیٹ</b>"

    services_with(stack_env, SMS_SENDER="ISPBilling").texter.send(message=TextMessage("+923001234567", text))

    [arrived] = [one for one in read_texts(engine.url) if one.text == text]
    assert arrived.number == "+923001234567"
    page = mailbox_page([], [arrived])
    assert "+923001234567" in page
    assert "<b>نیٹ" not in page


def test_an_sms_service_that_is_away_is_told_to_who_sends_and_to_the_operator(
    services: EngineServices, stack_env: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = services_with(stack_env, AWS_ENDPOINT_URL="http://127.0.0.1:9", SMS_SENDER="ISPBilling")
    texter = nowhere.texter
    assert isinstance(texter, SnsTexter)

    with pytest.raises(TextNotSent):
        texter.send(message=TextMessage("+923001234567", "x"))

    told = not_sent(capsys)
    assert (told["channel"], told["MessagesNotSent"]) == ("sms", 1)
    assert "923001234567" not in json.dumps(told)


def test_without_a_sender_nothing_is_sent(stack_env: dict[str, str]) -> None:
    texter = services_with(stack_env, SMS_SENDER="").texter

    assert isinstance(texter, NullTexter)
    assert not texter.configured
    texter.send(message=TextMessage("+923001234567", "x"))

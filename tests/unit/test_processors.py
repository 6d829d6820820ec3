"""Adapters send third parties what the register lets them have, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from chalicelib import adapters
from chalicelib.adapters.email.ses import SesMailer
from chalicelib.adapters.sms.sns import SnsTexter
from chalicelib.api.tenants import TenantPatch
from chalicelib.domain.processors import HOSTING, MAIL, PAYMENTS, REGISTER, SMS, FieldNotAllowed, sendable
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.services import Mail, TextMessage


@dataclass(frozen=True)
class MailWithMore(Mail):
    """A mail to which somebody added a field."""

    national_id: str = "35202-1234567-1"


@dataclass(frozen=True)
class TextWithMore(TextMessage):
    """An SMS to which somebody added a field."""

    name: str = "Zainab"


class Client:
    """A vendor's client that keeps what it is given."""

    def __init__(self) -> None:
        self.given: list[dict[str, Any]] = []

    def send_email(self, **given: Any) -> None:
        self.given.append(given)

    publish = send_email


def test_a_field_that_is_not_in_the_register_is_sent_nowhere() -> None:
    client: Any = Client()
    mailer = SesMailer(client=client, sender="a@mail.example", failed=print)
    texter = SnsTexter(client=client, sender="ISP", failed=print)

    with pytest.raises(FieldNotAllowed, match="national_id"):
        mailer.send(mail=MailWithMore("b@mail.example", "s", "t"))
    with pytest.raises(FieldNotAllowed, match="name"):
        texter.send(message=TextWithMore("+923001234567", "t"))
    assert client.given == []

    mailer.send(mail=Mail("b@mail.example", "s", "t"))
    texter.send(message=TextMessage("+923001234567", "t"))
    assert len(client.given) == 2


def test_the_register_says_what_each_is_sent() -> None:
    assert sendable(processor=MAIL, message=Mail("b@mail.example", "s", "t"))["to"] == "b@mail.example"
    assert len({one.code for one in REGISTER}) == len(REGISTER)
    assert all(one.purpose and one.where and one.categories for one in REGISTER)


def test_an_isp_switches_a_third_party_on_and_off_by_a_setting_of_its_own() -> None:
    switches = {one.switch for one in REGISTER if one.switch}

    assert switches == {"portal_sms"}
    assert switches <= {one.name for one in fields(Tenant) if one.type == "bool"}
    assert switches <= set(TenantPatch.model_fields)


def test_whoever_is_sent_something_by_an_adapter_is_in_the_register() -> None:
    sent_by = {"blobs": HOSTING, "email": MAIL, "payments": PAYMENTS, "sms": SMS}
    sends_nothing = {"pdf"}
    packages = {one.parent.name for one in Path(adapters.__path__[0]).glob("*/__init__.py")}

    assert packages == {*sent_by, *sends_nothing}
    assert set(REGISTER) == set(sent_by.values())

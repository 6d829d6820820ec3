"""The main job on the deployed stack over HTTP: sign up, import, bill, export, download."""

from __future__ import annotations

import json
import re
import ssl
import urllib.request
from collections.abc import Callable

import pytest

from chalicelib.local.engine import Engine
from tests.e2e.client import Api

Eventually = Callable[[Callable[[], object]], object]
PASSWORD = "correct horse battery staple"


def mailed_code(engine: Engine, ca_file: str, address: str) -> str:
    """The code in the last mail to the address, from the engine's list of sent mail."""
    trust = ssl.create_default_context(cafile=ca_file)
    with urllib.request.urlopen(f"{engine.url}/_ministack/ses/messages", context=trust) as answer:
        sent = json.load(answer)
    mails = [text for text in _texts(sent) if "enter this code" in text]
    assert mails, f"no mail to {address}"
    found = re.search(r"enter this code:\s+(\S+)", mails[-1])
    assert found is not None
    return found[1]


def _texts(value: object) -> list[str]:
    """Every text in a document of any shape."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []


@pytest.fixture(scope="session")
def isp(engine: Engine, anonymous: Api) -> Api:
    """An ISP that has signed up, verified its address and logged in."""
    address = "owner@lahore-net.example"
    signed_up = anonymous.post(
        "/v1/signups",
        {
            "company": "Lahore Net",
            "subdomain": "lahore-net",
            "owner": {"name": "Ayesha Khan", "email": address, "password": PASSWORD},
            "country": "PK",
            "currency": "PKR",
            "time_zone": "Asia/Karachi",
            "fiscal_year_start_month": 7,
        },
    )
    assert signed_up.status == 201, signed_up.text
    assert signed_up.json["mail_sent"] is True
    token = mailed_code(engine, anonymous.ca_file, address)
    verified = anonymous.post("/v1/signups/verify", {"token": token})
    assert verified.status == 200, verified.text
    session = anonymous.post(
        "/v1/sessions", {"subdomain": "lahore-net", "email": address, "password": PASSWORD}
    )
    assert session.status == 201, session.text
    assert "__Host-" in session.headers["set-cookie"]
    return anonymous.signed_in(session.json["token"])


def test_the_owner_is_logged_in(isp: Api) -> None:
    me = isp.get("/v1/me")
    assert me.status == 200, me.text
    assert me.json["tenant"]["company"] == "Lahore Net"
    assert me.json["staff"]["role"] == "owner"


def test_nobody_else_is(anonymous: Api) -> None:
    assert anonymous.get("/v1/me").status == 401

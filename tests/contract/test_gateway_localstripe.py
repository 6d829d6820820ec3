"""Our Stripe adapter against localstripe, over HTTP.

It has payments, refunds and signed webhooks, but no Checkout Sessions and no disputes: those are tried
in recorded shapes (tests/unit/adapters/payments/test_stripe.py). Nor does it know idempotency keys.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from chalicelib.adapters.payments.http import GatewayHttp
from chalicelib.adapters.payments.stripe import Stripe
from chalicelib.adapters.payments.stripe_client import client_of
from chalicelib.domain.gateways import (
    Credentials,
    GatewayRefused,
    NoticeRefused,
    NoticeStatus,
    NoticeTooOld,
    Received,
    RefundAsked,
)
from chalicelib.domain.money import Money
from tests.fakes.gateways import AMOUNT, REFERENCE, STRIPE

SERVER = Path(__file__).parents[1] / "fakes" / "localstripe_server.py"
WAIT_SECONDS = 20


def connect(hosts: object) -> GatewayHttp:
    return GatewayHttp(allowed_hosts=["api.stripe.com"], local=True)


GATEWAY = Stripe(connect=connect, local=True)


@pytest.fixture(scope="module")
def credentials() -> Iterator[Credentials]:
    command = [sys.executable, str(SERVER)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout
            base = f"http://127.0.0.1:{int(server.stdout.readline())}"
            found = replace(STRIPE, settings={"api_base": base})
            GATEWAY.check_credentials(credentials=found)
            yield found
        finally:
            server.terminate()


def pay(credentials: Credentials, **metadata: str) -> Any:
    """A payment of 2,499 rupees by Stripe's own test card, as its page would make it."""
    stripe = client_of(credentials, connect=connect)
    card: Any = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2050, "cvc": "123"}
    method = stripe.v1.payment_methods.create({"type": "card", "card": card})
    return stripe.v1.payment_intents.create(
        {
            "amount": AMOUNT.amount,
            "currency": "pkr",
            "payment_method": method.id,
            "confirm": True,
            "metadata": metadata,
        }
    )


def test_a_payment_is_asked_about_and_given_back(credentials: Credentials) -> None:
    payment = pay(credentials, reference=REFERENCE)
    now = datetime.now(UTC)

    found = GATEWAY.inquire(reference=REFERENCE, vendor_id=payment.id, credentials=credentials, now=now)
    assert (found.status, found.amount, found.vendor_id) == (NoticeStatus.PAID, AMOUNT, payment.id)

    half = RefundAsked("rf_1", REFERENCE, payment.id, Money(100000, "PKR"))
    made = GATEWAY.refund(asked=half, credentials=credentials, now=now)
    assert made.vendor_id.startswith("re_")
    assert not made.pending


def test_what_is_not_ours_or_not_there_is_refused(credentials: Credentials) -> None:
    now = datetime.now(UTC)
    others = pay(credentials, reference="R000000000000000000X")
    for vendor_id in (others.id, "pi_none"):
        with pytest.raises(GatewayRefused):
            GATEWAY.inquire(reference=REFERENCE, vendor_id=vendor_id, credentials=credentials, now=now)
    asked = RefundAsked("rf_2", REFERENCE, "pi_none", AMOUNT)
    with pytest.raises(GatewayRefused):
        GATEWAY.refund(asked=asked, credentials=credentials, now=now)


def test_a_webhook_is_believed_as_it_is_delivered_and_not_otherwise(credentials: Credentials) -> None:
    came: list[Received] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            came.append(Received("POST", headers, "", body, self.client_address[0]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.timeout = WAIT_SECONDS
        address = f"http://127.0.0.1:{listening.server_port}/"
        wanted = (
            f"url={address}&secret={credentials.secrets['webhook_secret']}&events[]=payment_intent.succeeded"
        )
        hook = Request(f"{credentials.settings['api_base']}/_config/webhooks/ours", data=wanted.encode())
        urlopen(hook, timeout=WAIT_SECONDS).close()
        pay(credentials, reference=REFERENCE)
        listening.handle_request()

    (received,) = came
    now = datetime.now(UTC)
    (notice,) = GATEWAY.read(received=received, credentials=credentials, now=now)
    # What became of a payment is told by the events of its page; this one is believed, and says no more.
    assert notice.status is NoticeStatus.IGNORED
    assert notice.event_id.startswith("evt_")
    with pytest.raises(NoticeTooOld):
        GATEWAY.read(received=received, credentials=credentials, now=now + timedelta(minutes=6))
    changed = Received("POST", received.headers, "", received.body.replace(b"249900", b"249901"))
    with pytest.raises(NoticeRefused):
        GATEWAY.read(received=changed, credentials=credentials, now=now)

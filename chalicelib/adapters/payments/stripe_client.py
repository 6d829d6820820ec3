"""Stripe's own package, sent through our client; imported where Stripe is asked something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import stripe

from chalicelib.adapters.payments.vendor import Connect
from chalicelib.domain.gateways import Credentials, GatewayRefused, GatewayUnavailable, NoticeRefused

API_BASE: Final = "https://api.stripe.com"
_CHARS_MAX: Final = 60

# It would send how long our requests take.
stripe.enable_telemetry = False


class _Sender(stripe.HTTPClient):
    """Sends what the package asks for through the client that only reaches Stripe's host."""

    name = "isp-billing"

    def __init__(self, *, connect: Connect, base: str) -> None:
        super().__init__()
        self._http = connect([urlsplit(base).hostname or ""])

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        body = post_data.encode() if isinstance(post_data, str) else post_data or b""
        status, answer = self._http.request(method.upper(), url, headers=headers, body=body)
        return answer.decode("utf-8", "replace"), status, {}

    def close(self) -> None:
        """Do nothing: each request has a connection of its own."""


def client_of(credentials: Credentials, *, connect: Connect) -> stripe.StripeClient:
    """Return a client with a tenant's key. Nothing is tried twice: a job or a person does that."""
    base = credentials.settings.get("api_base") or API_BASE
    return stripe.StripeClient(
        credentials.secrets["secret_key"],
        http_client=_Sender(connect=connect, base=base),
        base_addresses={"api": base},
        max_network_retries=0,
    )


def verify(*, body: bytes, header: str, secret: str) -> None:
    """Raise NoticeRefused where none of the header's signatures is of this body under this secret."""
    try:
        stripe.WebhookSignature.verify_header(body, header, secret)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        # Not as its cause: it holds the whole message.
        raise NoticeRefused("the signature is wrong") from None


@contextmanager
def refusals() -> Iterator[None]:
    """Turn the package's errors into the port's, without their texts, which quote what was sent."""
    try:
        yield
    except (stripe.APIConnectionError, stripe.RateLimitError):
        raise GatewayUnavailable("Stripe did not answer") from None
    except stripe.StripeError as error:
        if not 400 <= (error.http_status or 0) < 500:
            raise GatewayUnavailable("Stripe answered with an error of its own") from None
        code = str(error.code or type(error).__name__)[:_CHARS_MAX]
        raise GatewayRefused(f"Stripe refused it: {code}") from None

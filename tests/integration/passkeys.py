"""People with passkeys: their devices, and the requests that these answer."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.passkeys import relying_party
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.authenticator import PRESENT, VERIFIED, SoftwareAuthenticator
from tests.integration.conftest import EngineServices
from tests.integration.shop import Item, created
from tests.integration.staffing import CHOSEN, Company

# What is wrong with an answer: what the browser said, or how the device is.
WRONG_ANSWERS: dict[str, dict[str, Any]] = {
    "another challenge": {"said": {"challenge": "d2NoX25vYm9keQ"}},
    "another origin": {"said": {"origin": "https://console.example.evil"}},
    "another kind": {"said": {"type": "payment.get"}},
    "another relying party": {"device": {"rp_id": "evil.example"}},
    "a user who was not verified": {"device": {"flags": PRESENT}},
    "a user who was not there": {"device": {"flags": VERIFIED}},
}


def device_for(services: EngineServices, **settings: Any) -> SoftwareAuthenticator:
    """A device whose browser shows the console."""
    party = relying_party(base_url=services.settings.public_base_url)
    return SoftwareAuthenticator(origin=party.origin, **settings)


def options(api: ApiClient, password: str = CHOSEN, **shown: Any) -> Item:
    """What a new passkey is made of."""
    found: Item = created(api.post("/v1/me/passkey-options", json={"password": password, **shown}))["options"]
    return found


def add(api: ApiClient, answer: Item, name: str = "Phone") -> Reply:
    """Send what a device made."""
    return api.post("/v1/me/passkeys", json={"name": name, "passkey": answer})


def register(api: ApiClient, device: SoftwareAuthenticator, password: str = CHOSEN, **shown: Any) -> Item:
    """Add a passkey."""
    return created(add(api, device.create(options(api, password, **shown))))


def shown_by(api: ApiClient, device: SoftwareAuthenticator) -> Item:
    """The device's answer to a challenge of one's own session."""
    return device.get(created(api.post("/v1/me/passkey-challenges"))["options"])


def log_in_options(company: Company, email: str, visitor: ApiClient | None = None) -> Item:
    """A challenge to sign in with."""
    who = {"subdomain": company.tenant.subdomain, "email": email}
    found: Item = created((visitor or company.visitor).post("/v1/passkey-challenges", json=who))["options"]
    return found


def log_in(company: Company, email: str, answer: Item, visitor: ApiClient | None = None) -> Reply:
    """Sign in by a passkey alone."""
    body = {"subdomain": company.tenant.subdomain, "email": email, "passkey": answer}
    return (visitor or company.visitor).post("/v1/passkey-sessions", json=body)


def second_options(company: Company, token: str) -> Item:
    """A challenge for the second step."""
    challenge = company.visitor.post("/v1/session-completion-challenges", json={"token": token})
    found: Item = created(challenge)["options"]
    return found


def second_step(company: Company, token: str, answer: Item) -> Reply:
    """Take the second step by a passkey."""
    return company.visitor.post("/v1/session-completions", json={"token": token, "passkey": answer})

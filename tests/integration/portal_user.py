"""Subscribers of an ISP who sign in to the portal."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.crypto.tokens import token_hash
from chalicelib.domain.portal import PORTAL_IDLE, PORTAL_LIFE, portal_principal
from chalicelib.ports.identity import Session
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.conftest import EngineServices, SignedIn, fresh_caller
from tests.integration.shop import Item, Shop, created, if_match, ok

SECRET = "a ladder behind the mosque"


def portal_session_as(services: EngineServices, tenant: SignedIn, subscriber_id: str, at: datetime) -> str:
    """The token of a session of a subscriber, as if they had signed in at an instant."""
    tokens, sessions = services.identity.tokens, services.portal_sessions
    token = tokens.new(prefix="prt")
    session = Session(
        session_id=services.ids.new(prefix="sss"),
        token_hash=tokens.hash(token=token),
        principal=portal_principal(tenant_id=tenant.tenant_id, subscriber_id=subscriber_id),
        csrf_hash="",
        created_at=at,
        idle_expires_at=at + PORTAL_IDLE,
        expires_at=at + PORTAL_LIFE,
    )
    known = sessions.of_person(tenant_id=tenant.tenant_id, staff_id=subscriber_id)
    tenant.store.commit(*sessions.start(session=session, known=known))
    return token


def with_portal(tenant: SignedIn, services: EngineServices, subscriber_id: str) -> SignedIn:
    """A tenant whose client asks the portal's operations as one of its subscribers.

    In a session of now, and in another one where that was ended.
    """
    now, begun = services.clock.now(), [""]

    def token() -> str:
        if services.portal_sessions.get(token_hash=token_hash(begun[0]), at=now) is None:
            begun[0] = portal_session_as(services, tenant, subscriber_id, now)
        return begun[0]

    return replace(tenant, api=replace(tenant.api, portal=token))


def fresh_mobile() -> str:
    """A mobile number of Pakistan, as people write it."""
    return f"0300-{secrets.randbelow(8_000_000) + 1_000_000}"


@dataclass
class Front:
    """The front door of an ISP's portal, and the mail and SMS that come from it."""

    shop: Shop
    services: EngineServices
    visitor: ApiClient

    @property
    def staff(self) -> ApiClient:
        """The owner's client."""
        return self.shop.tenant.api

    def elsewhere(self) -> Front:
        """The same door, seen from another network address."""
        return Front(self.shop, self.services, ApiClient(self.visitor.gateway, caller=fresh_caller()))

    def person(self, **changes: object) -> Item:
        """A subscriber with an address and a number of their own."""
        own = {"email": f"s{secrets.token_hex(5)}@mail.example", "phone": fresh_mobile()}
        return self.shop.subscriber(**{"name": "Ali Raza", **own, **changes})

    def settings(self, **changes: object) -> Item:
        """Change the ISP's settings."""
        return ok(
            self.staff.patch("/v1/tenant", json=changes, headers=if_match(ok(self.staff.get("/v1/tenant"))))
        )

    def activated(self, **changes: object) -> Item:
        """A subscriber who chose the password ``SECRET``."""
        person = self.person(**changes)
        self.invite(person)
        assert self.activate(self.activation(person["email"])).status == 204
        return person

    def invite(self, person: Item, channel: str = "mail") -> Reply:
        """Have staff send an activation."""
        path = f"/v1/subscribers/{person['subscriber_id']}/portal-activations"
        return self.staff.post(path, json={"channel": channel})

    def activation(self, email: str) -> str:
        """The token in the newest mail to an address."""
        return next(w for w in self.services.mailer.last_to(email).text.split() if w.startswith("pac_"))

    def activate(self, token: str, password: str = SECRET) -> Reply:
        """Choose a password."""
        return self.visitor.post("/v1/portal/activations", json={"token": token, "password": password})

    def log_in(self, login: str, password: str = SECRET, **changes: object) -> Reply:
        """Ask for a session by password."""
        body = {"subdomain": self.shop.tenant.subdomain, "login": login, "password": password, **changes}
        return self.visitor.post("/v1/portal/sessions", json=body)

    def signed_in(self, person: Item) -> ApiClient:
        """Somebody with the password ``SECRET``, signed in by their user name."""
        return self.visitor.bearer(created(self.log_in(person["code"]))["token"])

    def ask_code(self, login: str, **changes: object) -> Reply:
        """Ask for a code."""
        body = {"subdomain": self.shop.tenant.subdomain, "login": login, **changes}
        return self.visitor.post("/v1/portal/codes", json=body)

    def challenge(self, login: str) -> str:
        """Ask for a code, and return the challenge."""
        reply = self.ask_code(login)
        assert reply.status == 202, reply.text
        return str(reply.json["challenge"])

    def mailed_code(self, email: str) -> str:
        """The code in the newest mail to an address."""
        return six_digits(self.services.mailer.last_to(email).text)

    def complete(self, challenge: str, code: str, **changes: object) -> Reply:
        """Bring a code."""
        return self.visitor.post(
            "/v1/portal/code-completions", json={"challenge": challenge, "code": code, **changes}
        )


def six_digits(text: str) -> str:
    """The code in a text."""
    found = re.search(r"(?<!\d)\d{6}(?!\d)", text)
    assert found is not None, text
    return found[0]


def unnumbered(reply: Reply) -> tuple[int, Item]:
    """An answer without the request's own id."""
    return reply.status, {**reply.json, "request_id": ""}

"""An ISP that invites people, who join it and sign in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.store.audit import AuditItem
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.conftest import PASSWORD, EngineServices, SignedIn
from tests.integration.shop import Item, created, if_match, ok

CHOSEN = "a kettle on the roof"


@dataclass
class Person:
    """Somebody of the staff, signed in."""

    staff_id: str
    email: str
    api: ApiClient


@dataclass
class Company:
    """A tenant, and the people it invites."""

    tenant: SignedIn
    services: EngineServices
    visitor: ApiClient
    invited = 0

    @property
    def owner(self) -> ApiClient:
        """The owner's client."""
        return self.tenant.api

    def invite(self, role: str, by: ApiClient | None = None, **changes: Any) -> Reply:
        """Ask for an invitation."""
        self.invited += 1
        email = f"person{self.invited}@{self.tenant.subdomain}.example"
        return (by or self.owner).post("/v1/invitations", json={"email": email, "role": role, **changes})

    def code(self, email: str) -> str:
        """The code in the newest mail to an address."""
        text = self.services.mailer.last_to(email).text
        return next(word for word in text.split() if word.startswith("ivt_"))

    def accept(self, code: str, **changes: object) -> Reply:
        """Answer an invitation."""
        body = {"token": code, "name": "Bilal Ahmed", "password": CHOSEN, **changes}
        return self.visitor.post("/v1/invitation-acceptances", json=body)

    def join(self, role: str, **changes: Any) -> Person:
        """Invite somebody, who accepts and signs in."""
        invitation = created(self.invite(role, **changes))["invitation"]
        email = invitation["email"]
        joined = created(self.accept(self.code(email)))
        return Person(joined["staff"]["staff_id"], email, self.sign_in(email, CHOSEN))

    def sign_in(self, email: str, password: str = PASSWORD) -> ApiClient:
        """Sign in."""
        return self.visitor.bearer(created(self.try_to_sign_in(email, password))["token"])

    def try_to_sign_in(self, email: str, password: str = PASSWORD) -> Reply:
        """Ask for a session."""
        credentials = {"subdomain": self.tenant.subdomain, "email": email, "password": password}
        return self.visitor.post("/v1/sessions", json=credentials)

    def member(self, staff_id: str) -> Item:
        """Somebody as they are now."""
        return ok(self.owner.get(f"/v1/staff/{staff_id}"))

    def change(self, staff_id: str, by: ApiClient | None = None, **changes: object) -> Reply:
        """Ask for a change of somebody as they are now."""
        headers = if_match(self.member(staff_id))
        return (by or self.owner).patch(f"/v1/staff/{staff_id}", json=changes, headers=headers)

    def audited(self) -> set[str]:
        """The actions in the audit."""
        month = self.services.clock.now().strftime("%Y-%m")
        return {one.action for one in AuditItem.query(f"{self.tenant.tenant_id}#AUD#{month}")}

    def role(self, *permissions: str, name: str = "Front desk") -> Item:
        """Make a role of the company's own."""
        return created(self.owner.post("/v1/roles", json={"name": name, "permissions": list(permissions)}))


def permissions_of(api: ApiClient) -> Any:
    """What who is signed in may do."""
    return ok(api.get("/v1/me"))["permissions"]

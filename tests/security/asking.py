"""A request that is valid, and what it takes to make one."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from chalicelib.api.routing import Endpoint
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.conftest import fresh_caller
from tests.integration.counter import Counter, line
from tests.integration.portal_user import Front
from tests.integration.shop import Item, Shop
from tests.integration.staffing import Company as Firm
from tests.integration.test_foreign_ids_everywhere import required_query
from tests.security.races import Company

WHY: Final = {"reason": "the wrong subscriber"}


@dataclass(frozen=True)
class Valid:
    """What of a request is another than in the example, and who sends it."""

    body: Any = ...
    names: dict[str, str] = field(default_factory=dict)
    api: ApiClient | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request as it is to be sent."""

    api: ApiClient
    one: Endpoint
    names: dict[str, str]
    body: Any
    version: str = '"1"'
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, key: str | None = None) -> Reply:
        """Send it with a key, a fresh one unless given, and the version that was read."""
        target = self.one.path.format_map(self.names) + required_query(self.one)
        headers = {"If-Match": self.version, **self.headers} if self.one.if_match else dict(self.headers)
        if self.one.idempotent:
            headers["Idempotency-Key"] = key or secrets.token_hex(8)
        if isinstance(self.body, bytes):
            return self.api.request(self.one.method, target, body=self.body, headers=headers)
        return self.api.request(self.one.method, target, json=self.body, headers=headers)


def shop_of(company: Company) -> Shop:
    return company.isp.shop


def api_of(company: Company) -> ApiClient:
    return company.isp.shop.tenant.api


def visitor_of(company: Company) -> ApiClient:
    return ApiClient(api_of(company).gateway, caller=fresh_caller())


def firm_of(company: Company) -> Firm:
    return Firm(company.isp.shop.tenant, company.services, visitor_of(company))


def front_of(company: Company) -> Front:
    return Front(company.isp.shop, company.services, visitor_of(company))


def reachable(company: Company) -> Counter:
    """A subscriber with an address, who owes."""
    counter = Counter(shop_of(company))
    counter.subscriber = front_of(company).person()
    counter.path = f"/v1/subscribers/{counter.subscriber['subscriber_id']}"
    return counter


def owing(company: Company, amount: int = 50_000) -> tuple[Counter, dict[str, str]]:
    """A subscriber with an address who owes an invoice, and their names."""
    counter = reachable(company)
    invoice = counter.invoice(line(amount))
    return counter, {
        "subscriber_id": counter.subscriber["subscriber_id"],
        "invoice_id": invoice["invoice_id"],
    }


def of_owing(body: Any = ...) -> Callable[[Company], Valid]:
    """A request about whom, and about what, is owed."""
    return lambda company: Valid(body, owing(company)[1])


def stepped(company: Company, path: str, body: Any, *, status: int = 201) -> Item:
    """POST what comes before, with a key."""
    reply = api_of(company).post(path, json=body, headers={"Idempotency-Key": secrets.token_hex(8)})
    assert reply.status == status, reply.text
    found: Item = reply.json if reply.body else {}
    return found

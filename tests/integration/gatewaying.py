"""An ISP with the sandbox as its gateway, and what its vendor and payers do."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from chalicelib.adapters.payments import sandbox
from chalicelib.domain.gateways import Credentials
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.counter import Counter, line, pkr
from tests.integration.shop import Item, Shop, created, ok

SECRET = "a lamp in the corner shop"
CREDENTIALS = Credentials({sandbox.SECRET: SECRET})


@dataclass
class Till:
    """One subscriber of an ISP, who pays online."""

    counter: Counter
    visitor: ApiClient
    callback: str = field(default="")

    @classmethod
    def open(cls, shop: Shop, visitor: ApiClient, counter: Counter | None = None) -> Till:
        """Set the sandbox up, for a new subscriber unless one is given."""
        till = cls(counter or Counter(shop), visitor)
        till.callback = till.set_up()["callback_url"]
        return till

    @property
    def staff(self) -> ApiClient:
        """The owner's client."""
        return self.counter.shop.tenant.api

    def set_up(self, **changes: object) -> Item:
        """PUT the gateway."""
        body = {"enabled": True, "secrets": {sandbox.SECRET: SECRET}, **changes}
        return ok(self.staff.put("/v1/gateways/sandbox", json=body))

    def try_to_begin(self, invoice: Item | None = None, **changes: object) -> Reply:
        """Ask to collect an invoice, or what else the changes say."""
        body: Item = {"gateway": "sandbox", **changes}
        if invoice is not None:
            body["invoice_id"] = invoice["invoice_id"]
        return self.staff.post(f"{self.counter.path}/collections", json=body)

    def begin(self, invoice: Item | None = None, **changes: object) -> Item:
        """Begin to collect; return the collection."""
        found: Item = created(self.try_to_begin(invoice, **changes))["collection"]
        return found

    def invoice_and_collection(self, amount: int = 50_000) -> tuple[Item, Item]:
        """A new invoice, and a collection of it."""
        invoice = self.counter.invoice(line(amount))
        return invoice, self.begin(invoice)

    def now(self, collection: Item) -> Item:
        """A collection as it stands."""
        return ok(self.staff.get(f"/v1/collections/{collection['collection_id']}"))

    def parked(self, state: str = "waiting") -> list[Item]:
        """Notices in a state, the newest first."""
        found: list[Item] = ok(self.staff.get(f"/v1/parked-notices?state={state}"))["items"]
        return found

    # -- the vendor ------------------------------------------------------------------------

    def told(self, collection: Item, **changes: object) -> bytes:
        """A message that a collection was paid."""
        chance = secrets.token_hex(6)
        told: dict[str, Any] = {
            "id": f"evt_{chance}",
            "reference": collection["reference"],
            "status": "paid",
            "amount": collection["amount"]["amount"],
            "currency": collection["amount"]["currency"],
            "transaction": f"txn_{chance}",
            "created": int(self.at.timestamp()),
            "reason": "",
        }
        return json.dumps({**told, **changes}).encode()

    @property
    def at(self) -> Any:
        """The clock."""
        return self.counter.shop.services.clock.now()

    def send(self, body: bytes, **changes: str) -> Reply:
        """Send a signed message to the callback address."""
        signed = sandbox.signature(body=body, credentials=CREDENTIALS, at=self.at)
        headers = {"content-type": "application/json", sandbox.SIGNATURE_HEADER: signed, **changes}
        path = urlsplit(self.callback).path
        return self.visitor.request("POST", path, body=body, headers=headers)

    def notify(self, collection: Item, **changes: object) -> str:
        """Tell that a collection was paid; return what became of it."""
        reply = self.send(self.told(collection, **changes))
        assert reply.status == 200, reply.text
        return str(reply.json["received"])

    # -- the payer -------------------------------------------------------------------------

    def link(self, invoice: Item) -> str:
        """A new pay link's path."""
        made = created(self.staff.post(f"/v1/invoices/{invoice['invoice_id']}/pay-links"))
        return urlsplit(made["url"]).path

    def page_of(self, collection_id: str) -> str:
        """The path of a collection's own page."""
        collections = self.counter.shop.tenant.store.collections
        found = collections.get(collection_id=collection_id)
        return f"/pay/{collections.page_token(collection=found)}"

    def press(self, address: str, **fields: str) -> Reply:
        """Post a form, as a browser does; ``address`` may be a whole one."""
        parts = urlsplit(address)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.visitor.request("POST", target, body=urlencode(fields).encode(), headers=headers)


__all__ = ["CREDENTIALS", "SECRET", "Till", "pkr"]

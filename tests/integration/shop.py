"""An ISP's day: packages, subscribers and subscriptions over HTTP, runs, and the raw items."""

from __future__ import annotations

import secrets
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chalicelib.bootstrap import Services
from chalicelib.usecases.billing import ShardTask, plan_tenant, work_shard
from chalicelib.usecases.late_fees import FeePass, charge_late_fees
from chalicelib.usecases.usage_closings import CLOSINGS_PER_PASS_MAX, UsagePass, close_due_usage
from tests.fakes.api_client import Reply
from tests.integration.conftest import SignedIn
from tests.integration.raw import raw_items

Item = dict[str, Any]


@dataclass
class Shop:
    """A tenant, and what its staff does."""

    tenant: SignedIn
    services: Services

    def sign_in_again(self) -> None:
        """Begin a new session: the old one ends where a test lets days pass."""
        mine = self.tenant
        credentials = {"subdomain": mine.subdomain, "email": mine.email, "password": mine.password}
        session = created(mine.api.post("/v1/sessions", json=credentials))
        api = replace(mine.api.bearer(session["token"]), portal=mine.api.portal)
        self.tenant = replace(mine, api=api)

    def package(self, **changes: object) -> Item:
        """Create a package and return it."""
        return created(self.tenant.api.post("/v1/packages", json=package_body(**changes)))

    def subscriber(self, **changes: object) -> Item:
        """Create a subscriber and return it."""
        return created(self.tenant.api.post("/v1/subscribers", json=subscriber_body(**changes)))

    def subscribe(self, subscriber: Item, package: Item, **changes: object) -> Item:
        """Create a subscription and return it."""
        return created(self.try_to_subscribe(subscriber, package, **changes))

    def try_to_subscribe(self, subscriber: Item, package: Item, **changes: object) -> Reply:
        """Ask for a subscription."""
        body = {"package_id": package["package_id"], **changes}
        return self.tenant.api.post(f"/v1/subscribers/{subscriber['subscriber_id']}/subscriptions", json=body)

    def change(self, subscription: Item, **changes: object) -> Item:
        """Change a subscription as it stands now and return it."""
        now = self.tenant.api.get(f"/v1/subscriptions/{subscription['subscription_id']}")
        return ok(self.try_to_change(now.json, **changes))

    def try_to_change(self, subscription: Item, **changes: object) -> Reply:
        """Ask for a change of a subscription as it was read."""
        path = f"/v1/subscriptions/{subscription['subscription_id']}"
        return self.tenant.api.patch(path, json=changes, headers=if_match(subscription))

    def invoices(self, subscriber: Item) -> list[Item]:
        """Return the subscriber's invoices, oldest period first."""
        reply = self.tenant.api.get(f"/v1/subscribers/{subscriber['subscriber_id']}/invoices")
        return list(reversed(ok(reply)["items"]))

    def bill(self, at: datetime, closings_max: int = CLOSINGS_PER_PASS_MAX) -> None:
        """Run billing for every date that is due at an instant, as the schedule and the queue do."""
        store = self.services.stores.of(tenant_id=self.tenant.tenant_id)
        tenant = store.profile()
        while tasks := plan_tenant(tenant=tenant, store=store, at=at):
            while tasks:
                tasks = tasks[1:] + work_shard(
                    task=tasks[0],
                    tenant=tenant,
                    store=store,
                    books=store.books(wire=self.services.wire),
                    now=lambda: at,
                    out_of_time=lambda: False,
                    pause=lambda _seconds: None,
                    prepare=lambda task: self.prepare(task, at, closings_max),
                )

    def prepare(self, task: ShardTask, at: datetime, closings_max: int = CLOSINGS_PER_PASS_MAX) -> bool:
        """Do what a shard's worker does before it bills."""
        return self.close_usage(task, at, closings_max) and self.charge_late_fees(task, at)

    def close_usage(self, task: ShardTask, at: datetime, closings_max: int = CLOSINGS_PER_PASS_MAX) -> bool:
        """Close the periods of use of a shard that are over."""
        store = self.services.stores.of(tenant_id=self.tenant.tenant_id)
        books = store.books(wire=self.services.wire)
        work = UsagePass(store, books, task.on, task.shard, at, lambda: False, closings_max=closings_max)
        return close_due_usage(work=work)

    def charge_late_fees(self, task: ShardTask, at: datetime) -> bool:
        """Charge the late fees of a shard, as its worker does before it bills."""
        store = self.services.stores.of(tenant_id=self.tenant.tenant_id)
        work = FeePass(store, task.on, task.shard, at, lambda: False)
        return charge_late_fees(work=work)

    def items(self, prefix: str = "") -> list[Item]:
        """Return the raw items whose partition key begins with the tenant's id and ``prefix``."""
        return list(raw_items(self.services, f"{self.tenant.tenant_id}#{prefix}"))

    def filed(self) -> list[str]:
        """Return the due buckets that hold something, once for each item."""
        return sorted(item["pk"]["S"].partition("#DUE#")[2] for item in self.items("DUE#"))


def package_body(**changes: object) -> Item:
    """The body of a package."""
    return {
        "name": f"Home {secrets.token_hex(4)}",
        "price": {"amount": 310_000, "currency": "PKR"},
        "cycle": "month",
        "download_kbps": 20_000,
        "upload_kbps": 10_000,
        **changes,
    }


def subscriber_body(**changes: object) -> Item:
    """The body of a subscriber."""
    return {"code": f"C-{secrets.token_hex(5)}", **changes}


def created(reply: Reply) -> Item:
    """Return what was created."""
    assert reply.status == 201, reply.text
    found: Item = reply.json
    return found


def ok(reply: Reply) -> Item:
    """Return a good answer."""
    assert reply.status == 200, reply.text
    found: Item = reply.json
    return found


def if_match(read: Mapping[str, Any]) -> dict[str, str]:
    """Return the header that names the version read."""
    return {"If-Match": f'"{read["version"]}"'}


def item_bytes(item: Item) -> int:
    """Return an item's size as DynamoDB counts it: names and values, UTF-8, numbers by digits."""
    return sum(len(name) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    kind, inner = next(iter(value.items()))
    if kind == "B":
        return len(b64decode(inner))
    if kind == "N":
        return len(inner.lstrip("-")) // 2 + 2
    return 1 if kind in {"BOOL", "NULL"} else len(inner.encode())

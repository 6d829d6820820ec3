"""A company whose account ends: cancelled by its owner, seen to by the schedule, looked for afterwards."""

from __future__ import annotations

import json
from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from secrets import token_hex
from typing import Any

from chalicelib.crypto.keyring import CiphertextRejected, untold
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.jobs.endings import keep_tenants
from chalicelib.local.gateway import Gateway
from chalicelib.store.acting import acting_for
from chalicelib.store.base import TenantsItem
from chalicelib.store.wrapped_keys import WrappedKeyItem
from chalicelib.usecases.audit_rounds import Checked, check_chain
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.fixtures_engine import EngineHandle
from tests.integration.conftest import EngineServices, fresh_caller, sign_up_and_in
from tests.integration.counter import line
from tests.integration.shop import Item, Shop, created, ok

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# What ciphertexts are bound to, besides their keys; recipients by their stored name.
SEALED_NAMES = sorted({"who", *(name for one in ITEMS for name, how in one.attributes.items() if how.sealed)})
# The passes of a purge: it stops, deletes and certifies, and seals.
PASSES = 3


class Killed(BaseException):
    """What ends a pass in the middle: nothing catches it, as nothing catches a kill."""


@dataclass
class Ending:
    """A company, and what its owner and the schedule do about its end."""

    shop: Shop
    services: EngineServices

    @property
    def clock(self) -> FakeClock:
        """The clock of the services."""
        assert isinstance(self.services.clock, FakeClock)
        return self.services.clock

    @property
    def tenant_id(self) -> str:
        """The company."""
        return self.shop.tenant.tenant_id

    def ask(self, *, when: str = "now", **changes: object) -> Reply:
        """Ask for the end of the account."""
        mine = self.shop.tenant
        body = {"when": when, "confirm": mine.subdomain, "password": mine.password, **changes}
        return mine.api.post("/v1/tenant/cancellation", json=body)

    def cancel(self, *, when: str = "now") -> Item:
        """Cancel the account and return how it stands then."""
        return ok(self.ask(when=when))

    def keep(self, after: timedelta = timedelta()) -> Any:
        """Let time pass, and the schedule look, though at no other company."""
        self.clock.advance(after)
        return keep_tenants(self.services, {"detail": {"tenant_id": self.tenant_id}})

    def order(self, **detail: object) -> Any:
        """Do what an operator's event asks for."""
        return keep_tenants(self.services, {"detail": detail})

    def purge(self) -> None:
        """Let the days of recovery pass with their last notice, and the schedule look until all is done."""
        self.keep(29 * DAY)
        self.keep(DAY)
        for _ in range(PASSES - 1):
            self.keep(HOUR)

    @property
    def state(self) -> str:
        """The company's state, as its own record has it."""
        return self.services.stores.of(tenant_id=self.tenant_id).profile().state.value

    def keys(self) -> dict[str, bool]:
        """The names of the company's keys, and whether each is there still."""
        with acting_for(self.tenant_id):
            items = list(WrappedKeyItem.query(f"{self.tenant_id}#KEYS", consistent_read=True))
        return {str(item.sk): item.destroyed_at is None for item in items}

    def mails(self, subject: str) -> list[str]:
        """To whom of the company mails with such a subject went, in their order."""
        sent = (mail for mail in self.services.mailer.sent if subject in mail.subject)
        return [mail.to for mail in sent if mail.to.endswith(f"@{self.shop.tenant.subdomain}.example")]

    def certificates(self) -> list[Item]:
        """The company's certificates, as the operator reads them."""
        found = self.order(certificates={})["certificates"]
        return [one for one in found if one["tenant_id"] == self.tenant_id]


@contextmanager
def killed_at(services: EngineServices, *, call: int, sent: bool) -> Iterator[list[str]]:
    """Kill the process at its n-th call of the database, before it is sent or after it was done.

    Yields the calls that were made.
    """
    # Models go by the connection of the newest database, which other tests may have opened.
    both = (services.database._connection, TenantsItem._get_connection().connection)
    events: list[Any] = [one.client.meta.events for one in {id(one): one for one in both}.values()]
    made: list[str] = []

    def before(*, model: Any, **_: object) -> None:
        made.append(str(model.name))
        if not sent and len(made) == call:
            raise Killed

    def after(**_: object) -> None:
        if sent and len(made) == call:
            raise Killed

    for one in events:
        one.register("before-call.dynamodb", before)
        one.register("after-call.dynamodb", after)
    try:
        yield made
    finally:
        for one in events:
            one.unregister("before-call.dynamodb", before)
            one.unregister("after-call.dynamodb", after)


def rows_about(engine: EngineHandle, words: list[str], *, at: datetime) -> list[str]:
    """Where in the tables of the platform any of the words stands, in what has not expired by then."""
    client = engine.client("dynamodb")
    found = []
    for table in client.list_tables()["TableNames"]:
        kind = table.split("-")[-2]
        if kind not in {"PlatformTable", "EphemeralTable"}:
            continue
        for page in client.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                if float(item.get("ttl", {}).get("N", "inf")) < at.timestamp():
                    continue
                text = json.dumps(item, default=repr)
                found += [f"{kind} {item['pk']['S']}" for word in words if word in text]
    return sorted(set(found))


def opened(services: EngineServices, tenant_id: str, items: list[Item]) -> dict[str, list[bytes]]:
    """Try every key that is left on everything that is sealed; return what each family opens."""
    keys, found = services.keyring.of(tenant_id=tenant_id), defaultdict(list)
    keys._tell = untold  # nobody needs to hear of it
    families = {name.partition("#")[0] for name in services.keyring._store.load(tenant_id=tenant_id)}
    for item in items:
        sealed = [b64decode(value["B"]) for value in item.values() if "B" in value]
        place = f"tenants|{item['pk']['S']}|{item['sk']['S']}|"
        for one, name, family in product(sealed, SEALED_NAMES, sorted(families)):
            with suppress(CiphertextRejected):
                plain = keys.open(family=family, place=f"{place}{name}", sealed=one)
                found[family].append(plain)
    return dict(found)


def objects_of(engine: EngineHandle, bucket: str, prefixes: Sequence[str]) -> list[bytes]:
    """The bodies of all objects of a bucket under any of the prefixes."""
    client = engine.client("s3")
    keys = [
        one["Key"]
        for prefix in prefixes
        for one in client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    ]
    return [client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]


def visitor(gateway: Gateway) -> ApiClient:
    """Who is not signed in, at an address of their own."""
    return ApiClient(gateway, caller=fresh_caller())


def little(gateway: Gateway, services: EngineServices, **person: str) -> Ending:
    """A company with a key of a program, and a subscriber who has an invoice."""
    shop = Shop(sign_up_and_in(visitor(gateway), services), services)
    created(shop.tenant.api.post("/v1/api-keys", json={"name": "Till", "permissions": ["payments:record"]}))
    known = {"name": "Ali Raza", "phone": "0300-1234567", "address": "Street 7, Lahore"}
    shop.subscriber(**{**known, **person})
    ending = Ending(shop, services)
    bill(ending)
    return ending


def bill(ending: Ending) -> None:
    """Give the company's subscriber an invoice."""
    api = ending.shop.tenant.api
    (subscriber,) = ok(api.get("/v1/subscribers"))["items"]
    path, key = f"/v1/subscribers/{subscriber['subscriber_id']}/invoices", {"Idempotency-Key": token_hex(8)}
    created(api.post(path, json={"lines": [line(50_000)]}, headers=key))


def bills_name(ending: Ending, *, year: int = 2041) -> set[str | None]:
    """Whom the invoices of a fiscal year name, None for nobody: there are some."""
    store = ending.services.stores.of(tenant_id=ending.tenant_id)
    page = store.invoices.by_number(fiscal_year=year, limit=10, after=None, newest_first=False)
    assert all(one.number.startswith(f"INV-{year}-") for one in page.items)
    return {one.recipient.name if one.recipient else None for one in page.items}


def journals_held_by(ending: Ending) -> set[str]:
    """Whose the company's journals of 2041 are, as the operator reads them: there are some."""
    asked = {"tenant_id": ending.tenant_id, "kind": "CJN", "fiscal_year": 2041, "reason": "a court"}
    return {one["account_id"].partition("_")[0] for one in ending.order(books=asked)["documents"]}


def chain_of(ending: Ending) -> Checked:
    """Compare all of the company's audit log with its chain and its anchors."""
    services, store = ending.services, ending.services.stores.of(tenant_id=ending.tenant_id)
    return check_chain(
        store=store,
        rounds=services.audit_rounds(tenant_id=ending.tenant_id),
        anchors=services.anchors,
        created_at=store.profile().created_at,
        at=services.clock.now(),
        out_of_time=lambda: False,
        tell=lambda _found, _news: None,
        full=True,
    )


def restored(engine: EngineHandle, services: EngineServices, items: list[Item]) -> None:
    """Put items back as they were, as a restored table has them."""
    client = engine.client("dynamodb")
    for item in items:
        raw = {name: {"B": b64decode(v["B"])} if "B" in v else v for name, v in item.items()}
        client.put_item(TableName=services.settings.tenants_table, Item=raw)


def actions(ending: Ending, month: str) -> set[str]:
    """What is in a month of the audit log."""
    return {item["action"]["S"] for item in ending.shop.items(f"AUD#{month}")}

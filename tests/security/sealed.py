"""Everything sealed that two tenants have, and how whoever uses the platform comes to read it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from chalicelib.api.errors import problem_of
from chalicelib.bootstrap import Services
from chalicelib.crypto.keyring import CiphertextRejected
from chalicelib.store import keys
from chalicelib.store.invoices import year_family
from chalicelib.store.late_fees import FEE_PREFIX
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.conftest import EngineServices, SignedIn, fresh_caller
from tests.integration.importing import Importer, mapping, people
from tests.integration.shop import Item, Shop, created, if_match, ok

FISCAL_YEAR = 2041
# What no answer and no log line may hold of a tenant: ``{}`` is its own word.
WORDS = ("Zainab{}", "House{}", "note{}", "z{}@")
# Attributes of bytes that are no ciphertext: identifiers in a register.
NOT_SEALED = {"e"}

Read = Callable[[], Reply]


@dataclass(frozen=True)
class Sealed:
    """A sealed attribute; ``read`` is what a client does that makes the platform open it."""

    owner: SignedIn = field(compare=False)
    table: str
    pk: str
    sk: str
    attribute: str
    read: Read = field(compare=False)

    @property
    def kind(self) -> str:
        """What it is, whoever's it is."""
        name = self.pk.split("#")[1]
        sort = self.sk.partition("#")[0] if name in {"A", "KEYS"} else ""
        return f"{name}/{sort}/{self.attribute}"

    @property
    def key(self) -> Item:
        """The item's key."""
        return {"pk": {"S": self.pk}, "sk": {"S": self.sk}}


@dataclass(frozen=True)
class Household:
    """A tenant with something of everything; ``word`` is in all of its personal data."""

    services: EngineServices
    tenant: SignedIn
    word: str
    posted: dict[str, tuple[str, Item]] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)

    def fill(self) -> None:
        """Sell, bill, waive a late fee, credit, take a payment, correct a name, and import."""
        shop, start = Shop(self.tenant, self.services), self.services.clock.now()
        package = shop.package()
        people_billed = [shop.subscriber(code=f"{self.word}-{n}", **self.person()) for n in range(2)]
        for one in people_billed:
            shop.subscribe(one, package)
        shop.bill(start + timedelta(days=1))
        mine, other = people_billed
        self.waive(shop.invoices(other)[0])
        for invoice in shop.invoices(mine):
            self.post(f"/v1/invoices/{invoice['invoice_id']}/credit-notes", self.credit())
        payment = {
            "amount": {"amount": 1_000, "currency": "PKR"},
            "channel": "cash",
            "reference": self.word,
            "note": f"note{self.word}",
        }
        self.post(f"/v1/subscribers/{mine['subscriber_id']}/payments", payment)
        renamed = {"name": f"Zainab{self.word} Aslam"}
        ok(
            self.tenant.api.patch(
                f"/v1/subscribers/{other['subscriber_id']}", json=renamed, headers=if_match(other)
            )
        )
        rows = people(f"I-{self.word},Zainab{self.word},12,,", f"J-{self.word},=Zainab{self.word},,,")
        shown = Importer(self.services, self.tenant).run(rows, mapping(date(2041, 6, 1)))
        assert shown["progress"]["failed_total"] == 2

    def waive(self, invoice: Item) -> None:
        """Waive a late fee of an invoice, for a reason."""
        made = created(
            self.tenant.api.post("/v1/late-fee-rules", json={"name": "Late", "grace_days": 5, "amount": 100})
        )
        path = f"/v1/invoices/{invoice['invoice_id']}/late-fees/{made['rule_id']}/waive"
        ok(self.tenant.api.post(path, json={"reason": f"note{self.word}"}))

    def person(self) -> Item:
        """A subscriber's personal data."""
        return {
            "name": f"Zainab{self.word}",
            "address": f"House{self.word}",
            "note": f"note{self.word}",
            "email": f"z{self.word}@zainab.example".lower(),
        }

    def credit(self) -> Item:
        """The body of the credit note."""
        return {"reason": "error", "note": f"note{self.word}"}

    def post(self, path: str, body: Item, *, expected: int | None = 201) -> Reply:
        """Post with an idempotency key that is the end of the path."""
        key = path[-40:]
        reply = self.tenant.api.post(path, json=body, headers={"Idempotency-Key": key})
        if expected is not None:
            assert reply.status == expected, reply.text
            self.posted[key] = (path, body)
            made = str(reply.json["document_id"])
            self.documents[made.partition("_")[2]] = made
        return reply

    def sealed(self) -> list[Sealed]:
        """Return all that is sealed; fails where something is that nobody here knows how to read."""
        shop = Shop(self.tenant, self.services)
        table = self.services.settings.tenants_table
        return [
            Sealed(self.tenant, table, item["pk"]["S"], item["sk"]["S"], name, self._reader(item, name))
            for item in shop.items()
            for name, value in item.items()
            if "B" in value and name not in NOT_SEALED
        ]

    def _reader(self, item: Item, attribute: str) -> Read:
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        kind, ulid, api = pk.split("#")[1], pk.rpartition("#")[2], self.tenant.api
        if attribute == "d" and sk == keys.PERSON:
            return lambda: api.get(f"/v1/subscribers/sbr_{ulid}")
        if kind == "A" and (path := self._path_of(ulid, sk)):
            return lambda: api.get(path)
        if kind == "DIR":
            return lambda: api.get("/v1/subscribers?limit=100")
        if kind == "STAFF":
            return lambda: api.get("/v1/me")
        if kind == "BIX":
            return self._log_in
        if kind == "IDEM":
            return lambda: self.post(*self.posted[sk.partition("#")[2]], expected=None)
        return self._opener(item, attribute)

    def _path_of(self, ulid: str, sk: str) -> str | None:
        """Return where what lies with an account is shown; None where no route shows it."""
        if sk.startswith("INV#"):
            return f"/v1/invoices/inv_{ulid}-{sk[4:]}"
        if sk.startswith("DOC#"):
            return f"/v1/documents/{self.documents[f'{ulid}-{sk[4:]}']}"
        return f"/v1/subscribers/sbr_{ulid}/late-fees" if sk.startswith(FEE_PREFIX) else None

    def _log_in(self) -> Reply:
        mine = self.tenant
        credentials = {"subdomain": mine.subdomain, "email": mine.email, "password": mine.password}
        return ApiClient(mine.api.gateway, caller=fresh_caller()).post("/v1/sessions", json=credentials)

    def _opener(self, item: Item, attribute: str) -> Read:
        """Return what opens an attribute that no route shows, and answers as the API does."""
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        family = {"who": "op", "rows": "op", "details": "audit", "personal": "op", "access": "op"}[attribute]

        def read() -> Reply:
            sealed = b64decode(stored(self.services, self.tenant, pk, sk)[attribute]["B"])
            tenant_keys = self.services.keyring.of(tenant_id=self.tenant.tenant_id)
            try:
                place = f"tenants|{pk}|{sk}|{attribute}"
                return Reply(200, {}, tenant_keys.open(family=family, place=place, sealed=sealed))
            except CiphertextRejected as error:
                body = json.dumps(problem_of(error, request_id="r-1"))
                return Reply(500, {"Content-Type": "application/problem+json"}, body.encode())

        return read


def stored(services: Services, tenant: SignedIn, pk: str, sk: str) -> Item:
    """Return an item of the tenants table as it lies there."""
    answer = services.wire.call(
        "GetItem",
        {
            "TableName": services.settings.tenants_table,
            "Key": {"pk": {"S": pk}, "sk": {"S": sk}},
            "ConsistentRead": True,
        },
    )
    item: Item = answer["Item"]
    return item


def wrapped_keys(house: Household) -> list[Sealed]:
    """Return the tenant's wrapped keys, each with what it takes to be read."""
    by_kind = {one.kind: one for one in house.sealed()}
    reads = {
        "root": by_kind["A/ACCOUNT/d"],
        "op#0001": by_kind["A/ACCOUNT/d"],
        "audit#0001": by_kind["AUD//details"],
        f"{year_family(FISCAL_YEAR)}#0001": by_kind["A/INV/who"],
        "index#0001": by_kind["BIX//person"],
    }
    pk = keys.wrapped_keys(house.tenant.tenant_id)
    table = house.services.settings.keys_table
    return [Sealed(house.tenant, table, pk, name, "wrapped", one.read) for name, one in reads.items()]


def put_attribute(services: Services, one: Sealed, value: bytes) -> None:
    """Write an attribute of bytes behind the platform's back."""
    services.wire.call(
        "UpdateItem",
        {
            "TableName": one.table,
            "Key": one.key,
            "UpdateExpression": "SET #a = :v",
            "ExpressionAttributeNames": {"#a": one.attribute},
            "ExpressionAttributeValues": {":v": {"B": b64encode(value).decode()}},
        },
    )


def get_attribute(services: Services, one: Sealed) -> bytes:
    """Read an attribute of bytes."""
    answer = services.wire.call("GetItem", {"TableName": one.table, "Key": one.key, "ConsistentRead": True})
    return b64decode(answer["Item"][one.attribute]["B"])

"""A fault in our own code reaches another tenant's items: the credentials it has are refused.

Each fault is a repository that is built for one tenant and asks for what is another's. With the
wall down every one of them succeeds, which shows that nothing else stops it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from pynamodb.exceptions import PynamoDBException

from chalicelib.bootstrap import Services
from chalicelib.jobs.audit import anchor_audit_chains, seal_audit_logs, verify_audit_chains
from chalicelib.jobs.billing import plan_billing
from chalicelib.store import keys
from chalicelib.store.acting import ByTenant, OfTenant, acting_for
from chalicelib.store.base import (
    DENIED,
    EphemeralItem,
    KeysItem,
    ModelWrite,
    PlatformItem,
    TenantsItem,
    check,
    delete,
    put,
    update,
)
from chalicelib.store.prepaid import running_accounts
from chalicelib.store.tenants import TenantItem
from chalicelib.store.usage import UsageItem
from chalicelib.store.wire import DynamoWire, RequestDenied, batch_get
from chalicelib.store.wrapped_keys import WrappedKeyItem
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.shop import Item as RawItem
from tests.integration.shop import Shop
from tests.uses import Use
from tests.wall import ROOT, Signer, Wall, WalledServices, allowed, statements_of

LOST = RuntimeError("the condition did not hold")
Fault = Callable[["Faulty"], object]


@pytest.fixture
def walled(services: EngineServices) -> Iterator[EngineServices]:
    """Services with a wall of their own, which the models go by for the time of a test."""
    assert services.database is not None, "it has bound the tables already"
    bound = [(base, base._connection) for base in (TenantsItem, PlatformItem, KeysItem, EphemeralItem)]
    mine = EngineServices(settings=services.settings, clock=services.clock, environment=services.environment)
    assert mine.database is not None, "it binds the tables"
    yield mine
    for base, connection in bound:
        base._connection = connection


class Faulty(OfTenant):
    """A repository of one tenant that takes another's keys for its own."""

    def __init__(self, *, tenant_id: str, services: Services, victim: str) -> None:
        self._tenant_id = tenant_id
        self._services = services
        self._wire: DynamoWire = services.wire
        self._table = services.settings.tenants_table
        self.pk = keys.tenant(victim)
        self.victim = victim

    def get(self) -> object:
        return TenantItem.get(self.pk, keys.PROFILE)

    def query(self) -> object:
        return list(TenantItem.query(self.pk))

    def query_lazily(self) -> Iterator[TenantItem]:
        return iter(TenantItem.query(self.pk))

    def step(self) -> Iterator[TenantItem]:
        yield from TenantItem.query(self.pk)

    def count(self) -> int:
        return TenantItem.count(self.pk)

    def get_among_own(self) -> object:
        own = (keys.tenant(self._tenant_id), keys.PROFILE)
        return list(TenantItem.batch_get([own, (self.pk, keys.PROFILE)]))

    def read_together(self) -> object:
        own = (TenantItem, keys.tenant(self._tenant_id), keys.PROFILE)
        return self._services.database.read_together(own, (TenantItem, self.pk, keys.PROFILE))

    def scan(self) -> object:
        return next(iter(TenantItem.scan()))

    def commit(self, write: ModelWrite) -> None:
        self._services.database.commit([write])

    def read_keys(self) -> object:
        return list(WrappedKeyItem.query(f"{self.victim}#KEYS"))

    def read_sessions(self) -> object:
        return EphemeralItem.get("SESSION#x", "SESSION")

    def read_registry(self) -> object:
        return list(PlatformItem.query("TENANTS#0"))

    def wire_query(self) -> object:
        return self._wire.call(
            "Query",
            {
                "TableName": self._table,
                "KeyConditionExpression": "pk = :p",
                "ExpressionAttributeValues": {":p": {"S": self.pk}},
            },
        )

    def wire_batch(self) -> object:
        wanted = [
            {"pk": {"S": pk}, "sk": {"S": keys.PROFILE}} for pk in (keys.tenant(self._tenant_id), self.pk)
        ]
        return batch_get(self._wire, table=self._table, keys=wanted)

    def wire_write(self) -> object:
        item = {"pk": {"S": f"{self.victim}#X"}, "sk": {"S": "X"}}
        put_it = {"Put": {"TableName": self._table, "Item": item}}
        return self._wire.call("TransactWriteItems", {"TransactItems": [put_it]})


def _put(at: Faulty) -> None:
    at.commit(put(UsageItem(f"{at.victim}#X", "X"), condition=None, refused=LOST))


def _update(at: Faulty) -> None:
    item = TenantItem(at.pk, keys.PROFILE)
    at.commit(update(item, actions=[TenantItem.version.set(1_000)], condition=None, refused=LOST))


def _check(at: Faulty) -> None:
    at.commit(check(TenantItem, at.pk, keys.PROFILE, condition=TenantItem.pk.exists(), refused=LOST))


READS: dict[str, Fault] = {
    "get": Faulty.get,
    "query": Faulty.query,
    "query, read later": lambda at: list(at.query_lazily()),
    "query, step by step": lambda at: list(at.step()),
    "count": Faulty.count,
    "get among its own": Faulty.get_among_own,
    "read together with its own": Faulty.read_together,
    "scan": Faulty.scan,
    "keys": Faulty.read_keys,
    "sessions": lambda at: _absent(at.read_sessions),
    "registry": Faulty.read_registry,
    "query by the run's client": Faulty.wire_query,
    "batch by the run's client": Faulty.wire_batch,
    "check": _check,
}
WRITES: dict[str, Fault] = {
    "put": _put,
    "update": _update,
    "delete": lambda at: at.commit(delete(UsageItem(at.pk, keys.PROFILE))),
    "write by the run's client": Faulty.wire_write,
}


def _absent(read: Callable[[], object]) -> None:
    with suppress(EphemeralItem.DoesNotExist):
        read()


@pytest.fixture
def faulty(walled: EngineServices, signed_in: SignedIn, other_tenant: SignedIn) -> Faulty:
    return Faulty(tenant_id=signed_in.tenant_id, services=walled, victim=other_tenant.tenant_id)


def raw(tenant: SignedIn, services: EngineServices) -> list[RawItem]:
    return Shop(tenant, services).items()


@pytest.mark.parametrize("what", [*READS, *WRITES])
def test_a_fault_in_a_repository_reaches_no_other_tenant(
    what: str, faulty: Faulty, walled: EngineServices, other_tenant: SignedIn
) -> None:
    before = raw(other_tenant, walled)

    with pytest.raises((PynamoDBException, RequestDenied)) as refused:
        {**READS, **WRITES}[what](faulty)

    assert getattr(refused.value, "cause_response_code", DENIED) == DENIED
    assert raw(other_tenant, walled) == before
    assert [tenant for tenant, _ in walled.wall.refused] == [faulty._tenant_id]


@pytest.mark.parametrize("what", [*READS, *WRITES])
def test_without_the_wall_it_would(what: str, faulty: Faulty, walled: EngineServices) -> None:
    walled.wall.standing = False

    {**READS, **WRITES}[what](faulty)


def test_a_function_by_itself_reaches_no_tenant(walled: EngineServices, signed_in: SignedIn) -> None:
    with pytest.raises(PynamoDBException):
        running_accounts(tenant_id=signed_in.tenant_id, at=walled.clock.now())

    [(tenant, use)] = walled.wall.refused
    assert (tenant, use.pk) == (None, keys.endings(signed_in.tenant_id))


def test_a_denied_request_is_a_failure_of_ours_and_tells_nothing(
    walled: EngineServices, signed_in: SignedIn, other_tenant: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given code that mixes up whose catalogue it lists
    monkeypatch.setattr(keys, "packages", lambda _: f"{other_tenant.tenant_id}#PKG")

    reply = signed_in.api.get("/v1/packages")

    assert reply.problem == (500, "internal_error", None)
    assert other_tenant.tenant_id not in reply.text


def test_a_tenants_credentials_are_asked_for_once(walled: EngineServices, signed_in: SignedIn) -> None:
    store = walled.stores.of(tenant_id=signed_in.tenant_id)

    for _ in range(3):
        store.profile()
        store.packages.list(limit=1, after=None)
        store.keys.blind(kind="email", value="a@b.example")

    assert list(walled.wall.sessions.values()) == [signed_in.tenant_id]
    assert walled.wall.checked > 3


def test_two_tenants_take_turns_in_one_process(
    walled: EngineServices, signed_in: SignedIn, other_tenant: SignedIn
) -> None:
    stores = [walled.stores.of(tenant_id=one.tenant_id) for one in (signed_in, other_tenant)]
    steps = [store.packages.list(limit=5, after=None) for store in stores]

    names = [store.profile().subdomain for store in (*stores, *stores)]

    assert names == [signed_in.subdomain, other_tenant.subdomain] * 2
    assert all(step.items == () for step in steps)
    assert sorted(walled.wall.sessions.values()) == sorted([signed_in.tenant_id, other_tenant.tenant_id])
    assert walled.wall.refused == []


def test_a_store_that_is_told_the_tenant_acts_for_that_one(signed_in: SignedIn) -> None:
    class Told(ByTenant):
        def read(self, *, tenant_id: str) -> int:
            return TenantItem.count(keys.tenant(tenant_id))

    with acting_for("ten_someone_else"):
        assert Told().read(tenant_id=signed_in.tenant_id) == 1


# -- functions that visit every tenant by their own roles -----------------------------------

JOBS = {
    "billing_planner": plan_billing,
    "audit_sealer": seal_audit_logs,
    "audit_anchorer": anchor_audit_chains,
    "audit_verifier": verify_audit_chains,
}


@pytest.fixture
def steward(
    request: pytest.FixtureRequest, services: EngineServices, signed_in: SignedIn
) -> Iterator[WalledServices]:
    """The services of such a function as they are deployed: without the tenant role."""
    assert services.database is not None, "it has bound the tables already"
    bound = [(base, base._connection) for base in (TenantsItem, PlatformItem, KeysItem, EphemeralItem)]
    settings = replace(services.settings, tenant_role_arn="")
    mine = WalledServices(settings=settings, clock=services.clock)
    mine.__dict__["wall"] = Wall(settings, own=(f"policy-{request.param}.json",))
    assert mine.database is not None, "it binds the tables"
    yield mine
    for base, connection in bound:
        base._connection = connection


@pytest.mark.parametrize(("steward", "name"), [(name, name) for name in JOBS], indirect=["steward"])
def test_what_visits_every_tenant_needs_no_more_than_its_own_policy(
    steward: WalledServices, name: str
) -> None:
    with suppress(RuntimeError):  # tenants of other tests may be in a state that cannot be dealt with
        JOBS[name](steward, {})

    assert steward.wall.checked > 0
    assert steward.wall.refused == []


@pytest.mark.parametrize("steward", list(JOBS), indirect=True)
def test_what_visits_every_tenant_reads_no_subscribers_and_no_keys(
    steward: WalledServices, signed_in: SignedIn
) -> None:
    store = steward.stores.of(tenant_id=signed_in.tenant_id)

    for read in (lambda: store.packages.list(limit=1, after=None), lambda: store.keys):
        with pytest.raises(PynamoDBException):
            read()


# -- the policy itself -----------------------------------------------------------------------

TABLES = {name: name for name in ("TenantsTable", "PlatformTable", "KeysTable", "EphemeralTable")}


def may(use: Use, tenant: str | None) -> bool:
    return allowed(use, signer=Signer(tenant, ("TenantRole",)), tables=TABLES)


@pytest.mark.parametrize(
    ("tenant", "pk"),
    [
        ("ten_1", "ten_2#T"),
        ("ten_1", "ten_11#T"),  # the delimiter belongs to the key
        ("ten_1", "ten_1"),
        ("ten_1", "TEN_1#T"),
        ("ten_1", None),  # a request that names no key
        (None, "#T"),  # a session without a tag, whose pattern would be "#*"
    ],
)
def test_the_role_reaches_its_own_keys_alone(tenant: str | None, pk: str | None) -> None:
    for table in ("TenantsTable", "KeysTable"):
        for action in ("GetItem", "Query", "PutItem"):
            assert may(Use(action, table, "ten_1#T"), "ten_1")
            assert not may(Use(action, table, pk), tenant), (table, action)


def test_the_role_neither_scans_nor_reads_what_is_not_the_tenants() -> None:
    for table in TABLES:
        assert not may(Use("Scan", table, None), "ten_1")
    for table, pk in (("PlatformTable", "TENANTS#0"), ("EphemeralTable", "ONCE#x")):
        assert not may(Use("GetItem", table, pk), "ten_1")
        assert not may(Use("Query", table, pk), "ten_1")


def may_by_itself(function: str, use: Use) -> bool:
    """What functions may without a tenant's credentials: backups are of everybody, sealed by their keys."""
    wrapped = use.action == "Query" and use.table == "KeysTable" and str(use.pk).endswith("#KEYS")
    whole = use.action == "Scan" and use.table == "TenantsTable"
    return {"backup_keeper": wrapped or whole, "restore_driller": wrapped}.get(function, False)


def test_no_function_reaches_people_or_keys_of_tenants_by_its_own_role() -> None:
    for path in sorted((ROOT / ".chalice").glob("policy-*.json")):
        function, signer = path.stem.removeprefix("policy-"), Signer(None, (path.name,))
        for pk in ("ten_1#T", "ten_1#STAFF", "ten_1#A#1", "ten_1#KEYS", "ten_1#PKG"):
            for action in ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "Scan"):
                for table in ("TenantsTable", "KeysTable"):
                    use = Use(action, table, pk)
                    reached = allowed(use, signer=signer, tables=TABLES)
                    assert reached is may_by_itself(function, use), (path.name, use)
        scanning = any("dynamodb:Scan" in one["Action"] for one in statements_of(path.name))
        assert scanning is (function in {"backup_keeper", "restore_driller"})

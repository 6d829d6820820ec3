"""An ISP whose tables can be put back as they were, and requests beside which something else happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Final

from chalice.app import Chalice

from chalicelib.api.routes import register
from chalicelib.local.gateway import Gateway
from chalicelib.store.acting import acting_for
from chalicelib.store.base import Database, ModelWrite, table_names
from chalicelib.store.wire import Json
from tests.fakes.clock import FakeClock
from tests.integration.conftest import NOW, EngineServices
from tests.integration.furnishing import Isp, furnished
from tests.integration.shop import ok

# From ten minutes before midnight in Karachi to ten after it: the next day's run is due.
EVENING: Final = NOW + timedelta(hours=12, minutes=50)
LATER: Final = timedelta(minutes=20)
Key = tuple[str, str]
Tables = dict[str, dict[Key, Json]]


class MetDatabase(Database):
    """A database before whose commits something else may happen."""

    meeting: Meeting

    def commit(self, writes: Sequence[ModelWrite]) -> None:
        """Commit, after what is to happen before."""
        self.meeting.before_commit()
        super().commit(writes)


class MetServices(EngineServices):
    """Services before whose commits something else may happen."""

    @classmethod
    def like(cls, services: EngineServices) -> MetServices:
        """The same with connections of their own."""
        return cls(settings=services.settings, clock=services.clock, environment=services.environment)

    @cached_property
    def meeting(self) -> Meeting:
        """What happens before which commit."""
        return Meeting()

    @cached_property
    def database(self) -> Database:
        """The process's database connection, guarded."""
        made = MetDatabase(
            settings=self.settings, patience=self.patience, credentials=self.acting_credentials
        )
        made.meeting = self.meeting
        return self.wall.guard(made)


@dataclass
class Meeting:
    """What is to happen just before which of a request's commits."""

    meddle: Callable[[], None] | None = None
    left: int = 0
    commits: int = 0

    def before_commit(self) -> None:
        """Let it happen once, by whoever it is done by."""
        self.commits += 1
        self.left -= 1
        if self.meddle is None or self.left:
            return
        meddle, self.meddle = self.meddle, None
        with acting_for(None):
            meddle()


@dataclass
class Company:
    """An ISP with everything, as it stands before each request."""

    isp: Isp
    services: MetServices
    first: Tables
    here: Tables

    @classmethod
    def of(cls, services: MetServices) -> Company:
        """Furnish it in the evening, so that the next day's run is due."""
        clock_of(services).set(EVENING)
        app = Chalice(app_name="isp-billing", configure_logs=False)
        register(app, lambda: services)
        isp = furnished(Gateway(app), services)
        ok(isp.shop.tenant.api.get("/v1/portal/me"))
        tables = dict(_tables(services))
        return cls(isp, services, tables, tables)

    def at_first(self) -> None:
        """Let it be as it was furnished, ten minutes after midnight."""
        clock_of(self.services).set(EVENING + LATER)
        self.services.database.bind()
        self.here = self.first
        self.put_back()

    def stand_here(self) -> None:
        """Let the tables be put back to what they are now."""
        self.here = dict(_tables(self.services))

    def meet(self, meddle: Callable[[], None], *, before: int = 1) -> None:
        """Let something happen just before the next commit, or a later one."""
        self.services.meeting.meddle, self.services.meeting.left = meddle, before

    @property
    def met(self) -> bool:
        """Whether it did happen."""
        return self.services.meeting.meddle is None

    def made(self) -> list[Json]:
        """The items that were stored for tenants since."""
        [table, *_] = table_names(self.services.settings)
        [now] = [items for name, items in _tables(self.services) if name == table]
        return [item for key, item in now.items() if key not in self.here[table]]

    def put_back(self) -> None:
        """Make the tables what they were."""
        self.services.meeting.meddle, self.services.meeting.commits = None, 0
        for table, now in _tables(self.services):
            before = self.here[table]
            for key in now.keys() - before.keys():
                self.services.wire.call("DeleteItem", {"TableName": table, "Key": _key(key)})
            for key, item in before.items():
                if now.get(key) != item:
                    self.services.wire.call("PutItem", {"TableName": table, "Item": item})


def clock_of(services: EngineServices) -> FakeClock:
    """The clock of every request."""
    assert isinstance(services.clock, FakeClock)
    return services.clock


def _key(key: Key) -> Json:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _tables(services: EngineServices) -> Iterator[tuple[str, dict[Key, Json]]]:
    for table in table_names(services.settings):
        yield table, {(item["pk"]["S"], item["sk"]["S"]): item for item in _scan(services, table)}


def _scan(services: EngineServices, table: str) -> Iterator[Json]:
    start: Json | None = {}
    while start is not None:
        page = services.wire.call("Scan", {"TableName": table, "ConsistentRead": True, **start})
        yield from page["Items"]
        last = page.get("LastEvaluatedKey")
        start = {"ExclusiveStartKey": last} if last else None

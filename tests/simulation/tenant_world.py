"""A platform whose clock is stepped to what happens next: companies' deeds, and schedules' passes."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final
from unittest.mock import patch

import pytest
from chalice.app import Chalice

from chalicelib.api.routes import register
from chalicelib.bootstrap import Services
from chalicelib.domain.purging import Purge, PurgeStep
from chalicelib.jobs.audit import seal_audit_logs
from chalicelib.jobs.endings import keep_tenants
from chalicelib.jobs.exports import work_exports
from chalicelib.jobs.imports import work_imports
from chalicelib.jobs.keys import keep_keys
from chalicelib.jobs.mails import send_mails
from chalicelib.jobs.policies import tell_of_policies
from chalicelib.jobs.privacy import keep_privacy_requests
from chalicelib.jobs.retention import keep_retention
from chalicelib.local.gateway import Gateway
from chalicelib.ports.services import Mail
from chalicelib.usecases import purging
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.fakes.queues import AtOnce
from tests.fakes.services import InMemoryMailer
from tests.fixtures_engine import EngineHandle
from tests.integration.conftest import NOW, EngineServices, fresh_caller
from tests.integration.endings import HOUR, Killed, killed_at
from tests.security.canaries import Canaries, fresh_word
from tests.simulation.deadlines import Deadlines
from tests.simulation.everything import Everything, Sealed, message_text
from tests.simulation.tenant_backups import Backups, take_backup
from tests.simulation.tenant_plans import PEOPLE

# Schedules pass each hour, some minutes past it.
PASS_MINUTE: Final = 7
# What schedules begin, in the order in which an hour's passes are run.
JOBS: Final[Mapping[str, Callable[[Services, Mapping[str, Any]], Any]]] = {
    "tenants": keep_tenants,
    "privacy": keep_privacy_requests,
    "keys": keep_keys,
    "retention": keep_retention,
    "policies": tell_of_policies,
    "audit": seal_audit_logs,
    "backups": take_backup,
}


@dataclass
class Letters(InMemoryMailer):
    """Mail, and when each was sent."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    dated: list[tuple[datetime, Mail]] = field(default_factory=list)

    def send(self, *, mail: Mail) -> None:
        """Keep the mail with its time."""
        super().send(mail=mail)
        self.dated.append((self.clock.now(), mail))


class Told(AtOnce):
    """A queue whose worker takes each message at once, and that is looked through like any other."""

    def __init__(self, services: Services, work: Callable[..., Any], told: list[str]) -> None:
        super().__init__(services, work)
        self._told = told

    def send(self, *, message: Mapping[str, object], delay_seconds: int = 0) -> None:
        """Write the message down, and do the work."""
        self._told.append(message_text(message))
        super().send(message=message, delay_seconds=delay_seconds)


@dataclass(frozen=True)
class LifeServices(EngineServices):
    """The services of a simulation: workers take their messages at once."""

    told: list[str] = field(default_factory=list)

    @cached_property
    def mailer(self) -> Letters:
        """Mail with its time."""
        assert isinstance(self.clock, FakeClock)
        return Letters(clock=self.clock)

    @cached_property
    def mail_queue(self) -> Told:
        """Mails that are sent when they are asked for."""
        return Told(self, send_mails, self.told)

    @cached_property
    def export_queue(self) -> Told:
        """Exports and requests about people's data, done when they are asked for."""
        return Told(self, work_exports, self.told)

    @cached_property
    def import_queue(self) -> Told:
        """Imports, done when they are asked for."""
        return Told(self, work_imports, self.told)


@dataclass
class World:
    """One platform and its clock; what happens is queued by its instant."""

    services: LifeServices
    engine: EngineHandle
    canaries: Canaries
    everything: Everything
    backups: Backups
    deadlines: Deadlines = field(default_factory=Deadlines)
    kills: int = 0
    # Of whom a purge is to be killed: in which steps, and at which call of the database in each.
    doomed: dict[str, dict[PurgeStep, int]] = field(default_factory=dict)
    _next: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    _passes: dict[datetime, set[str]] = field(default_factory=dict)
    _order: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    def make(cls, engine: EngineHandle, services: EngineServices, tenants: int) -> World:
        """A world of so many companies on an engine, at ``NOW``."""
        word = fresh_word()
        # Weeks are the same for all worlds of an engine, and a week has one backup.
        engine.client("s3").create_bucket(Bucket=f"backups-{word}")
        settings = replace(services.settings, backups_bucket=f"backups-{word}")
        mine = LifeServices(settings=settings, clock=FakeClock(NOW), environment=services.environment)
        everything = Everything(mine, engine, Sealed(), messages=mine.told)
        everything.before = set(everything.keys_of_files())
        return cls(mine, engine, Canaries(word, tenants * PEOPLE), everything, Backups(everything))

    @cached_property
    def gateway(self) -> Gateway:
        """The API."""
        app = Chalice(app_name="isp-billing", configure_logs=False)
        register(app, lambda: self.services)
        return Gateway(app)

    @property
    def clock(self) -> FakeClock:
        """The clock of everything."""
        assert isinstance(self.services.clock, FakeClock)
        return self.services.clock

    @property
    def now(self) -> datetime:
        """What the clock shows."""
        return self.clock.now()

    def visitor(self) -> ApiClient:
        """Who is not signed in."""
        return ApiClient(self.gateway, caller=fresh_caller())

    # -- what happens -------------------------------------------------------------------------

    def at(self, when: datetime, happens: Callable[[], None]) -> None:
        """Have something happen at an instant that is to come."""
        assert when >= self.now, "that is over"
        heapq.heappush(self._next, (when, next(self._order), happens))

    def hour(self, when: datetime, *jobs: str) -> datetime:
        """Have schedules pass when they next do, within the hour, and return when that is."""
        hour = when.replace(minute=PASS_MINUTE, second=0, microsecond=0)
        hour += HOUR if hour < when else timedelta()
        self.exactly(hour, *jobs)
        return hour

    def exactly(self, when: datetime, *jobs: str) -> None:
        """Have schedules pass at an instant, each once, however many ask for it."""
        if when not in self._passes:
            self._passes[when] = set()
            self.at(when, lambda: self._pass(when))
        self._passes[when] |= set(jobs)

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Let everything happen, until nothing is to come, or something is so."""
        while self._next and not until():
            when, _, happens = heapq.heappop(self._next)
            self.clock.set(max(when, self.now))
            happens()

    def _pass(self, when: datetime) -> None:
        asked = self._passes.pop(when)
        for name, job in JOBS.items():
            if name in asked:
                job(self.services, {})

    # -- kills --------------------------------------------------------------------------------

    @contextmanager
    def living(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Watch what is sealed, and kill passes that are to be killed."""
        self.everything.sealed.watch(monkeypatch)
        with patch.dict(
            purging._STEPS, {step: self._deadly(step, does) for step, does in purging._STEPS.items()}
        ):
            yield

    def _deadly(self, step: PurgeStep, does: Callable[..., Purge | None]) -> Callable[..., Purge | None]:
        """A step that dies once of whoever is doomed: at a call, or done and not written down."""

        def deadly(pass_: Any, work: Purge) -> Purge | None:
            call = self.doomed.get(work.tenant_id, {}).pop(step, None)
            if call is None:
                return does(pass_, work)
            self.kills += 1
            with killed_at(self.services, call=call, sent=call % 2 == 1):
                does(pass_, work)
            raise Killed

        return deadly

"""A simulated company: what there is of it, what it remembers to compare with, and a search for the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from chalicelib.domain.purging import Purge
from chalicelib.domain.tenants import Tenant
from chalicelib.store.purges import DynamoPurges
from tests.integration.endings import Ending
from tests.integration.shop import Item, Shop, ok
from tests.simulation.everything import Text
from tests.simulation.tenant_founding import company_name
from tests.simulation.tenant_leaks import ALIVE, Search
from tests.simulation.tenant_plans import Plan
from tests.simulation.tenant_world import World

Stored = dict[tuple[str, str], Item]

# What schedules write beside a company's data, whatever becomes of it: the chain of its log, how far that
# was verified, holds, accesses of support, reminders of a breach.
BESIDE = {"CHAIN", "VERIFIED", "HOLD", "SUPPORT", "BREACH"}
# What retention takes away of an account that is not held, in recovery too: jobs, and parts of items.
TIDIED = {"JOB", "RETENTION"}
# Of an entry in the log the address, of a privacy request what was said in it.
TIDIED_OF_ITEMS = {"access", "asked"}


@dataclass
class Company:
    """One company of the world; ``backups`` are copies of its items, which outlive them."""

    world: World
    plan: Plan
    shop: Shop
    began: datetime
    ending: Ending = field(init=False)
    people: list[Item] = field(init=False)
    subscribers: list[Item] = field(init=False)
    backups: list[list[Item]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ending = Ending(self.shop, self.world.services)
        self.people = [self.world.canaries.person(number) for number in self.plan.numbers]
        self.subscribers = self.listed()

    @property
    def tenant_id(self) -> str:
        """The company."""
        return self.shop.tenant.tenant_id

    def listed(self) -> list[Item]:
        """Its subscribers as staff see them, in the order of ``people``."""
        found = {one["name"]: one for one in ok(self.shop.tenant.api.get("/v1/subscribers"))["items"]}
        assert len(found) == len(self.people)
        return [found[one["name"]] for one in self.people]

    @property
    def record(self) -> Tenant:
        """Its own record."""
        return self.world.services.stores.of(tenant_id=self.tenant_id).profile()

    @property
    def purge(self) -> Purge | None:
        """How far its purge is."""
        return DynamoPurges(database=self.world.services.database).get(tenant_id=self.tenant_id)

    @property
    def alive(self) -> bool:
        """Whether it works."""
        return self.ending.state == "active"

    def back_up(self) -> None:
        """Keep a copy of its items."""
        self.backups.append(self.shop.items())

    # -- what there was, and is ----------------------------------------------------------------

    def stored(self) -> Stored:
        """Its items as they lie there."""
        return {(one["pk"]["S"], one["sk"]["S"]): one for one in self.shop.items()}

    def same(self, before: Stored, *, tidied: bool) -> None:
        """What there was is there, byte for byte, but for what retention takes away."""
        now, moving = self.stored(), BESIDE | (TIDIED if tidied else set())
        for key, item in before.items():
            if key[0].split("#")[1] in moving:
                continue
            there = now.get(key, {})
            if key[1] == "PROFILE":
                assert _without_ending(there) == _without_ending(item)
                continue
            gone = TIDIED_OF_ITEMS - set(there) if tidied else set()
            assert _ends(there) >= _ends(item), "a hold moves on what would end by itself"
            assert there | {"ttl": {}} == {n: v for n, v in item.items() if n not in gone} | {"ttl": {}}, key

    # -- its calendar --------------------------------------------------------------------------

    def today(self) -> date:
        """The day where it is."""
        return self.world.now.astimezone(ZoneInfo(self.plan.zone)).date()

    def midnight(self, on: date) -> datetime:
        """The first instant of a day where it is."""
        return datetime.combine(on, time(), tzinfo=ZoneInfo(self.plan.zone)).astimezone(UTC)

    def thirty_days_after(self, at: datetime) -> datetime:
        """The same time of the day by its clock, and no sooner than after 720 hours."""
        by_its_clock = at.astimezone(ZoneInfo(self.plan.zone)) + timedelta(days=30)
        return max(at + timedelta(days=30), by_its_clock.astimezone(UTC))

    def fiscal_year(self, at: datetime) -> int:
        """The fiscal year of an instant, by the year in which it ends."""
        day, month = at.astimezone(ZoneInfo(self.plan.zone)).date(), self.plan.fiscal_month
        return day.year + 1 if month > 1 and day.month >= month else day.year

    def year_begins(self, year: int) -> datetime:
        """The first instant of a fiscal year."""
        month = self.plan.fiscal_month
        return self.midnight(date(year if month == 1 else year - 1, month, 1))

    @property
    def billed_in(self) -> int:
        """The fiscal year of its first invoices."""
        return self.fiscal_year(self.began)

    # -- looking -------------------------------------------------------------------------------

    def searched(self, stage: str) -> Search:
        """Look everywhere, and find nothing that may not be there."""
        search = self.search(stage)
        assert not search.leaks, search.leaks[:20]
        if stage != ALIVE:
            self.no_mail_since()
        return search

    def looking_for(self, stage: str) -> Search:
        """A search that has not looked anywhere yet."""
        name = company_name(self.world.canaries.word, self.plan.number)
        return Search(self.world.canaries, self.tenant_id, name, stage)

    def search(self, stage: str) -> Search:
        """Look everywhere for what may not be there, in copies of the tables from before too."""
        world, search = self.world, self.looking_for(stage)
        search.read(world.everything.texts(tenant_id=self.tenant_id))
        search.read(world.backups.texts(tenant_id=self.tenant_id))
        if stage != ALIVE:
            for copy in self.backups:
                search.read(_sealed(world.everything.items("backup", copy)))
        return search

    def has_address(self, address: str) -> bool:
        """Whether an address of mail is one of its people's, or of its staff."""
        here = f"@{self.shop.tenant.subdomain}.example"
        return address.endswith(here) or address in {one["email"] for one in self.people}

    def no_mail_since(self) -> None:
        """Nobody of the company is written to after the certificate."""
        purge = self.purge
        assert purge is not None
        assert purge.finished_at is not None
        sent = self.world.services.mailer.dated
        assert not [mail.subject for at, mail in sent if at > purge.finished_at and self.has_address(mail.to)]


def _ends(item: Item) -> float:
    """When an item ends by itself, in seconds since 1970."""
    return float(item.get("ttl", {}).get("N", "inf"))


def _without_ending(profile: Item) -> Item:
    """A company's record but for how its ending stands."""
    data = json.loads(profile["data"]["S"])
    return {name: value for name, value in data.items() if name not in {"ending", "state", "version"}}


def _sealed(texts: Iterable[Text]) -> Iterable[Text]:
    """Of a copy of the tables only what is sealed: what lies there plainly is looked at where it lies."""
    return (one for one in texts if one.family)

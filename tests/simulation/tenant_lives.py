"""Simulated companies from their beginning to their end: cancelled, recovered, held, purged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import pytest

from chalicelib.crypto.keyring import KeyDestroyed
from chalicelib.domain.lifecycle import NOTICES
from chalicelib.domain.purging import ORDER
from tests.integration.endings import DAY, HOUR, Killed, bills_name, chain_of
from tests.integration.shop import ok
from tests.simulation.everything import IN_BACKUP
from tests.simulation.tenant_backups import take_backup
from tests.simulation.tenant_books import BILLED_AGAIN_AFTER, Books
from tests.simulation.tenant_company import Company, Stored
from tests.simulation.tenant_founding import SHORTENED_DAYS, billed, exported
from tests.simulation.tenant_leaks import ALIVE, PURGED
from tests.simulation.tenant_plans import Fate
from tests.simulation.tenant_rights import Rights

SECOND: Final = timedelta(seconds=1)
# The passes of a purge: it stops, deletes and certifies, and seals.
PURGE_HOURS: Final = 3
NOTICE_SUBJECTS: Final = {30: "in 30 days", 14: "in 14 days", 7: "in 7 days", 1: "tomorrow"}
COMING_BACK: Final = {Fate.RECOVERS, Fate.RETURNS}
HELD: Final = {Fate.HELD, Fate.RELEASED}


@dataclass
class Life:
    """What happens to a company; ``fate`` may change on the way."""

    company: Company
    fate: Fate = field(init=False)
    books: Books = field(init=False)
    before: Stored = field(default_factory=dict)
    held: Stored = field(default_factory=dict)
    hold_id: str = ""

    def __post_init__(self) -> None:
        self.fate = self.company.plan.fate
        self.books = Books(self.company)

    def begin(self) -> None:
        """Plan it."""
        company, plan, world = self.company, self.company.plan, self.company.world
        rights = Rights(company)
        if plan.number % 2 == 0:
            rights.watch_export(exported(company.shop))
        company.back_up()
        if plan.shortens:
            rights.watch_jobs(SHORTENED_DAYS)
        world.at(company.began + BILLED_AGAIN_AFTER, self._bill_again)
        if plan.asks_after is not None:
            world.at(company.began + plan.asks_after, rights.ask)
        if self.fate is Fate.STAYS:
            self.books.watch_old_year()
            return
        ends = company.began + plan.ends_after
        world.at(ends, self._cancel)
        if self.fate in HELD and plan.held_after < timedelta():
            world.at(max(ends + plan.held_after, company.began + HOUR), self._hold)

    def _bill_again(self) -> None:
        """Bill in a later fiscal year, where the company works still."""
        if self.company.ending.state == "active":
            self.company.shop.sign_in_again()
            billed(self.company.shop, self.company.subscribers[0])

    # -- recovery -----------------------------------------------------------------------------

    def _cancel(self) -> None:
        """The owner cancels."""
        company, world = self.company, self.company.world
        company.shop.sign_in_again()
        company.back_up()
        at_end, reason = company.plan.at_months_end, f"{world.canaries.word} closes the shop"
        shown = ok(company.ending.ask(when="end_of_month" if at_end else "now", reason=reason))
        self.before = company.stored()
        if at_end:
            ends = datetime.fromisoformat(shown["ending"]["ends_at"])
            assert ends == company.midnight((company.today().replace(day=1) + 32 * DAY).replace(day=1))
            world.at(world.hour(ends, "tenants") + SECOND, lambda: self._in_recovery(ends))
        else:
            self._in_recovery(world.now)

    def _in_recovery(self, ends: datetime) -> None:
        """Plan the thirty days, which have begun."""
        company, world, plan = self.company, self.company.world, self.company.plan
        record = company.record
        assert record.ending is not None
        began, due = record.ending.ends_at, company.thirty_days_after(record.ending.ends_at)
        assert (record.state.value, record.ending.purge_at) == ("recovery", due)
        world.deadlines.note("an account ends when its owner wanted it", due=ends, done=began, grace=HOUR)
        for days in NOTICES:
            self._watch_notice(days, began, due)
        if self.fate in COMING_BACK:
            world.at(max(began + plan.back_after, world.now), lambda: self._recover(began))
            return
        if self.fate in HELD and not self.hold_id:
            world.at(max(began + plan.held_after, world.now), self._hold)
        world.at(due - 3 * DAY, self._export_at_last)
        world.at(due - SECOND, self._eve)
        if self.fate is Fate.KILLED:
            world.at(due, self._doomed)
        else:
            self._purge(due, self._untouched if self.fate in HELD else lambda: self._purged(due))
        if self.fate is Fate.RELEASED:
            world.at(due + plan.held_for, self._release)

    def _watch_notice(self, days: int, began: datetime, purge_at: datetime) -> None:
        company, world = self.company, self.company.world
        due = max(purge_at - timedelta(days=days), began)

        def waits() -> bool:
            ending = company.record.ending
            return company.ending.state == "recovery" and ending is not None and ending.ends_at == began

        def given() -> list[datetime]:
            subject, owner = NOTICE_SUBJECTS[days], company.shop.tenant.email
            sent = world.services.mailer.dated
            return [
                at for at, one in sent if one.to == owner and one.subject.endswith(subject) and at >= began
            ]

        def early() -> None:
            if waits():
                company.ending.keep()
                assert not given()

        def there() -> None:
            if waits():
                [at] = given()
                world.deadlines.note(f"owners are told {days} days before", due=due, done=at, grace=HOUR)

        def once() -> None:
            assert not waits() or len(given()) == 1

        if days == company.plan.early_notice:
            world.at(due - SECOND, early)
        world.at(world.hour(max(due, world.now), "tenants") + SECOND, there)
        world.at(purge_at - 2 * SECOND, once)

    def _recover(self, began: datetime) -> None:
        """The owner brings the account back, which is as it was."""
        company, world = self.company, self.company.world
        company.shop.sign_in_again()
        assert ok(company.shop.tenant.api.post("/v1/tenant/recovery"))["state"] == "active"
        company.same(self.before, tidied=True)
        assert company.listed() == company.subscribers
        world.deadlines.note(
            "an account is back within its 30 days", due=began, done=world.now, grace=30 * DAY
        )
        if self.fate is Fate.RETURNS:
            self.fate = Fate.PURGED
            world.at(world.now + 40 * DAY, self._cancel)
        else:
            self.books.watch_old_year()

    # -- holds --------------------------------------------------------------------------------

    def _hold(self) -> None:
        """The operator holds the company's data."""
        company = self.company
        hold = {"tenant_id": company.tenant_id, "category": company.plan.hold, "reason": "a lawsuit"}
        self.hold_id = company.ending.order(hold=hold)["hold_id"]
        self.held = company.stored()

    def _untouched(self) -> None:
        """What is held is as it was."""
        company = self.company
        assert company.ending.state == "recovery"
        company.same(self.held, tidied=company.plan.hold == "billing")
        assert all(company.ending.keys().values())

    def _release(self) -> None:
        """The operator lifts the hold, and the next pass does what was due."""
        company = self.company
        self._untouched()
        company.ending.order(lift={"tenant_id": company.tenant_id, "hold_id": self.hold_id})
        lifted = company.world.now
        self._purge(lifted, lambda: self._purged(lifted))

    def end(self) -> None:
        """When all is over: who is held for good is as on the first day, its bills too."""
        if self.fate is Fate.HELD:
            self._untouched()
            self.company.world.services.keyring._cache.clear()
            assert bills_name(self.company.ending, year=self.company.billed_in) == {self.books.name}

    # -- the purge ----------------------------------------------------------------------------

    def _export_at_last(self) -> None:
        """An owner looks once more, and leaves a file behind."""
        self.company.shop.sign_in_again()
        exported(self.company.shop)

    def _eve(self) -> None:
        """A second before the thirty days are over everything is there, and the search finds it."""
        company, world = self.company, self.company.world
        company.ending.keep()
        assert company.ending.state == "recovery"
        company.back_up()
        take_backup(world.services, {})
        search = company.searched(ALIVE)
        for kind in ("tenants table", IN_BACKUP):
            self._everything_in(
                {
                    family: b"\n".join(found).decode()
                    for (at, family), found in search.opened.items()
                    if at == kind
                }
            )
        assert search.files == {"exports", "imports"}

    def _everything_in(self, read: Mapping[str, str]) -> None:
        """What was read by each family of keys has all of the people, bills, and words."""
        for value in (value for person in self.company.people for value in person.values()):
            assert value in read["op"] or value.replace("-", "") in read["op"], "the search opens it"
        kept = "".join(text for family, text in read.items() if family.startswith("bill-"))
        assert self.books.name in kept
        assert f"{self.company.world.canaries.word} closes the shop" in read["op"]

    def _purge(self, due: datetime, then: Callable[[], None]) -> None:
        """Have the hours' passes purge it, and look afterwards."""
        hour, world = due, self.company.world
        for _ in range(PURGE_HOURS):
            hour = world.hour(hour, "tenants") + SECOND
        world.at(hour, then)

    def _doomed(self) -> None:
        """From now on passes follow each other that die in each step, once."""
        world = self.company.world
        world.doomed[self.company.tenant_id] = dict(zip(ORDER, self.company.plan.calls, strict=False))
        self._killed(world.now)

    def _killed(self, due: datetime) -> None:
        company, world = self.company, self.company.world
        with suppress(Killed):
            company.ending.keep()
        purge = company.purge
        if purge is not None and purge.finished_at is not None and not world.doomed[company.tenant_id]:
            self._purged(due)
            return
        waits = purge.not_before if purge is not None else None
        following = max(world.now + timedelta(seconds=10), waits or world.now)
        assert following < due + HOUR, "it comes to an end"
        world.at(following, lambda: self._killed(due))

    def _purged(self, due: datetime) -> None:
        """What is left after a purge is what the law keeps, and is certified."""
        company, world = self.company, self.company.world
        purge = company.purge
        assert purge is not None
        assert purge.finished_at is not None
        assert company.ending.state == "purged"
        world.deadlines.note("a purge begins on day 30", due=due, done=purge.started_at, grace=HOUR)
        world.deadlines.note("a purge is done", due=due, done=purge.finished_at, grace=PURGE_HOURS * HOUR)
        company.searched(PURGED)
        with pytest.raises(KeyDestroyed):
            world.services.keyring.of(tenant_id=company.tenant_id).blind(kind="email", value="x")
        assert not [pk for pk, _ in company.stored() if pk.split("#")[1] in {"BIX", "DIR", "STAFF"}]
        self.books.certified()
        assert chain_of(company.ending).faults == 0
        self.books.begin(purge.finished_at)

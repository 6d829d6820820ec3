"""What the law keeps of a simulated company: there to the last second of its time, and gone after it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import pytest

from chalicelib.domain.errors import DomainError
from chalicelib.domain.lifecycle import KEPT_FISCAL_YEARS
from chalicelib.domain.purging import NOTICE_FAMILY
from tests.integration.endings import DAY, HOUR, Killed, bills_name, killed_at
from tests.simulation.tenant_company import Company
from tests.simulation.tenant_leaks import PURGED, SHREDDED
from tests.simulation.tenant_plans import Fate

SECOND: Final = timedelta(seconds=1)
FREED_AFTER: Final = timedelta(days=90)
# So many calls of a pass list the companies, and read the one that it looks at.
LISTING_CALLS: Final = 20
SHREDDING_KILLS: Final = 4


@dataclass
class Books:
    """The books of a company that is purged, or of one that goes on."""

    company: Company
    hold_id: str = ""

    @property
    def name(self) -> str:
        """Whom the invoices name."""
        return str(self.company.people[0]["name"])

    # -- of a company that is purged ------------------------------------------------------------

    def begin(self, finished: datetime) -> None:
        """Plan what is due after a purge."""
        company, world = self.company, self.company.world
        world.at(finished + FREED_AFTER - SECOND, lambda: self._subdomain(taken=True))
        freed = world.hour(finished + FREED_AFTER, "tenants")
        world.at(freed + SECOND, lambda: self._subdomain(taken=False))
        if company.plan.fate is Fate.BOOKS_HELD:
            world.at(finished + 10 * DAY, self._hold)
        ends = company.year_begins(company.fiscal_year(finished) + KEPT_FISCAL_YEARS + 1)
        world.exactly(ends - 2 * SECOND, "tenants", "keys")
        world.at(ends - SECOND, lambda: self._last_second(ends))
        if company.plan.fate is Fate.KILLED:
            world.at(ends + SECOND, self._killed)
        world.at(world.hour(ends, "tenants", "keys") + SECOND, lambda: self._over(ends))

    def certified(self) -> None:
        """There is one certificate, its code is right, and the owner has it."""
        company, world = self.company, self.company.world
        [certificate] = company.ending.certificates()
        keys = world.services.keyring.of(tenant_id=company.tenant_id)
        message = certificate["certificate"].encode()
        assert keys.authenticate(family="audit", message=message) == certificate["hmac_sha256"]
        assert certificate["sha256"] == sha256(message).hexdigest()
        told = {
            mail.text
            for _, mail in world.services.mailer.dated
            if (mail.to, mail.subject) == (company.shop.tenant.email, "Your company's data is deleted")
        }
        assert [certificate["sha256"] in text for text in told] == [True]
        destroyed = json.loads(certificate["certificate"])["keys_destroyed"]
        gone = {name for name, there in company.ending.keys().items() if not there}
        assert {name.partition("#")[0] for name in gone} == {"op", "index", NOTICE_FAMILY}
        # The last of them goes with the mail, when the certificate is written.
        assert {one["name"] for one in destroyed} == {
            one for one in gone if not one.startswith(NOTICE_FAMILY)
        }

    def _subdomain(self, *, taken: bool) -> None:
        found = self.company.world.services.tenants.find(subdomain=self.company.shop.tenant.subdomain)
        assert (found is not None) is taken

    def _read(self) -> set[str | None]:
        """Whom its first invoices name, as the operator reads them; None for nobody."""
        company = self.company
        asked = {"tenant_id": company.tenant_id, "kind": "INV", "fiscal_year": company.billed_in}
        found = company.ending.order(books={**asked, "reason": "a tax office"})["documents"]
        assert found
        return {one["recipient"]["name"] if one["recipient"] else None for one in found}

    def _hold(self) -> None:
        hold = {"tenant_id": self.company.tenant_id, "category": "billing", "reason": "a lawsuit"}
        self.hold_id = self.company.ending.order(hold=hold)["hold_id"]

    def _last_second(self, ends: datetime) -> None:
        """The books are read in the last second of the seventh year after; older ones name nobody."""
        company = self.company
        last_year = company.fiscal_year(ends - SECOND) - KEPT_FISCAL_YEARS
        named = company.billed_in == last_year or self.hold_id
        assert company.ending.state == "purged"
        assert self._read() == {self.name if named else None}
        company.searched(PURGED)

    def _killed(self) -> None:
        """Passes die while what was kept is deleted, each at a later call; the hour's own ends it."""
        company, world = self.company, self.company.world
        for call in company.plan.calls[:SHREDDING_KILLS]:
            try:
                with killed_at(world.services, call=LISTING_CALLS + call, sent=call % 2 == 1):
                    company.ending.keep()
            except Killed:
                world.kills += 1

    def _over(self, ends: datetime) -> None:
        """After the seventh year nothing is left but that there was a company; unless it is held."""
        company, world = self.company, self.company.world
        if self.hold_id:
            assert (company.ending.state, self._read()) == ("purged", {self.name})
            lift = {"tenant_id": company.tenant_id, "hold_id": self.hold_id}
            company.ending.order(lift=lift)
            self.hold_id, lifted = "", world.now
            world.at(world.hour(lifted, "tenants", "keys") + SECOND, lambda: self._over(lifted))
            return
        [_, last] = company.ending.certificates()
        issued = datetime.fromisoformat(last["issued_at"])
        world.deadlines.note("the books are gone after year 7", due=ends, done=issued, grace=HOUR)
        assert company.ending.state == "shredded"
        assert not any(company.ending.keys().values())
        with pytest.raises(DomainError):
            self._read()
        company.searched(SHREDDED)

    # -- of a company that goes on --------------------------------------------------------------

    def watch_old_year(self) -> None:
        """Whom old invoices name goes when seven years are over; younger ones are as they were."""
        company, world = self.company, self.company.world
        ends = company.year_begins(company.billed_in + KEPT_FISCAL_YEARS + 1)
        later = company.fiscal_year(company.began + BILLED_AGAIN_AFTER)

        def there() -> None:
            assert bills_name(company.ending, year=company.billed_in) == {self.name}

        def gone() -> None:
            world.services.keyring._cache.clear()
            assert bills_name(company.ending, year=company.billed_in) == {None}
            assert bills_name(company.ending, year=later) == {self.name}
            world.deadlines.note("old years' people are gone after year 7", due=ends, done=hour, grace=HOUR)

        world.exactly(ends - 2 * SECOND, "keys")
        world.at(ends - SECOND, there)
        hour = world.hour(ends, "keys")
        world.at(hour + SECOND, gone)


# When who goes on bills again, in a later fiscal year.
BILLED_AGAIN_AFTER: Final = timedelta(days=2_000)

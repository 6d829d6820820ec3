"""Files that expire, and requests about people's data: what is due, and that it is done then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from tests.integration.endings import DAY, HOUR
from tests.integration.shop import Item, created, ok
from tests.simulation.tenant_company import Company

SECOND: Final = timedelta(seconds=1)
REMINDED: Final = (14, 7, 2)


@dataclass
class Rights:
    """A company that keeps deadlines towards people, or one of two late."""

    company: Company

    def watch_export(self, export_id: str) -> None:
        """An export can be had for seven days."""
        company, world = self.company, self.company.world
        made, path = world.now, f"/v1/exports/{export_id}/download"

        def there() -> None:
            if company.alive:
                company.shop.sign_in_again()
                ok(company.shop.tenant.api.get(path))

        def gone() -> None:
            if company.alive:
                assert company.shop.tenant.api.get(path).code == "file_expired"
                world.deadlines.note("an export is gone after 7 days", due=made + 7 * DAY, done=world.now)

        world.at(made + 7 * DAY - SECOND, there)
        world.at(made + 7 * DAY, gone)

    def watch_jobs(self, days: int) -> None:
        """What there is of an import or export goes so many days after its end, by the day's pass."""
        company, world = self.company, self.company.world
        # What has an expiry of its own goes by that.
        jobs = {key for key, item in company.stored().items() if "#JOB#" in key[0] and "ttl" not in item}
        due = world.now + timedelta(days=days)
        today = due.replace(hour=0, minute=0, second=0)

        def there() -> None:
            assert not company.alive or jobs <= set(company.stored())

        def gone() -> None:
            if company.alive:
                left = jobs & set(company.stored())
                assert not left, left
                world.deadlines.note("jobs are forgotten", due=due, done=today + DAY, grace=DAY)

        for at, check in ((today, there), (today + DAY, gone)):
            world.exactly(at, "retention")
            world.at(at + SECOND, check)

    def ask(self) -> None:
        """Take two requests in: one is answered in its last second, one may be a day late."""
        company = self.company
        company.shop.sign_in_again()
        first, second = company.subscribers[:2]
        for person, late in ((first, False), (second, company.plan.answers_late)):
            path = f"/v1/subscribers/{person['subscriber_id']}/privacy-requests"
            asked = created(
                company.shop.tenant.api.post(path, json={"kind": "correction", "seen": "a passport"})
            )
            due = _a_month_later(company.today())
            assert asked["due_on"] == due.isoformat()
            for days in REMINDED:
                self._watch_reminder(asked, due - timedelta(days=days), "waits", days)
            if late:
                self._watch_reminder(asked, due + DAY, "is late", -1)
            answered = company.midnight(due + DAY) + (DAY if late else -SECOND)
            company.world.at(answered, partial(self._answer, asked, due, late=late))

    def _watch_reminder(self, asked: Item, on: date, words: str, days: int) -> None:
        due, world = self.company.midnight(on), self.company.world
        before = [at for at, _ in self._reminders(asked, words)]
        assert before == []

        def reminded() -> None:
            told = [at for at, _ in self._reminders(asked, words) if at >= due]
            what = f"whoever answers is reminded, {days} days before" if days > 0 else "a late answer is told"
            assert len(told) == 1, what
            world.deadlines.note(what, due=due, done=told[0], grace=HOUR)

        world.at(world.hour(due, "privacy") + SECOND, reminded)

    def _reminders(self, asked: Item, words: str) -> list[tuple[datetime, str]]:
        """When who answers was reminded of a request."""
        sent = self.company.world.services.mailer.dated
        subject, named = f"A privacy request {words}", asked["privacy_request_id"]
        return [(at, mail.to) for at, mail in sent if mail.subject == subject and named in mail.text]

    def _answer(self, asked: Item, due: date, *, late: bool) -> None:
        company, world = self.company, self.company.world
        company.shop.sign_in_again()
        api, path = company.shop.tenant.api, f"/v1/privacy-requests/{asked['privacy_request_id']}"
        assert ok(api.get(path))["overdue"] is late
        assert len(self._reminders(asked, "waits")) == len(REMINDED)
        assert len(self._reminders(asked, "is late")) == late
        ok(api.post(f"{path}/refusal", json={"reason": f"{world.canaries.word} knows"}))
        if not late:
            begins = company.midnight(due)
            world.deadlines.note(
                "a request is answered by its last day", due=begins, done=world.now, grace=DAY + HOUR
            )


def _a_month_later(on: date) -> date:
    """The earlier of 30 days and a calendar month, which ends with a month that has no such day."""
    following = (on.replace(day=1) + timedelta(days=32)).replace(day=1)
    last = (following + timedelta(days=32)).replace(day=1) - DAY
    return min(on + timedelta(days=30), following + timedelta(days=on.day - 1), last)

"""Years of companies by a stepped clock: what ends is deleted in time and for good, what is kept is kept.

``make lives`` runs 200 companies, in lots that live on one platform each; ``make test`` a few.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest

from chalicelib.ports.services import Mail
from tests.counts import Count
from tests.fixtures_engine import EngineHandle, make_tables_anew
from tests.integration.conftest import NOW, EngineServices
from tests.simulation.everything import IN_BACKUP, unzipped
from tests.simulation.planting import Planter
from tests.simulation.tenant_company import Company
from tests.simulation.tenant_founding import founded
from tests.simulation.tenant_leaks import ALIVE, PURGED, SHREDDED
from tests.simulation.tenant_lives import Life
from tests.simulation.tenant_plans import LOT_TENANTS_MAX, Fate, Plan, month_begins, plans
from tests.simulation.tenant_world import JOBS, World

SAMPLE = 4
TENANTS = int(os.environ.get("LIVES_TENANTS", SAMPLE))
SEED = int(os.environ.get("LIVES_SEED", "0"))
# What a canary's name ends with.
PERSON = re.compile(rb"Khan (\d+)")
LOTS = range(-(-TENANTS // LOT_TENANTS_MAX))
# Months after the beginning in which schedules pass, besides the passes that are awaited.
BRIEF = TENANTS <= SAMPLE
MONTHS = (
    {13: JOBS}
    if BRIEF
    else {
        1: JOBS,
        6: ("retention",),
        13: JOBS,
        25: ("audit", "retention"),
        49: ("keys", "retention"),
        85: JOBS,
    }
)


@pytest.fixture
def heard(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Callable[[], Sequence[str]]:
    """What gives the lines of the log since it was asked last."""

    def lines() -> Sequence[str]:
        told = capsys.readouterr()
        found = (told.out + told.err + caplog.text).splitlines()
        caplog.clear()
        return found

    return lines


@pytest.fixture
def world(
    engine: EngineHandle,
    engine_services: EngineServices,
    monkeypatch: pytest.MonkeyPatch,
    heard: Callable[[], Sequence[str]],
) -> Iterator[World]:
    """A platform without companies."""
    make_tables_anew(engine, engine_services.environment)
    made = World.make(engine, engine_services, LOT_TENANTS_MAX)
    made.everything.hear = heard
    with made.living(monkeypatch):
        yield made


def keep_apart(world: World, companies: Sequence[Company]) -> None:
    """When all is over nothing of a company is with another one, or where nobody's things are."""
    of = {one.tenant_id: one for one in companies}
    gone = {one.tenant_id for one in companies if one.ending.state == "shredded"}
    searches = {
        one.tenant_id: one.looking_for(SHREDDED if one.tenant_id in gone else ALIVE) for one in companies
    }
    for text in world.everything.texts():
        searches.get(text.tenant_id, searches[companies[0].tenant_id]).look(text)
        if text.tenant_id in of:
            named = {int(number) for number in PERSON.findall(text.data)}
            assert named <= set(of[text.tenant_id].plan.numbers), text
    assert [leak for search in searches.values() for leak in search.leaks] == []
    for _, mail in world.services.mailer.dated:
        [reader] = [one for one in companies if one.has_address(mail.to)]
        named = {int(number) for number in PERSON.findall(mail.text.encode())}
        assert named <= set(reader.plan.numbers), mail


@pytest.mark.parametrize("lot", LOTS)
def test_companies_live_end_and_are_forgotten(lot: int, world: World, count: Count, worst: Count) -> None:
    size = min(LOT_TENANTS_MAX, TENANTS - lot * LOT_TENANTS_MAX)
    lives = [_begun(world, plan) for plan in plans(lot=lot, tenants=size, seed=SEED, brief=BRIEF)]
    for months, jobs in MONTHS.items():
        world.hour(month_begins(at=NOW, after=months), *jobs)

    world.run()

    for one in lives:
        one.end()
    keep_apart(world, [one.company for one in lives])
    fates = Counter(one.company.plan.fate for one in lives)
    for fate, number in fates.items():
        count(f"lives, companies: {fate}", number)
    for what, number in world.everything.looked.items():
        count(f"lives, {what}", number)
    count("lives, passes killed", world.kills)
    world.deadlines.tell(count, worst)


def test_a_leak_is_found_wherever_it_is(world: World) -> None:
    """What is planted in each place after a purge is found, and a key that comes back too."""
    [plan] = [one for one in plans(lot=0, tenants=len(Fate), brief=True) if one.fate is Fate.PURGED]
    company = _begun(world, plan).company
    planter = Planter(world, company)
    world.run(until=lambda: company.ending.state == "purged")
    world.clock.advance(timedelta(days=1))
    assert company.search(PURGED).leaks == []
    company.no_mail_since()

    found: list[str] = []
    for plant in planter.places():
        with plant:
            found = company.search(PURGED).leaks
            assert found, plant
    assert [leak for leak in found if leak.startswith(IN_BACKUP)], (
        "the last was a key: backups are read with it"
    )
    assert company.search(PURGED).leaks == []
    world.services.mailer.send(mail=Mail(to=company.people[0]["email"], subject="Hello", text=""))
    with pytest.raises(AssertionError):
        company.no_mail_since()


def test_archives_are_looked_into_and_sealed_files_that_hold_their_end_mark_are_not() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("names.csv", "Zainab")
    assert list(unzipped(buffer.getvalue())) == [b"Zainab"]

    sealed = b"\x17" * 100 + b"PK\x05\x06" + b"\x17" * 18
    assert zipfile.is_zipfile(io.BytesIO(sealed))
    assert list(unzipped(sealed)) == []


def _begun(world: World, plan: Plan) -> Life:
    world.clock.advance(timedelta(minutes=1))
    life = Life(Company(world, plan, founded(world, plan), began=world.now))
    life.begin()
    return life

"""Whatever is done to what is stored sealed: it is not read, it is told, and nothing leaks.

Each trial changes one ciphertext (or wrapped key) in the table, does what a client does that
makes the platform open it, and puts it back.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.observability import METRICS_NAMESPACE, UNREADABLE_METRIC
from tests import examples
from tests.counts import Count
from tests.fakes.api_client import Reply
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.shop import Shop
from tests.security.sealed import WORDS, Household, Sealed, get_attribute, put_attribute, wrapped_keys

TRIALS = min(60 * examples.FACTOR, 1_000)
SEED = 20_411
# A wrapped root begins with the id of the KMS key, at which the engine's KMS does not look; that of AWS does.
ENGINE_PREFIX_BYTES = 36
Logs = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class Trial:
    """What stands instead of what in one attribute."""

    attack: str
    target: Sealed
    true: bytes
    forged: bytes


class Attacker:
    """Chooses targets and what to write there; the same ones for the same seed."""

    def __init__(self, values: dict[Sealed, bytes], *, seed: int) -> None:
        self._values = values
        self._random = random.Random(seed)
        self._attacks: dict[str, Callable[[Sealed, bytes], bytes | None]] = {
            "bit flipped": self._flip,
            "header changed": self._header,
            "version changed": self._version,
            "cut": self._cut,
            "emptied": lambda _one, _true: b"",
            "lengthened": lambda _one, true: true + self._random.randbytes(self._random.randint(1, 40)),
            "made up": lambda _one, true: true[:3] + self._random.randbytes(max(28, len(true) - 3)),
            "swapped between tenants": self._swap(
                lambda a, b: a.kind == b.kind and a.owner.tenant_id != b.owner.tenant_id
            ),
            "swapped between keys": self._swap(
                lambda a, b: a.kind == b.kind and a.owner.tenant_id == b.owner.tenant_id and a != b
            ),
            "swapped between attributes": self._swap(lambda a, b: a.kind != b.kind and a.table == b.table),
            "swapped between tables": self._swap(lambda a, b: a.table != b.table),
        }

    def trials(self, count: int) -> Sequence[Trial]:
        """Return so many trials, every attack and every kind of target about as often."""
        kinds: dict[str, list[Sealed]] = {}
        for one in self._values:
            kinds.setdefault(one.kind, []).append(one)
        found: list[Trial] = []
        waiting: list[str] = []
        for number in range(100 * count):
            attack = list(self._attacks)[number % len(self._attacks)]
            # Each kind in its turn, so that none is left to chance.
            waiting = waiting or self._random.sample(sorted(kinds), len(kinds))
            target = self._random.choice(kinds[waiting.pop()])
            true = self._values[target]
            forged = self._attacks[attack](target, true)
            if forged is not None and forged != true:
                found.append(Trial(attack, target, true, forged))
            if len(found) == count:
                break
        assert len(found) == count
        return found

    def _flip(self, one: Sealed, true: bytes) -> bytes:
        first = ENGINE_PREFIX_BYTES if one.sk == "root" else 0
        position, bit = self._random.randrange(first, len(true)), self._random.randrange(8)
        return true[:position] + bytes([true[position] ^ 1 << bit]) + true[position + 1 :]

    def _header(self, one: Sealed, true: bytes) -> bytes | None:
        if one.attribute == "wrapped":
            return None
        return self._random.randbytes(3) + true[3:]

    def _version(self, one: Sealed, true: bytes) -> bytes | None:
        if one.attribute == "wrapped":
            return None
        version = self._random.choice([0, 1, 2, 3, 255, 256, 65_535])
        return true[:1] + version.to_bytes(2, "big") + true[3:]

    def _cut(self, _one: Sealed, true: bytes) -> bytes:
        length = self._random.randrange(len(true))
        return self._random.choice([true[:length], true[len(true) - length :]])

    def _swap(self, fits: Callable[[Sealed, Sealed], bool]) -> Callable[[Sealed, bytes], bytes | None]:
        def swapped(one: Sealed, _true: bytes) -> bytes | None:
            others = [other for other in self._values if fits(one, other)]
            return self._values[self._random.choice(others)] if others else None

        return swapped


@pytest.fixture
def houses(
    services: EngineServices, signed_in: SignedIn, other_tenant: SignedIn
) -> tuple[Household, Household]:
    made = Household(services, signed_in, "Qandil"), Household(services, other_tenant, "Mehtab")
    for house in made:
        house.fill()
    return made


def everything_sealed(services: EngineServices, houses: Sequence[Household]) -> dict[Sealed, bytes]:
    found = [one for house in houses for one in [*house.sealed(), *wrapped_keys(house)]]
    return {one: get_attribute(services, one) for one in found}


def read_anew(services: EngineServices, one: Sealed) -> Reply:
    """Read as a container does that has no keys of the tenant in memory."""
    services.keyring.forget(tenant_id=one.owner.tenant_id)
    return one.read()


def alarms(out: str) -> list[dict[str, Any]]:
    """The log lines of which CloudWatch makes the alarm's metric."""
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return [line for line in lines if line.get(UNREADABLE_METRIC)]


def failing_closed(trial: Trial, reply: Reply, out: str) -> list[str]:
    """Return what is wrong with how the platform took a trial."""
    words = [word.format(house) for word in WORDS for house in ("Qandil", "Mehtab")]
    told = alarms(out)
    wrong = []
    if (reply.status, reply.json.get("code")) != (500, "data_unreadable"):
        wrong.append(f"answered {reply.text[:200]}")
    elif "request id finds it" not in reply.json["message"] or reply.json["param"] is not None:
        wrong.append("the answer has particulars")
    if not told or any(line["code"] != "data_unreadable" for line in told):
        wrong.append("no alarm")
    if any(line["tenant_id"] != trial.target.owner.tenant_id for line in told):
        wrong.append("the alarm names another tenant")
    wrong += [f"{word} in the answer" for word in words if word.lower() in reply.text.lower()]
    wrong += [f"{word} in the log" for word in words if word.lower() in out.lower()]
    return wrong


def test_every_kind_of_sealed_attribute_can_be_read_here(
    services: EngineServices, houses: tuple[Household, Household]
) -> None:
    """Given nothing altered, all reads succeed: what fails below fails for what was done to it."""
    for one in everything_sealed(services, houses):
        reply = read_anew(services, one)
        assert reply.status in {200, 201}, (one.kind, reply.text)


def test_whatever_is_altered_is_refused_and_told(
    services: EngineServices, houses: tuple[Household, Household], capsys: Logs, count: Count
) -> None:
    values = everything_sealed(services, houses)
    trials = Attacker(values, seed=SEED).trials(TRIALS)
    wrong: list[str] = []

    for trial in trials:
        put_attribute(services, trial.target, trial.forged)
        capsys.readouterr()
        try:
            reply = read_anew(services, trial.target)
            found = failing_closed(trial, reply, capsys.readouterr().out)
        finally:
            put_attribute(services, trial.target, trial.true)
        wrong += [f"{trial.attack}, {trial.target.kind} {trial.target.sk}: {one}" for one in found]

    assert wrong == []
    for one in values:
        assert read_anew(services, one).status in {200, 201}, one.kind
    attacks = Counter(trial.attack for trial in trials)
    kinds = {trial.target.kind for trial in trials}
    assert len(attacks) == 11
    assert kinds == {one.kind for one in values}
    count("tampering, attacks", len(attacks))
    count("tampering, kinds of ciphertext", len(kinds))
    count("tampering, trials refused with an alarm", len(trials))


def test_the_alarm_looks_at_what_is_told(
    services: EngineServices, houses: tuple[Household, Household], capsys: Logs
) -> None:
    (contact, *_) = [one for one in houses[0].sealed() if one.kind == "A/ACCOUNT/d"]
    put_attribute(services, contact, b"")
    capsys.readouterr()
    read_anew(services, contact)
    (told,) = alarms(capsys.readouterr().out)

    resources = json.loads(Path(".chalice/resources.json").read_text())["Resources"]
    alarm = resources["UnreadableRecordsAlarm"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (METRICS_NAMESPACE, UNREADABLE_METRIC)
    (metric,) = told["_aws"]["CloudWatchMetrics"]
    assert metric["Namespace"] == METRICS_NAMESPACE
    assert metric["Dimensions"] == [[one["Name"] for one in alarm["Dimensions"]]]
    assert told["Stage"] == services.settings.stage
    assert (told["family"], told["table"], told["partition"], told["attribute"]) == (
        "op",
        "tenants",
        contact.pk,
        "contact",
    )


def test_the_alarm_names_no_code_of_a_subscriber(
    services: EngineServices, houses: tuple[Household, Household], capsys: Logs
) -> None:
    (row, *_) = [one for one in houses[0].sealed() if one.kind == "DIR//n"]
    put_attribute(services, row, b"\x01\x00\x01" + bytes(40))
    capsys.readouterr()
    assert read_anew(services, row).status == 500
    out = capsys.readouterr().out
    assert alarms(out)
    assert row.sk not in out


def test_a_billing_run_tells_too(
    services: EngineServices, houses: tuple[Household, Household], capsys: Logs
) -> None:
    """Given a recipient that was altered, when its subscription is billed, it is set aside with an alarm."""
    house = houses[0]
    (recipient, *_) = [one for one in house.sealed() if one.kind == "A/ACCOUNT/who"]
    put_attribute(services, recipient, get_attribute(services, recipient)[:-1])
    capsys.readouterr()
    Shop(house.tenant, services).bill(services.clock.now() + timedelta(days=40))
    (told, *_) = alarms(capsys.readouterr().out)
    assert (told["partition"], told["attribute"]) == (recipient.pk, "who")
    assert len([one for one in house.sealed() if one.kind == "A/INV/who"]) == 3

"""Audit chains verified by the schedule: a break is told once, a whole chain tells nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.jobs import audit as jobs
from chalicelib.jobs.audit import InvalidVerificationOrder, verify_audit_chains
from chalicelib.jobs.tenants import PassIncomplete
from chalicelib.ports.audit import RoundMoved
from chalicelib.ports.services import QueueUnavailable
from chalicelib.ports.store import AuditNote
from chalicelib.store.audit_log import DynamoAuditLog
from chalicelib.usecases import audit_rounds, audit_verification
from tests.integration.auditing import OLD, Auditor
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.test_anomalies import SUBJECT

DAY = timedelta(days=1)


@dataclass
class Verifier:
    """The schedule, and what it tells of one tenant."""

    auditor: Auditor
    services: EngineServices
    capsys: pytest.CaptureFixture[str]

    def passes(self, *, full: bool = False) -> None:
        """Let a day pass, and the schedule with it."""
        self.auditor.clock.advance(DAY)
        self.again(full=full)

    def again(self, *, full: bool = False) -> None:
        """Let the schedule pass now."""
        detail = {"tenant_id": self.auditor.tenant.tenant_id, "full": full}
        verify_audit_chains(self.services, {"detail": detail})

    def mails(self) -> int:
        """How many mails the owner has."""
        sent, to = self.services.mailer.sent, self.auditor.tenant.email
        return len([mail for mail in sent if mail.to == to and mail.subject == SUBJECT])

    def lines(self, message: str) -> list[Any]:
        """What was logged since this was asked last."""
        lines = [json.loads(line) for line in self.capsys.readouterr().out.splitlines() if line[:1] == "{"]
        return [line for line in lines if line["message"] == message]


@pytest.fixture
def verifier(signed_in: SignedIn, services: EngineServices, capsys: pytest.CaptureFixture[str]) -> Verifier:
    """Eight entries in three records, sealed, anchored, and verified once."""
    auditor = Auditor(signed_in, services)
    for writes in (2, 3, 1):
        auditor.write(writes)
        auditor.seal()
    auditor.anchor()
    auditor.clock.advance(OLD)
    made = Verifier(auditor, services, capsys)
    made.again(full=True)  # the round begins today, whatever day of the week is the tenant's
    capsys.readouterr()
    return made


def edit(auditor: Auditor) -> None:
    auditor.put({**auditor.raw()[2], "actor_id": {"S": "stf_another"}})


def delete(auditor: Auditor) -> None:
    auditor.delete(auditor.raw()[2])


def insert(auditor: Auditor) -> None:
    auditor.insert(after=auditor.raw()[2])


def truncate(auditor: Auditor) -> None:
    """As whoever knows how: the last record, its entry, and the head."""
    *_, before, last = auditor.raw_chain()
    entries = auditor.raw()
    auditor.delete(last)
    auditor.delete(entries[7])
    head = {"n": {"N": "7"}, "link": before["head"], "until": entries[6]["sk"]}
    auditor.put({"pk": last["pk"], "sk": {"S": "HEAD"}, **head})


@pytest.mark.parametrize("tamper", [edit, delete, insert, truncate])
def test_a_break_is_told_once_to_the_owner_and_to_the_operator(
    verifier: Verifier, tamper: Callable[[Auditor], None]
) -> None:
    tamper(verifier.auditor)

    for _ in range(9):  # each link is verified again within the week
        verifier.passes()

    assert verifier.mails() == 1
    lines = [json.loads(line) for line in verifier.capsys.readouterr().out.splitlines() if line[:1] == "{"]
    anomalies = [line for line in lines if line["message"] == "anomaly"]
    assert [(line["kind"], line["Anomalies"]) for line in anomalies] == [("audit_chain_broken", 1)]
    broken = [line for line in lines if line["message"] == "audit chain broken"]
    assert {line["tenant_id"] for line in broken} == {verifier.auditor.tenant.tenant_id}
    assert len(broken) >= 1


def test_an_intact_chain_tells_nothing(verifier: Verifier) -> None:
    for _ in range(9):
        store, now = verifier.auditor.store, verifier.auditor.clock.now()
        store.commit(store.note(note=AuditNote("system", "test.written", "none", now)))
        verifier.auditor.seal()
        verifier.auditor.anchor()
        verifier.passes()

    assert verifier.mails() == 0
    assert verifier.lines("anomaly") == []


def test_another_break_is_told_again(verifier: Verifier) -> None:
    edit(verifier.auditor)
    verifier.passes(full=True)
    entry = verifier.auditor.raw()[5]
    verifier.auditor.put({**entry, "actor_id": {"S": "stf_another"}})
    verifier.passes(full=True)
    verifier.passes(full=True)

    assert verifier.mails() == 2
    assert len(verifier.lines("anomaly")) == 2


def test_who_looks_again_sees_what_was_told_before(verifier: Verifier) -> None:
    edit(verifier.auditor)
    verifier.passes(full=True)
    (first,) = verifier.lines("audit chain broken")

    verifier.again(full=True)

    lines = [json.loads(line) for line in verifier.capsys.readouterr().out.splitlines() if line[:1] == "{"]
    (again,) = [line for line in lines if line["message"] == "audit chain broken"]
    facts = ("tenant_id", "fault", "sequence", "about")
    assert [again[name] for name in facts] == [first[name] for name in facts]
    (told,) = [line for line in lines if line["message"] == "audit chains verified"]
    assert (told["faults"], told["news"]) == (1, 0)
    assert "anomaly" not in [line["message"] for line in lines]
    assert verifier.mails() == 1


@pytest.mark.parametrize(
    "detail", [{"tenant": "ten_1"}, {"full": "true"}, {"tenant_id": "ten_01M3B1HBBCZZ5HHWDAGK48C96N"}]
)
def test_an_order_that_verifies_nothing_does_not_end_green(
    services: EngineServices, detail: dict[str, Any]
) -> None:
    with pytest.raises(InvalidVerificationOrder):
        verify_audit_chains(services, {"detail": detail})


def test_a_break_that_was_mended_is_told_when_it_comes_again(verifier: Verifier) -> None:
    entry = verifier.auditor.raw()[2]
    for expected in (1, 2):
        edit(verifier.auditor)
        verifier.passes(full=True)
        assert verifier.mails() == expected
        verifier.auditor.put(entry)
        for _ in range(2):  # a whole round without it
            verifier.passes(full=True)


def test_a_days_pass_reads_the_days_entries(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    firsts: list[int] = []
    records = DynamoAuditLog.records

    def seen(self: Any, *, first: int) -> Any:
        firsts.append(first)
        return records(self, first=first)

    monkeypatch.setattr(DynamoAuditLog, "records", seen)
    verifier.auditor.write(1)
    verifier.auditor.seal()
    verifier.passes()
    [daily] = verifier.lines("audit chains verified")
    verifier.again()
    [same_day] = verifier.lines("audit chains verified")
    verifier.passes(full=True)
    [weekly] = verifier.lines("audit chains verified")

    assert (daily["entries"], same_day["entries"], weekly["entries"]) == (1, 0, 9)
    assert firsts[0] == 9


def test_a_pass_that_is_killed_goes_on_at_the_next(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_rounds, "ENTRIES_PER_PIECE", 1)
    edit(verifier.auditor)
    inner, starts = audit_verification.verify_piece, []

    def killed(**named: Any) -> Any:
        starts.append(named["start"].sequence)
        if len(starts) == 2:
            raise KeyboardInterrupt
        return inner(**named)

    monkeypatch.setattr(audit_rounds, "verify_piece", killed)
    with pytest.raises(KeyboardInterrupt):
        verifier.passes(full=True)
    verifier.again()

    assert starts == [0, 4, 4, 7]  # three records, each once
    assert verifier.mails() == 1


def test_whoever_runs_out_of_time_leaves_the_rest(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "deadline", lambda **_: lambda: True)

    with pytest.raises(PassIncomplete):
        verifier.passes()


def test_what_could_not_be_told_is_told_by_the_next_pass(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        def send(self, **_: object) -> None:
            raise QueueUnavailable("the queue is away")

    edit(verifier.auditor)
    queue = verifier.services.mail_queue
    monkeypatch.setitem(vars(verifier.services), "mail_queue", Away())
    with pytest.raises(PassIncomplete):
        verifier.passes(full=True)
    monkeypatch.setitem(vars(verifier.services), "mail_queue", queue)
    verifier.again()

    assert verifier.mails() == 1


def test_of_two_verifiers_one_goes_on(verifier: Verifier) -> None:
    rounds = verifier.services.audit_rounds(tenant_id=verifier.auditor.tenant.tenant_id)
    read = rounds.get()
    assert read is not None
    rounds.save(after=read)

    with pytest.raises(RoundMoved):
        rounds.save(after=read)


def test_entries_that_wait_to_be_sealed_are_no_break(
    signed_in: SignedIn, services: EngineServices, capsys: pytest.CaptureFixture[str]
) -> None:
    auditor = Auditor(signed_in, services)
    auditor.clock.advance(OLD)
    verifier = Verifier(auditor, services, capsys)

    verifier.again()

    assert auditor.verified() != []
    capsys.readouterr()
    services.mailer.sent.clear()
    verifier.passes()
    assert verifier.mails() == 0

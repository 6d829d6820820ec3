"""The chain on the engine: sealed by several at once and by killed sealers, and tampered with."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.domain.audit_chain import SETTLE, UNSEALED_SECONDS_MAX, Digest, Record, record_after
from chalicelib.jobs.audit import anchor_audit_chains, seal_audit_logs
from chalicelib.jobs.tenants import PassIncomplete
from chalicelib.ports.audit import ChainMoved
from chalicelib.ports.store import AuditNote
from chalicelib.store.audit_log import DynamoAuditLog
from chalicelib.usecases.audit_sealing import ChainDamaged
from tests.fixtures_engine import client_of
from tests.integration.auditing import OLD, Auditor
from tests.integration.conftest import EngineServices, SignedIn


@pytest.fixture
def auditor(signed_in: SignedIn, services: EngineServices) -> Auditor:
    return Auditor(signed_in, services)


@pytest.fixture
def sealed(auditor: Auditor) -> Auditor:
    """A log of eight entries in three records, anchored, and old."""
    for writes in (2, 3, 1):
        auditor.write(writes)
        auditor.seal()
    auditor.anchor()
    auditor.clock.advance(OLD)
    return auditor


# -- sealing ---------------------------------------------------------------------------------


def test_what_is_settled_is_sealed_and_the_rest_waits(auditor: Auditor) -> None:
    auditor.write(3)
    too_soon = auditor.seal(later=SETTLE - timedelta(seconds=30))
    report = auditor.seal()
    auditor.write(1)
    (piece,) = auditor.pieces()

    assert (too_soon.sealed, report.sealed, report.late) == (0, 5, 0)
    assert (piece["items"], piece["entries"], piece["unsealed"], piece["sequence"]) == ([], 5, 1, 5)
    assert SETTLE.total_seconds() <= report.waited_seconds <= UNSEALED_SECONDS_MAX


def test_sealing_again_changes_nothing(auditor: Auditor) -> None:
    auditor.write(2)
    auditor.seal()
    head = auditor.head()

    assert auditor.seal().sealed == 0
    assert auditor.head() == head


def test_entries_of_concurrent_writers_are_all_sealed_once(auditor: Auditor) -> None:
    store = auditor.store

    def write(number: int) -> None:
        store.commit(store.note(note=AuditNote("system", "test.written", str(number), auditor.clock.now())))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(60)))
    auditor.seal()
    chained = [one.entry_id for record in auditor.store.audit.records(first=1) for one in record.digests]

    assert len(chained) == len(set(chained)) == 62
    assert chained == [item["sk"]["S"] for item in auditor.raw()]
    assert auditor.verified() == []


def test_two_sealers_at_once_leave_one_chain(auditor: Auditor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.usecases.audit_sealing.LINKS_PER_RECORD_MAX", 2)
    auditor.write(12)
    auditor.clock.advance(SETTLE * 2)

    def seal(_: int) -> int:
        try:
            return auditor.seal(later=timedelta()).sealed
        except ChainMoved:
            return 0

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(seal, range(4)))
    auditor.seal()

    assert [record.first for record in auditor.store.audit.records(first=1)] == list(range(1, 15, 2))
    assert (auditor.head().sequence, auditor.verified()) == (14, [])


def test_a_sealer_that_is_second_writes_nothing(auditor: Auditor) -> None:
    auditor.write(2)
    auditor.seal()
    log, head = auditor.store.audit, auditor.head()
    first, second = (record_after(position=head, digests=[Digest(name(one), bytes(32))]) for one in "AB")
    after = log.append(before=head, record=first)

    with pytest.raises(ChainMoved):
        log.append(before=head, record=second)
    auditor.delete(auditor.raw_chain()[-1])
    with pytest.raises(ChainMoved):  # the head alone tells, where the record in between is gone
        log.append(before=head, record=second)
    assert auditor.head() == after


def name(last: str) -> str:
    """The identifier of an entry that is yet to come."""
    return f"aud_0{'Z' * 24}{last}"


def test_a_sealer_that_is_killed_anywhere_leaves_the_same_chain(
    auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    auditor.write(9)
    monkeypatch.setattr("chalicelib.usecases.audit_sealing.LINKS_PER_RECORD_MAX", 2)
    append = DynamoAuditLog.append
    kills: Iterator[int] = count()

    def killed(self: Any, *, before: Any, record: Record) -> Any:
        """Ended before every third write, and after every third."""
        when = next(kills) % 3
        if when == 0:
            raise KeyboardInterrupt
        done = append(self, before=before, record=record)
        if when == 1:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(DynamoAuditLog, "append", killed)
    auditor.clock.advance(SETTLE * 2)
    while auditor.store.audit.head() is None or auditor.head().sequence < 11:
        try:
            auditor.seal(later=timedelta())
        except KeyboardInterrupt:
            continue
    links = [link for record in auditor.store.audit.records(first=1) for link in record.links()]
    for item in auditor.raw_chain():
        auditor.delete(item)
    auditor.delete({"pk": {"S": f"{auditor.tenant.tenant_id}#CHAIN"}, "sk": {"S": "HEAD"}})
    monkeypatch.undo()
    auditor.seal()

    assert [link for record in auditor.store.audit.records(first=1) for link in record.links()] == links


def test_whoever_runs_out_of_time_leaves_the_rest(auditor: Auditor) -> None:
    auditor.write(2)
    stopped = auditor.seal(out_of_time=lambda: True)

    assert (stopped.sealed, stopped.unfinished) == (0, True)
    assert auditor.seal().sealed == 4


def test_a_late_commit_is_chained_behind(auditor: Auditor) -> None:
    auditor.write(3)
    auditor.seal()
    late = auditor.backdated(before=SETTLE * 2 + timedelta(seconds=1))
    waiting = auditor.verified()
    report = auditor.seal(later=timedelta(minutes=1))
    again = auditor.seal(later=timedelta(minutes=1))
    auditor.clock.advance(OLD)
    (piece,) = auditor.pieces()

    assert waiting == []
    assert (report.late, again.late) == (1, 0)
    assert (piece["items"], piece["late"], piece["sequence"]) == ([], 1, 6)
    (entry,) = [one for one in auditor.raw() if one["sk"]["S"] == late]
    auditor.put({**entry, "object_id": {"S": "another"}})
    assert ("entry_altered", 6, late) in auditor.verified()


def test_a_head_that_lost_its_way_stops_the_sealer(sealed: Auditor) -> None:
    sealed.delete({"pk": {"S": f"{sealed.tenant.tenant_id}#CHAIN"}, "sk": {"S": "HEAD"}})

    with pytest.raises(ChainDamaged):
        sealed.seal()


def test_the_schedules_seal_and_anchor_every_tenant(
    auditor: Auditor, services: EngineServices, capsys: pytest.CaptureFixture[str]
) -> None:
    auditor.write(1)
    auditor.clock.advance(timedelta(seconds=UNSEALED_SECONDS_MAX + 60))
    try:
        seal_audit_logs(services, {})
    except PassIncomplete:  # logs of other tests that were tampered with
        assert auditor.head().sequence == 3
    anchor_audit_chains(services, {})
    anchor_audit_chains(services, {})
    (line,) = [line for line in capsys.readouterr().out.splitlines() if '"AuditUnsealedSeconds":' in line]
    (piece,) = auditor.pieces()

    assert int(line.split('"AuditUnsealedSeconds":')[1].split(",")[0]) > UNSEALED_SECONDS_MAX
    assert (piece["items"], piece["anchors"]) == ([], 1)


def test_an_anchor_cannot_be_deleted(sealed: Auditor, stack_env: dict[str, str]) -> None:
    s3 = client_of(stack_env["AWS_ENDPOINT_URL"], "s3", signature="s3v4")
    where = {"Bucket": stack_env["ANCHORS_BUCKET"]}
    (version,) = s3.list_object_versions(**where, Prefix=f"anchors/{sealed.tenant.tenant_id}/")["Versions"]

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(**where, Key=version["Key"], VersionId=version["VersionId"])
    s3.delete_object(**where, Key=version["Key"])  # hides it from lists of objects, not from us
    assert sealed.pieces()[0]["anchors"] == 1


# -- tampering -------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 1_000])
def test_a_log_that_nobody_touched_is_whole(sealed: Auditor, limit: int) -> None:
    pieces = sealed.pieces(limit)

    assert sealed.verified(limit) == []
    assert sum(piece["entries"] for piece in pieces) == 8
    assert len(pieces) == (3 if limit == 1 else 1)
    assert (pieces[-1]["sequence"], pieces[-1]["link"]) == (8, sealed.head().link.hex())


@pytest.mark.parametrize("limit", [1, 1_000])
@pytest.mark.parametrize("place", [0, 3, 7])
@pytest.mark.parametrize(
    "change",
    [
        {"actor_id": {"S": "stf_another"}},
        {"details": {"B": "AAAA"}},
        {"details": {"S": "of another type"}},
        {"added": {"N": "1"}},
        {"personal": {"B": "AAAA"}},
    ],
)
def test_an_edit_is_located(sealed: Auditor, limit: int, place: int, change: dict[str, Any]) -> None:
    entry = sealed.raw()[place]
    sealed.put({**entry, **change})

    assert sealed.verified(limit) == [("entry_altered", place + 1, entry["sk"]["S"])]


@pytest.mark.parametrize("place", [0, 4, 7])
def test_a_deletion_is_located(sealed: Auditor, place: int) -> None:
    entry = sealed.raw()[place]
    sealed.delete(entry)

    assert sealed.verified(1) == [("entry_missing", place + 1, entry["sk"]["S"])]


@pytest.mark.parametrize("place", [0, 4, 6])
def test_an_insertion_is_located(sealed: Auditor, place: int) -> None:
    entries = sealed.raw()
    inserted = sealed.insert(after=entries[place])

    assert sealed.verified(1) == [("entry_inserted", place + 2, inserted)]


def test_entries_that_change_places_are_located(sealed: Auditor) -> None:
    one, other = sealed.raw()[2:4]
    sealed.put({**other, "sk": one["sk"]})
    sealed.put({**one, "sk": other["sk"]})
    found = sealed.verified()

    assert found == [("entry_altered", 3, one["sk"]["S"]), ("entry_altered", 4, other["sk"]["S"])]


def test_a_record_that_is_taken_out_is_located(sealed: Auditor) -> None:
    sealed.delete(sealed.raw_chain()[1])

    assert ("record_missing", 5, "5 to 7") in sealed.verified()


def test_a_truncation_is_found_by_the_anchor(sealed: Auditor) -> None:
    *_, before, last = sealed.raw_chain()
    sealed.delete(last)
    sealed.delete(sealed.raw()[7])
    sealed.put(
        {
            "pk": last["pk"],
            "sk": {"S": "HEAD"},
            "n": {"N": "7"},
            "link": before["head"],
            "until": sealed.raw()[6]["sk"],
        }
    )

    assert sealed.verified() == [("truncated", 7, f"anchor of {sealed.clock.now():%Y-%m-%d}")]


def test_a_chain_that_is_made_anew_does_not_fit_the_anchor(sealed: Auditor) -> None:
    sealed.put({**sealed.raw()[1], "actor_id": {"S": "stf_another"}})
    for item in [*sealed.raw_chain(), {"pk": sealed.raw_chain()[0]["pk"], "sk": {"S": "HEAD"}}]:
        sealed.delete(item)
    sealed.seal()

    assert sealed.verified() == [("anchor_differs", 8, f"{sealed.clock.now():%Y-%m-%d}")]


def test_entries_that_no_sealer_takes_up_are_told(auditor: Auditor) -> None:
    auditor.clock.advance(timedelta(seconds=UNSEALED_SECONDS_MAX + 1))

    assert [fault for fault, _, _ in auditor.verified()] == ["entry_unsealed"] * 2


def test_what_an_erasure_takes_away_leaves_the_chain_whole(auditor: Auditor) -> None:
    person = auditor.shop.subscriber(name="Ayesha Khan")
    path = f"/v1/subscribers/{person['subscriber_id']}"
    auditor.tenant.api.patch(path, json={"name": "Ali"}, headers={"If-Match": f'"{person["version"]}"'})
    auditor.seal()
    (entry,) = [one for one in auditor.raw() if one.get("action") == {"S": "subscriber.changed"}]
    auditor.put({name: value for name, value in entry.items() if name != "personal"})
    (listed,) = auditor.tenant.api.get("/v1/audit?action=subscriber.changed").json["items"]

    assert auditor.verified() == []
    assert (listed["personal"], listed["erased"], listed["details"]) == ({}, True, {"changed": ["name"]})

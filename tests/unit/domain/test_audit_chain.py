"""The audit chain: whatever is done to it at any place is found, and found there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.ids import encode_ulid
from chalicelib.domain.audit_chain import (
    GENESIS,
    SETTLE,
    Anchor,
    Digest,
    Examined,
    Fault,
    Flaw,
    Position,
    Record,
    beginning,
    canonical,
    digest_of,
    examine,
    examine_end,
    examine_unsealed,
    link_of,
    position_after,
    record_after,
)
from chalicelib.domain.audit_ids import floor_id, month_of, months_between, written_at
from tests.examples import examples

BEGUN = datetime(2026, 11, 1, tzinfo=UTC)
STEP = timedelta(hours=5)


def entry_id(number: int, random: int = 0) -> str:
    """The identifier of the entry that was written at a step."""
    at = BEGUN + STEP * number
    return f"aud_{encode_ulid(int(at.timestamp() * 1000) << 80 | random)}"


def body(text: str) -> bytes:
    return sha256(text.encode()).digest()


@dataclass
class Log:
    """Entries, their chain, its head and its anchors, all of which can be tampered with."""

    entries: dict[str, bytes] = field(default_factory=dict)
    records: dict[int, Record] = field(default_factory=dict)
    head: Position = field(default_factory=lambda: beginning(created_at=BEGUN))
    anchors: list[Anchor] = field(default_factory=list)

    def seal(self, *digests: Digest, late: bool = False) -> None:
        record = record_after(position=self.head, digests=digests, late=late)
        self.records[record.first] = record
        self.head = position_after(position=self.head, record=record)

    def anchor(self, on: str = "2026-12-01") -> None:
        self.anchors.append(Anchor(self.head.sequence, self.head.link, on))

    def examined(self, pieces: int = 1_000) -> list[Flaw]:
        """Examine everything, so many records at a time."""
        start = beginning(created_at=BEGUN)
        flaws: list[Flaw] = []
        records = [self.records[first] for first in sorted(self.records)]
        found = Examined(start)
        for index in range(0, len(records), pieces):
            some = records[index : index + pieces]
            until = max([start.until, *(one.digests[-1].entry_id for one in some if not one.late)])
            found = examine(
                start=start,
                records=some,
                stored=[
                    Digest(one, self.entries[one])
                    for one in sorted(self.entries)
                    if start.until < one <= until
                ],
                late=self.entries,
                anchors=self.anchors,
            )
            flaws += found.flaws
            start = found.position
        end = Examined(start)
        examine_end(found=end, head=self.head, anchors=self.anchors)
        return [*flaws, *end.flaws]


def log_of(sizes: list[int]) -> Log:
    """A log of records of these sizes, anchored at its end."""
    log, number = Log(), 0
    for size in sizes:
        digests = [Digest(entry_id(number + one), body(f"{number + one}")) for one in range(1, size + 1)]
        log.entries |= {one.entry_id: one.body for one in digests}
        log.seal(*digests)
        number += size
    log.anchor()
    return log


def rebuilt(log: Log) -> Log:
    """The chain made anew over what the entries now are, as somebody would who can write the table."""
    fresh = Log(entries=log.entries, anchors=log.anchors)
    for one in sorted(log.entries):
        fresh.seal(Digest(one, log.entries[one]))
    return fresh


SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=6)


@given(sizes=SIZES, pieces=st.integers(1, 3))
@examples(100)
def test_a_chain_that_nobody_touched_has_no_flaw(sizes: list[int], pieces: int) -> None:
    assert log_of(sizes).examined(pieces) == []


@given(sizes=SIZES)
@examples(50)
def test_how_entries_are_put_into_records_changes_no_link(sizes: list[int]) -> None:
    log = log_of(sizes)

    assert rebuilt(log).head == log.head


@given(sizes=SIZES, place=st.integers(0, 999), pieces=st.integers(1, 3))
@examples(150)
def test_an_edit_is_located(sizes: list[int], place: int, pieces: int) -> None:
    log = log_of(sizes)
    sequence = place % len(log.entries) + 1
    log.entries[entry_id(sequence)] = body("another")

    assert log.examined(pieces) == [Flaw(Fault.ENTRY_ALTERED, sequence, entry_id(sequence))]


@given(sizes=SIZES, place=st.integers(0, 999), pieces=st.integers(1, 3))
@examples(150)
def test_a_deletion_is_located(sizes: list[int], place: int, pieces: int) -> None:
    log = log_of(sizes)
    sequence = place % len(log.entries) + 1
    del log.entries[entry_id(sequence)]

    assert log.examined(pieces) == [Flaw(Fault.ENTRY_MISSING, sequence, entry_id(sequence))]


@given(sizes=SIZES, place=st.integers(0, 999), pieces=st.integers(1, 3))
@examples(150)
def test_an_insertion_is_located_before_the_entry_that_follows(
    sizes: list[int], place: int, pieces: int
) -> None:
    log = log_of(sizes)
    sequence = place % len(log.entries) + 1
    inserted = entry_id(sequence - 1, random=7)
    log.entries[inserted] = body("made up")

    assert log.examined(pieces) == [Flaw(Fault.ENTRY_INSERTED, sequence, inserted)]


@given(sizes=SIZES, places=st.tuples(st.integers(0, 999), st.integers(0, 999)))
@examples(150)
def test_entries_that_change_places_are_located(sizes: list[int], places: tuple[int, int]) -> None:
    log = log_of([2, *sizes])
    one, other = (entry_id(place % len(log.entries) + 1) for place in places)
    if one == other:
        one, other = entry_id(1), entry_id(2)
    log.entries[one], log.entries[other] = log.entries[other], log.entries[one]

    assert {flaw.about for flaw in log.examined()} == {one, other}


@given(sizes=SIZES, place=st.integers(0, 999), pieces=st.integers(1, 3))
@examples(150)
def test_a_truncation_is_found_though_the_head_goes_back_too(
    sizes: list[int], place: int, pieces: int
) -> None:
    log = log_of([1, *sizes])
    kept = sorted(log.records)[: place % len(sizes) + 1]
    for first in [first for first in log.records if first not in kept]:
        for one in log.records.pop(first).digests:
            del log.entries[one.entry_id]
    last = log.records[kept[-1]]
    log.head = Position(last.last, last.head, last.digests[-1].entry_id)

    assert log.examined(pieces) == [Flaw(Fault.TRUNCATED, last.last, "anchor of 2026-12-01")]


@given(sizes=SIZES, place=st.integers(0, 999))
@examples(150)
def test_a_record_taken_out_is_located(sizes: list[int], place: int) -> None:
    log = log_of([*sizes, 1])
    first = sorted(log.records)[place % len(sizes)]
    gone = log.records.pop(first)

    assert log.examined() == [Flaw(Fault.RECORD_MISSING, first, f"{first} to {gone.last}")]


@given(sizes=SIZES, place=st.integers(0, 999))
@examples(150)
def test_a_record_that_covers_an_edit_is_located(sizes: list[int], place: int) -> None:
    """Both entry and record were altered, and the record made to fit itself: the next link breaks."""
    log = log_of([*sizes, 1])
    first = sorted(log.records)[place % len(sizes)]
    before = log.records[first]
    log.entries[before.digests[0].entry_id] = body("another")
    digests = (replace(before.digests[0], body=body("another")), *before.digests[1:])
    forged = replace(before, digests=digests)
    *_, head = forged.links()
    log.records[first] = replace(forged, head=head)
    faults = [(flaw.fault, flaw.sequence) for flaw in log.examined()]

    assert faults == [(Fault.LINK_BROKEN, before.last + 1)]


@given(sizes=SIZES, place=st.integers(0, 999))
@examples(150)
def test_a_record_altered_by_itself_is_located(sizes: list[int], place: int) -> None:
    log = log_of(sizes)
    first = sorted(log.records)[place % len(sizes)]
    before = log.records[first]
    log.records[first] = replace(
        before, digests=(replace(before.digests[0], body=body("x")), *before.digests[1:])
    )
    faults = {(flaw.fault, flaw.sequence) for flaw in log.examined()}

    assert {(Fault.RECORD_ALTERED, first), (Fault.ENTRY_ALTERED, first)} <= faults


TAMPERING: Mapping[str, Callable[[dict[str, bytes], str], object]] = {
    "edit": lambda entries, one: entries.update({one: body("another")}),
    "deletion": lambda entries, one: entries.pop(one),
    "insertion": lambda entries, one: entries.update({f"{one[:-1]}7": body("made up")}),
}


@pytest.mark.parametrize("what", TAMPERING)
@given(sizes=SIZES, place=st.integers(0, 999))
@examples(60)
def test_a_chain_that_is_made_anew_does_not_fit_its_anchor(what: str, sizes: list[int], place: int) -> None:
    log = log_of([*sizes, 1])
    sequence = place % (len(log.entries) - 1) + 1
    TAMPERING[what](log.entries, entry_id(sequence))
    faults = {flaw.fault for flaw in rebuilt(log).examined()}

    assert faults in ({Fault.ANCHOR_DIFFERS}, {Fault.TRUNCATED})


def test_a_head_that_is_not_the_chains_is_found() -> None:
    log = log_of([3])
    log.head = replace(log.head, link=body("another"))
    ahead = log_of([3])
    ahead.anchors.clear()
    ahead.head = replace(ahead.head, sequence=4)

    assert log.examined() == [Flaw(Fault.HEAD_DIFFERS, 3, "head at 3")]
    assert ahead.examined() == [Flaw(Fault.TRUNCATED, 3, "head at 4")]


def test_late_entries_come_behind_and_are_compared_too() -> None:
    log = log_of([4])
    late = Digest(entry_id(2, random=7), body("late"))
    log.entries[late.entry_id] = late.body
    log.seal(late, late=True)
    whole = log.examined()
    log.entries[late.entry_id] = body("another")

    # Whoever knows the late records takes this out again.
    assert whole == [Flaw(Fault.ENTRY_INSERTED, 3, late.entry_id)]
    assert Flaw(Fault.ENTRY_ALTERED, 5, late.entry_id) in log.examined()
    assert log.head.until == entry_id(4)


def test_entries_that_wait_too_long_are_told() -> None:
    found, ids = Examined(beginning(created_at=BEGUN)), [entry_id(1), entry_id(2)]

    assert examine_unsealed(found=found, unsealed=ids, now=BEGUN + STEP * 2 + SETTLE) == 2
    assert found.flaws == [Flaw(Fault.ENTRY_UNSEALED, 0, entry_id(1))]


def test_a_link_is_what_the_documents_say_that_it_is() -> None:
    """As in docs/adr/0016: whoever writes another verifier begins here."""
    digest = Digest("aud_01JD0000000000000000000000", body("entry"))
    first = link_of(previous=GENESIS, sequence=1, digest=digest, late=False)
    said = b"isp-billing audit link 1" + bytes(32) + bytes(7) + b"\x01" + b"R"
    said += bytes(3) + b"\x1e" + digest.entry_id.encode() + digest.body

    assert first == sha256(said).digest()
    assert first != link_of(previous=GENESIS, sequence=1, digest=digest, late=True)
    assert first != link_of(previous=GENESIS, sequence=2, digest=digest, late=False)


ITEMS = st.dictionaries(
    st.text(max_size=3), st.tuples(st.sampled_from("SBN"), st.binary(max_size=4)), max_size=4
)


@given(one=ITEMS, other=ITEMS)
@examples(300)
def test_items_have_the_same_form_only_where_they_are_the_same(
    one: dict[str, tuple[str, bytes]], other: dict[str, tuple[str, bytes]]
) -> None:
    assert (canonical(item=one) == canonical(item=other)) == (one == other)
    assert canonical(item=one) == canonical(item=dict(reversed(one.items())))


def test_the_borders_of_attributes_are_part_of_the_form() -> None:
    split, joined = {"a": ("S", b"b"), "c": ("S", b"")}, {"a": ("S", b"bc")}

    assert digest_of(entry_id="x", item=split) != digest_of(entry_id="x", item=joined)


@given(milliseconds=st.integers(1_500_000_000_000, 4_000_000_000_000))
@examples(100)
def test_an_identifier_tells_its_time_and_month(milliseconds: int) -> None:
    one = f"aud_{encode_ulid(milliseconds << 80 | 12345)}"
    at = written_at(entry_id=one)

    assert (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) == milliseconds
    assert floor_id(at=at) <= one < floor_id(at=at + timedelta(milliseconds=1))
    assert month_of(entry_id=one) == f"{at:%Y-%m}"
    (only,) = months_between(since=floor_id(at=at), until=one)
    assert only == (month_of(entry_id=one), floor_id(at=at), one)


def test_months_follow_each_other_without_gap() -> None:
    since, until = entry_id(0), floor_id(at=datetime(2027, 2, 3, tzinfo=UTC))
    months = list(months_between(since=since, until=until))

    assert [month for month, _, _ in months] == ["2026-11", "2026-12", "2027-01", "2027-02"]
    assert (months[0][1], months[-1][2]) == (since, until)
    assert all(one[2] == other[1] for one, other in pairwise(months))

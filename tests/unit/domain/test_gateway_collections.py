"""What a notice does to a collection, whatever comes in whatever order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from chalicelib.domain.gateway_collections import (
    CAPTURES_MAX,
    Capture,
    Collection,
    CollectionState,
    Decision,
    Effect,
    captured,
    decide,
    is_reference,
    life_of,
    moved,
    parse_collection_id,
    reference_of,
)
from chalicelib.domain.gateways import GatewayKind, Notice, NoticeStatus
from chalicelib.domain.identifiers import MalformedId
from chalicelib.domain.money import Money

AT = datetime(2041, 5, 15, 6, 0, tzinfo=UTC)
ULID = "01JD0000000000000000000000"
KIND = GatewayKind.SANDBOX
OPEN = Collection(
    account_id=f"sbr_{ULID}",
    reference="C01JD0000000000000AB",
    gateway=KIND,
    amount=Money(500, "PKR"),
    state=CollectionState.OPEN,
    created_at=AT,
    created_by="stf_1",
    expires_at=AT + timedelta(minutes=30),
)
S, N = CollectionState, NoticeStatus


def notice(status: NoticeStatus, amount: Money | None = OPEN.amount, vendor_id: str = "t1") -> Notice:
    return Notice(f"e-{status}-{vendor_id}", OPEN.reference, status, amount, vendor_id)


def after(collection: Collection, told: Notice) -> Collection:
    """The collection after a notice, as the use case does it."""
    made = decide(collection=collection, gateway=KIND, notice=told)
    if made.effect is Effect.RECEIVE:
        return captured(collection=collection, notice=told, receipt_id=f"r-{told.vendor_id}")
    return moved(collection=collection, state=made.state) if made.state else collection


@pytest.mark.parametrize(
    ("state", "status", "expected"),
    [
        (S.OPEN, N.PENDING, S.PENDING),
        (S.OPEN, N.FAILED, S.FAILED),
        (S.PENDING, N.EXPIRED, S.EXPIRED),
        (S.PENDING, N.PENDING, None),
        (S.FAILED, N.PENDING, None),
        (S.FAILED, N.EXPIRED, None),
        (S.PAID, N.FAILED, None),
        (S.PAID, N.PENDING, None),
        (S.CANCELLED, N.FAILED, None),
        (S.OPEN, N.IGNORED, None),
    ],
)
def test_where_a_notice_moves_it(
    state: CollectionState, status: NoticeStatus, expected: CollectionState | None
) -> None:
    made = decide(collection=replace(OPEN, state=state), gateway=KIND, notice=notice(status))
    assert made == (Decision(Effect.MOVE, expected) if expected else Decision(Effect.NOTHING))


@pytest.mark.parametrize("state", [S.OPEN, S.PENDING, S.FAILED, S.EXPIRED])
def test_money_is_recorded_whenever_it_comes(state: CollectionState) -> None:
    made = decide(collection=replace(OPEN, state=state), gateway=KIND, notice=notice(N.PAID))
    assert made.effect is Effect.RECEIVE


def test_the_end_is_the_same_in_every_order() -> None:
    told = [
        notice(N.PENDING),
        notice(N.FAILED),
        notice(N.PAID),
        notice(N.PAID),
        notice(N.PAID, vendor_id="t2"),
    ]
    for order in permutations(told):
        collection = OPEN
        for one in order:
            collection = after(collection, one)
        assert collection.state is S.PAID
        assert sorted(one.vendor_id for one in collection.captures) == ["t1", "t2"]


@pytest.mark.parametrize(
    ("collection", "told", "reason"),
    [
        (None, notice(N.PAID), "unknown_reference"),
        (replace(OPEN, gateway=GatewayKind.STRIPE), notice(N.PAID), "other_gateway"),
        (OPEN, notice(N.PAID, Money(499, "PKR")), "amount_differs"),
        (OPEN, notice(N.PAID, Money(500, "USD")), "currency_differs"),
        (OPEN, replace(notice(N.PAID, None), signed_amount=False), "amount_differs"),
        (replace(OPEN, state=S.CANCELLED), notice(N.PAID), "cancelled"),
        (
            replace(OPEN, state=S.PAID, captures=(Capture("t0", "r"),)),
            notice(N.PAID, vendor_id=""),
            "paid_before",
        ),
        (
            replace(OPEN, state=S.PAID, captures=tuple(Capture(f"x{n}", "r") for n in range(CAPTURES_MAX))),
            notice(N.PAID),
            "paid_before",
        ),
        (replace(OPEN, state=S.PAID), notice(N.CHARGEBACK), "chargeback"),
        (replace(OPEN, state=S.PAID), notice(N.REFUNDED), "refunded"),
        (None, notice(N.CHARGEBACK_WON), "unknown_reference"),
    ],
)
def test_what_waits_for_a_person(collection: Collection | None, told: Notice, reason: str) -> None:
    assert decide(collection=collection, gateway=KIND, notice=told) == Decision(Effect.PARK, reason=reason)


def test_nobody_waits_for_what_moves_no_money() -> None:
    for status in (N.PENDING, N.FAILED, N.EXPIRED):
        assert decide(collection=None, gateway=KIND, notice=notice(status)).effect is Effect.NOTHING


def test_fees_are_added_up_in_the_own_currency() -> None:
    told = replace(notice(N.PAID), fee=Money(15, "PKR"))
    once = captured(collection=OPEN, notice=told, receipt_id="r")
    twice = captured(collection=once, notice=replace(told, fee=Money(9, "USD")), receipt_id="r2")
    assert (once.fee, twice.fee, len(twice.captures)) == (15, 15, 2)


def test_time_runs_out_by_itself() -> None:
    pending = replace(OPEN, state=S.PENDING)
    assert OPEN.state_at(at=AT + timedelta(minutes=29)) is S.OPEN
    assert OPEN.state_at(at=AT + timedelta(minutes=30)) is S.EXPIRED
    assert pending.state_at(at=AT + timedelta(hours=48)) is S.PENDING
    assert pending.state_at(at=AT + timedelta(hours=49)) is S.EXPIRED
    assert replace(OPEN, state=S.PAID).state_at(at=AT + timedelta(days=9)) is S.PAID
    assert life_of(kind=GatewayKind.ONEBILL) > life_of(kind=GatewayKind.STRIPE)


def test_references_are_in_the_order_of_time_and_of_one_form() -> None:
    first, later = (reference_of(ulid=f"01JD00000{at}0000000000000000") for at in "12")
    assert first < later
    assert is_reference(text=first)
    for wrong in ("", first[:-1], f"{first}A", first.lower(), f"0{first[1:]}", f"{first[:-1]}\u0660"):
        assert not is_reference(text=wrong)
    assert parse_collection_id(value=OPEN.collection_id) == (OPEN.account_id, OPEN.reference)
    for text in ("", "col_x-y", OPEN.collection_id.replace("col", "inv"), f"{OPEN.collection_id}0"):
        with pytest.raises(MalformedId):
            parse_collection_id(value=text)

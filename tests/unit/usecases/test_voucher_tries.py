"""Trying codes: ten thousand tries come to a few, whoever makes them and from wherever."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chalicelib.crypto.tokens import RandomTokens
from chalicelib.domain.vouchers import VoucherUnknown, code_of
from chalicelib.ports.identity import TooManyAttempts
from chalicelib.ports.store import AuditNote
from chalicelib.usecases.voucher_redemptions import (
    TRIES_PER_ACTOR,
    TRIES_PER_CLIENT,
    TRIES_PER_TENANT,
    RedemptionAsked,
    redeem_voucher,
)
from tests.fakes.identity import InMemoryAttempts

NOW = datetime(2041, 5, 15, 6, 0, tzinfo=UTC)


@pytest.fixture
def identity() -> Any:
    return SimpleNamespace(attempts=InMemoryAttempts(), tokens=RandomTokens())


def _nobodys(*, code: str) -> None:
    """Every code is unknown."""


def tried(identity: Any, number: int, actor: str, address: str, at: datetime = NOW) -> str:
    """Try a code that nobody made; return what came of it."""
    store = SimpleNamespace(tenant_id="ten_1", vouchers=SimpleNamespace(by_code=_nobodys))
    try:
        redeem_voucher(
            store=cast("Any", store),
            identity=identity,
            subscriber_id="sbr_1",
            asked=RedemptionAsked(code_of(seed="somebody's", number=number)),
            address=address,
            at=at,
            note=AuditNote(actor, "voucher.redeemed", "sbr_1", at),
        )
    except (VoucherUnknown, TooManyAttempts) as refused:
        return refused.code
    return "redeemed"


def test_ten_thousand_tries_of_one_person_are_ten(identity: Any) -> None:
    # From as many addresses as there are tries.
    found = Counter(tried(identity, n, "prt_1", f"10.0.{n // 250}.{n % 250}") for n in range(10_000))

    assert found == {
        "voucher_unknown": TRIES_PER_ACTOR.most,
        "too_many_attempts": 10_000 - TRIES_PER_ACTOR.most,
    }
    later = NOW + timedelta(seconds=TRIES_PER_ACTOR.window_seconds)
    assert tried(identity, 1, "prt_1", "10.1.1.1", later) == "voucher_unknown"


def test_from_one_address_or_network_they_are_fifty_whoever_signs_in(identity: Any) -> None:
    found = Counter(tried(identity, n, f"sbr_{n}", f"2001:db8::{n:x}") for n in range(2_000))

    assert found["voucher_unknown"] == TRIES_PER_CLIENT.most


def test_all_of_a_tenant_together_are_stopped_too(identity: Any) -> None:
    found = Counter(tried(identity, n, f"sbr_{n}", f"10.0.{n // 250}.{n % 250}") for n in range(3_000))

    assert found["voucher_unknown"] == TRIES_PER_TENANT.most

"""Passkeys: whom they are for, their counters, and decoys."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chalicelib.domain.errors import NotFound
from chalicelib.domain.passkeys import (
    PASSKEYS_MAX,
    CounterWentBack,
    Passkey,
    PasskeyThere,
    TooManyPasskeys,
    offered_ids,
    relying_party,
)
from chalicelib.domain.second_factor import SecondFactor

NOW = datetime(2041, 5, 15, tzinfo=UTC)


def passkey(name: str = "a", count: int = 0) -> Passkey:
    return Passkey(f"psk_{name}", "Phone", f"id-{name}", b"", count, NOW)


@pytest.mark.parametrize(
    ("address", "rp_id", "origin"),
    [
        ("https://console.example.com", "console.example.com", "https://console.example.com"),
        ("https://console.example.com:443", "console.example.com", "https://console.example.com"),
        ("https://console.example.com:8443/x", "console.example.com", "https://console.example.com:8443"),
        ("http://127.0.0.1:8000", "localhost", "http://localhost:8000"),
        ("http://[::1]:8000", "localhost", "http://localhost:8000"),
    ],
)
def test_passkeys_are_for_the_console(address: str, rp_id: str, origin: str) -> None:
    party = relying_party(base_url=address)

    assert (party.rp_id, party.origin) == (rp_id, origin)


@pytest.mark.parametrize(("before", "now"), [(0, 0), (0, 1), (1, 2), (7, 4_294_967_295)])
def test_a_counter_goes_on_or_is_none(before: int, now: int) -> None:
    assert passkey(count=before).used(sign_count=now, at=NOW).sign_count == now


@pytest.mark.parametrize(("before", "now"), [(1, 1), (2, 1), (1, 0)])
def test_a_counter_does_not_go_back(before: int, now: int) -> None:
    with pytest.raises(CounterWentBack):
        passkey(count=before).used(sign_count=now, at=NOW)


def test_a_person_has_each_passkey_once_and_ten_at_most() -> None:
    factor = SecondFactor(staff_id="stf_1", secret="", created_at=NOW)
    for place in range(PASSKEYS_MAX):
        factor = factor.with_passkey(passkey=passkey(str(place)))

    with pytest.raises(PasskeyThere):
        factor.with_passkey(passkey=passkey("3"))
    with pytest.raises(TooManyPasskeys):
        factor.with_passkey(passkey=passkey("eleventh"))
    with pytest.raises(NotFound):
        factor.without_passkey(passkey_id="psk_nobody")
    assert len(factor.without_passkey(passkey_id="psk_3").passkeys) == PASSKEYS_MAX - 1


def test_ones_own_passkeys_are_among_as_many_as_anybodys() -> None:
    own = [passkey("a"), passkey("b")]

    offered, nobodys = offered_ids(passkeys=own, seed="seed"), offered_ids(passkeys=(), seed="seed")

    assert {one.credential_id for one in own} <= set(offered)
    assert len(set(offered)) == len(set(nobodys)) == PASSKEYS_MAX
    assert nobodys == offered_ids(passkeys=(), seed="seed")
    assert not set(nobodys) & set(offered_ids(passkeys=(), seed="another seed"))
    assert len({len(one) for one in nobodys}) > 1  # like those of several makes

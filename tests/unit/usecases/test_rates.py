"""Limits on requests, across processes that count together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.crypto.tokens import RandomTokens
from chalicelib.domain.rates import Policies, Policy
from chalicelib.usecases.rates import KEYS_MAX, REPORTS_PER_WINDOW, RateLimited, RateLimiter
from tests.fakes.identity import InMemoryAttempts

NOW = datetime(2041, 5, 15, 6, 0, 10, tzinfo=UTC)
POLICY = Policy("account", 60)


class CountedAttempts(InMemoryAttempts):
    """Tells how often it was written."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str] = []

    def add(self, *, key: str, window_seconds: int, at: datetime, count: int = 1) -> int:
        self.keys.append(key)
        return super().add(key=key, window_seconds=window_seconds, at=at, count=count)


def limiter(attempts: InMemoryAttempts | None = None) -> RateLimiter:
    return RateLimiter(attempts=attempts or InMemoryAttempts(), tokens=RandomTokens())


def let_through(one: RateLimiter, requests: int, *, key: str = "a", at: datetime = NOW) -> int:
    """How many of some requests are let through."""
    done = 0
    for _ in range(requests):
        try:
            one.take(policy=POLICY, key=key, at=at)
        except RateLimited:
            continue
        done += 1
    return done


def test_as_many_as_the_limit_are_let_through_and_the_next_is_told_when_to_come_again() -> None:
    rates = limiter()
    left = [rates.take(policy=POLICY, key="a", at=NOW).remaining for _ in range(POLICY.most)]

    assert left == list(reversed(range(POLICY.most)))
    with pytest.raises(RateLimited) as refused:
        rates.take(policy=POLICY, key="a", at=NOW)
    assert refused.value.retry_after == 50
    assert refused.value.standing.remaining == 0


def test_another_key_and_the_next_window_are_counted_anew() -> None:
    rates = limiter()
    let_through(rates, POLICY.most)

    assert let_through(rates, 1) == 0
    assert let_through(rates, 1, key="b") == 1
    assert let_through(rates, 1, at=NOW + timedelta(seconds=50)) == 1


def test_processes_count_together() -> None:
    attempts = InMemoryAttempts()
    processes = [limiter(attempts) for _ in range(4)]

    done = sum(let_through(processes[turn % 4], 1) for turn in range(POLICY.most * 4))

    step = POLICY.most // REPORTS_PER_WINDOW
    assert POLICY.most <= done <= POLICY.most + step * len(processes)


def test_whoever_asks_little_costs_no_write_and_the_others_a_thirtieth_of_one() -> None:
    attempts, policy = CountedAttempts(), Policy("account", 600)
    rates = limiter(attempts)

    for _ in range(19):
        rates.take(policy=policy, key="a", at=NOW)
    assert attempts.keys == []
    for _ in range(2_000):
        try:
            rates.take(policy=policy, key="a", at=NOW)
        except RateLimited:
            continue

    assert len(attempts.keys) == REPORTS_PER_WINDOW


def test_no_address_is_stored() -> None:
    attempts = CountedAttempts()

    let_through(limiter(attempts), POLICY.most, key="203.0.113.7")

    assert attempts.keys
    assert not [key for key in attempts.keys if "203" in key and "113" in key and "." in key]


def test_memory_has_a_limit() -> None:
    rates = limiter()
    for number in range(KEYS_MAX + 10):
        rates.take(policy=POLICY, key=str(number), at=NOW)

    assert len(rates._counts) <= KEYS_MAX


def test_an_address_may_ask_for_several_people_and_a_tenant_for_more() -> None:
    policies = Policies.of(per_minute=600)

    assert (policies.address.most, policies.account.most, policies.tenant.most) == (1_200, 600, 3_000)

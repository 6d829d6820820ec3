"""Waits between attempts grow, are drawn at random, and end somewhere."""

from __future__ import annotations

import pytest

from chalicelib.usecases.backoff import BASE_SECONDS, CEILING_SECONDS, backoff_seconds


def longest(*, attempt: int) -> float:
    return backoff_seconds(attempt=attempt, between=lambda _, most: most)


def test_waits_double_up_to_a_ceiling() -> None:
    assert [longest(attempt=attempt) for attempt in (1, 2, 3)] == pytest.approx(
        [BASE_SECONDS * factor for factor in (2, 4, 8)]
    )
    assert longest(attempt=30) == CEILING_SECONDS


def test_a_wait_is_drawn_from_the_whole_range() -> None:
    assert backoff_seconds(attempt=5, between=lambda least, _: least) == 0
    assert len({backoff_seconds(attempt=5) for _ in range(10)}) > 1

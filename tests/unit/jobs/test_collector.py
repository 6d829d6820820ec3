"""Garbage is looked for seldom during a billing run, and as before afterwards."""

from __future__ import annotations

import gc

import pytest

from chalicelib.jobs.collector import YOUNG_OBJECTS_MAX, few_collections


def fail_within(seen: list[tuple[int, int, int]]) -> None:
    with few_collections():
        seen.append(gc.get_threshold())
        raise RuntimeError


def test_the_collector_is_left_as_it_was_even_after_a_failure() -> None:
    before, seen = gc.get_threshold(), list[tuple[int, int, int]]()

    with pytest.raises(RuntimeError):
        fail_within(seen)

    assert seen == [(YOUNG_OBJECTS_MAX, *before[1:])]
    assert gc.get_threshold() == before

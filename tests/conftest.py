"""Fixtures for all tests live in plugins, one a topic."""

from __future__ import annotations

import pytest

from tests import examples

pytest_plugins = ["tests.fixtures_engine", "tests.counts"]
assert examples.FACTOR >= 1, "properties are tried on at least as many examples as they say"

# Few tests that take long, the longest first: begun last, they would run on when all others are done.
LONG = (
    "tests/integration/test_telco_billing.py",
    "tests/integration/test_golden_book.py",
    "tests/integration/test_runner.py",
    "tests/security",
    "tests/contract",
    "tests/integration",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((at for at, one in enumerate(LONG) if item.nodeid.startswith(one)), 99))

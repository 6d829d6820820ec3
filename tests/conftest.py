"""Fixtures for all tests live in plugins, one a topic."""

from __future__ import annotations

import gc
from collections.abc import Generator

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


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests with no garbage collection, and leave what that has made out of those to come.

    It is all the modules and tests, which stay: going through them again and again was a third of
    collecting and a tenth of the tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((at for at, one in enumerate(LONG) if item.nodeid.startswith(one)), 99))

"""Fixtures for all tests live in plugins, one a topic."""

from tests import examples

pytest_plugins = ["tests.fixtures_engine", "tests.counts"]
assert examples.FACTOR >= 1, "properties are tried on at least as many examples as they say"

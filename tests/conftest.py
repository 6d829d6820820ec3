"""Fixtures for all tests live in plugins, one a topic."""

pytest_plugins = ["tests.fixtures_engine"]

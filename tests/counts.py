"""What the security suites tried, told at the end of the run whatever process tried it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

PROPERTY: Final = "security-count"

Count = Callable[[str], None]


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Count:
    """Note one line of what a test tried, for the end of the run."""
    return lambda line: record_property(PROPERTY, line)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    lines = [
        value
        for report in reports
        if report.when == "call"
        for name, value in report.user_properties
        if name == PROPERTY
    ]
    if lines:
        terminalreporter.section("security suites")
        for line in sorted(lines):
            terminalreporter.write_line(line)

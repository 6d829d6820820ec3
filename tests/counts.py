"""Says at the end how many cases the generated suites tried: ``record_property("cases: <suite>", count)``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest

PREFIX: Final = "cases: "
PROPERTY: Final = "security-count"

Count = Callable[[str], None]


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Count:
    """Note one line of what a test tried, for the end of the run."""
    return lambda line: record_property(PROPERTY, line)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Sum what tests recorded, those of all processes."""
    counted: Counter[str] = Counter()
    lines: list[str] = []
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    if str(name).startswith(PREFIX):
                        counted[str(name).removeprefix(PREFIX)] += int(value)
                    elif name == PROPERTY:
                        lines.append(str(value))
    if counted or lines:
        terminalreporter.section("cases tried")
        for suite, count in sorted(counted.items()):
            terminalreporter.write_line(f"{suite}: {count}")
        for line in sorted(lines):
            terminalreporter.write_line(line)

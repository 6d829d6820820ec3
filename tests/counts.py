"""Says at the end what the generated suites tried: tests count by ``count``, and each name is summed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest

PREFIX: Final = "tried: "

Count = Callable[[str, int], None]


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Count:
    """Add so many to what is told under a name at the end of the run."""
    return lambda name, number: record_property(f"{PREFIX}{name}", number)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Sum what tests recorded, those of all processes."""
    counted: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    if str(name).startswith(PREFIX):
                        counted[str(name).removeprefix(PREFIX)] += int(value)
    if counted:
        terminalreporter.section("tried")
        for name, number in sorted(counted.items()):
            terminalreporter.write_line(f"{name}: {number:,}")

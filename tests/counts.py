"""Says at the end what the generated suites tried: tests count by ``count``, and each name is summed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import pytest

PREFIX: Final = "tried: "
WORST: Final = "worst: "

Count = Callable[[str, int], None]


@pytest.fixture
def count(record_property: Callable[[str, object], None]) -> Count:
    """Add so many to what is told under a name at the end of the run."""
    return lambda name, number: record_property(f"{PREFIX}{name}", number)


@pytest.fixture
def worst(record_property: Callable[[str, object], None]) -> Count:
    """Keep the largest of what is told under a name for the end of the run."""
    return lambda name, number: record_property(f"{WORST}{name}", number)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Sum what tests recorded, those of all processes."""
    counted: Counter[str] = Counter()
    largest: dict[str, int] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    if str(name).startswith(PREFIX):
                        counted[str(name).removeprefix(PREFIX)] += int(value)
                    if str(name).startswith(WORST):
                        plain = str(name).removeprefix(WORST)
                        largest[plain] = max(int(value), largest.get(plain, 0))
    if counted:
        terminalreporter.section("tried")
        for name, number in sorted(counted.items()):
            terminalreporter.write_line(f"{name}: {number:,}")
        for name, number in sorted(largest.items()):
            terminalreporter.write_line(f"{name}: {number:,}")

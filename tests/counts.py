"""Says at the end how many cases the generated suites tried: ``record_property("cases: <suite>", count)``."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

PREFIX: Final = "cases: "


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
        terminalreporter.section("cases tried")
        for suite, count in sorted(counted.items()):
            terminalreporter.write_line(f"{suite}: {count}")

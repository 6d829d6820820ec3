"""The map of OWASP ASVS 5.0.0 in docs/security.md: read, counted, and its counts printed.

A row's last cell names tests as ``tests/...py::function``, or says after a dash why there is none,
or what it waits for: ``(pending: passkeys)``. After a change of rows, ``python -m tests.security_map``
prints the table and the line that the document and README are to have.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
DOCUMENT: Final = ROOT / "docs" / "security.md"
KINDS: Final = (
    "tested", "by construction", "in part", "not met", "pending", "operator", "not applicable",
)  # fmt: skip
IN_PART: Final = "In part: "
_ITEM: Final = re.compile(r"\d+\.\d+\.\d+")
_RISK: Final = re.compile(r"API\d+")
_TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_PENDING: Final = re.compile(r"\(pending: [^)]+\)\Z")


@dataclass(frozen=True)
class Row:
    """A requirement of the standard, and how it is met."""

    item: str
    level: str
    asks: str
    how: str
    test: str

    @property
    def chapter(self) -> str:
        """Its chapter, such as ``V6``."""
        return f"V{self.item.partition('.')[0]}"

    @property
    def tests(self) -> list[tuple[str, str]]:
        """The files and functions that it names."""
        return _TEST.findall(self.test)

    @property
    def kind(self) -> str:
        """One of KINDS, or what stands there instead."""
        if _PENDING.search(self.test):
            return "pending"
        if self.test.startswith("— "):
            return self.test.removeprefix("— ")
        return "in part" if self.how.startswith(IN_PART) else "tested"


@cache
def cells() -> tuple[tuple[str, ...], ...]:
    """The cells of every line of a table in the document."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    return tuple(
        tuple(cell.strip() for cell in line.strip().strip("|").split("|"))
        for line in lines
        if line.startswith("|")
    )


def rows() -> list[Row]:
    """Every requirement in the document, in its order."""
    found = [line for line in cells() if _ITEM.fullmatch(line[0])]
    wrong = [line[0] for line in found if len(line) != 5]
    assert not wrong, f"a row has five cells: {wrong}"
    return [Row(*line) for line in found]


def risks() -> list[tuple[str, ...]]:
    """The rows of the API Security Top 10: number, risk, how it is met, tests."""
    return [line for line in cells() if _RISK.fullmatch(line[0])]


def named_tests(text: str) -> list[tuple[str, str]]:
    """The files and functions that a cell names."""
    return _TEST.findall(text)


def unread(text: str) -> str:
    """What a cell that names tests has besides them."""
    return _TEST.sub("", text).replace(",", "").strip()


def counts() -> list[list[str]]:
    """The table of counts: of each chapter and of all, items, levels 1 and 2, and each kind."""
    every = rows()
    chapters = list(dict.fromkeys(row.chapter for row in every))
    groups = [(name, [row for row in every if row.chapter == name]) for name in chapters]
    return [_counted(name, group) for name, group in [*groups, ("all", every)]]


def _counted(name: str, group: list[Row]) -> list[str]:
    levels, kinds = Counter(row.level for row in group), Counter(row.kind for row in group)
    numbers = [len(group), levels["1"], levels["2"], *(kinds[kind] for kind in KINDS)]
    return [name, *map(str, numbers)]


def summary() -> str:
    """One line of the counts of all."""
    _, items, first, second, *kinds = counts()[-1]
    parts = ", ".join(f"{number} {kind}" for number, kind in zip(kinds, KINDS, strict=True))
    return f"OWASP ASVS 5.0.0: {items} items ({first} of level 1, {second} of level 2): {parts}"


def table() -> str:
    """The table of counts as the document has it."""
    head = ["chapter", "items", "level 1", "level 2", *KINDS]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *counts()])


if __name__ == "__main__":
    print(table())
    print(summary())

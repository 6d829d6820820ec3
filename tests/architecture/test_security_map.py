"""docs/security.md: every requirement is there, every test it names exists, every count is right."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests import security_map
from tests.architecture.code import FUNCTION, ROOT
from tests.security_map import DOCUMENT, KINDS, Row, named_tests, risks, rows

# "item,level" of each requirement of levels 1 and 2; the file's first line names its source.
STANDARD = Path(__file__).with_name("asvs-5.0.0.csv")
WORDS_MAX = 12


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, FUNCTION))


def test_every_requirement_of_levels_1_and_2_is_there_once() -> None:
    lines = [line for line in STANDARD.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    expected = [tuple(line.split(",")) for line in lines]

    assert [(row.item, row.level) for row in rows()] == expected
    assert (len(expected), sum(level == "1" for _, level in expected)) == (253, 70)


def test_every_row_is_filled_in_and_short() -> None:
    for row in rows():
        assert row.asks, row
        assert row.how, row
        assert row.test, row
        assert len(row.asks.split()) <= WORDS_MAX, row
        assert row.kind in KINDS, row


def test_every_row_names_tests_or_says_why_not() -> None:
    for row in rows():
        if row.kind in {"tested", "in part"}:
            assert row.tests, row
            assert not security_map.unread(row.test), row


def test_every_test_that_is_named_exists() -> None:
    named = {one for row in rows() for one in row.tests} | {
        one for risk in risks() for one in named_tests(risk[-1])
    }

    assert len(named) > 100
    assert not [name for _, name in named if not name.startswith("test_")]
    assert not [f"{path}::{name}" for path, name in sorted(named) if not (ROOT / path).is_file()]
    assert not [f"{path}::{name}" for path, name in sorted(named) if name not in functions(path)]


def test_the_ten_risks_of_apis_each_have_tests() -> None:
    assert [risk[0] for risk in risks()] == [f"API{number}" for number in range(1, 11)]
    assert all(named_tests(risk[-1]) for risk in risks())


def test_the_counts_are_those_of_the_rows() -> None:
    counted = [list(line) for line in security_map.cells() if re.fullmatch(r"V\d+|all", line[0])]

    assert counted == security_map.counts()


def test_what_is_not_met_is_listed_at_the_top() -> None:
    (listed,) = re.findall(r"^Not met: (.+)\.$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)

    assert listed.split(", ") == [row.item for row in rows() if row.kind == "not met"]


def test_the_readme_has_the_counts() -> None:
    assert security_map.summary() in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("how", "test", "kind"),
    [
        ("so", "`tests/x.py::test_y`", "tested"),
        ("In part: so", "`tests/x.py::test_y`", "in part"),
        ("so", "— not met", "not met"),
        ("so", "`tests/x.py::test_y` (pending: passkeys)", "pending"),
    ],
)
def test_a_row_is_of_one_kind(how: str, test: str, kind: str) -> None:
    assert Row("1.1.1", "1", "asks", how, test).kind == kind

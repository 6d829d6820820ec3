"""What the documents name is there, and what runs is in them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.architecture.code import ROOT, event_names, sources

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
PATH = re.compile(r"`((?:chalicelib|tests|docs)/[\w/.-]+\.\w+|app\.py)`")
# Told of together: "…ErrorsAlarm" is one row for all of them.
OF_A_KIND = re.compile(r"\w+?(Errors|Waits|DeadLetters)Alarm")


def anchors(path: Path) -> set[str]:
    """The addresses of a page's headings, as they are made of their words."""
    titles = HEADING.findall(path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def alarms() -> set[str]:
    resources = json.loads((ROOT / ".chalice" / "resources.json").read_text(encoding="utf-8"))["Resources"]
    return {name for name, one in resources.items() if one["Type"] == "AWS::CloudWatch::Alarm"}


def scheduled_and_queued() -> set[str]:
    return {name.title().replace("_", "") for name in event_names(sources("app.py")[0])}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target, anchor in LINK.findall(document.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        page = document.parent / target if target else document
        assert page.is_file(), target
        assert not anchor or anchor in anchors(page), f"{target}#{anchor}"


def test_where_a_change_goes_there_is_something() -> None:
    named = PATH.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))

    assert len(named) > 20
    assert [one for one in named if not (ROOT / one).is_file()] == []


def test_operators_are_told_of_every_function_and_every_alarm() -> None:
    assert [name for name in sorted(scheduled_and_queued()) if f"\n| `{name}` |" not in OPERATIONS] == []
    told = re.sub(OF_A_KIND, lambda found: f"…{found[1]}Alarm", " ".join(sorted(alarms()))).split()
    assert [name for name in told if f"`{name}`" not in OPERATIONS] == []


def test_every_function_has_an_alarm_for_its_errors() -> None:
    assert {f"{name}ErrorsAlarm" for name in scheduled_and_queued()} <= alarms()

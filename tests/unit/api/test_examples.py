"""The examples of docs/api.md: each is a request that a route takes."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from chalicelib.api import routes  # noqa: F401 - for the endpoints
from chalicelib.api.reading import read_body
from chalicelib.api.routes import every_endpoint
from chalicelib.api.routing import Endpoint

DOCUMENT = Path(__file__).parents[3] / "docs" / "api.md"
SECTIONS = re.findall(
    r"^## (.+?)$(.*?)(?=^## |\Z)", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)

ENDPOINTS = every_endpoint()


@dataclass(frozen=True)
class Example:
    """One call of curl."""

    section: str
    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def endpoint(self) -> Endpoint:
        """The route that takes it; a path that is written out goes before one with parameters."""
        parts = re.sub(r"\$[A-Z]+", "x", self.path).split("?")[0].split("/")
        fitting = [
            one
            for one in ENDPOINTS
            if one.method == self.method
            and len(known := one.path.split("/")) == len(parts)
            and all(mine == part or mine.startswith("{") for mine, part in zip(known, parts, strict=True))
        ]
        assert fitting, f"no route takes {self.method} {self.path}"
        return min(fitting, key=lambda one: one.path.count("{"))


def _example(section: str, words: list[str]) -> Example | None:
    method, path, headers, body = "", "", {}, ""
    rest = iter(words)
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(rest)
        elif word.startswith("$API/"):
            path = f"/v1/{word.removeprefix('$API/')}"
    return Example(section, method or ("POST" if body else "GET"), path, headers, body) if path else None


def _examples() -> list[Example]:
    found = []
    for section, text in SECTIONS:
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            for call in re.split(r"^(?=curl )", block, flags=re.MULTILINE)[1:]:
                words = shlex.split(call.replace("$(stat -c %s customers.csv)", "9"), comments=True)
                until = words.index("|") if "|" in words else len(words)
                found += [one] if (one := _example(section, words[:until])) else []
    return found


EXAMPLES = _examples()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: f"{one.method} {one.path}")
def test_an_example_is_taken_by_a_route(example: Example) -> None:
    taken = example.endpoint

    read_body(example.body.encode(), content_type=example.headers.get("Content-Type", ""), model=taken.body)
    assert taken.public or "Authorization" in example.headers
    assert not taken.if_match or "If-Match" in example.headers


@pytest.mark.parametrize(
    "section",
    [
        "Packages",
        "Changing the package",
        "Billing now",
        "Correcting, paying",
        "Ledger",
        "Importing subscribers",
        "Exporting everything",
    ],
)
def test_a_section_has_examples(section: str) -> None:
    assert [one for one in EXAMPLES if one.section == section]


def test_an_example_that_no_route_takes_is_found() -> None:
    wrong = Example("x", "POST", "/v1/packages/$PACKAGE/nonsense", {}, json.dumps({}))

    with pytest.raises(AssertionError, match="no route takes"):
        _ = wrong.endpoint

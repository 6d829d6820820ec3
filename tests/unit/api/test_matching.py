"""Each path goes to its own route, a literal before a parameter, and to none that it does not fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.matching import Matcher
from chalicelib.api.routes import by_path
from tests.examples import examples

ROUTES = sorted(by_path())
MATCHER = Matcher(ROUTES)
LITERALS = sorted({part for route in ROUTES for part in route.split("/")[1:] if not part.startswith("{")})

# What a client may send between two slashes; encoded slashes, braces and dots among it.
SENT = st.one_of(
    st.sampled_from(LITERALS),
    st.sampled_from(["a%2Fb", "%2E%2E", "..", "{", "{}", "{id}", "a;b=c", "+", "%", "%zz", ""]),
    st.text(st.characters(codec="utf-8", exclude_characters="/?#"), max_size=12),
)


def fits(route: str, path: str) -> bool:
    wanted, sent = route.split("/"), path.split("/")
    if len(wanted) != len(sent):
        return False
    return all(bool(b) if a.startswith("{") else a == b for a, b in zip(wanted, sent, strict=True))


def expected(path: str) -> str | None:
    """The route that fits, with a literal as far to the left as there is one."""
    fitting = [route for route in ROUTES if fits(route, path)]
    return min(fitting, key=lambda route: [part.startswith("{") for part in route.split("/")], default=None)


@st.composite
def paths_like(draw: st.DrawFn) -> str:
    """A declared path, in which parameters, and now and then a literal, are something else."""
    parts = draw(st.sampled_from(ROUTES)).split("/")[1:]
    changed = draw(st.integers(min_value=-1, max_value=2 * len(parts)))
    chosen = [
        draw(SENT) if part.startswith("{") or place == changed else part for place, part in enumerate(parts)
    ]
    return "/" + "/".join(chosen)


@given(path=paths_like())
@examples(300)
def test_a_path_goes_to_the_route_that_fits_it_best(path: str) -> None:
    match = MATCHER.match(path)

    assert (match.route if match else None) == expected(path)
    if match is not None:
        sent = zip(match.route.split("/"), path.split("/"), strict=True)
        assert match.parameters == {name[1:-1]: value for name, value in sent if name.startswith("{")}


@given(parts=st.lists(SENT, max_size=8))
@examples(100)
def test_a_path_of_anything_goes_where_it_fits_or_nowhere(parts: list[str]) -> None:
    path = "/" + "/".join(parts)
    match = MATCHER.match(path)

    assert (match.route if match else None) == expected(path)


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_takes_parameters_that_no_literal_is(route: str) -> None:
    path = "/".join("x%2Fy" if part.startswith("{") else part for part in route.split("/"))

    match = MATCHER.match(path)

    assert match is not None
    assert match.route == route
    assert set(match.parameters.values()) <= {"x%2Fy"}


def test_a_literal_goes_before_a_parameter_and_gives_way_where_it_leads_nowhere() -> None:
    matcher = Matcher(["/a/{id}", "/a/me", "/a/{id}/b/{other}", "/a/me/c"])

    found = {path: matcher.match(path) for path in ("/a/me", "/a/you", "/a/me/c", "/a/me/b/1", "/a/me/b")}

    assert {path: match and (match.route, match.parameters) for path, match in found.items()} == {
        "/a/me": ("/a/me", {}),
        "/a/you": ("/a/{id}", {"id": "you"}),
        "/a/me/c": ("/a/me/c", {}),
        "/a/me/b/1": ("/a/{id}/b/{other}", {"id": "me", "other": "1"}),
        "/a/me/b": None,
    }


@pytest.mark.parametrize(
    "path", ["", "/", "//", "/a", "a/x", "/a/", "/a//", "/a/x/", "/A/x", "/%61/x", "/a/x/y"]
)
def test_what_is_no_route_is_none(path: str) -> None:
    assert Matcher(["/a/{id}"]).match(path) is None


def test_a_path_of_many_segments_is_none_at_once() -> None:
    assert MATCHER.match("/v1" * 100_000) is None


def test_two_routes_of_the_same_paths_are_refused() -> None:
    with pytest.raises(AssertionError, match="the same paths"):
        Matcher(["/a/{id}", "/a/{other}"])

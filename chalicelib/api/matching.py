"""Finds the route of a path: API Gateway knows one, ``/{proxy+}``, and hands everything to the function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Match:
    """A route, and its parameters as they were sent: percent-encoded."""

    route: str
    parameters: Mapping[str, str]


@dataclass(slots=True)
class _Node:
    """What may follow in the next segment of a path; ``route`` where a path may end here."""

    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    route: str | None = None


class Matcher:
    """Routes by their segments, each a literal or a ``{parameter}``.

    A literal goes before a parameter, from left to right; a parameter is one segment and never empty.
    Whatever is percent-encoded stays so: an encoded slash is part of its parameter, and no literal.
    """

    def __init__(self, routes: Iterable[str]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def match(self, path: str) -> Match | None:
        """Return the route of a path, which begins with a slash as routes do, or None."""
        segments = path.split("/")
        route = _find(self._root, segments, 0)
        if route is None:
            return None
        pairs = zip(route.split("/"), segments, strict=True)
        return Match(route, {name[1:-1]: sent for name, sent in pairs if name.startswith("{")})

    def _add(self, route: str) -> None:
        node = self._root
        for segment in route.split("/"):
            if segment.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        assert node.route is None, f"{route} and {node.route} are the same paths"
        node.route = route


def _find(node: _Node, segments: Sequence[str], place: int) -> str | None:
    if place == len(segments):
        return node.route
    segment = segments[place]
    literal = node.literals.get(segment)
    route = _find(literal, segments, place + 1) if literal else None
    if route is None and node.parameter and segment:
        route = _find(node.parameter, segments, place + 1)
    return route

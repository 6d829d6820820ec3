"""Every path and method finds its own operation behind the one route that API Gateway knows."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from chalice.app import Chalice

from chalicelib.api.mounting import mount
from chalicelib.api.routes import by_path
from chalicelib.bootstrap import Services
from chalicelib.local.gateway import Gateway
from tests.fakes.api_client import ApiClient

ROUTES = by_path()
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Counter:
    """An app that notes which operation was looked for, and has none of them."""

    def __init__(self, routes: Mapping[str, Mapping[str, str]]) -> None:
        self.asked: list[tuple[str, str]] = []
        app = Chalice(app_name="counter", configure_logs=False)
        mount(app, self._no_services, routes, self._find)
        self.api = ApiClient(Gateway(app))

    def _find(self, method: str, path: str) -> None:
        self.asked.append((method, path))

    def _no_services(self) -> Services:
        raise AssertionError("nothing is read for what is refused")


@pytest.fixture(scope="module")
def counter() -> Counter:
    return Counter(ROUTES)


@pytest.mark.parametrize("path", sorted(ROUTES))
def test_each_method_of_a_path_finds_its_operation_and_others_none(counter: Counter, path: str) -> None:
    target = "/".join("x%2Fy" if part.startswith("{") else part for part in path.split("/"))
    counter.asked.clear()

    answers = {method: counter.api.request(method, target) for method in METHODS}

    wanted = [method.replace("HEAD", "GET") for method in METHODS]
    assert counter.asked == [(method, path) for method in wanted if method in ROUTES[path]]
    # Without an operation each is refused, with the methods that the path has.
    assert {answer.status for answer in answers.values()} == {405}
    assert {answer.headers["Allow"] for answer in answers.values()} == {", ".join(sorted(ROUTES[path]))}


@pytest.mark.parametrize("method", [*METHODS, "OPTIONS"])
def test_what_is_no_route_is_404_and_nothing_is_read_for_it(counter: Counter, method: str) -> None:
    counter.asked.clear()

    answer = counter.api.request(method, "/v1/nothing/here", headers={"Origin": "https://a.example.com"})

    assert (answer.status, counter.asked) == (404, [])
    assert bool(answer.body) is (method != "HEAD")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(("method", "target"), [("GET", "/"), ("GET", "/?a=1"), ("TRACE", "/v1/health")])
def test_what_api_gateway_answers_itself_is_404(counter: Counter, method: str, target: str) -> None:
    assert counter.api.request(method, target).problem == (404, "not_found", None)

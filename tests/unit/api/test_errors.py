"""Every refusal has a status, and its answer has the one shape."""

from __future__ import annotations

import importlib
import json
import pkgutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chalicelib
from chalicelib.api import answering
from chalicelib.api.errors import MethodNotAllowed, NotSignedIn, problem_of, status_of
from chalicelib.api.request import Answer
from chalicelib.crypto.keyring import CiphertextRejected
from chalicelib.domain.errors import Busy, DomainError, InvalidValue, NotFound
from chalicelib.ports.identity import TooManyAttempts
from tests.fakes.api_client import PROBLEM_KEYS


def refusals() -> list[type[DomainError]]:
    """Every refusal of the application, wherever it is declared."""
    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        if not module.name.startswith("chalicelib.local"):
            importlib.import_module(module.name)
    found: list[type[DomainError]] = []
    pending: list[type[DomainError]] = [DomainError]
    while pending:
        kind = pending.pop()
        found.append(kind)
        pending += kind.__subclasses__()
    return found


def test_every_refusal_has_a_status_and_a_code_of_its_own() -> None:
    for kind in refusals():
        status = status_of(kind.__new__(kind))
        assert 400 <= status <= 503, kind
        assert kind.code == kind.code.lower().replace(" ", "_"), kind


def test_a_refusal_is_told_in_full() -> None:
    body = problem_of(InvalidValue("too small", param="rows.0.price"), request_id="r-1")

    assert body == {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "code": "invalid_value",
        "message": "too small",
        "param": "rows.0.price",
        "request_id": "r-1",
    }


def test_an_unreadable_record_is_a_failure_of_ours_and_says_no_more() -> None:
    body = problem_of(CiphertextRejected("the record's key is not there"), request_id="r-1")

    assert (body["status"], body["code"]) == (500, "data_unreadable")
    assert "key" not in str(body["message"])


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (NotSignedIn("sign in"), "WWW-Authenticate", "Bearer"),
        (MethodNotAllowed(allowed="GET"), "Allow", "GET"),
        (TooManyAttempts(retry_after=17), "Retry-After", "17"),
        (Busy("busy"), "Retry-After", "1"),
    ],
)
def test_headers_that_go_with_a_refusal(error: DomainError, header: str, value: str) -> None:
    assert answering.refused(error, request_id="r-1").headers[header] == value


def test_a_header_of_more_than_one_line_is_a_bug() -> None:
    for value in ("a\r\nb: c", "a\nb", "a\rb", "é", "a\x00b"):
        with pytest.raises(AssertionError):
            answering.rendered(Answer(None, headers={"X-A": value}), status=200, request_id="r-1")


@given(st.text(), st.text() | st.none())
def test_every_text_fits_into_a_problem(message: str, param: str | None) -> None:
    response = answering.refused(NotFound(message, param=param), request_id="r-1")

    assert set(json.loads(response.body)) == PROBLEM_KEYS

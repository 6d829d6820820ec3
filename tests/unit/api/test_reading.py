"""Reading bodies, queries, paths and headers."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, Field, ValidationError

from chalicelib.api.errors import BadRequest, InvalidField, InvalidHeader, MalformedJson, problem_of
from chalicelib.api.reading import (
    COMPLAINTS_MAX,
    PARAM_CHARS_MAX,
    decode_path,
    read_body,
    read_idempotency_key,
    read_if_match,
    read_query,
    request_hash,
)
from chalicelib.api.schemas import Line, ListQuery, MoneyIn, Patch, Schema
from chalicelib.api.sessions import LogInIn
from chalicelib.domain.cards import CardNumberRefused
from chalicelib.domain.errors import DomainError, NotFound
from chalicelib.domain.money import Money


class Inner(Schema):
    on: date
    note: Line = ""


class Body(Schema):
    name: Line = Field(max_length=10)
    price: MoneyIn | None = None
    rows: list[Inner] = Field(default=[], max_length=2)


class Since(Schema):
    since: AwareDatetime


class Change(Patch):
    name: Line | None = None


def read(body: bytes, model: Any = Body) -> Any:
    return read_body(body, content_type="application/json", model=model)[0]


def canonical(body: bytes) -> str:
    return read_body(body, content_type="application/json", model=Body)[1]


def test_a_body_is_read_with_its_dates_and_amounts() -> None:
    body = read(
        b'{"name": " Net ", "price": {"amount": 5, "currency": "PKR"}, "rows": [{"on": "2026-11-01"}]}'
    )

    assert body.name == "Net"
    assert body.price.money() == Money(5, "PKR")
    assert body.rows[0].on == date(2026, 11, 1)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "missing_field", "name"),
        ({"name": 1}, "invalid_type", "name"),
        ({"name": None}, "invalid_type", "name"),
        ({"name": "a", "x": 1}, "unknown_field", "x"),
        ({"nmae": "a"}, "unknown_field", "nmae"),
        ({"name": "a", "rows": [{"onn": "2026-11-01"}]}, "unknown_field", "rows.0.onn"),
        ({"name": "a" * 11}, "invalid_value", "name"),
        ({"name": "a\nb"}, "invalid_value", "name"),
        ({"name": "a", "rows": {}}, "invalid_type", "rows"),
        ({"name": "a", "rows": [{}]}, "missing_field", "rows.0.on"),
        ({"name": "a", "rows": [{"on": "2026-11-01"}, {"on": 5}]}, "invalid_type", "rows.1.on"),
        ({"name": "a", "rows": [{"on": "2026-13-01"}]}, "invalid_value", "rows.0.on"),
        ({"name": "a", "rows": [{"on": "2026-11-01T00:00:01"}]}, "invalid_value", "rows.0.on"),
        ({"name": "a", "price": {"amount": 1.0, "currency": "PKR"}}, "invalid_type", "price.amount"),
        ({"name": "a", "price": {"amount": "1", "currency": "PKR"}}, "invalid_type", "price.amount"),
        ({"name": "a", "price": {"amount": True, "currency": "PKR"}}, "invalid_type", "price.amount"),
        ({"name": "a", "price": {"amount": -1, "currency": "PKR"}}, "invalid_value", "price.amount"),
        ({"name": "a", "price": {"amount": 10**14, "currency": "PKR"}}, "invalid_value", "price.amount"),
        ({"name": "a", "price": {"amount": 10**30, "currency": "PKR"}}, "invalid_value", "price.amount"),
        ({"name": "a", "price": {"amount": 1, "currency": "pkr"}}, "invalid_value", "price.currency"),
        ({"name": "a", "price": {"amount": 1, "currency": "PKR\n"}}, "invalid_value", "price.currency"),
    ],
)
def test_what_is_wrong_is_named_by_its_dotted_path(body: object, code: str, param: str) -> None:
    with pytest.raises(InvalidField) as refused:
        read(json.dumps(body).encode())

    assert (refused.value.field_code, refused.value.param) == (code, param)


def test_each_wrong_field_is_told_once_and_a_misspelt_one_first() -> None:
    body = {"nmae": "a", "price": {"amount": -1, "currency": "pkr"}, "rows": [{"on": "x"}] * 2}
    with pytest.raises(InvalidField) as refused:
        read(json.dumps(body).encode())

    problem = problem_of(refused.value, request_id="r-1")
    told = [(one["param"], one["code"]) for one in problem["errors"]]  # type: ignore[attr-defined]
    assert told == [
        ("nmae", "unknown_field"),
        ("name", "missing_field"),
        ("price.amount", "invalid_value"),
        ("price.currency", "invalid_value"),
        ("rows.0.on", "invalid_value"),
        ("rows.1.on", "invalid_value"),
    ]
    assert (problem["param"], problem["code"]) == told[0]


def test_one_wrong_field_needs_no_list_and_many_are_not_all_told() -> None:
    with pytest.raises(InvalidField) as refused:
        read(b'{"name": 1}')
    assert "errors" not in problem_of(refused.value, request_id="r-1")

    with pytest.raises(InvalidField) as refused:
        read(json.dumps({f"x{number}": "secret" for number in range(1_000)}).encode())
    assert len(refused.value.complaints) == COMPLAINTS_MAX
    assert "secret" not in json.dumps(problem_of(refused.value, request_id="r-1"))


def test_a_name_as_long_as_a_body_is_not_sent_back_in_full() -> None:
    with pytest.raises(InvalidField) as refused:
        read(json.dumps({"é" * 100_000: 0, "name": "a"}).encode())
    assert refused.value.param == "é" * PARAM_CHARS_MAX


class Worded(Schema):
    name: str = ""
    rows: list[dict[str, str]] = Field(default=[])
    password: str = ""
    token: str = ""
    invoice_id: str = ""


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": "pay by 4111 1111 1111 1111"}, "name"),
        ({"rows": [{}, {"why": "5555555555554444"}]}, "rows.1.why"),
    ],
)
def test_a_card_number_is_refused_in_any_field(body: object, param: str) -> None:
    with pytest.raises(CardNumberRefused) as refused:
        read(json.dumps(body).encode(), Worded)

    assert refused.value.param == param
    assert "1111" not in refused.value.message


@pytest.mark.parametrize("field", ["password", "token", "invoice_id"])
def test_what_is_no_text_may_look_like_a_card_number(field: str) -> None:
    body = json.dumps({field: "4111 1111 1111 1111"}).encode()

    assert getattr(read(body, Worded), field)


@given(st.binary(max_size=200))
def test_no_bytes_are_a_failure_of_ours(body: bytes) -> None:
    try:
        read(body)
    except DomainError:
        return


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["name", "price", "rows", "x"]), JSON_VALUES))
def test_no_json_is_a_failure_of_ours(value: dict[str, object]) -> None:
    try:
        read(json.dumps(value).encode())
    except DomainError:
        return


def test_the_order_of_fields_and_blanks_make_no_other_request() -> None:
    price = b'{"amount":1,"currency":"PKR"}'
    one = canonical(b'{"name": "a", "price": ' + price + b"}")
    two = canonical(b'{"price":{"currency":"PKR" , "amount":1},"name":"\\u0061"}')

    assert one == two
    assert one != canonical(b'{"name": "b"}')


def test_a_request_is_known_by_method_path_body_and_who_asks() -> None:
    given_ = {"method": "POST", "path": "/v1/a", "canonical_body": "{}", "actor_id": "stf_1"}
    hashes = {
        request_hash(**given_),
        request_hash(**given_ | {"method": "PUT"}),
        request_hash(**given_ | {"path": "/v1/b"}),
        request_hash(**given_ | {"canonical_body": "[]"}),
        request_hash(**given_ | {"actor_id": "stf_2"}),
    }
    assert len(hashes) == 5


@pytest.mark.parametrize("body", [b"", b"{}", b" {} "])
def test_no_body_where_none_belongs(body: bytes) -> None:
    assert read_body(body, content_type="", model=None) == (None, "")


def test_a_body_where_none_belongs() -> None:
    with pytest.raises(BadRequest):
        read_body(b'{"a": 1}', content_type="application/json", model=None)


@pytest.mark.parametrize("body", [b"{}", b'{"name": null}'])
def test_a_change_names_what_it_changes(body: bytes) -> None:
    with pytest.raises(InvalidField):
        read(body, Change)


def test_a_patch_of_something_else_is_refused_for_what_it_is() -> None:
    with pytest.raises(InvalidField):
        read(b"[]", Change)
    with pytest.raises(MalformedJson):
        read(b"{", Change)


def test_a_query_is_read_from_text() -> None:
    assert read_query({"limit": ["7"]}, model=ListQuery).limit == 7
    assert read_query({}, model=ListQuery).limit == 50
    assert read_query({}, model=None) is None


@given(
    st.dictionaries(st.text(max_size=10), st.lists(st.text(max_size=10), min_size=1, max_size=2), max_size=3)
)
def test_no_query_is_a_failure_of_ours(values: dict[str, list[str]]) -> None:
    try:
        read_query(values, model=ListQuery)
    except DomainError:
        return


def test_a_path_is_decoded_once() -> None:
    assert decode_path({"code": "a%2520b%2F"}) == {"code": "a%20b/"}
    assert decode_path(None) == {}


@pytest.mark.parametrize("value", ["%00", "%0a", "%FF", "%e2%80%8b", "\u2028"])
def test_a_path_that_nobody_can_mean_is_not_found(value: str) -> None:
    with pytest.raises(NotFound):
        decode_path({"code": value})


def test_headers_are_read_strictly() -> None:
    assert read_if_match(' "12" ', required=True) == 12
    assert read_if_match(None, required=False) is None
    assert read_idempotency_key("a-1", required=True) == "a-1"
    assert read_idempotency_key(None, required=False) is None
    for header in ("12", '"12', '"-1"', '"1.0"', '"01"', "*", ""):
        with pytest.raises(InvalidHeader):
            read_if_match(header, required=False)


def test_an_error_that_reaches_the_log_does_not_tell_what_was_sent() -> None:
    with pytest.raises(ValidationError) as refused:
        LogInIn.model_validate({"subdomain": "lahore", "email": "a@b.example", "password": ["hunter2"]})

    assert "password" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_card_number_in_a_query_is_refused_with_its_parameter() -> None:
    class Query(Schema):
        text: str = ""
        cursor: str = ""

    with pytest.raises(CardNumberRefused) as refused:
        read_query({"text": ["4111 1111 1111 1111"]}, model=Query)

    assert refused.value.param == "text"
    assert "4111" not in refused.value.message
    # A cursor is sealed by us, and holds no words.
    assert read_query({"cursor": ["4111111111111111"]}, model=Query).cursor == "4111111111111111"


@pytest.mark.parametrize("text", ["2026-11-01", "2026-11-01T00:00:00", "yesterday", "2026-11-01 noon"])
def test_a_time_that_is_none_is_answered_with_an_example(text: str) -> None:
    with pytest.raises(InvalidField, match="such as 2026-11-01T00:00:00Z"):
        read_query({"since": [text]}, model=Since)


def test_a_text_is_counted_in_characters() -> None:
    with pytest.raises(InvalidField, match=r"String should have at most 10 characters$"):
        read(b'{"name": "more than ten"}')

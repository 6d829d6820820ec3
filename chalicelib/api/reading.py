"""Reads what a client sent: path, query, body and the headers we understand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import unquote

from pydantic import BaseModel, ValidationError

from chalicelib.api.errors import (
    BadRequest,
    BodyTooLarge,
    Complaint,
    InvalidField,
    InvalidHeader,
    MalformedJson,
    PreconditionRequired,
    UnsupportedMediaType,
)
from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.errors import NotFound

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

BODY_BYTES_MAX: Final = 256 * 1024
QUERY_PARAMETERS_MAX: Final = 30
# Of one request, that are told at once.
COMPLAINTS_MAX: Final = 20
# Names of fields are the client's own, and as long as it likes.
PARAM_CHARS_MAX: Final = 200
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_ONE_LINE: Final = re.compile(r"[^\r\n\0]*")
_IF_MATCH: Final = re.compile(r'"([1-9]\d{0,14})"', re.ASCII)
# Fields that are never shown or kept as text; and identifiers are made of digits by themselves.
_NO_WORDS: Final = re.compile(r"password|token|secrets|cursor|\w+_ids?")
_TIME: Final = "Input should be a time with its zone, such as 2026-11-01T00:00:00Z"
_MESSAGES: Final = {
    "missing": "this field is needed",
    "extra_forbidden": "there is no such field",
    "datetime_parsing": _TIME,
    "datetime_from_date_parsing": _TIME,
    "timezone_aware": _TIME,
}
# What pydantic says of a text that was cleaned first (api/schemas.py): it does not know that it is one.
_LENGTH: Final = re.compile(r"Value (should have at (?:least|most) \d+) items? after validation, not \d+")
_JSON_TYPE: Final = re.compile(r'application/json(\s*;\s*charset="?utf-8"?)?', re.IGNORECASE)


def decode_path(parameters: Mapping[str, str] | None) -> dict[str, str]:
    """Decode path parameters, which arrive percent-encoded, exactly once."""
    decoded: dict[str, str] = {}
    for name, value in (parameters or {}).items():
        try:
            text = unquote(value, errors="strict")
        except UnicodeDecodeError:
            raise NotFound("there is nothing at this address") from None
        if not text.isprintable():
            raise NotFound("there is nothing at this address")
        decoded[name] = text
    return decoded


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise InvalidHeader where a header holds CR, LF or NUL: no header of HTTP/1.1 or 2 can."""
    for name, value in headers.items():
        if not _ONE_LINE.fullmatch(f"{name}{value}"):
            raise InvalidHeader("a header holds a line break")


def read_body(raw: bytes, *, content_type: str, model: type[BaseModel] | None) -> tuple[Any, str]:
    """Return the validated body and its canonical text; (None, "") where the route takes none.

    Whatever field holds a payment card number, the body is refused: CardNumberRefused names the field.
    """
    if model is None:
        if raw.strip() not in {b"", b"{}"}:
            raise BadRequest("this address takes no body")
        return None, ""
    if not raw:
        raise MalformedJson("the body is missing")
    if not _JSON_TYPE.fullmatch(content_type.strip()):
        raise UnsupportedMediaType("send the body as application/json in UTF-8", param="Content-Type")
    value = _parsed(raw)
    try:
        body = model.model_validate_json(raw)
    except ValidationError as error:
        _refuse(error)
    _refuse_card_numbers(value, ())
    return body, json.dumps(value, sort_keys=True, separators=(",", ":"))


def check_size(raw: bytes) -> None:
    """Raise BodyTooLarge above the limit."""
    if len(raw) > BODY_BYTES_MAX:
        raise BodyTooLarge(f"a body has at most {BODY_BYTES_MAX} bytes")


def _parsed(raw: bytes) -> Any:
    """Return the JSON value; refuse what RFC 8259 or its readers would not agree on."""
    try:
        text = raw.decode("utf-8")
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        raise MalformedJson("the body is not valid JSON") from None


def _refuse_card_numbers(value: Any, where: tuple[str, ...]) -> None:
    """Refuse card numbers in the texts of a value that its model took, so it is no deeper than that."""
    if isinstance(value, str):
        refuse_card_number(text=value, param=".".join(where))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            _refuse_card_numbers(part, (*where, str(place)))
    elif isinstance(value, dict):
        for name, part in value.items():
            if not _NO_WORDS.fullmatch(name):
                _refuse_card_numbers(part, (*where, name))


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not JSON")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedJson("an object names a field twice")
    return found


def read_query(values: Mapping[str, list[str]], *, model: type[BaseModel] | None) -> Any:
    """Return the validated query; unknown and repeated parameters are refused, and card numbers."""
    if len(values) > QUERY_PARAMETERS_MAX:
        raise BadRequest(f"a query has at most {QUERY_PARAMETERS_MAX} parameters")
    for name, given in values.items():
        if len(given) > 1:
            raise InvalidField("the parameter is given twice", param=name, code="repeated_parameter")
        if not _NO_WORDS.fullmatch(name):
            refuse_card_number(text=given[0], param=name)
    if model is None:
        if values:
            raise InvalidField("there is no such parameter", param=next(iter(values)), code="unknown_field")
        return None
    try:
        return model.model_validate_strings({name: given[0] for name, given in values.items()})
    except ValidationError as error:
        _refuse(error)


def _refuse(error: ValidationError) -> NoReturn:
    """Raise for pydantic's complaints, the first of each field; no message repeats the input.

    An unknown field goes first: misspelt, it is also why another is missing.
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)
    found.sort(key=lambda one: one["type"] != "extra_forbidden")
    if found[0]["type"] == "json_invalid":
        raise MalformedJson("the body is not valid JSON") from None
    by_field: dict[str | None, Complaint] = {}
    for one in found[:COMPLAINTS_MAX]:
        complaint = _complaint(one)
        by_field.setdefault(complaint.param, complaint)
    first, *_ = complaints = list(by_field.values())
    raise InvalidField(first.message, param=first.param, code=first.code, complaints=complaints) from None


def _complaint(one: ErrorDetails) -> Complaint:
    kind = one["type"]
    param = ".".join(map(str, one["loc"]))[:PARAM_CHARS_MAX] or None
    message = _MESSAGES.get(kind) or _LENGTH.sub(r"String \1 characters", one["msg"])
    return Complaint(param, _field_code(kind), message.removeprefix("Value error, "))


def _field_code(kind: str) -> str:
    if kind == "missing":
        return "missing_field"
    if kind == "extra_forbidden":
        return "unknown_field"
    return "invalid_type" if kind.endswith(("_type", "_from_float")) else "invalid_value"


def read_idempotency_key(value: str | None, *, required: bool) -> str | None:
    """Return the ``Idempotency-Key``: 1 to 255 visible ASCII characters."""
    if value is None:
        if required:
            raise InvalidHeader("this address needs an Idempotency-Key", param="Idempotency-Key")
        return None
    if not _IDEMPOTENCY_KEY.fullmatch(value):
        message = "an Idempotency-Key has 1 to 255 visible ASCII characters"
        raise InvalidHeader(message, param="Idempotency-Key")
    return value


def read_if_match(value: str | None, *, required: bool) -> int | None:
    """Return the version of ``If-Match: "3"``."""
    if value is None:
        if required:
            message = 'send the version that you read in If-Match, such as "3"'
            raise PreconditionRequired(message, param="If-Match")
        return None
    found = _IF_MATCH.fullmatch(value.strip())
    if found is None:
        raise InvalidHeader('If-Match holds one version in quotes, such as "3"', param="If-Match")
    return int(found[1])


def request_hash(*, method: str, path: str, canonical_body: str, actor_id: str) -> str:
    """Return what an idempotency key is tied to: the request, and who asks.

    What is one's own (cash in hand, a dealer's wallet) is in no path: another's same words mean
    another thing.
    """
    return sha256(f"{actor_id}\n{method}\n{path}\n{canonical_body}".encode()).hexdigest()

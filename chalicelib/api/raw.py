"""Requests as they came, for operations that read them by themselves: vendors' messages, and forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode

from chalice.app import Request as ChaliceRequest

from chalicelib.api.metering import address_of
from chalicelib.domain.errors import InvalidValue

if TYPE_CHECKING:
    from chalicelib.domain.gateways import Received

FIELDS_MAX: Final = 20


def received_of(raw: ChaliceRequest, *, body: bytes, tail: str) -> Received:
    """Return a request as it came.

    API Gateway hands parameters over parsed: the query is put together again, in their order.
    """
    from chalicelib.domain.gateways import Received

    pairs: list[tuple[str, str]] = []
    if raw.query_params:
        pairs = [(name, value) for name in raw.query_params for value in raw.query_params.getlist(name)]
    return Received(
        method=raw.method,
        headers={str(name).lower(): str(value) for name, value in raw.headers.items()},
        query=urlencode(pairs),
        body=body,
        address=address_of(raw),
        tail=tail,
    )


def form_of(received: Received) -> Mapping[str, str]:
    """Return the fields of a form, or raise InvalidValue."""
    return _fields(received.body.decode("utf-8", errors="replace"))


def query_of(received: Received) -> Mapping[str, str]:
    """Return the parameters of the query, or raise InvalidValue."""
    return _fields(received.query)


def _fields(text: str) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        raise InvalidValue("too many fields") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidValue("a field is there twice")
    return found

"""What the adapters of several vendors share: credentials' forms, requests, plain answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from chalicelib.adapters.payments.reading import json_object
from chalicelib.domain.gateways import (
    CheckoutAsked,
    Credentials,
    GatewayRefused,
    GatewayUnavailable,
    InvalidCredentials,
    NoticeMalformed,
    Outcome,
    VendorAnswer,
)

TEXT: Final = re.compile(r"[!-~](?:[ -~]{0,198}[!-~])?")
PATH: Final = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,79}){1,8}/?")
SECONDS: Final = re.compile(r"[1-9][0-9]{0,6}")
# REFUSED and MALFORMED end it: the same message would fare no better again.
STATUS: Final = {
    Outcome.DONE: 200,
    Outcome.REPEATED: 200,
    Outcome.PARKED: 200,
    Outcome.REFUSED: 400,
    Outcome.MALFORMED: 400,
    Outcome.TRY_AGAIN: 503,
}
BELIEVED: Final = frozenset({Outcome.DONE, Outcome.REPEATED, Outcome.PARKED})


class Requests(Protocol):
    """A client for named hosts; ``adapters/payments/http.py`` has the one that ships."""

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, bytes]:
        """Return status and body of the answer, or raise GatewayUnavailable."""


Connect = Callable[[Collection[str]], Requests]


def connecting(*, local: bool) -> Connect:
    """Return what makes clients of named hosts; where ``local``, of this machine's loopback too."""
    from chalicelib.adapters.payments.http import GatewayHttp

    return lambda hosts: GatewayHttp(allowed_hosts=hosts, local=local)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a vendor's credentials: ``wants`` says to people what it must be."""

    name: str
    form: re.Pattern[str] = TEXT
    wants: str = "a text of 1 to 200 characters, without blanks around it"
    required: bool = True


def check_fields(credentials: Credentials, *, secrets: Sequence[Field], settings: Sequence[Field]) -> None:
    """Raise InvalidCredentials for the first field that lacks, is unknown, or has a wrong form."""
    for kind, fields, given in (
        ("secrets", secrets, credentials.secrets),
        ("settings", settings, credentials.settings),
    ):
        for name in sorted(given.keys() - {one.name for one in fields}):
            raise InvalidCredentials("there is no such field", param=f"{kind}.{name[:40]}")
        for one in fields:
            value = given.get(one.name, "")
            if one.required and not value:
                raise InvalidCredentials("the field is required", param=f"{kind}.{one.name}")
            if value and not one.form.fullmatch(value):
                raise InvalidCredentials(f"the field must be {one.wants}", param=f"{kind}.{one.name}")


def path_field(name: str) -> Field:
    """Return a setting that replaces a path of the vendor's."""
    return Field(name, PATH, "a path that begins with a slash", required=False)


def host_field(form: re.Pattern[str]) -> Field:
    """Return a setting that replaces the vendor's host by another one of the vendor's own."""
    return Field("host", form, "a host of the vendor's own domain", required=False)


def refuse_other_currency(asked: CheckoutAsked, *, currencies: Collection[str]) -> None:
    """Raise GatewayRefused for an amount that the vendor cannot take."""
    if asked.amount.currency not in currencies or asked.amount.amount <= 0:
        raise GatewayRefused(f"this gateway takes amounts in {', '.join(sorted(currencies))} only")


def ask_json(
    http: Requests, url: str, *, body: bytes, content_type: str, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Post and return the JSON object of the answer.

    Raises GatewayRefused for a status of 4xx, and GatewayUnavailable for any other but 200, or an
    answer that is no object: whether the vendor acted is not known then.
    """
    status, answer = http.request(
        "POST", url, headers={"Content-Type": content_type, **(headers or {})}, body=body
    )
    if 400 <= status < 500:
        raise GatewayRefused(f"the gateway refused it with status {status}")
    if status != 200:
        raise GatewayUnavailable(f"the gateway answered with status {status}")
    try:
        return json_object(answer)
    except NoticeMalformed:
        raise GatewayUnavailable("the gateway's answer cannot be read") from None


def json_body(value: Mapping[str, Any]) -> bytes:
    """Return compact JSON text in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def plain_answer(outcome: Outcome) -> VendorAnswer:
    """Return an answer whose status alone says it, with a word for people."""
    return VendorAnswer(STATUS[outcome], body=outcome.value, content_type="text/plain; charset=utf-8")

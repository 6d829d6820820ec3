"""Forms of the public pages: labelled fields, and refusals beside the field that they name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, TypeVar

from pydantic import BaseModel

from chalicelib.api.answering import JSON
from chalicelib.api.errors import InvalidField, problem_headers, status_of
from chalicelib.api.reading import read_body
from chalicelib.api.request import Answer, Request
from chalicelib.api.site import HTML, Shown, site_answer
from chalicelib.domain.activity import Page
from chalicelib.domain.errors import DomainError
from chalicelib.ports.identity import TooManyAttempts
from chalicelib.usecases.rates import RateLimited

M = TypeVar("M", bound=BaseModel)

# What a form is answered with, besides a status of its own.
FORM_RAW: Final = {200: HTML, 401: HTML, 409: HTML, 422: HTML, 429: HTML}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form by its dotted name, as the API has it, and how it is labelled and filled in."""

    name: str
    label: str
    hint: str = ""
    kind: str = "text"
    value: str = ""
    autocomplete: str = "off"
    needed: bool = True


def names_of(fields: tuple[Field, ...]) -> tuple[str, ...]:
    """Return the names of fields."""
    return tuple(one.name for one in fields)


def model_of(body: Mapping[str, object], model: type[M]) -> M:
    """Return what a form says as the API's own body, checked by its rules, or raise its DomainError."""
    read, _ = read_body(json.dumps(body).encode(), content_type=JSON, model=model)
    assert isinstance(read, model), "a body is of its model"
    return read


def status_shown(refused: DomainError | None) -> int:
    """Return the refusal's status; a failure of ours is none that a form shows."""
    if refused is None:
        return HTTPStatus.OK
    status = status_of(refused)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise refused
    return status if status in FORM_RAW else HTTPStatus.UNPROCESSABLE_ENTITY


def form_answer(request: Request, shown: Shown, refused: DomainError | None, *, status: int = 200) -> Answer:
    """Return a form's page: with ``status``, or that of what was refused, and when to try again."""
    answer = site_answer(request, shown, status=status_shown(refused) if refused else status)
    return replace(answer, headers={**answer.headers, **problem_headers(refused)}) if refused else answer


@dataclass(frozen=True, slots=True)
class CodeForm:
    """A page that takes a code from a mail: its heading, what it says of the code, and its fields."""

    heading: str
    words: str
    fields: tuple[Field, ...]
    page: Page
    path: str

    def answer(
        self,
        request: Request,
        *,
        form: Mapping[str, str] = MappingProxyType({}),
        refused: DomainError | None = None,
        told: str = "",
        status: int = 200,
    ) -> Answer:
        """Return the page: filled in as it was and with what is wrong, or with what is ``told``."""
        said = f'<p role="status">{escape(told)}</p>' if told else ""
        content = (
            f"<h1>{escape(self.heading)}</h1>{said}<p>Enter the code from the mail. {escape(self.words)}</p>"
            f'{general(refused, *names_of(self.fields))}<form method="post" action="{self.path}">'
            f'{inputs(self.fields, form, refused)}<div class="choices"><button>Confirm</button></div></form>'
        )
        shown = Shown(self.heading, content, self.page, self.path)
        return form_answer(request, shown, refused, status=status)


def general(refused: DomainError | None, *names: str) -> str:
    """Return what is wrong with none of the named fields, or that something is wrong with one of them."""
    if refused is None:
        return ""
    beside = all(param in names for param in _wrongs(refused))
    words = "Something is to be corrected below." if beside else f"It did not work: {refused.message}."
    if isinstance(refused, TooManyAttempts | RateLimited):
        words = f"That was too often: try again in {-(-refused.retry_after // 60)} minutes."
    return f'<p role="alert">{escape(words)}</p>'


def inputs(fields: tuple[Field, ...], form: Mapping[str, str], refused: DomainError | None) -> str:
    """Return fields as they were filled in, with what is wrong with them."""
    return "".join(_input(one, form.get(one.name, one.value), refused) for one in fields)


def _input(field: Field, value: str, refused: DomainError | None) -> str:
    """Return a labelled field; a password is never sent back."""
    hint = (
        f'<span class="soft small" id="{field.name}-hint">{escape(field.hint)}</span>' if field.hint else ""
    )
    also = f"{field.name}-hint" if field.hint else ""
    common = (
        f'id="{field.name}" name="{field.name}"{" required" if field.needed else ""} '
        f'autocomplete="{field.autocomplete}"{described(field.name, refused, also)}'
    )
    return (
        f'<div class="field"><label for="{field.name}">{escape(field.label)}</label>{hint}'
        f"{_control(field, value, common)}{complaint(field.name, refused)}</div>"
    )


def _control(field: Field, value: str, common: str) -> str:
    if field.kind == "textarea":
        # A browser leaves out the line break that a text area begins with.
        return f'<textarea rows="4" {common}>\n{escape(value)}</textarea>'
    shown = "" if field.kind == "password" else escape(value)
    limits = ' min="1" max="12"' if field.kind == "number" else ""
    return f'<input type="{field.kind}" value="{shown}"{limits} {common}>'


def described(name: str, refused: DomainError | None, also: str = "") -> str:
    """Return the attributes that tie a field to its hint, and to what is wrong with it."""
    wrong = name in _wrongs(refused)
    told = f"{also} {name}-error".strip() if wrong else also
    return (f' aria-describedby="{told}"' if told else "") + (' aria-invalid="true"' if wrong else "")


def complaint(name: str, refused: DomainError | None) -> str:
    """Return what is wrong with a field, to stand beside it."""
    wrongs = _wrongs(refused)
    return f'<span class="error" id="{name}-error">{escape(wrongs[name])}</span>' if name in wrongs else ""


def _wrongs(refused: DomainError | None) -> Mapping[str | None, str]:
    """Return what is wrong, by the field."""
    if isinstance(refused, InvalidField):
        return {one.param: one.message for one in refused.complaints}
    return {refused.param: refused.message} if refused else {}

"""Asking for one's rights by a form, without a session: what ``/v1/privacy-requests`` does for visitors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from html import escape
from typing import Final

from chalicelib.api.consent_parts import check_same_origin
from chalicelib.api.privacy_own import ConfirmationIn, OutsideRequestIn, ask_outside, confirm_outside
from chalicelib.api.raw import form_of, query_of
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.site import HTML, Shown, site_answer
from chalicelib.api.site_forms import (
    FORM_RAW,
    CodeForm,
    Field,
    complaint,
    described,
    form_answer,
    general,
    inputs,
    model_of,
    names_of,
)
from chalicelib.domain.activity import Page
from chalicelib.domain.data_map import Purpose
from chalicelib.domain.errors import DomainError, InvalidValue
from chalicelib.domain.privacy_requests import WORDS_CHARS_MAX, RequestKind
from chalicelib.domain.staff import Permission
from chalicelib.domain.tenants import SUBDOMAIN_CHARS_MAX
from chalicelib.usecases.privacy_mails import CONFIRMATION_LIFE
from chalicelib.usecases.privacy_outside import CONFIRMATION_PAGE

_HERE: Final = "/privacy/request"
_KINDS: Final = {
    RequestKind.ACCESS: (
        "See what is kept about you",
        "A copy to read, with what it is for and for how long.",
    ),
    RequestKind.EXPORT: ("Take your data with you", "The same copy, made for programs as well."),
    RequestKind.CORRECTION: ("Have something corrected", "Say below what is wrong, and what is right."),
    RequestKind.DELETION: ("Have your data deleted", "What the law has kept stays, and you are told what."),
    RequestKind.WITHDRAWAL: ("Take a consent back", "Say below of which use."),
    RequestKind.OBJECTION: ("Object to a use", "Say below to which use."),
}
_WHO: Final = (
    Field(
        "subdomain",
        "Your ISP",
        "The name by which its people sign in, such as lahore-net; your ISP tells you. Leave it empty if it "
        "is about these pages, or about the account of an ISP.",
        needed=False,
    ),
    Field("email", "Your email", "A code goes there, to see that it is yours.", "email", "", "email"),
)
_TEXT: Final = (
    Field(
        "text",
        "In your own words",
        f"At most {WORDS_CHARS_MAX:,} characters, without card numbers and passwords.",
        "textarea",
        needed=False,
    ),
)
_CONFIRMING: Final = CodeForm(
    "Confirm your address",
    f"It works once, for {CONFIRMATION_LIFE // timedelta(hours=1)} hours; the time to answer runs since you "
    "asked.",
    (Field("token", "Code from the mail", autocomplete="one-time-code"),),
    Page.PRIVACY_REQUEST,
    CONFIRMATION_PAGE,
)
_PURPOSE: Final = "purpose."


@endpoint("GET", _HERE, permission=Permission.PUBLIC, raw={200: HTML}, counted="pages")
def show_privacy_request_page(request: Request) -> Answer:
    """Show the form by which anybody asks for their rights; ``?isp=`` fills in of whom."""
    try:
        isp = query_of(request.raw).get("isp", "")[:SUBDOMAIN_CHARS_MAX]
    except InvalidValue:
        isp = ""
    return _asking(request, {"subdomain": isp}, None)


@endpoint("POST", _HERE, permission=Permission.PUBLIC, raw={**FORM_RAW, 202: HTML}, counted="pages")
def ask_privacy_by_page(request: Request) -> Answer:
    """Have a code sent to who asks; or say what is wrong where it is."""
    check_same_origin(request)
    form = form_of(request.raw)
    try:
        ask_outside(request, _read(form))
    except DomainError as refused:
        return _asking(request, form, refused)
    isp, email = form.get("subdomain", "").strip().lower() or "the platform", form.get("email", "").strip()
    told = (
        f"If {isp} is here, a code is on its way to {email}. It is not there in a few minutes? Look among "
        "unwanted mail, and whether both names are right. At most three a day are sent."
    )
    return _CONFIRMING.answer(request, told=told, status=202)


@endpoint("GET", CONFIRMATION_PAGE, permission=Permission.PUBLIC, raw={200: HTML}, counted="pages")
def show_privacy_confirmation_page(request: Request) -> Answer:
    """Show the form that takes the code from the mail."""
    return _CONFIRMING.answer(request)


@endpoint("POST", CONFIRMATION_PAGE, permission=Permission.PUBLIC, raw=FORM_RAW, counted="pages")
def confirm_privacy_by_page(request: Request) -> Answer:
    """Take the request in whose code came back, and say by when it is answered."""
    check_same_origin(request)
    form = form_of(request.raw)
    try:
        body = model_of({"token": form.get("token", "").strip()}, ConfirmationIn)
        standing = confirm_outside(request, body)
    except DomainError as refused:
        return _CONFIRMING.answer(request, form=form, refused=refused)
    asked = standing.request
    content = (
        '<h1>Your request is in</h1><p role="status">You are answered by '
        f'<time datetime="{asked.due_on}">{asked.due_on:%d %B %Y}</time>.</p>'
        f"<p>It has the number <strong>{escape(asked.request_id)}</strong>, and each step is told to you by "
        "mail. Where your address is not enough to know that it is you, you are asked for more first.</p>"
    )
    return site_answer(request, Shown("Your request is in", content, Page.PRIVACY_REQUEST, CONFIRMATION_PAGE))


def _read(form: Mapping[str, str]) -> OutsideRequestIn:
    """Return the form as the API's own body, checked by the same rules."""
    body: dict[str, object] = {name: form.get(name, "").strip() for name in ("email", "text")}
    purposes = [one.value for one in Purpose if form.get(f"{_PURPOSE}{one.name}") == "on"]
    body |= {"kind": form["kind"]} if form.get("kind") else {}
    isp = form.get("subdomain", "").strip().lower()
    return model_of({**body, "purposes": purposes, "subdomain": isp or None}, OutsideRequestIn)


def _asking(request: Request, form: Mapping[str, str], refused: DomainError | None) -> Answer:
    wrong = general(refused, "kind", "purposes", *names_of(_WHO + _TEXT))
    content = (
        "<h1>Ask about your data</h1><p>You are answered within 30 days. Subscribers who can sign in to "
        "their ISP's customer portal ask there, and need no code. What is kept, and why, is on the page "
        f'<a href="/privacy">Privacy</a>.</p>{wrong}<form method="post" action="{_HERE}">'
        f"{inputs(_WHO, form, refused)}{_kinds(form, refused)}{_purposes(form, refused)}"
        f'{inputs(_TEXT, form, refused)}<div class="choices"><button>Send</button></div></form>'
        f'<p class="soft">You have a code already? <a href="{CONFIRMATION_PAGE}">Confirm your address</a></p>'
    )
    shown = Shown("Ask about your data", content, Page.PRIVACY_REQUEST, _HERE)
    return form_answer(request, shown, refused)


def _kinds(form: Mapping[str, str], refused: DomainError | None) -> str:
    ticks = "".join(_tick(kind, chosen=form.get("kind") == kind.value) for kind in _KINDS)
    tied = described("kind", refused)
    return f"<fieldset{tied}><legend>What you ask for</legend>{ticks}{complaint('kind', refused)}</fieldset>"


def _tick(kind: RequestKind, *, chosen: bool) -> str:
    label, hint = _KINDS[kind]
    name = f"kind.{kind.value}"
    return (
        f'<div class="check"><input type="radio" id="{name}" name="kind" value="{kind.value}" required'
        f'{" checked" if chosen else ""} aria-describedby="{name}-words">'
        f'<label for="{name}"><strong>{label}</strong></label>'
        f'<span class="soft small" id="{name}-words">{hint}</span></div>'
    )


def _purposes(form: Mapping[str, str], refused: DomainError | None) -> str:
    """Return the uses of data, for who objects to one or takes a consent back."""
    ticks = "".join(
        f'<div class="check"><input type="checkbox" id="{_PURPOSE}{one.name}" name="{_PURPOSE}{one.name}" '
        f'value="on"{" checked" if form.get(f"{_PURPOSE}{one.name}") == "on" else ""}>'
        f'<label for="{_PURPOSE}{one.name}">To {escape(one.value)}</label></div>'
        for one in Purpose
    )
    return (
        f"<fieldset{described('purposes', refused)}><legend>Which use</legend>"
        '<p class="soft small">Only if you take a consent back, or object.</p>'
        f"{ticks}{complaint('purposes', refused)}</fieldset>"
    )

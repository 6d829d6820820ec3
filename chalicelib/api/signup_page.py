"""Signing up by a form, and confirming the mailbox: what ``/v1/signups`` does, without a program."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Final

from chalicelib.api.consent_parts import check_same_origin
from chalicelib.api.raw import form_of
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.signups import SignUpIn, VerifyIn, signed_up, verified
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
from chalicelib.domain.errors import DomainError, InvalidValue
from chalicelib.domain.policies import Document
from chalicelib.domain.staff import Permission
from chalicelib.usecases.signup import VERIFY_HOURS, VERIFY_PAGE

_HERE: Final = "/signup"
_RAW: Final = {**FORM_RAW, 201: HTML}
_MONTH: Final = re.compile(r"\d{1,2}", re.ASCII)
_NOT_ACCEPTED: Final = "Read the terms, and say that you accept them."

_FIELDS: Final = (
    Field("company", "Company", autocomplete="organization"),
    Field(
        "subdomain", "Subdomain", "Small letters, digits and hyphens: the name by which your people sign in."
    ),
    Field("owner.name", "Your name", autocomplete="name"),
    Field("owner.email", "Your email", "A code goes there.", "email", autocomplete="email"),
    Field("owner.password", "Password", "12 characters or more.", "password", autocomplete="new-password"),
)
_SETTINGS: Final = (
    Field("country", "Country", "Two letters, such as PK.", value="PK", autocomplete="country"),
    Field("currency", "Currency", "Three letters. It cannot be changed later.", value="PKR"),
    Field("time_zone", "Time zone", "Such as Asia/Karachi.", value="Asia/Karachi"),
    Field("fiscal_year_start_month", "Fiscal year begins in month", "1 to 12.", "number", value="7"),
)
_VERIFYING: Final = CodeForm(
    "Confirm your mailbox",
    f"It works once, for {VERIFY_HOURS} hours.",
    (
        Field("token", "Code from the mail", autocomplete="one-time-code"),
        Field("password", "The password that you chose", kind="password", autocomplete="current-password"),
    ),
    Page.SIGN_UP,
    VERIFY_PAGE,
)


@endpoint("GET", _HERE, permission=Permission.PUBLIC, raw={200: HTML}, counted="pages")
def show_sign_up_page(request: Request) -> Answer:
    """Show the form by which an ISP signs up."""
    return _sign_up_form(request, {}, None)


@endpoint("POST", _HERE, permission=Permission.PUBLIC, raw=_RAW, counted="pages")
def sign_up_by_page(request: Request) -> Answer:
    """Sign an ISP up by the form, and ask for the code that was mailed; or say what is wrong where it is."""
    check_same_origin(request)
    form = form_of(request.raw)
    try:
        body = _read(form)
        if form.get("accept") != "on":
            raise InvalidValue(_NOT_ACCEPTED, param="accept")
        out = signed_up(request, body)
    except DomainError as refused:
        return _sign_up_form(request, form, refused)
    told = (
        "We sent you a mail." if out.mail_sent else "The mail could not be sent: ask for it again in a while."
    )
    return _VERIFYING.answer(request, told=f"{out.tenant.company} is signed up. {told}", status=201)


@endpoint("GET", VERIFY_PAGE, permission=Permission.PUBLIC, raw={200: HTML}, counted="pages")
def show_verify_page(request: Request) -> Answer:
    """Show the form that takes the code from the mail."""
    return _VERIFYING.answer(request)


@endpoint("POST", VERIFY_PAGE, permission=Permission.PUBLIC, raw=_RAW, counted="pages")
def verify_by_page(request: Request) -> Answer:
    """Activate the ISP by the code that was mailed, and the password."""
    check_same_origin(request)
    form = form_of(request.raw)
    body = {"token": form.get("token", "").strip(), "password": form.get("password", "")}
    try:
        tenant = verified(request, model_of(body, VerifyIn))
    except DomainError as refused:
        return _VERIFYING.answer(request, form=form, refused=refused)
    content = (
        f'<h1>{escape(tenant.company)} is ready</h1><p role="status">Your mailbox is confirmed.</p>'
        f"<p>Sign in with the subdomain <strong>{escape(tenant.subdomain)}</strong>, your email and your "
        "password.</p>"
    )
    return site_answer(request, Shown("Ready", content, Page.SIGN_UP, _HERE))


def _read(form: Mapping[str, str]) -> SignUpIn:
    """Return the form as the API's own body, checked by the same rules."""
    plain = ("company", "subdomain", "time_zone", "terms_version")
    month = form.get("fiscal_year_start_month", "").strip()
    body: dict[str, object] = {name: form.get(name, "").strip() for name in plain}
    body |= {name: form.get(name, "").strip().upper() for name in ("country", "currency")}
    body["fiscal_year_start_month"] = int(month) if _MONTH.fullmatch(month) else month
    owner = {name: form.get(f"owner.{name}", "") for name in ("name", "email", "password")}
    return model_of(body | {"owner": owner | {"email": owner["email"].strip()}}, SignUpIn)


def _sign_up_form(request: Request, form: Mapping[str, str], refused: DomainError | None) -> Answer:
    terms = request.services.site.policies.current(document=Document.TERMS, at=request.now)
    accepting = (
        f'<input type="hidden" name="terms_version" value="{terms.version}">'
        f'<div class="check"><input type="checkbox" id="accept" name="accept" value="on" required'
        f"{' checked' if form.get('accept') == 'on' else ''}{described('accept', refused)}>"
        f'<label for="accept">I accept the <a href="/policies/terms/{terms.version}">terms of '
        f"{terms.on:%d %B %Y}</a> for my company</label>{complaint('accept', refused)}</div>"
    )
    content = (
        "<h1>Sign up</h1><p>For internet service providers. What we do with your data is on the page "
        f'<a href="/privacy">Privacy</a>.</p>{general(refused, "accept", *names_of(_FIELDS + _SETTINGS))}'
        f'<form method="post" action="{_HERE}">{inputs(_FIELDS, form, refused)}'
        "<fieldset><legend>Country and money</legend>"
        f'<div class="pair">{inputs(_SETTINGS, form, refused)}</div></fieldset>'
        f'{accepting}<div class="choices"><button>Sign up</button></div></form>'
        f'<p class="soft">You have a code already? <a href="{VERIFY_PAGE}">Confirm your mailbox</a></p>'
    )
    return form_answer(request, Shown("Sign up", content, Page.SIGN_UP, _HERE), refused)

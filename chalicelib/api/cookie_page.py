"""The page on which a visitor chooses, and where the banner's answer goes; no script is needed."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from chalicelib.api.consent_parts import (
    answered,
    check_same_origin,
    choice_of,
    cookie_of,
    cookies_set,
    gpc_of,
    kept,
    set_cookie,
    standing_here,
)
from chalicelib.api.policy_pages import policy_text, versions_of
from chalicelib.api.raw import form_of
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.site import HTML, Shown, leads_back, site_answer
from chalicelib.domain.activity import Page
from chalicelib.domain.consent_cookies import CONSENT_SECONDS, THEME, THEMES, VisitorChoice, visitor_standing
from chalicelib.domain.consent_texts import Category, Purpose, current_text
from chalicelib.domain.consents import OFFERED, ConsentTextOutdated, Means, Standing, SubjectKind
from chalicelib.domain.policies import Document
from chalicelib.domain.staff import Permission
from chalicelib.usecases import consents

_HERE: Final = "/cookies"
_OFFERED: Final = [one for one in Category if one in OFFERED[SubjectKind.VISITOR]]
_THEME_WORDS: Final = (("", "Device"), ("light", "Light"), ("dark", "Dark"))
_AGAIN: Final = "The question has changed since you opened the page: read it again, then choose."


@endpoint("GET", "/cookies", permission=Permission.PUBLIC, raw={200: HTML}, counted="pages")
def show_cookie_page(request: Request) -> Answer:
    """Show which cookies there are, and what the visitor agreed to."""
    return site_answer(request, _page(request, standing_here(request)))


@endpoint(
    "POST", "/cookies", permission=Permission.PUBLIC, raw={200: HTML, 303: "", 422: HTML}, counted="pages"
)
def choose_cookies(request: Request) -> Answer:
    """Make a visitor's choice by the banner's form or the page's, and lead back."""
    check_same_origin(request)
    form = form_of(request.raw)
    try:
        choice = _chosen(request, form)
    except ConsentTextOutdated:
        shown = _page(request, standing_here(request), problem=_AGAIN)
        return site_answer(request, shown, status=422)
    cookies = [*kept(request, choice), *_theme(request, choice, form)]
    back = form.get("back", "")
    where = back if leads_back(back) else f"{_HERE}?saved=1#choices"
    return Answer(None, headers={**cookies_set(cookies), "Location": where}, status=303)


def _chosen(request: Request, form: Mapping[str, str]) -> VisitorChoice:
    """Return the choice: all, nothing, or what is ticked."""
    how = form.get("choice")
    ticked = [one for one in _OFFERED if form.get(one.value) == "on"]
    agreed = {"accept": list(_OFFERED), "save": ticked}.get(how or "", [])
    return consents.choose_as_visitor(
        site=request.services.site,
        known=choice_of(request),
        answered=answered(
            request,
            agreed=agreed,
            text=form.get("text", ""),
            how=Means.PREFERENCES if how == "save" else Means.BANNER,
        ),
    )


def _theme(request: Request, choice: VisitorChoice, form: Mapping[str, str]) -> list[str]:
    """Return the cookie of how pages look, where it was chosen and may be remembered."""
    standing = visitor_standing(choice=choice, at=request.now, gpc=gpc_of(request))
    if "theme" not in form or Category.FUNCTIONAL not in standing.allowed:
        return []
    theme = form["theme"] if form["theme"] in THEMES else ""
    return [set_cookie(request, THEME, theme, seconds=CONSENT_SECONDS if theme else 0)]


def _page(request: Request, standing: Standing, *, problem: str = "") -> Shown:
    library = request.services.site.policies
    version = library.current(document=Document.COOKIES, at=request.now)
    told = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    if "saved=1" in request.raw.query.split("&"):
        told = '<p role="status">Your choice is saved and in force.</p>'
    text = policy_text(version, first=_form(request, standing, told))
    return Shown(version.title, text + versions_of(library, version), Page.COOKIES, _HERE, banner=False)


def _form(request: Request, standing: Standing, told: str) -> str:
    """Return the form: each kind by itself, ticked where it is in force."""
    text = current_text()
    essential = text.purpose(category=Category.ESSENTIAL)
    ticks = "".join(_tick(text.purpose(category=one), on=one in standing.allowed) for one in _OFFERED)
    signal = (
        '<p role="status">Your browser sends Global Privacy Control, so analytics is refused unless you '
        "agree here.</p>"
        if standing.gpc
        else ""
    )
    return (
        f'<h2 id="choices">Your choices</h2>{told}{signal}<form method="post" action="{_HERE}">'
        f'<input type="hidden" name="text" value="{text.version}">'
        "<fieldset><legend>What you agree to</legend>"
        f"{_tick(essential, on=True, fixed=True)}{ticks}</fieldset>"
        f"{_themes(cookie_of(request, THEME), standing)}"
        '<div class="choices"><button name="choice" value="save">Save these</button>'
        '<button name="choice" value="accept">Accept all</button>'
        '<button name="choice" value="refuse">Refuse all</button></div></form>'
    )


def _tick(purpose: Purpose, *, on: bool, fixed: bool = False) -> str:
    name = purpose.category.value
    state = (" checked" if on else "") + (" disabled" if fixed else "")
    cookies = ", ".join(one.name for one in purpose.cookies)
    return (
        f'<div class="check"><input type="checkbox" id="{name}" name="{name}" value="on"{state} '
        f'aria-describedby="{name}-words">'
        f'<label for="{name}"><strong>{escape(purpose.title)}</strong></label>'
        f'<span class="soft small" id="{name}-words">{escape(purpose.words)} Cookies: {cookies}.</span></div>'
    )


def _themes(held: str, standing: Standing) -> str:
    """Return how pages may look; it is remembered only where that was agreed to."""
    chosen = held if Category.FUNCTIONAL in standing.allowed and held in THEMES else ""
    options = "".join(
        f'<div class="check"><input type="radio" id="theme-{words}" name="theme" value="{value}"'
        f'{" checked" if value == chosen else ""}><label for="theme-{words}">{words}</label></div>'
        for value, words in _THEME_WORDS
    )
    note = '<p class="soft small">Needs "Functional": without it your device decides.</p>'
    return f"<fieldset><legend>How pages look</legend>{note}{options}</fieldset>"

"""The public pages of policies: the texts in force, every version, and what changed."""

from __future__ import annotations

from functools import partial
from html import escape

from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.site import HTML, Shown, site_answer
from chalicelib.api.site_tables import cookie_table, kept_table, objection_table, recipients_table
from chalicelib.domain.activity import Page
from chalicelib.domain.consent_texts import current_text
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.domain.data_map_objects import OBJECTS
from chalicelib.domain.errors import NotFound
from chalicelib.domain.policies import Change, Document, Library, PolicyVersion, changes
from chalicelib.domain.policy_markup import render_markup
from chalicelib.domain.processors import REGISTER
from chalicelib.domain.staff import Permission

_MARKS = {"added": "ins", "removed": "del"}
_ASKING = (
    '<h2 id="ask">Ask about your data</h2><p>Whoever cannot sign in asks by a form: '
    '<a href="/privacy/request">ask for a copy, a correction, '
    "a deletion, or anything else of your rights</a>.</p>"
    '<h2 id="objections">If you object</h2>{table}'
)


@endpoint("GET", "/privacy", permission=Permission.PUBLIC, raw={200: HTML}, counted="pages")
def show_privacy(request: Request) -> Answer:
    """Show the privacy policy in force."""
    return _current(request, Document.PRIVACY, Page.PRIVACY)


@endpoint("GET", "/terms", permission=Permission.PUBLIC, raw={200: HTML}, counted="pages")
def show_terms(request: Request) -> Answer:
    """Show the terms in force."""
    return _current(request, Document.TERMS, Page.TERMS)


@endpoint(
    "GET",
    "/policies/{kind}/{date}",
    permission=Permission.PUBLIC,
    raw={200: HTML, 404: HTML},
    counted="pages",
)
def show_policy_version(request: Request) -> Answer:
    """Show one version of a policy, and what changed since the one before."""
    library = request.services.site.policies
    try:
        version = library.get(document=request.path["kind"], version=request.path["date"])
    except NotFound as absent:
        content = f'<h1>Not found</h1><p role="alert">{escape(absent.message)}</p>'
        return site_answer(request, Shown("Not found", content, Page.POLICY_VERSION, "/privacy"), status=404)
    content = policy_text(version) + _changed(library, version) + versions_of(library, version)
    return site_answer(request, Shown(version.title, content, Page.POLICY_VERSION, address_of(version)))


def _current(request: Request, document: Document, page: Page) -> Answer:
    library = request.services.site.policies
    version = library.current(document=document, at=request.now)
    more = _ASKING.format(table=objection_table()) if document is Document.PRIVACY else ""
    content = policy_text(version) + more + versions_of(library, version)
    return site_answer(request, Shown(version.title, content, page, f"/{document.value}"))


def policy_text(version: PolicyVersion, *, first: str = "") -> str:
    """Return the HTML of a version with its date; ``first`` is HTML that goes before the text."""
    tables = {
        "what-is-kept": partial(kept_table, items=(*ITEMS, *OBJECTS)),
        "recipients": partial(recipients_table, register=REGISTER),
        "cookies": partial(cookie_table, text=current_text()),
    }
    return (
        f"<h1>{escape(version.title)}</h1>"
        f'<p class="soft">In force from <time datetime="{version.version}">{version.on:%d %B %Y}</time>'
        f" (UTC)</p>{first}"
        f"{render_markup(text=version.text, tables=tables)}"
    )


def versions_of(library: Library, shown: PolicyVersion) -> str:
    """Return the list of all versions of a document."""
    rows = "".join(_version(one, here=one == shown) for one in reversed(library.versions[shown.document]))
    return f'<h2 id="versions">Versions</h2><ul>{rows}</ul>'


def address_of(version: PolicyVersion) -> str:
    """Return where a version is."""
    return f"/policies/{version.document.value}/{version.version}"


def _version(version: PolicyVersion, *, here: bool) -> str:
    mark = ' aria-current="true"' if here else ""
    day = f'<a href="{address_of(version)}"{mark}>{version.on:%d %B %Y}</a>'
    return f"<li>{day}: {escape(version.summary)}{' (significant)' if version.significant else ''}</li>"


def _changed(library: Library, version: PolicyVersion) -> str:
    before = library.before(version=version)
    if before is None:
        return ""
    words = " ".join(_marked(one) for one in changes(before=before, after=version))
    return (
        f'<h2 id="changes">What changed since {before.on:%d %B %Y}</h2><div class="card text">{words}</div>'
    )


def _marked(change: Change) -> str:
    plain = change.words.replace("## ", "").replace("**", "")
    words, mark = escape(plain, quote=False), _MARKS.get(change.kind)
    return f"<{mark}>{words}</{mark}>" if mark else words

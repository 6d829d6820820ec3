"""The frame of the platform's public pages: header, banner, footer, and what a browser may load.

Pure HTML of this site alone. A page has no script at all unless its visitor agreed to be counted: until
then the policy in its header lets a browser run and connect to nothing. Forms work without scripts.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from typing import Final

from chalicelib.api.consent_parts import cookie_of, cookies_set, standing_here, taken_back
from chalicelib.api.request import Answer, Request
from chalicelib.api.site_style import STYLE
from chalicelib.domain.activity import Page
from chalicelib.domain.consent_cookies import THEME, THEMES
from chalicelib.domain.consent_texts import Category, current_text
from chalicelib.domain.consents import Standing

HTML: Final = "text/html"
_LINKS: Final = (
    ("/privacy", "Privacy"),
    ("/terms", "Terms"),
    ("/cookies", "Cookies"),
    ("/signup", "Sign up"),
)
# Where a choice may lead back to, whatever a form says: pages of ours.
_BACK: Final = re.compile(
    r"/(privacy(/request(/confirm)?)?|terms|signup(/verify)?|policies/[a-z]+/\d{4}-\d\d-\d\d)", re.ASCII
)

# Tells our own server which page is open, and that the visit went on until it was left; not where a form
# was sent, which may be the one that takes consent back.
_SCRIPT: Final = """\
(() => {{
  const tell = (pages) => fetch("/v1/activity", {{
    method: "POST", keepalive: true, credentials: "same-origin",
    headers: {{"Content-Type": "application/json"}}, body: JSON.stringify({{pages}}),
  }}).catch(() => {{}});
  let left = true;
  tell(["{page}"]);
  addEventListener("submit", () => {{ left = false; }});
  addEventListener("pagehide", () => left && tell([]));
}})();
"""


def leads_back(path: str) -> bool:
    """Whether it is a page that a choice may lead back to."""
    return _BACK.fullmatch(path) is not None


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: its title, its HTML, the name under which it is counted, if it may be, and where it is."""

    title: str
    content: str
    page: Page
    path: str
    banner: bool = True


def site_answer(request: Request, shown: Shown, *, status: int = 200) -> Answer:
    """Return a page as an answer; cookies that its visitor does not allow are taken back."""
    now = standing_here(request)
    script = _SCRIPT.format(page=shown.page.value) if Category.ANALYTICS in now.allowed else ""
    theme = cookie_of(request, THEME) if Category.FUNCTIONAL in now.allowed else ""
    headers = {
        **cookies_set(taken_back(request, now)),
        "Content-Type": f"{HTML}; charset=utf-8",
        "Content-Security-Policy": _policy(script),
        # Not "no-referrer": with it, browsers say "Origin: null" of our own forms.
        "Referrer-Policy": "same-origin",
    }
    text = _document(shown, now, script=script, theme=theme if theme in THEMES else "")
    return Answer(None, headers=headers, status=status, text=text)


def _policy(script: str) -> str:
    counted = f" script-src {_hashed(script)}; connect-src 'self';" if script else ""
    return (
        f"default-src 'none'; style-src {_hashed(STYLE)}; img-src data:;{counted} form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )


def _hashed(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _document(shown: Shown, standing: Standing, *, script: str, theme: str) -> str:
    themed = f' data-theme="{theme}"' if theme else ""
    counted = f"<script>{script}</script>" if script else ""
    return (
        f'<!doctype html><html lang="en"{themed}><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(shown.title)} - ISP Billing</title>'
        f'<style>{STYLE}</style></head><body><a class="skip" href="#main">To the content</a>'
        f'{_banner(shown, standing)}<header><div class="wide"><strong>ISP Billing</strong>'
        f'<nav aria-label="Pages">{_navigation(shown.path)}</nav></div></header>'
        f'<main id="main"><div class="wide">{shown.content}</div></main>{_footer(standing)}{counted}'
        "</body></html>"
    )


def _navigation(here: str) -> str:
    return "".join(
        f'<a href="{path}"{" aria-current=page" if path == here else ""}>{name}</a>' for path, name in _LINKS
    )


def _banner(shown: Shown, standing: Standing) -> str:
    """Return the question, with ways to answer that look alike; it covers nothing of the page."""
    if not standing.asked or not shown.banner:
        return ""
    return (
        '<section class="banner" aria-labelledby="asked"><div class="wide">'
        '<h2 id="asked">May we remember and count?</h2>'
        "<p>Nothing that is not needed is on. You may let us remember how pages look to you, and count which "
        'pages are used, without your name or address. <a href="/cookies">What that means</a></p>'
        '<form method="post" action="/cookies" class="choices">'
        f'<input type="hidden" name="text" value="{current_text().version}">'
        f'<input type="hidden" name="back" value="{shown.path}">'
        '<button name="choice" value="accept">Accept all</button>'
        '<button name="choice" value="refuse">Refuse all</button>'
        '<a class="button" href="/cookies#choices">Choose</a></form></div></section>'
    )


def _footer(standing: Standing) -> str:
    signal = (
        "<p>Your browser sends Global Privacy Control: we take it as a refusal of analytics.</p>"
        if standing.gpc
        else ""
    )
    return (
        f'<footer><div class="wide">{signal}<p>ISP Billing, support@ispbilling.com.pk. '
        '<a href="/cookies#choices">Change what you agreed to</a>. '
        '<a href="/privacy/request">Ask about your data</a></p></div></footer>'
    )

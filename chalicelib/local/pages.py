"""The small pages of the front door: landing page and mailbox. Pure; no external assets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from chalicelib.local.mailbox import Mail, SentText

MAILBOX_REFRESH_S = 10
PREVIEW_CHARS = 110
LINK = re.compile(r"https?://[^\s<>\"']+")
TRAILING = ".,;:!?)]}"

STYLE = """
:root{color-scheme:light dark;--ink:#16202c;--soft:#5c6b7c;--line:#dde3ea;--paper:#f5f7fa;
--card:#fff;--accent:#0b6e6e;--accent-ink:#fff}
@media(prefers-color-scheme:dark){:root{--ink:#e6ecf2;--soft:#93a3b5;--line:#2a3644;
--paper:#10161d;--card:#18212b;--accent:#3fb8af;--accent-ink:#08201f}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main,header>div{max-width:60rem;margin:0 auto;padding:0 1.25rem}
header{background:var(--card);border-bottom:1px solid var(--line)}
header>div{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;align-items:center;padding-block:.9rem}
header strong{font-size:1.05rem;margin-right:auto}header strong a{color:inherit}
a{color:var(--accent);text-decoration:none}a:hover,a:focus{text-decoration:underline}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
main{padding-block:2rem 4rem}h1{font-size:1.6rem;line-height:1.25;margin:0 0 .4rem}
h2{font-size:1.05rem;margin:0 0 .6rem}p{margin:.3rem 0 1rem}.soft{color:var(--soft)}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr));gap:1rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.25rem}
dl{display:grid;grid-template-columns:fit-content(40%) 1fr;gap:.3rem 1rem;margin:0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.92em}
ul{list-style:none;margin:0;padding:0}.mails{padding:0;overflow:hidden}
.mails li+li{border-top:1px solid var(--line)}
.mails a{display:grid;grid-template-columns:1fr auto;gap:.1rem 1rem;padding:.85rem 1.25rem;color:inherit}
.mails a:hover{background:var(--paper);text-decoration:none}.mails span{overflow-wrap:anywhere}
.mails .soft{font-size:.9rem}.wide{grid-column:1/-1}
.body{white-space:pre-wrap;overflow-wrap:anywhere;margin:1.25rem 0 0}
iframe{width:100%;min-height:30rem;border:1px solid var(--line);border-radius:8px;background:#fff}
details{margin-top:1.5rem}summary{cursor:pointer;font-weight:600}
table{border-collapse:collapse;width:100%;margin-top:.6rem}
td{padding:.3rem .75rem .3rem 0;border-top:1px solid var(--line);overflow-wrap:anywhere}
"""


def page(title: str, content: str, *, refresh_s: int = 0) -> str:
    """A whole HTML document; ``content`` is HTML and is not escaped here."""
    refresh = f'<meta http-equiv="refresh" content="{refresh_s}">' if refresh_s else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,">{refresh}<title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><header><div>"
        '<strong><a href="/">ISP Billing</a></strong><a href="/mailbox">Mailbox</a>'
        '<a href="/v1/health">Health</a><a href="/v1/openapi.json">API</a>'
        f"</div></header><main>{content}</main></body></html>"
    )


def landing_page(
    *,
    base_url: str,
    engine_url: str,
    demo: Mapping[str, str],
    routes: Sequence[tuple[str, str]],
    mails: int,
) -> str:
    """Where to look: the API, the demo log-in, the mailbox, the engine."""
    table = "".join(
        f"<tr><td><code>{escape(methods)}</code></td><td><code>{escape(path)}</code></td></tr>"
        for methods, path in routes
    )
    mailbox = f"{mails} mail{'' if mails == 1 else 's'}"
    content = f"""
<h1>The platform is running on this machine</h1>
<p class="soft">API, scheduled billing and queue workers, with an embedded engine in place of AWS.</p>
<div class="grid">
<section class="card"><h2>Demo log-in</h2>{_demo_card(demo)}</section>
<section class="card"><h2>Addresses</h2>{
        _facts(
            {
                "API": _link(f"{base_url}/v1", "/v1/openapi.json"),
                "Public pages": '<a href="/signup">Sign up</a>, <a href="/privacy">Privacy</a>, '
                '<a href="/terms">Terms</a>, <a href="/cookies">Cookies</a>, '
                '<a href="/privacy/request">Ask about your data</a>',
                "Mailbox": f'<a href="/mailbox">{mailbox}</a>',
                "Health": _link(f"{base_url}/v1/health", "/v1/health"),
                "AWS endpoint": f"<code>{escape(engine_url)}</code>",
            }
        )
    }</section></div>
<details class="card"><summary>{len(routes)} API paths</summary><table>{table}</table></details>"""
    return page("ISP Billing on this machine", content)


def mailbox_page(mails: Sequence[Mail], texts: Sequence[SentText] = ()) -> str:
    """The mails, newest first, and the SMS; it reloads itself."""
    rows = "".join(_mail_row(mail) for mail in reversed(mails))
    if rows:
        body = f'<ul class="card mails">{rows}</ul>'
    else:
        body = '<div class="card"><p>No mail has been sent yet. Sign up, and look here.</p></div>'
    intro = "Every mail the platform sends on this machine ends here; none is delivered."
    content = f'<h1>Mailbox</h1><p class="soft">{intro}</p>{body}{_texts(texts)}'
    return page("Mailbox", content, refresh_s=MAILBOX_REFRESH_S)


def mail_page(mail: Mail) -> str:
    """One mail, its links clickable; HTML of a mail is shown in a frame without scripts."""
    facts = _facts(
        {
            "From": escape(mail.sender),
            "To": escape(", ".join(mail.recipients)),
            "Sent": escape(mail.sent_at.strftime("%d %B %Y, %H:%M:%S UTC")),
        }
    )
    if mail.text or not mail.html:
        body = f'<div class="body">{linkify(mail.text)}</div>'
    else:
        sandbox = "allow-popups allow-top-navigation-by-user-activation"
        frame = f'<iframe class="body" title="The mail" sandbox="{sandbox}"'
        body = f'{frame} srcdoc="{escape(mail.html)}"></iframe>'
    content = (
        f'<p><a href="/mailbox">&larr; Mailbox</a></p><article class="card">'
        f"<h1>{escape(mail.subject) or '(no subject)'}</h1>{facts}{body}</article>"
    )
    return page(mail.subject or "Mail", content)


def message_page(title: str, message: str) -> str:
    """A page that says one thing, such as what was not found."""
    return page(title, f'<h1>{escape(title)}</h1><p class="soft">{escape(message)}</p>')


def linkify(text: str) -> str:
    """Text as HTML: escaped, web addresses as links."""
    parts: list[str] = []
    end = 0
    for found in LINK.finditer(text):
        address = found[0].rstrip(TRAILING)
        parts.append(escape(text[end : found.start()]))
        parts.append(_link(address, address))
        end = found.start() + len(address)
    parts.append(escape(text[end:]))
    return "".join(parts)


def _texts(texts: Sequence[SentText]) -> str:
    rows = "".join(
        f"<tr><td>{escape(one.number)}</td><td>{escape(one.text)}</td></tr>" for one in reversed(texts)
    )
    return f'<section class="card"><h2>SMS</h2><table>{rows}</table></section>' if rows else ""


def _mail_row(mail: Mail) -> str:
    preview = " ".join(mail.text.split())[:PREVIEW_CHARS]
    return (
        f'<li><a href="/mailbox/{mail.number}">'
        f"<span><b>{escape(mail.subject) or '(no subject)'}</b></span>"
        f'<time class="soft">{mail.sent_at:%d %b %H:%M} UTC</time>'
        f'<span class="soft wide">{escape(", ".join(mail.recipients))}</span>'
        f'<span class="soft wide">{escape(preview)}</span></a></li>'
    )


def _demo_card(demo: Mapping[str, str]) -> str:
    if not demo:
        return '<p>There is no demo data. <a href="/signup">Sign up</a>; the mail arrives here.</p>'
    return _facts(
        {
            name: linkify(value) if LINK.match(value) else f"<code>{escape(value)}</code>"
            for name, value in demo.items()
        }
    )


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in facts.items())
    return f"<dl>{rows}</dl>"


def _link(label: str, address: str) -> str:
    return f'<a href="{escape(address)}" rel="noreferrer">{escape(label)}</a>'

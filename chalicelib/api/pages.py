"""The few pages that people see: pure HTML, no scripts, nothing from elsewhere, nothing personal."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from html import escape
from typing import Final

from chalicelib.api.request import Answer
from chalicelib.domain.gateway_collections import CollectionState
from chalicelib.domain.gateways import Checkout, GatewayKind
from chalicelib.domain.invoices import Invoice, InvoiceState
from chalicelib.domain.money import Money, format_minor
from chalicelib.usecases.pay_links import PayPage

STYLE: Final = """
:root{color-scheme:light dark;--ink:#16202c;--soft:#55636f;--line:#cfd7df;--paper:#f5f7fa;
--card:#fff;--accent:#0b6e6e;--accent-ink:#fff;--bad:#a3341f}
@media(prefers-color-scheme:dark){:root{--ink:#e6ecf2;--soft:#a3b1bf;--line:#3a4756;
--paper:#10161d;--card:#18212b;--accent:#3fb8af;--accent-ink:#08201f;--bad:#ff9d8a}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
header,main,footer{max-width:34rem;margin:0 auto;padding:0 1.25rem}
header{padding-block:1.5rem .75rem;font-weight:600;overflow-wrap:anywhere}
main{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.5rem 1.25rem}
@media(max-width:36rem){main{border-inline:0;border-radius:0}}
@media(min-width:36.01rem){main{width:calc(100% - 2.5rem)}}
h1{font-size:1.4rem;line-height:1.25;margin:0 0 1rem;overflow-wrap:anywhere}p{margin:.5rem 0 1rem}
dl{display:grid;grid-template-columns:minmax(6rem,max-content) 1fr;gap:.35rem 1rem;align-items:baseline;
margin:0 0 1.25rem}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}dd.sum{font-size:1.25rem;font-weight:650}
[role=status]{border-inline-start:4px solid var(--accent);padding:.25rem 0 .25rem .9rem;font-weight:600}
[role=alert]{border-inline-start:4px solid var(--bad);padding:.25rem 0 .25rem .9rem;font-weight:600}
fieldset{border:0;padding:0;margin:0 0 1.25rem}legend{font-weight:600;padding:0;margin-bottom:.5rem}
label{display:flex;gap:.75rem;align-items:center;padding:.75rem .9rem;border:1px solid var(--line);
border-radius:8px;margin-bottom:.5rem;cursor:pointer}input[type=radio]{width:1.15rem;height:1.15rem;
accent-color:var(--accent)}
button{font:inherit;font-weight:600;width:100%;padding:.8rem 1rem;border:1px solid var(--accent);
border-radius:8px;background:var(--accent);color:var(--accent-ink);cursor:pointer;margin-bottom:.6rem}
button.plain{background:transparent;color:var(--ink);border-color:var(--line)}
a{color:var(--accent)}:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
footer{color:var(--soft);font-size:.9rem;padding-block:1rem 2rem}
"""
_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
# A browser follows a redirect after a form only to where forms may go, and vendors are many.
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; form-action 'self' https:; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HTML: Final = "text/html"
HEADERS: Final = {
    "Content-Type": f"{HTML}; charset=utf-8",
    "Content-Security-Policy": _POLICY,
    "X-Robots-Tag": "noindex",
}
# The field of a checkout whose text is a QR code.
TO_SCAN: Final = "qr"
VENDORS: Final = {
    GatewayKind.SANDBOX: "Sandbox (no real money)",
    GatewayKind.STRIPE: "Card (Stripe)",
    GatewayKind.JAZZCASH: "JazzCash",
    GatewayKind.EASYPAISA: "Easypaisa",
    GatewayKind.PAYFAST: "PayFast",
    GatewayKind.ONEBILL: "1Bill",
    GatewayKind.RAAST: "Raast",
}
_NOT_PAID: Final = {
    CollectionState.FAILED: "The payment did not go through. Nothing was taken.",
    CollectionState.EXPIRED: "The time for the payment ran out. Nothing was taken.",
    CollectionState.CANCELLED: "The payment was cancelled.",
}
_GIVE_UP: Final = (
    '<form method="post"><button name="give_up" value="yes" class="plain">'
    "Give up the payment that was begun, and choose again</button></form>"
)
_WORKING: Final = "Your payment is being processed. Do not pay again: look here in a few minutes."
_NAMED: Final = re.compile(r"[_-]+")


def html_answer(text: str, *, status: int = 200) -> Answer:
    """Return a page as an answer."""
    return Answer(None, HEADERS, status=status, text=text)


def page(*, title: str, heading: str, content: str) -> str:
    """Return a whole document; ``content`` is HTML and is not escaped here, ``heading`` is above it."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title><style>{STYLE}</style></head>'
        f'<body><header dir="auto">{escape(heading)}</header><main>{content}</main></body></html>'
    )


def message_page(*, title: str, message: str, heading: str = "") -> str:
    """Return a page that says one thing."""
    content = f'<h1>{escape(title)}</h1><p role="alert">{escape(message)}</p>'
    return page(title=title, heading=heading, content=content)


def money_text(money: Money) -> str:
    """Return an amount as people read it: ``PKR 1,649.00``."""
    whole, point, part = format_minor(amount=money.amount, currency=money.currency).partition(".")
    return f"{money.currency} {int(whole):,}{point}{part}"


def pay_page(shown: PayPage, *, refusal: str = "") -> str:
    """Return the page of a pay link, or of a collection; ``refusal`` says why it did not go on."""
    invoice, collection = shown.invoice, shown.collection
    title = f"Invoice {invoice.number}" if invoice else "Payment"
    facts: list[tuple[str, str, str]] = []
    if invoice is not None:
        facts = _owed(invoice)
    elif collection is not None:
        facts = [("Amount", money_text(collection.amount), "sum")]
    content = f"<h1>{escape(title)}</h1>{_list(facts)}{_state(shown)}"
    if refusal:
        content += f'<p role="alert">{escape(refusal)}</p>'
    if shown.payable:
        content += _choice(shown)
    if refusal and shown.state is CollectionState.OPEN:
        content += _GIVE_UP
    return page(title=title, heading=shown.tenant.company, content=content)


def _owed(invoice: Invoice) -> list[tuple[str, str, str]]:
    """Return what is open of an invoice and by when; or what it came to, where nothing is."""
    if invoice.open_amount <= 0:
        return [("Amount", money_text(Money(invoice.total, invoice.currency)), "sum")]
    due = f"{invoice.due_on.day} {invoice.due_on:%B %Y}"
    owed = money_text(Money(invoice.open_amount, invoice.currency))
    return [("To be paid", owed, "sum"), ("By", due, "")]


def _state(shown: PayPage) -> str:
    invoice, state = shown.invoice, shown.state
    if state is CollectionState.PENDING:
        return f'<p role="status">{_WORKING}</p><p><a href="">Look again</a></p>'
    if invoice is not None and invoice.open_amount <= 0:
        paid = invoice.state is InvoiceState.PAID
        return f'<p role="status">{"Already paid. Thank you." if paid else "Nothing is to be paid."}</p>'
    if state is CollectionState.PAID:
        return '<p role="status">Your payment was received. Thank you.</p>'
    if state in _NOT_PAID:
        return f'<p role="alert">{_NOT_PAID[state]}</p>'
    if state is CollectionState.OPEN and invoice is None:
        return f'<p role="status">{_WORKING}</p><p><a href="">Look again</a></p>'
    return ""


def _choice(shown: PayPage) -> str:
    """Return the form, with a choice where there is one."""
    invoice = shown.invoice
    assert invoice is not None, "what is payable is an invoice"
    if not shown.gateways:
        return "<p>It cannot be paid online at present.</p>"
    amount = escape(money_text(Money(invoice.open_amount, invoice.currency)))
    if len(shown.gateways) == 1:
        kind = shown.gateways[0]
        name = f'<input type="hidden" name="gateway" value="{kind.value}">'
        return f'<form method="post">{name}<button>Pay {amount} with {escape(VENDORS[kind])}</button></form>'
    begun = shown.collection.gateway if shown.collection else shown.gateways[0]
    choices = "".join(
        f'<label><input type="radio" name="gateway" value="{kind.value}" required'
        f"{' checked' if kind is begun else ''}> {escape(VENDORS[kind])}</label>"
        for kind in shown.gateways
    )
    chosen = f"<fieldset><legend>Pay with</legend>{choices}</fieldset>"
    return f'<form method="post">{chosen}<button>Pay {amount}</button></form>'


def post_form_page(*, checkout: Checkout, vendor: GatewayKind) -> str:
    """Return the page that takes the payer's browser to a vendor that is posted to."""
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in checkout.fields.items()
    )
    name = escape(VENDORS[vendor])
    content = (
        f"<h1>Go on to {name}</h1><p>You pay on the page of {name}, and come back here.</p>"
        f'<form method="post" action="{escape(checkout.url)}">{fields}<button autofocus>Go on</button></form>'
    )
    return page(title="Go on to pay", heading="", content=content)


def show_page(*, checkout: Checkout, vendor: GatewayKind, back: str, code_of: Callable[[str], str]) -> str:
    """Return the page with what the payer takes to a bank or an app; ``code_of`` draws what is scanned."""
    shown = dict(checkout.fields)
    text = shown.pop(TO_SCAN, "")
    code = f"<p>Scan this with your bank's app.</p><p>{code_of(text)}</p>" if text else ""
    facts = [(_NAMED.sub(" ", name).strip().capitalize(), value, "") for name, value in shown.items()]
    name = escape(VENDORS[vendor])
    content = (
        f"<h1>Pay with {name}</h1>{code}<p>{'Or enter' if text else 'Enter'} this in your bank's app, "
        f"or at its counter.</p>{_list(facts)}"
        f'<p><a href="{escape(back)}">See whether it has arrived</a></p>'
    )
    return page(title="How to pay", heading="", content=content)


def sandbox_page(*, what: str, amount: Money, acts: Sequence[tuple[str, str]]) -> str:
    """Return the sandbox's own page: what it is asked to collect, and a button for each way it may end."""
    buttons = "".join(
        f'<button name="act" value="{escape(value)}"{"" if number == 0 else " class=plain"}>'
        f"{escape(label)}</button>"
        for number, (value, label) in enumerate(acts)
    )
    facts = _list([("For", what, ""), ("Amount", money_text(amount), "sum")])
    content = (
        "<h1>Sandbox</h1><p>This stands for a payment gateway's own page. No real money is taken.</p>"
        f'{facts}<form method="post">{buttons}</form>'
    )
    return page(title="Sandbox payment", heading="A payment gateway that takes no money", content=content)


def _list(facts: Sequence[tuple[str, str, str]]) -> str:
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd{' class=' + kind if kind else ''}>{escape(value)}</dd>"
        for name, value, kind in facts
    )
    return f"<dl>{rows}</dl>" if rows else ""


def refusals(code: str) -> str:
    """Return what a payer is told of a refusal."""
    return _REFUSALS.get(code, "It did not work just now. Nothing was taken: try again in a minute.")


_REFUSALS: Final[Mapping[str, str]] = {
    "collection_open": "A payment of this invoice was begun another way, or is being processed. "
    "Finish it there, or give it up first.",
    "gateway_off": "This way to pay is not offered at present: choose another one.",
    "currency_not_taken": "This way to pay does not take the invoice's currency: choose another one.",
    "gateway_refused": "The payment service refused it. Nothing was taken: choose another way to pay.",
    "nothing_open": "Nothing is open any more.",
}

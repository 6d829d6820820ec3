from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chalicelib.local.front_door import without_tokens
from chalicelib.local.mailbox import Mail
from chalicelib.local.pages import landing_page, linkify, mail_page, mailbox_page

HOSTILE = '<script>alert("x")</script>'


def mail(number: int = 1, *, subject: str = "Verify", text: str = "hello", html: str = "") -> Mail:
    return Mail(
        number=number,
        sent_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        sender="billing@isp.example",
        recipients=("owner@isp.example",),
        subject=subject,
        text=text,
        html=html,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "open http://h/verify?a=1&b=2.",
            'open <a href="http://h/verify?a=1&amp;b=2" rel="noreferrer">http://h/verify?a=1&amp;b=2</a>.',
        ),
        ("(https://h/x)", '(<a href="https://h/x" rel="noreferrer">https://h/x</a>)'),
        ("no link <b>", "no link &lt;b&gt;"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("", ""),
    ],
)
def test_web_addresses_become_links_and_the_rest_is_escaped(text: str, expected: str) -> None:
    assert linkify(text) == expected


def test_a_link_cannot_break_out_of_its_attribute() -> None:
    assert '"onclick' not in linkify('http://h/"onclick="x')


def test_nothing_of_a_mail_reaches_the_page_unescaped() -> None:
    hostile = mail(subject=HOSTILE, text=HOSTILE)

    for page in (mail_page(hostile), mailbox_page([hostile])):
        assert "<script>" not in page
        assert "&lt;script&gt;" in page


def test_html_of_a_mail_is_framed_without_scripts() -> None:
    page = mail_page(mail(text="", html=f"<p>Hi</p>{HOSTILE}"))

    assert 'sandbox="allow-popups' in page
    assert "allow-scripts" not in page
    assert "<script>" not in page


def test_the_newest_mail_comes_first() -> None:
    page = mailbox_page([mail(1, subject="older"), mail(2, subject="newer")])

    assert page.index("newer") < page.index("older")
    assert 'href="/mailbox/2"' in page


def test_an_empty_mailbox_says_so() -> None:
    assert "No mail" in mailbox_page([])


def test_the_landing_page_shows_the_demo_log_in() -> None:
    page = landing_page(
        base_url="http://127.0.0.1:8000",
        engine_url="http://127.0.0.1:4566",
        demo={"E-mail": "owner@demo.example", "Password": "a<b"},
        routes=[("GET", "/v1/health")],
        mails=1,
    )

    assert "owner@demo.example" in page
    assert "a&lt;b" in page
    assert "/v1/health" in page
    assert "1 mail<" in page


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("/v1/invoices?cursor=abc", "/v1/invoices"),
        ("/pay/pay_secret", "/pay/…"),
        ("/sandbox-pay/gcb_secret/C1?seal=x", "/sandbox-pay/…"),
        ("/v1/gateway-callbacks/gcb_secret", "/v1/gateway-callbacks/…"),
    ],
)
def test_lines_of_requests_hold_no_tokens(target: str, told: str) -> None:
    assert without_tokens(target) == told

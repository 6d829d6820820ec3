"""The page of a person's copy: what is written is text on it, and amounts have a currency."""

from __future__ import annotations

from datetime import date

from chalicelib.domain.subject_page import Section, page_text

HELD = {"name": "<script>alert(1)</script>", "note": "", "currency": "PKR", "balance": -164_900, "credit": 0}
ITEM = {"kind": "an account", "key": "ACCOUNT", "values": {"lines": [["Home 10", 30]], "archived": False}}


def page() -> str:
    return page_text(
        company="A & B",
        request_id="prq_1",
        on=date(2041, 2, 1),
        of_subscriber=True,
        sections=[
            Section("person", [HELD], 2),
            Section("sessions", [], 0),
            Section("stored_items", [ITEM], 1),
        ],
    )


def test_the_page_shows_what_is_written_as_text_and_runs_nothing() -> None:
    assert "<script" not in page()
    assert "&lt;script&gt;" in page()
    assert "A &amp; B" in page()
    assert "1 more are in person.jsonl" in page()
    assert "<p>Nothing.</p>" in page()


def test_rows_are_read_down_the_page_with_amounts_in_their_currency_and_without_what_is_empty() -> None:
    assert "<table" not in page()
    assert "<dt>Balance</dt><dd>-1649.00 PKR</dd>" in page()
    assert "<dt>Note</dt>" not in page()
    assert "<ul><li>Home 10</li><li>30</li></ul>" in page()
    assert "<dt>Archived</dt><dd>no</dd>" in page()

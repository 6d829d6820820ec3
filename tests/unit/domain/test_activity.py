"""Visits by the lengths that they reach, told by a cookie that holds their beginning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.activity import Page, Visit, counts_of, decode_visit, encode_visit, visit_goes_on

NOW = datetime(2041, 5, 15, 6, 0, tzinfo=UTC)


def test_a_visit_is_counted_once_for_each_length_that_it_reaches() -> None:
    seen: list[str] = []
    visit: Visit | None = None
    for minutes in (0, 0, 2, 3, 16, 59, 61, 61):
        visit, lengths = visit_goes_on(visit=visit, at=NOW + timedelta(minutes=minutes))
        seen += lengths

    assert seen == ["0m", "1m", "5m", "15m", "60m"]


def test_a_cookie_says_when_a_visit_began() -> None:
    visit = Visit(NOW, 2)

    assert decode_visit(value=encode_visit(visit=visit), at=NOW + timedelta(minutes=3)) == visit


@pytest.mark.parametrize(
    "value",
    ["", "x", "1.1", f"{int(NOW.timestamp()) + 60}.1", f"{int(NOW.timestamp())}.9", "999999999999.1", "٣.1"],
)
def test_what_is_no_visit_of_today_begins_one(value: str) -> None:
    assert decode_visit(value=value, at=NOW) is None


def test_pages_and_lengths_are_counted_by_name() -> None:
    found = counts_of(pages=[Page.INVOICES, Page.INVOICES, Page.HOME], lengths=["0m"])

    assert found == {("page", "invoices"): 2, ("page", "home"): 1, ("visit", "0m"): 1}

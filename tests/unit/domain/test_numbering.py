"""The numbers of documents: formats by kind and fiscal year."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.domain.invoices import format_number
from chalicelib.domain.numbering import (
    DocumentKind,
    InvalidNumberFormat,
    NumberFormat,
    check_distinct,
    check_pattern,
    pattern_for,
    render_number,
    with_format,
)

INVOICE, CREDIT_NOTE = DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE

literals = st.text("AB-/._07", max_size=5)
sequences = st.sampled_from(["{seq}", "{seq:01}", "{seq:04}", "{seq:06}"])


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """Draw formats that are allowed."""
    middle = [draw(sequences), draw(st.sampled_from(["{fy}", "{fy_short}"]))]
    order = draw(st.permutations(middle))
    pattern = draw(literals) + order[0] + draw(literals) + order[1] + draw(literals)
    try:
        check_pattern(pattern=pattern, param="p")
    except InvalidNumberFormat:
        assume(False)
    return pattern


def test_without_a_format_of_its_own_a_number_is_kind_year_and_six_digits() -> None:
    assert format_number(fiscal_year_end=2027, sequence=123) == "INV-2027-000123"
    assert format_number(fiscal_year_end=2027, sequence=1_234_567, kind="RCP") == "RCP-2027-1234567"


@pytest.mark.parametrize(
    ("pattern", "number"),
    [
        ("INV-{fy}-{seq:06}", "INV-2027-000042"),
        ("{fy_short}/LHR/{seq}", "27/LHR/42"),
        ("{fy}{seq:04}.A", "20270042.A"),
        ("R.{seq:01}_{fy_short}", "R.42_27"),
    ],
)
def test_a_format_is_filled_in(pattern: str, number: str) -> None:
    check_pattern(pattern=pattern, param="p")

    assert render_number(pattern=pattern, fiscal_year=2027, sequence=42) == number


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "INV-2027",
        "INV-{fy}",
        "INV-{seq}",  # the sequence begins anew with each year
        "INV-{fy}-{seq}-{seq:06}",
        "INV-{fy}-{fy_short}-{seq}",
        "INV-{fy}-{seq:6}",
        "INV-{fy}-{seq:010}",
        "INV-{fy}-{seq:0}",
        "INV-{fy}-{seq!r}",
        "INV-{fy.real}-{seq}",
        "INV-{year}-{seq}",
        "INV-{}-{fy}-{seq}",
        "{fy}{seq}",
        "INV-{fy}-{seq",
        "INV-{fy}-seq}",
        "{{fy}}-{seq}",
        "=INV-{fy}-{seq}",
        "-{fy}-{seq}",
        "INV {fy}-{seq}",
        "INV-{fy}-{seq}\n",
        "\u0660{fy}-{seq}",
        "A" * 21 + "{fy}{seq}",
        "INV-{fy}-{seq}" + "{" * 60,
    ],
)
def test_a_format_that_does_not_number_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidNumberFormat) as refused:
        check_pattern(pattern=pattern, param="number_formats.INV")

    assert refused.value.param == "number_formats.INV"


def test_a_format_holds_from_its_fiscal_year_on_and_not_before() -> None:
    formats = with_format(formats=(), kind=INVOICE, pattern="A-{fy}-{seq}", from_year=2027)
    formats = with_format(formats=formats, kind=INVOICE, pattern="B-{fy}-{seq}", from_year=2029)

    shown = [
        format_number(fiscal_year_end=year, sequence=7, formats=formats)
        for year in (2026, 2027, 2028, 2029, 2030)
    ]
    assert shown == ["INV-2026-000007", "A-2027-7", "A-2028-7", "B-2029-7", "B-2030-7"]
    assert pattern_for(formats=formats, kind="CRN", fiscal_year=2029) == "CRN-{fy}-{seq:06}"


def test_a_second_change_for_one_year_replaces_the_first_and_the_same_again_changes_nothing() -> None:
    once = with_format(formats=(), kind=INVOICE, pattern="A-{fy}-{seq}", from_year=2027)
    twice = with_format(formats=once, kind=INVOICE, pattern="B-{fy}-{seq}", from_year=2027)

    assert twice == (NumberFormat(INVOICE, 2027, "B-{fy}-{seq}"),)
    assert with_format(formats=twice, kind=INVOICE, pattern="B-{fy}-{seq}", from_year=2028) == twice


@pytest.mark.parametrize(
    "pattern", ["CRN-{fy}-{seq:06}", "CRN-{fy_short}-{seq}", "CRN-{seq}-{fy}", "CRN-1{fy}-{seq:03}"]
)
def test_two_kinds_never_have_formats_that_could_give_one_number(pattern: str) -> None:
    with pytest.raises(InvalidNumberFormat) as refused:
        check_distinct(formats=[NumberFormat(INVOICE, 2027, pattern)])

    assert refused.value.param is not None
    assert refused.value.param.startswith("number_formats.")


@given(
    patterns(),
    patterns(),
    st.tuples(st.integers(2000, 2099), st.integers(1, 2_000_000)),
    st.tuples(st.integers(2000, 2099), st.integers(1, 2_000_000)),
)
def test_no_two_documents_have_one_number(
    invoices: str, notes: str, first: tuple[int, int], second: tuple[int, int]
) -> None:
    formats = (NumberFormat(INVOICE, 2000, invoices), NumberFormat(CREDIT_NOTE, 2000, notes))
    try:
        check_distinct(formats=formats)
    except InvalidNumberFormat:
        return

    def number(kind: DocumentKind, year: int, sequence: int) -> str:
        return format_number(kind=kind.value, fiscal_year_end=year, sequence=sequence, formats=formats)

    assert number(INVOICE, *first) != number(CREDIT_NOTE, *second)
    assert (number(INVOICE, *first) == number(INVOICE, *second)) == (first == second)

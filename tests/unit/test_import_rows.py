"""Every row of an import is a subscriber, a skipped row, or a mistake with a name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.csv_records import Record
from chalicelib.domain.import_mapping import (
    AmbiguousColumn,
    DateFormat,
    DecimalFormat,
    ImportDefaults,
    ImportField,
    ImportMapping,
    MissingColumn,
    SkipRule,
    UnknownColumn,
    check_mapping,
    suggest_columns,
)
from chalicelib.domain.import_rows import NewSubscriber, RowReader
from chalicelib.domain.imports import RowFate
from chalicelib.domain.money import Money
from chalicelib.domain.packages import Package, PackageKind, PackageState
from chalicelib.domain.periods import BillingTiming, Cycle, CycleUnit
from chalicelib.domain.taxes import TaxGroup, TaxRow
from tests.examples import examples

F = ImportField
TODAY = date(2026, 10, 1)
HEADER = ("id", "full name", "mail", "cell", "home", "cnic", "zone", "plan", "fee", "since", "day", "note")
COLUMNS = dict(
    zip(
        (
            F.CODE,
            F.NAME,
            F.EMAIL,
            F.PHONE,
            F.ADDRESS,
            F.NATIONAL_ID,
            F.AREA,
            F.PACKAGE,
            F.PRICE,
            F.START_DATE,
            F.ANCHOR_DAY,
            F.NOTE,
        ),
        HEADER,
        strict=True,
    )
)
GOOD = {
    "id": "C-1",
    "full name": "Ali Raza",
    "mail": "ali@example.com",
    "cell": "+92 300 1234567",
    "home": "House 1, Street 2",
    "cnic": "42301-1234567-1",
    "zone": "North",
    "plan": "home  10 mb",
    "fee": "1,500.50",
    "since": "2026-11-01",
    "day": "5",
    "note": "",
}


def package(name: str, state: PackageState = PackageState.ACTIVE, currency: str = "PKR") -> Package:
    return Package(
        package_id=f"pkg_{name}",
        name=name,
        price=Money(200_000, currency),
        cycle=Cycle(CycleUnit.MONTH),
        timing=BillingTiming.ADVANCE,
        download_kbps=10_000,
        upload_kbps=10_000,
        tax_group=None,
        state=state,
        version=1,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


CATALOGUE = [
    package("Home 10 MB"),
    package("Old", PackageState.ARCHIVED),
    package("Dollars", currency="USD"),
    replace(package("Taxed"), tax_group="internet"),
    replace(package("TV"), kind=PackageKind.ADDON),
]


def reader(**changes: object) -> RowReader:
    mapping = ImportMapping(**{"columns": COLUMNS, **changes})  # type: ignore[arg-type]
    return RowReader(
        mapping=mapping,
        header=HEADER,
        packages=CATALOGUE,
        currency="PKR",
        today=TODAY,
        tax_groups=[TaxGroup("internet", "Internet", (TaxRow(date(2026, 10, 1), ()),))],
    )


def record(**changes: str) -> Record:
    cells = {**GOOD, **{name.replace("_", " "): text for name, text in changes.items()}}
    return Record(row=7, cells=tuple(cells.values()), end=999)


def mistakes(outcome: object) -> list[tuple[str, str]]:
    assert isinstance(outcome, list), outcome
    assert all(report.fate is RowFate.FAILED and report.row == 7 for report in outcome)
    return [(report.column, report.code) for report in outcome]


def test_a_row_becomes_a_subscriber_with_a_subscription() -> None:
    found = reader().read(record=record())

    assert isinstance(found, NewSubscriber)
    assert (found.code, found.area, found.contact.name) == ("C-1", "North", "Ali Raza")
    assert found.contact.phone == "+92 300 1234567"
    assert found.subscription is not None
    assert found.subscription.package.name == "Home 10 MB"
    assert (found.subscription.price, found.subscription.anchor_day) == (Money(150_050, "PKR"), 5)
    assert found.subscription.start == date(2026, 11, 1)


def test_without_a_package_a_row_is_a_subscriber_alone() -> None:
    found = reader(columns={F.CODE: "id"}).read(record=record())

    assert isinstance(found, NewSubscriber)
    assert found.subscription is None


def test_defaults_hold_where_a_cell_is_empty() -> None:
    given_defaults = ImportDefaults(
        package="Home 10 MB", price=Money(99, "PKR"), start_date=date(2026, 5, 31), anchor_day=9, area="South"
    )

    found = reader(defaults=given_defaults).read(record=record(plan="", fee=" ", since="", day="", zone=""))

    assert isinstance(found, NewSubscriber)
    assert found.area == "South"
    assert found.subscription is not None
    assert found.subscription.price == Money(99, "PKR")
    assert (found.subscription.start, found.subscription.anchor_day) == (date(2026, 5, 31), 9)


def test_the_anchor_is_the_start_day_unless_given() -> None:
    found = reader().read(record=record(since="2026-01-31", day=""))

    assert isinstance(found, NewSubscriber)
    assert found.subscription is not None
    assert found.subscription.anchor_day == 31


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ({"id": ""}, "missing_value"),
        ({"id": "no blanks"}, "invalid_code"),
        ({"id": "=cmd|' /C calc'!A0"}, "formula_cell"),
        ({"id": "4111111111111111"}, "card_number_refused"),
        ({"full_name": "=HYPERLINK(1)"}, "formula_cell"),
        ({"full_name": "+cmd|x"}, "formula_cell"),
        ({"full_name": "-2+3"}, "formula_cell"),
        ({"full_name": "@SUM(A1)"}, "formula_cell"),
        ({"full_name": "\uff1d1+1"}, "formula_cell"),
        ({"full_name": "x" * 121}, "invalid_contact"),
        ({"full_name": "bell\x07"}, "invalid_contact"),
        ({"mail": "not an address"}, "invalid_email"),
        ({"mail": "=a@example.com"}, "formula_cell"),
        ({"cell": "12"}, "invalid_contact"),
        ({"cell": "+cmd12345"}, "formula_cell"),
        ({"note": "pays by 4111 1111 1111 1111"}, "card_number_refused"),
        ({"zone": "=1"}, "formula_cell"),
        ({"zone": "z" * 61}, "invalid_value"),
        ({"plan": ""}, "missing_value"),
        ({"plan": "Home 20 MB"}, "unknown_package"),
        ({"plan": "OLD"}, "package_archived"),
        ({"plan": "TV"}, "not_subscribable"),
        ({"plan": "dollars"}, "currency_mismatch"),
        ({"fee": "-1"}, "negative_price"),
        ({"fee": "-0.01"}, "negative_price"),
        ({"fee": "99999999999"}, "invalid_price"),
        ({"fee": "1e5"}, "invalid_amount"),
        ({"fee": "NaN"}, "invalid_amount"),
        ({"fee": "1.005"}, "invalid_amount"),
        ({"fee": "Rs 500"}, "invalid_amount"),
        ({"fee": "=1+1"}, "invalid_amount"),
        ({"fee": "\u0661\u0662"}, "invalid_amount"),
        ({"since": "01/11/2026"}, "invalid_date"),
        ({"since": "2026-02-30"}, "invalid_date"),
        ({"since": "2019-01-01"}, "start_out_of_range"),
        ({"since": ""}, "missing_value"),
        ({"day": "0"}, "invalid_anchor"),
        ({"day": "32"}, "invalid_anchor"),
        ({"day": "first"}, "invalid_anchor"),
    ],
)
def test_a_bad_cell_is_reported_by_column_and_code(cell: dict[str, str], code: str) -> None:
    found = mistakes(reader().read(record=record(**cell)))

    assert found == [(next(iter(cell)).replace("_", " "), code)]


@pytest.mark.parametrize("column", ["id", "full_name", "mail", "cell", "home", "cnic", "zone", "note"])
@pytest.mark.parametrize("card", ["4111111111111111", "4111-1111-1111-1111"])
def test_a_row_with_a_card_number_is_refused_whatever_column_it_stands_in(column: str, card: str) -> None:
    text = f"{card}@example.com" if column == "mail" else card
    found = mistakes(reader().read(record=record(**{column: text})))

    assert found == [(column.replace("_", " "), "card_number_refused")]


def test_all_mistakes_of_a_row_are_reported_together() -> None:
    found = reader().read(record=record(mail="x", cell="1", fee="-5", day="99"))

    assert mistakes(found) == [
        ("mail", "invalid_email"),
        ("cell", "invalid_contact"),
        ("fee", "negative_price"),
        ("day", "invalid_anchor"),
    ]


@pytest.mark.parametrize("width", [1, 11, 13])
def test_a_row_of_another_width_is_refused(width: int) -> None:
    found = reader().read(record=Record(7, ("x",) * width, 9))

    assert mistakes(found) == [("", "wrong_column_count")]


def test_rows_are_skipped_by_rule_before_they_are_checked() -> None:
    rule = SkipRule("plan", ("No", "none"), "no internet service")

    found = reader(skip_when=(rule,)).read(record=record(plan=" NO ", fee="rubbish"))

    assert isinstance(found, list)
    assert [(one.fate, one.message, one.subject) for one in found] == [
        (RowFate.SKIPPED, "no internet service", "C-1")
    ]


@pytest.mark.parametrize(
    ("text", "way", "minor"),
    [
        ("1500", DecimalFormat.POINT, 150_000),
        ("1500.5", DecimalFormat.POINT, 150_050),
        ("1,500.50", DecimalFormat.POINT, 150_050),
        ("1,00,000", DecimalFormat.POINT, 10_000_000),
        ("0", DecimalFormat.POINT, 0),
        (".50", DecimalFormat.POINT, 50),
        ("1.500,50", DecimalFormat.COMMA, 150_050),
        ("1500,5", DecimalFormat.COMMA, 150_050),
        ("1.500", DecimalFormat.COMMA, 150_000),
    ],
)
def test_amounts_are_read_as_the_file_writes_them(text: str, way: DecimalFormat, minor: int) -> None:
    found = reader(decimal_format=way).read(record=record(fee=text))

    assert isinstance(found, NewSubscriber)
    assert found.subscription is not None
    assert found.subscription.price == Money(minor, "PKR")


@pytest.mark.parametrize("text", ["1,5", "1,50,0", "1 500", "1.500,00", "--5", "+-5", "", "1,500.50.1"])
def test_amounts_in_another_style_are_never_guessed(text: str) -> None:
    found = reader().read(record=record(fee=text or "x"))

    assert mistakes(found) == [("fee", "invalid_amount")]


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("2026-11-01", DateFormat.YMD),
        ("2026/11/1", DateFormat.YMD_SLASH),
        ("1-11-2026", DateFormat.DMY_DASH),
        ("01/11/2026", DateFormat.DMY_SLASH),
        ("1.11.2026", DateFormat.DMY_DOT),
        ("11/01/2026", DateFormat.MDY_SLASH),
    ],
)
def test_dates_are_read_as_the_file_writes_them(text: str, way: DateFormat) -> None:
    found = reader(date_format=way).read(record=record(since=text))

    assert isinstance(found, NewSubscriber)
    assert found.subscription is not None
    assert found.subscription.start == date(2026, 11, 1)


def test_a_first_bill_without_a_tax_rate_is_reported() -> None:
    good = reader().read(record=record(plan="Taxed", since="2026-10-01"))
    bad = reader().read(record=record(plan="Taxed", since="2026-09-30"))

    assert isinstance(good, NewSubscriber)
    assert mistakes(bad) == [("since", "tax_rate_missing")]


def test_an_address_in_several_lines_becomes_one() -> None:
    found = reader().read(record=record(home="House 1\r\nStreet 2\n"))

    assert isinstance(found, NewSubscriber)
    assert found.contact.address == "House 1 Street 2"


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ("custmer id", "; is 'Customer ID' meant?"),
        ("CUSTOMER ID", "; is 'Customer ID' meant?"),
        ("quite another", "'quite another'$"),
    ],
)
def test_a_column_that_is_near_another_is_asked_about(column: str, says: str) -> None:
    with pytest.raises(UnknownColumn, match=says):
        check_mapping(mapping=ImportMapping(columns={F.CODE: column}), header=("Customer ID", "plan", ""))


@pytest.mark.parametrize(
    ("mapping", "refused", "param"),
    [
        (ImportMapping(columns={F.CODE: "nope"}), UnknownColumn, "columns.code"),
        (ImportMapping(columns={F.CODE: "twice"}), AmbiguousColumn, "columns.code"),
        (ImportMapping(columns={F.NAME: "id"}), MissingColumn, "columns.code"),
        (ImportMapping(columns={F.CODE: "id", F.PACKAGE: "plan"}), MissingColumn, "columns.start_date"),
        (ImportMapping(columns={F.CODE: "id", F.PRICE: "plan"}), MissingColumn, "columns.package"),
        (
            ImportMapping(columns={F.CODE: "id"}, skip_when=(SkipRule("nope", ("x",), "r"),)),
            UnknownColumn,
            "skip_when.0.column",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(
    mapping: ImportMapping, refused: type[Exception], param: str
) -> None:
    with pytest.raises(refused) as caught:
        check_mapping(mapping=mapping, header=("id", "plan", "twice", "twice"))
    assert caught.value.param == param  # type: ignore[attr-defined]


def test_a_mapping_is_guessed_from_the_names() -> None:
    guess = suggest_columns(header=("Customer ID", "Full-Name", "CNIC", "InternetService", "x", "Name"))

    assert guess == {
        F.CODE: "Customer ID",
        F.NAME: "Name",
        F.NATIONAL_ID: "CNIC",
        F.PACKAGE: "InternetService",
    }


@examples(300)
@given(cells=st.lists(st.text(max_size=30), min_size=len(HEADER), max_size=len(HEADER)))
def test_any_cells_make_a_subscriber_or_a_report(cells: list[str]) -> None:
    found = reader().read(record=Record(7, tuple(cells), 9))

    if isinstance(found, NewSubscriber):
        assert found.code
    else:
        assert found

"""Reading one row of an import: a subscriber to create, or why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Final, TypeVar

from chalicelib.domain.contacts import Contact, check_area, check_contact
from chalicelib.domain.csv_records import LINE_CHARS_MAX, RECORD_LINES_MAX, Record
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.import_mapping import ImportField, ImportMapping
from chalicelib.domain.import_values import (
    BadCell,
    cell_code,
    read_anchor,
    read_code,
    read_date,
    read_line,
    read_price,
)
from chalicelib.domain.imports import RowFate, RowReport
from chalicelib.domain.money import CurrencyMismatch, Money
from chalicelib.domain.packages import Package, PackageKind, PackageState, check_price, folded_name
from chalicelib.domain.periods import check_anchor, default_anchor
from chalicelib.domain.subscriptions import check_start, check_tax
from chalicelib.domain.taxes import TaxGroup

V = TypeVar("V")

# As many mistakes of one row are reported; the rest show when these are mended.
REPORTS_PER_ROW_MAX: Final = 5
_NEEDED: Final = frozenset({ImportField.CODE, ImportField.PACKAGE})
_CONTACT: Final = (
    ImportField.NAME,
    ImportField.EMAIL,
    ImportField.PHONE,
    ImportField.ADDRESS,
    ImportField.NATIONAL_ID,
    ImportField.TAX_ID,
    ImportField.NOTE,
)
UNREADABLE: Final[dict[str, str]] = {
    "malformed_quotes": f"quotation marks do not match, or the row has more than {RECORD_LINES_MAX} lines",
    "line_too_long": f"a line has at most {LINE_CHARS_MAX:,} characters",
}


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """What a row subscribes to; ``price`` is None at the package's own price."""

    package: Package
    price: Money | None
    start: date
    anchor_day: int


@dataclass(frozen=True, slots=True)
class NewSubscriber:
    """A row that can be created."""

    code: str
    area: str
    contact: Contact
    subscription: NewSubscription | None


class RowReader:
    """Reads rows by a mapping that fits the header; made once for a file."""

    def __init__(
        self,
        *,
        mapping: ImportMapping,
        header: Sequence[str],
        packages: Sequence[Package],
        currency: str,
        today: date,
        tax_groups: Sequence[TaxGroup],
        bill_day: int = 0,
    ) -> None:
        self._mapping = mapping
        self._today = today
        self._width = len(header)
        self._currency = currency
        self._tax_groups = tax_groups
        self._bill_day = bill_day
        self._packages = {folded_name(name=package.name): package for package in packages}
        self._place = {name: header.index(column) for name, column in mapping.columns.items()}
        self._rules = [
            (header.index(rule.column), frozenset(value.strip().casefold() for value in rule.values), rule)
            for rule in mapping.skip_when
        ]
        self._read_price = partial(_price, mapping=mapping, currency=currency)
        self._read_start = partial(_start, mapping=mapping)

    def check_defaults(self) -> None:
        """Raise InvalidValue where a default would make every row that needs it fail."""
        defaults = self._mapping.defaults
        package = None
        with _blaming("defaults.package"):
            package = self._package(defaults.package) if defaults.package is not None else None
        if defaults.price is not None:
            if defaults.price.currency != self._currency:
                raise CurrencyMismatch(f"prices are in {self._currency}", param="defaults.price.currency")
            check_price(price=defaults.price, param="defaults.price.amount")
        if defaults.start_date is not None:
            with _blaming("defaults.start_date"):
                check_start(starts_on=defaults.start_date, today=self._today)
        if package is not None and defaults.anchor_day is not None:
            with _blaming("defaults.anchor_day"):
                check_anchor(cycle=package.cycle, anchor_day=defaults.anchor_day)

    def read(self, *, record: Record) -> NewSubscriber | list[RowReport]:
        """Return the subscriber that a row describes, or reports of why there is none."""
        if record.problem is not None:
            return [_failed(record.row, record.problem, UNREADABLE[record.problem])]
        cells = record.cells
        if len(cells) != self._width:
            message = f"the row has {len(cells)} columns, the header has {self._width}"
            return [_failed(record.row, "wrong_column_count", message)]
        row = _Row(self._mapping.columns, self._place, cells)
        for place, values, rule in self._rules:
            if cells[place].strip().casefold() in values:
                subject = row.take(ImportField.CODE, _code) or ""
                return [RowReport(record.row, RowFate.SKIPPED, "skipped", rule.reason, rule.column, subject)]
        code = row.take(ImportField.CODE, _code)
        area = row.take(ImportField.AREA, _area) or self._mapping.defaults.area or ""
        contact = _contact(row)
        subscription = self._subscription(row) if self._mapping.subscribes else None
        if row.mistakes or code is None:
            return [_failed(record.row, *mistake, code or "") for mistake in row.mistakes]
        return NewSubscriber(code, area, contact, subscription)

    def _subscription(self, row: _Row) -> NewSubscription | None:
        defaults = self._mapping.defaults
        package = row.take(ImportField.PACKAGE, self._package, default=defaults.package)
        price = row.take(ImportField.PRICE, self._read_price)
        anchor = row.take(ImportField.ANCHOR_DAY, _anchor)
        anchor = defaults.anchor_day if anchor is None else anchor
        start = row.take(ImportField.START_DATE, self._read_start) or defaults.start_date
        if start is None and not row.text(ImportField.START_DATE):
            row.refuse(ImportField.START_DATE, "missing_value", "the start date is missing")
        if start is not None:
            row.check(ImportField.START_DATE, partial(check_start, starts_on=start, today=self._today))
        if package is None or start is None:
            return None
        usual = default_anchor(cycle=package.cycle, start=start, bill_day=self._bill_day)
        chosen = usual if anchor is None else anchor
        row.check(ImportField.ANCHOR_DAY, partial(check_anchor, cycle=package.cycle, anchor_day=chosen))
        if not row.mistakes:  # of dates and anchors that are good
            taxed = partial(check_tax, package=package, starts_on=start, anchor_day=chosen)
            row.check(ImportField.START_DATE, partial(taxed, tax_groups=self._tax_groups))
        return NewSubscription(package, defaults.price if price is None else price, start, chosen)

    def _package(self, text: str) -> Package:
        package = self._packages.get(folded_name(name=text))
        if package is None:
            raise BadCell("unknown_package", f"there is no package {text[:40]!r}")
        if package.state is PackageState.ARCHIVED:
            raise BadCell("package_archived", f"the package {package.name!r} is archived")
        if package.kind is not PackageKind.SERVICE:
            raise BadCell("not_subscribable", f"the package {package.name!r} is of the kind {package.kind}")
        if package.price.currency != self._currency:
            raise BadCell("currency_mismatch", f"the package is priced in {package.price.currency}")
        return package


@contextmanager
def _blaming(param: str) -> Iterator[None]:
    """Name the input at fault where a rule refuses it."""
    try:
        yield
    except InvalidValue as error:
        error.param = param
        raise


class _Row:
    """The cells of one row, and what is wrong with them."""

    def __init__(
        self, columns: Mapping[ImportField, str], place: Mapping[ImportField, int], cells: Sequence[str]
    ) -> None:
        self._columns = columns
        self._place = place
        self._cells = cells
        self.mistakes: list[tuple[str, str, str]] = []

    def text(self, name: ImportField) -> str:
        """Return the trimmed cell of a field; empty where it is not mapped."""
        place = self._place.get(name)
        return "" if place is None else self._cells[place].strip()

    def take(self, name: ImportField, read: Callable[[str], V], *, default: str | None = None) -> V | None:
        """Return what a cell reads as; None where it is empty, or is refused."""
        text = self.text(name) or default or ""
        if not text:
            if name in _NEEDED:
                self.refuse(name, "missing_value", f"the {name.value} is missing")
            return None
        try:
            return read(text)
        except InvalidValue as error:
            self.refuse(name, cell_code(error=error), error.message)
            return None

    def check(self, name: ImportField, rule: Callable[[], None]) -> None:
        """Note what a rule has against a field's value."""
        try:
            rule()
        except InvalidValue as error:
            self.refuse(name, error.code, error.message)

    def refuse(self, name: ImportField, code: str, message: str) -> None:
        """Note what is wrong with a field."""
        if len(self.mistakes) < REPORTS_PER_ROW_MAX:
            self.mistakes.append((code, message, self._columns.get(name, name.value)))


def _failed(row: int, code: str, message: str, column: str = "", subject: str = "") -> RowReport:
    return RowReport(row, RowFate.FAILED, code, message, column, subject)


def _contact(row: _Row) -> Contact:
    """Return the contact of a row, by the rules that hold for every contact."""
    contact = Contact(**{name.value: row.take(name, _line) or "" for name in _CONTACT})
    while True:
        try:
            return check_contact(contact=contact)
        except InvalidValue as error:
            # A contact's mistake names its field; a ValueError here is a bug of ours.
            name = ImportField(error.param or "")
            row.refuse(name, error.code, error.message)
            contact = replace(contact, **{name.value: ""})


def _line(text: str) -> str:
    return read_line(text=text)


def _code(text: str) -> str:
    return read_code(text=text)


def _area(text: str) -> str:
    return check_area(area=read_line(text=text))


def _anchor(text: str) -> int:
    return read_anchor(text=text)


def _price(text: str, *, mapping: ImportMapping, currency: str) -> Money:
    return read_price(text=text, decimal_format=mapping.decimal_format, currency=currency)


def _start(text: str, *, mapping: ImportMapping) -> date:
    return read_date(text=text, date_format=mapping.date_format)

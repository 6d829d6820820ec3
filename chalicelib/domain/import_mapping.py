"""Which column of a file holds what: the mapping of an import, checked and guessed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.money import Money

SKIP_RULES_MAX: Final = 10
SKIP_VALUES_MAX: Final = 50
SKIP_REASON_CHARS_MAX: Final = 80
# The mapping is kept beside the import's progress and written with each batch.
MAPPING_BYTES_MAX: Final = 16 * 1024


class UnknownColumn(InvalidValue):
    """The mapping names a column that the file does not have."""

    code = "unknown_column"


class AmbiguousColumn(InvalidValue):
    """The mapping names a column that the file has more than once."""

    code = "ambiguous_column"


class MissingColumn(InvalidValue):
    """The mapping leaves out what every row needs."""

    code = "missing_column"


class MappingTooLarge(InvalidValue):
    """The mapping as a whole takes more bytes than one may."""

    code = "mapping_too_large"


class ImportField(StrEnum):
    """What a column may hold."""

    CODE = "code"
    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    ADDRESS = "address"
    NATIONAL_ID = "national_id"
    TAX_ID = "tax_id"
    AREA = "area"
    NOTE = "note"
    PACKAGE = "package"
    PRICE = "price"
    START_DATE = "start_date"
    ANCHOR_DAY = "anchor_day"


class DateFormat(StrEnum):
    """How the file writes dates; a day or month may have one digit."""

    YMD = "YYYY-MM-DD"
    YMD_SLASH = "YYYY/MM/DD"
    DMY_DASH = "DD-MM-YYYY"
    DMY_SLASH = "DD/MM/YYYY"
    DMY_DOT = "DD.MM.YYYY"
    MDY_SLASH = "MM/DD/YYYY"


class DecimalFormat(StrEnum):
    """How the file writes amounts; thousands may be grouped, by lakh too, or not."""

    POINT = "1,234.56"
    COMMA = "1.234,56"


@dataclass(frozen=True, slots=True)
class SkipRule:
    """Rows whose ``column`` holds one of ``values`` (case aside) are left out, for ``reason``."""

    column: str
    values: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ImportDefaults:
    """What holds where a row has nothing in that column."""

    package: str | None = None
    price: Money | None = None
    start_date: date | None = None
    anchor_day: int | None = None
    area: str | None = None


@dataclass(frozen=True, slots=True)
class ImportMapping:
    """Which column holds what."""

    columns: Mapping[ImportField, str]
    defaults: ImportDefaults = field(default_factory=ImportDefaults)
    skip_when: tuple[SkipRule, ...] = ()
    date_format: DateFormat = DateFormat.YMD
    decimal_format: DecimalFormat = DecimalFormat.POINT

    @property
    def subscribes(self) -> bool:
        """Whether rows become subscriptions too, and not subscribers alone."""
        return ImportField.PACKAGE in self.columns or self.defaults.package is not None


def check_mapping(*, mapping: ImportMapping, header: Sequence[str]) -> None:
    """Raise UnknownColumn, AmbiguousColumn or MissingColumn unless the mapping fits the file.

    Raises MappingTooLarge where it is too large to be kept.
    """
    if len(json.dumps(asdict(mapping), default=str, ensure_ascii=False).encode()) > MAPPING_BYTES_MAX:
        raise MappingTooLarge(f"a mapping has at most {MAPPING_BYTES_MAX >> 10} KB: skip fewer values")
    counts = Counter(header)
    named = [(f"columns.{name.value}", column) for name, column in mapping.columns.items()]
    named += [(f"skip_when.{index}.column", rule.column) for index, rule in enumerate(mapping.skip_when)]
    for param, column in named:
        if not column.strip():
            raise UnknownColumn("a column without a name cannot be mapped", param=param)
        if not counts[column]:
            raise UnknownColumn(f"the file has no column {column!r}{_meant(column, header)}", param=param)
        if counts[column] > 1:
            raise AmbiguousColumn(f"the file has {counts[column]} columns {column!r}", param=param)
    _require(ImportField.CODE in mapping.columns, ImportField.CODE, "a column must hold the code")
    if mapping.subscribes:
        dated = ImportField.START_DATE in mapping.columns or mapping.defaults.start_date is not None
        _require(dated, ImportField.START_DATE, "a subscription needs a start date: map or give one")
        return
    for name in (ImportField.PRICE, ImportField.START_DATE, ImportField.ANCHOR_DAY):
        _require(name not in mapping.columns, ImportField.PACKAGE, f"{name.value} needs a package")


def _meant(column: str, header: Sequence[str]) -> str:
    """Return a guess at the column that was meant, by its letters alone; nothing where none is near."""
    folded = {name.casefold(): name for name in reversed(header)}
    near = get_close_matches(column.casefold(), folded, n=1)
    return f"; is {folded[near[0]]!r} meant?" if near else ""


def _require(holds: bool, missing: ImportField, message: str) -> None:  # noqa: FBT001 - a condition
    if not holds:
        raise MissingColumn(message, param=f"columns.{missing.value}")


_SYNONYMS: Final[dict[ImportField, str]] = {
    ImportField.CODE: "code customerid customercode customerno subscriberid userid username accountno id",
    ImportField.NAME: "name fullname customername subscribername customer subscriber",
    ImportField.EMAIL: "email emailaddress mail",
    ImportField.PHONE: "phone phonenumber mobile mobilenumber mobileno cell contactno telephone whatsapp",
    ImportField.ADDRESS: "address fulladdress homeaddress street installationaddress",
    ImportField.NATIONAL_ID: "nationalid cnic cnicno nic idcard nationalidnumber",
    ImportField.TAX_ID: "taxid ntn ntnno vat vatnumber taxnumber",
    ImportField.AREA: "area zone region sector locality town",
    ImportField.NOTE: "note notes remark remarks comment comments",
    ImportField.PACKAGE: "package packagename plan planname internetservice service tariff",
    ImportField.PRICE: "price monthlycharges monthlyprice monthlyfee rate fee amount packageprice",
    ImportField.START_DATE: "startdate start activationdate joiningdate connectiondate since",
    ImportField.ANCHOR_DAY: "anchorday billingday billday dueday",
}


def suggest_columns(*, header: Sequence[str]) -> dict[ImportField, str]:
    """Return a guess at the mapping by the columns' names; each column is used once at most."""
    plain = {"".join(filter(str.isalnum, name)).casefold(): name for name in reversed(header) if name}
    found: dict[ImportField, str] = {}
    for wanted, names in _SYNONYMS.items():
        match = next((plain.pop(name) for name in names.split() if name in plain), None)
        if match is not None and list(header).count(match) == 1:
            found[wanted] = match
    return found

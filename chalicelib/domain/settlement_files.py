"""Files in which a gateway or bank lists what it took in on a day, and how their rows are read.

Vendors' files differ and change, so columns are found by the names that they usually have, and may be
named instead. A file is refused as a whole where it cannot be of this channel: a column is missing, the
currency or the merchant is another. A row that cannot be read is told, and stops nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.csv_records import Record
from chalicelib.domain.errors import DomainError, InvalidValue
from chalicelib.domain.money import AMOUNT_MINOR_MAX, InvalidAmount, parse_decimal
from chalicelib.domain.payments import REFERENCE_CHARS_MAX

ROWS_MAX: Final = 50_000
# It is read into memory: its hash is known before anything of it is kept.
SETTLEMENT_BYTES_MAX: Final = 16 * 1024 * 1024


class MissingColumns(InvalidValue):
    """The file lacks columns that are needed, or one that was named: it is of another bank."""

    code = "missing_columns"


class OtherCurrency(InvalidValue):
    """The file is of another currency than the company's."""

    code = "other_currency"


class OtherMerchant(InvalidValue):
    """The file is of another merchant."""

    code = "other_merchant"


class TooManyRows(InvalidValue):
    """The file has more rows than one settlement may."""

    code = "too_many_rows"


class Column(StrEnum):
    """What a column of a settlement file holds."""

    REFERENCE = "reference"
    VENDOR_ID = "vendor_number"
    AMOUNT = "amount"
    FEE = "fee"
    DATE = "date"
    STATUS = "status"
    CURRENCY = "currency"
    MERCHANT = "merchant"


# What vendors call their columns, in lower case without blanks and marks.
_NAMES: Final[Mapping[Column, tuple[str, ...]]] = {
    Column.REFERENCE: ("reference", "orderid", "basketid", "merchantreference", "txnrefno", "consumernumber"),
    Column.VENDOR_ID: (
        "transactionid", "txnid", "transid", "tranauthid", "retrievalreferencenumber", "rrn", "paymentid",
        "source", "authid",
    ),
    Column.AMOUNT: ("amount", "grossamount", "gross", "transactionamount", "amountpaid", "credit"),
    Column.FEE: ("fee", "fees", "charges", "commission", "mdr"),
    Column.DATE: ("date", "transactiondate", "txndatetime", "created", "createdutc", "paidat"),
    Column.STATUS: ("status", "transactionstatus", "responsecode", "state"),
    Column.CURRENCY: ("currency", "currencycode"),
    Column.MERCHANT: ("merchant", "merchantid", "storeid", "mid"),
}  # fmt: skip
# What vendors say of money that came in; rows that say otherwise are left out, and counted.
_PAID: Final = frozenset(
    {"paid", "success", "successful", "completed", "complete", "settled", "available", "approved"}
    | {"captured", "00", "000", "121", "charge", "payment", "p"}
)


@dataclass(frozen=True, slots=True)
class FileProfile:
    """How a channel's files are read: columns by name where they are called otherwise, and the unit.

    ``minor_units`` says that amounts are whole minor units (paisa), not decimals. ``merchant`` is the
    company's own id with the vendor: files of another one are refused.
    """

    columns: Mapping[Column, str] = field(default_factory=dict)
    minor_units: bool = False
    merchant: str = ""


@dataclass(frozen=True, slots=True)
class FileRow:
    """A payment of the file, in minor units: ``fee`` is what the vendor kept of it."""

    row: int
    reference: str
    vendor_id: str
    amount: int
    fee: int = 0


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read, and the code of why."""

    row: int
    problem: str


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def places(*, profile: FileProfile, header: Sequence[str]) -> dict[Column, int]:
    """Return where each column stands; raise MissingColumns unless there are an amount and an identifier."""
    plain = [_plain(name) for name in header]
    found: dict[Column, int] = {}
    missing: list[str] = []
    for column in Column:
        named = profile.columns.get(column)
        wanted = (_plain(named),) if named is not None else _NAMES[column]
        place = next((plain.index(one) for one in wanted if one in plain), None)
        if place is not None:
            found[column] = place
        elif named is not None:
            missing.append(f"{column.value} ({named})")
    if Column.AMOUNT not in found and Column.AMOUNT not in profile.columns:
        missing.append("amount")
    if not {Column.REFERENCE, Column.VENDOR_ID} & set(found):
        missing.append("reference or vendor_number")
    if missing:
        raise MissingColumns(f"the file has no column for {', '.join(missing)}", param="columns")
    return found


class RowsOfFile:
    """Reads the rows of one file."""

    def __init__(self, *, profile: FileProfile, header: Sequence[str], currency: str) -> None:
        self._profile = profile
        self._places = places(profile=profile, header=header)
        self._currency = currency

    def read(self, *, record: Record) -> FileRow | BadRow | None:
        """Return the row; None for one that took no money in.

        Raises OtherCurrency or OtherMerchant, which refuse the whole file.
        """
        if record.problem is not None:
            return BadRow(record.row, record.problem)
        self._check_whose(record)
        status = self._cell(record, Column.STATUS)
        if status and _plain(status) not in _PAID:
            return None
        try:
            return self._row(record)
        except DomainError as error:
            return BadRow(record.row, error.code)

    def _row(self, record: Record) -> FileRow | BadRow | None:
        reference = self._word(record, Column.REFERENCE)
        vendor_id = self._word(record, Column.VENDOR_ID)
        if not (reference or vendor_id):
            return BadRow(record.row, "no_identifier")
        amount = self._amount(record, Column.AMOUNT)
        if amount <= 0:
            return None
        return FileRow(record.row, reference, vendor_id, amount, abs(self._amount(record, Column.FEE)))

    def _check_whose(self, record: Record) -> None:
        currency = self._cell(record, Column.CURRENCY).upper()
        if currency and currency != self._currency:
            message = f"row {record.row} is in another currency than {self._currency}"
            raise OtherCurrency(message, param="file")
        merchant = self._cell(record, Column.MERCHANT)
        if self._profile.merchant and merchant and merchant != self._profile.merchant:
            raise OtherMerchant(f"row {record.row} is of another merchant", param="file")

    def _cell(self, record: Record, column: Column) -> str:
        place = self._places.get(column)
        return record.cells[place].strip() if place is not None and place < len(record.cells) else ""

    def _word(self, record: Record, column: Column) -> str:
        text = self._cell(record, column)
        if len(text) > REFERENCE_CHARS_MAX:
            raise InvalidValue(f"at most {REFERENCE_CHARS_MAX} characters", param=column.value)
        refuse_card_number(text=text, param=column.value)
        return text

    def _amount(self, record: Record, column: Column) -> int:
        text = self._cell(record, column).upper().replace(self._currency, "")
        text = text.replace(",", "").replace(" ", "")
        if not text and column is Column.FEE:
            return 0
        if not self._profile.minor_units:
            return parse_decimal(text=text, currency=self._currency).amount
        digits = text.removeprefix("+").removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 18):
            raise InvalidAmount("not whole minor units")
        if int(digits) > AMOUNT_MINOR_MAX:
            raise InvalidAmount("out of range")
        return -int(digits) if text.startswith("-") else int(digits)

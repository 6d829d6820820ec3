"""Taxes as effective-dated rows, never constants.

A tax group is an ordered list of components. Each component has a rate and a base: ``net``
(the charge alone) or ``net_plus_previous`` (the charge and the components before it, as with
Pakistan's advance income tax on charge plus sales tax).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, assert_never

from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.money import round_half_up

# Rates are hundredths of a basis point: 19.5 % is 195,000, so four decimals of a percent fit.
RATE_PER_UNIT: Final = 1_000_000
TAX_COMPONENTS_MAX: Final = 5
TAX_RATE_MAX: Final = 2 * RATE_PER_UNIT
TAX_ROWS_MAX: Final = 20
TAX_NAME_CHARS_MAX: Final = 80

_CODE: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?\Z", re.ASCII)


class TaxRateMissing(InvalidValue):
    """A tax group has no row in force on the date to be billed."""

    code = "tax_rate_missing"


class InvalidTaxGroup(InvalidValue):
    """The group's rows overlap or are out of order, or a component is malformed."""

    code = "invalid_tax_group"


class TaxBase(StrEnum):
    """What a component's rate is applied to."""

    NET = "net"
    NET_PLUS_PREVIOUS = "net_plus_previous"


@dataclass(frozen=True, slots=True)
class TaxComponent:
    """One tax of a group: its ``code`` names the account it is owed to."""

    code: str
    name: str
    rate_millionths: int
    base: TaxBase = TaxBase.NET


@dataclass(frozen=True, slots=True)
class TaxRow:
    """The components of a group in force from ``starts_on`` until the next row starts."""

    starts_on: date
    components: tuple[TaxComponent, ...]


@dataclass(frozen=True, slots=True)
class TaxGroup:
    """A named schedule of rows, the newest last."""

    code: str
    name: str
    rows: tuple[TaxRow, ...]

    def components_on(self, *, on: date) -> tuple[TaxComponent, ...]:
        """Return the components in force on a date, or raise TaxRateMissing."""
        for row in reversed(self.rows):
            if row.starts_on <= on:
                return row.components
        raise TaxRateMissing(f"tax group {self.code!r} has no rate on {on.isoformat()}")


@dataclass(frozen=True, slots=True)
class TaxAmount:
    """What one component adds to one line, in minor units.

    With its base and its place among the line's taxes it can be computed again, whatever becomes
    of the tax group.
    """

    code: str
    rate_millionths: int
    amount: int
    base: TaxBase = TaxBase.NET


def tax_line(*, net: int, components: Sequence[TaxComponent]) -> tuple[TaxAmount, ...]:
    """Return each component's tax on ``net`` minor units, rounded half up one by one."""
    taxes: list[TaxAmount] = []
    running = net
    for component in components:
        base = _base(component.base, net, running)
        tax = round_half_up(numerator=base * component.rate_millionths, denominator=RATE_PER_UNIT)
        running += tax
        taxes.append(TaxAmount(component.code, component.rate_millionths, tax, component.base))
    return tuple(taxes)


def check_tax_group(*, group: TaxGroup) -> None:
    """Raise InvalidTaxGroup unless codes, names and rates are within limits and each row starts later."""
    _check_code(code=group.code, param="code")
    _check_name(name=group.name, param="name")
    if not 1 <= len(group.rows) <= TAX_ROWS_MAX:
        raise InvalidTaxGroup(f"a tax group has 1 to {TAX_ROWS_MAX} rows", param="rows")
    for number, row in enumerate(group.rows):
        if number and row.starts_on <= group.rows[number - 1].starts_on:
            message = "each row starts on a later date than the one before"
            raise InvalidTaxGroup(message, param=f"rows.{number}.starts_on")
        _check_components(components=row.components, param=f"rows.{number}.components")


def _check_components(*, components: Sequence[TaxComponent], param: str) -> None:
    if len(components) > TAX_COMPONENTS_MAX:
        raise InvalidTaxGroup(f"a row has at most {TAX_COMPONENTS_MAX} components", param=param)
    for number, component in enumerate(components):
        where = f"{param}.{number}"
        _check_code(code=component.code, param=f"{where}.code")
        _check_name(name=component.name, param=f"{where}.name")
        if not 0 <= component.rate_millionths <= TAX_RATE_MAX:
            message = f"a rate is 0 to {TAX_RATE_MAX} millionths"
            raise InvalidTaxGroup(message, param=f"{where}.rate_millionths")
    if len({component.code for component in components}) != len(components):
        raise InvalidTaxGroup("two components of a row have one code", param=param)


def _check_code(*, code: str, param: str) -> None:
    if not _CODE.match(code):
        message = "a code is 1 to 40 lower-case letters, digits, - and _, between letters or digits"
        raise InvalidTaxGroup(message, param=param)


def _check_name(*, name: str, param: str) -> None:
    if not name.strip() or len(name) > TAX_NAME_CHARS_MAX:
        raise InvalidTaxGroup(f"a name has 1 to {TAX_NAME_CHARS_MAX} characters", param=param)


def _base(base: TaxBase, net: int, running: int) -> int:
    """Return the amount that a rate is applied to."""
    match base:
        case TaxBase.NET:
            return net
        case TaxBase.NET_PLUS_PREVIOUS:
            return running
        case _:
            assert_never(base)

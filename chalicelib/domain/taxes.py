"""Taxes as effective-dated rows, never constants.

A tax group is an ordered list of components for each jurisdiction. Each component has a rate
and a base: ``net`` (the charge alone) or ``net_plus_previous`` (the charge and the components
before it, as with Pakistan's advance income tax on charge plus sales tax). A group is
exclusive (prices are before tax) or inclusive (prices contain the taxes, as European VAT).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, assert_never

from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.money import round_half_up

# Rates are hundredths of a basis point: 19.5 % is 195,000, so four decimals of a percent fit.
RATE_PER_UNIT: Final = 1_000_000
TAX_COMPONENTS_MAX: Final = 5
TAX_RATE_MAX: Final = 2 * RATE_PER_UNIT
TAX_ROWS_MAX: Final = 200
TAX_NAME_CHARS_MAX: Final = 80

JURISDICTION_CHARS_MAX: Final = 40
TAX_EXEMPTIONS_MAX: Final = 10
CERTIFICATE_CHARS_MAX: Final = 60

_CODE: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?\Z", re.ASCII)
_JURISDICTION: Final = re.compile(r"(?=.{1,40}\Z)[A-Z0-9]+(?:-[A-Z0-9]+)*\Z", re.ASCII)


class TaxRateMissing(InvalidValue):
    """A tax group has no row in force on the date to be billed."""

    code = "tax_rate_missing"


class UnknownTaxGroup(InvalidValue):
    """The tenant has no tax group of this code."""

    code = "unknown_tax_group"


class InvalidTaxGroup(InvalidValue):
    """The group's rows overlap or are out of order, or a component is malformed."""

    code = "invalid_tax_group"


class TaxRowInForce(Conflict):
    """The change would give another rate to a date that runs have already billed."""

    code = "tax_row_in_force"


class InvalidExemption(InvalidValue):
    """An exemption has no certificate, ends before it starts, or overlaps another of its tax."""

    code = "invalid_exemption"


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
    """The components in force from ``starts_on`` until the jurisdiction's next row starts.

    ``jurisdiction`` is a code such as ``PK-SD`` or ``US-CA-LA``, from the largest area to the
    smallest; empty holds wherever no row is more precise.
    """

    starts_on: date
    components: tuple[TaxComponent, ...]
    jurisdiction: str = ""


@dataclass(frozen=True, slots=True)
class TaxGroup:
    """A named schedule of rows, the newest last; ``inclusive`` where prices contain the taxes."""

    code: str
    name: str
    rows: tuple[TaxRow, ...]
    inclusive: bool = False

    def row_on(self, *, on: date, jurisdiction: str = "") -> TaxRow:
        """Return the row in force on a date where the customer is, or raise TaxRateMissing.

        Of the jurisdictions that contain the customer's, the most precise that has a row in
        force decides: ``US-CA-LA`` before ``US-CA`` before ``US`` before the empty one.
        """
        place = jurisdiction
        while True:
            for row in reversed(self.rows):
                if row.jurisdiction == place and row.starts_on <= on:
                    return row
            if not place:
                break
            place = place.rpartition("-")[0]
        where = f" for {jurisdiction}" if jurisdiction else ""
        raise TaxRateMissing(f"tax group {self.code!r} has no rate on {on.isoformat()}{where}")

    def components_on(self, *, on: date, jurisdiction: str = "") -> tuple[TaxComponent, ...]:
        """Return the components in force on a date where the customer is, or raise TaxRateMissing."""
        return self.row_on(on=on, jurisdiction=jurisdiction).components


@dataclass(frozen=True, slots=True)
class TaxExemption:
    """A component that a customer does not pay from ``starts_on`` until ``ends_on`` (exclusive).

    ``certificate`` is the authority's document: an exemption is worth what it can be shown by.
    """

    code: str
    certificate: str
    starts_on: date
    ends_on: date | None = None

    def holds_on(self, *, on: date) -> bool:
        """Whether it is in force on a date."""
        return self.starts_on <= on and (self.ends_on is None or on < self.ends_on)

    def overlaps(self, *, other: TaxExemption) -> bool:
        """Whether both are from one tax and in force on one date."""
        later, earlier = sorted((self, other), key=lambda one: one.starts_on, reverse=True)
        return self.code == other.code and earlier.holds_on(on=later.starts_on)


@dataclass(frozen=True, slots=True)
class TaxProfile:
    """Where a customer is taxed, and what it is exempt from."""

    jurisdiction: str = ""
    exemptions: tuple[TaxExemption, ...] = ()

    def exempt_on(self, *, on: date) -> frozenset[str]:
        """Return the codes of the components not to be charged on a date."""
        if not self.exemptions:
            return frozenset()
        return frozenset(one.code for one in self.exemptions if one.holds_on(on=on))


NO_TAX_PROFILE: Final = TaxProfile()


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


def tax_line(
    *, net: int, components: Sequence[TaxComponent], exempt: Collection[str] = ()
) -> tuple[TaxAmount, ...]:
    """Return each component's tax on ``net`` minor units, rounded half up one by one."""
    taxes: list[TaxAmount] = []
    running = net
    for component in components:
        if component.code in exempt:
            continue
        base = _base(component.base, net, running)
        tax = round_half_up(numerator=base * component.rate_millionths, denominator=RATE_PER_UNIT)
        running += tax
        taxes.append(TaxAmount(component.code, component.rate_millionths, tax, component.base))
    return tuple(taxes)


def tax_contained(
    *, gross: int, components: Sequence[TaxComponent], exempt: Collection[str] = ()
) -> tuple[int, tuple[TaxAmount, ...]]:
    """Return (net, taxes) of a price that contains its taxes; together they are ``gross`` exactly.

    The taxes together are computed from the unrounded net and rounded half up; each is what it is
    unrounded cut down, and what is missing goes to those of which most was cut. So each is less
    than a unit from what it is unrounded, and the net is never below zero. An exempt customer pays
    the price without the exempt taxes: the net is that of the others.
    """
    factors = _factors(components)
    contained = sum(factors)
    whole = RATE_PER_UNIT ** len(factors) + contained
    together = round_half_up(numerator=gross * contained, denominator=whole)
    sign = -1 if gross < 0 else 1
    exact = [divmod(abs(gross) * factor, whole) for factor in factors]
    amounts = [sign * floor for floor, _ in exact]
    by_remainder = sorted(range(len(exact)), key=lambda index: (-exact[index][1], index))
    for index in by_remainder[: abs(together - sum(amounts))]:
        amounts[index] += sign
    taxes = [
        TaxAmount(component.code, component.rate_millionths, amount, component.base)
        for component, amount in zip(components, amounts, strict=True)
    ]
    return gross - together, tuple(tax for tax in taxes if tax.code not in exempt)


def _factors(components: Sequence[TaxComponent]) -> list[int]:
    """Return each component's tax on a net of ``RATE_PER_UNIT ** len(components)``, exactly."""
    one = RATE_PER_UNIT ** len(components)
    factors: list[int] = []
    running = one
    for component in components:
        factor = _base(component.base, one, running) * component.rate_millionths // RATE_PER_UNIT
        running += factor
        factors.append(factor)
    return factors


def check_tax_group(*, group: TaxGroup) -> None:
    """Raise InvalidTaxGroup unless codes, names and rates are within limits and each row starts later."""
    _check_code(code=group.code, param="code")
    _check_name(name=group.name, param="name")
    if not 1 <= len(group.rows) <= TAX_ROWS_MAX:
        raise InvalidTaxGroup(f"a tax group has 1 to {TAX_ROWS_MAX} rows", param="rows")
    newest: dict[str, date] = {}
    for number, row in enumerate(group.rows):
        check_jurisdiction(jurisdiction=row.jurisdiction, param=f"rows.{number}.jurisdiction")
        before = newest.get(row.jurisdiction)
        if before is not None and row.starts_on <= before:
            message = "each row of a jurisdiction starts on a later date than the one before"
            raise InvalidTaxGroup(message, param=f"rows.{number}.starts_on")
        newest[row.jurisdiction] = row.starts_on
        _check_components(components=row.components, param=f"rows.{number}.components")


def check_tax_change(*, before: TaxGroup, after: TaxGroup, billed_through: date) -> None:
    """Raise TaxRowInForce where a group's change is retroactive.

    Until ``billed_through`` (inclusive; the local date of the newest run) every date keeps the taxes
    that it has, in every jurisdiction. Where it has none, which kept it from being billed, a
    row may be added. Names are free to change, for invoices show codes.
    """
    starts = {row.starts_on for row in (*before.rows, *after.rows) if row.starts_on <= billed_through}
    in_force = any(row.starts_on <= billed_through for row in before.rows)
    if in_force and before.inclusive != after.inclusive:
        message = f"whether prices contain the taxes is fixed: the group was in force by {billed_through}"
        raise TaxRowInForce(message, param="inclusive")
    for place in sorted({row.jurisdiction for row in (*before.rows, *after.rows)}):
        for on in sorted(starts):
            was, now = _row_or_none(before, on, place), _row_or_none(after, on, place)
            if was is not None and (now is None or _taxes_of(was) != _taxes_of(now)):
                raise _retroactive(before, after, now, billed_through)


def _row_or_none(group: TaxGroup, on: date, jurisdiction: str) -> TaxRow | None:
    try:
        return group.row_on(on=on, jurisdiction=jurisdiction)
    except TaxRateMissing:
        return None


def _taxes_of(row: TaxRow) -> tuple[object, ...]:
    """Return what of a row decides on money, and what invoices name it by."""
    taxes = tuple((one.code, one.rate_millionths, one.base) for one in row.components)
    return row.starts_on, row.jurisdiction, taxes


def _retroactive(
    before: TaxGroup, after: TaxGroup, row: TaxRow | None, billed_through: date
) -> TaxRowInForce:
    rule = f"rates are billed through {billed_through} and stay as they are until then"
    if row is None or _taxes_of(row) in map(_taxes_of, before.rows):
        return TaxRowInForce(f"{rule}: a row that was in force is missing", param="rows")
    number = after.rows.index(row)
    known = any((one.starts_on, one.jurisdiction) == (row.starts_on, row.jurisdiction) for one in before.rows)
    if known:
        message = f"{rule}: add a row with a later start instead of changing this one"
        return TaxRowInForce(message, param=f"rows.{number}.components")
    return TaxRowInForce(f"{rule}: a new row starts later", param=f"rows.{number}.starts_on")


def check_tax_profile(*, profile: TaxProfile) -> None:
    """Raise InvalidTaxGroup or InvalidExemption unless place, certificates and dates are well formed."""
    check_jurisdiction(jurisdiction=profile.jurisdiction)
    if len(profile.exemptions) > TAX_EXEMPTIONS_MAX:
        raise InvalidExemption(f"a customer has at most {TAX_EXEMPTIONS_MAX} exemptions", param="exemptions")
    for number, one in enumerate(profile.exemptions):
        where = f"exemptions.{number}"
        _check_code(code=one.code, param=f"{where}.code")
        if not one.certificate.strip() or len(one.certificate) > CERTIFICATE_CHARS_MAX:
            message = f"a certificate's number has 1 to {CERTIFICATE_CHARS_MAX} characters"
            raise InvalidExemption(message, param=f"{where}.certificate")
        if one.ends_on is not None and one.ends_on <= one.starts_on:
            raise InvalidExemption("an exemption ends after it starts", param=f"{where}.ends_on")
        if any(other.overlaps(other=one) for other in profile.exemptions[:number]):
            message = f"another exemption from {one.code!r} is in force at the same time"
            raise InvalidExemption(message, param=f"{where}.starts_on")


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


def check_jurisdiction(*, jurisdiction: str, param: str = "jurisdiction") -> None:
    """Raise InvalidTaxGroup unless the code is empty or parts of A-Z and 0-9 joined by hyphens."""
    if jurisdiction and not _JURISDICTION.match(jurisdiction):
        message = "a jurisdiction is up to 40 capital letters and digits, in parts joined by -, such as PK-SD"
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

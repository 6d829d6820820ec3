"""What a billing run needs besides the accounts, and what a period of a package costs.

A package has editions: each change of its price or terms is a new one, and a subscription
keeps the edition it was sold. Within an edition, phases change the price of the first
periods (a trial, an introductory discount). Everything here is looked up by date, so that
nothing changes retroactively.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from chalicelib.domain.errors import DomainError
from chalicelib.domain.invoices import InvoiceLine
from chalicelib.domain.packages import Package, Phase
from chalicelib.domain.taxes import TaxGroup, TaxRow

# Rows of tax groups that one run has looked up; more are looked up again.
TAX_ROWS_KEPT_MAX: Final = 4096
# Lines that one run has made; where there are more, it begins to keep them anew.
LINES_KEPT_MAX: Final = 4096


class CatalogueMismatch(DomainError):
    """A subscription names a package or tax group that the catalogue does not hold."""

    code = "catalogue_mismatch"


@dataclass(frozen=True, slots=True)
class TaxRule:
    """The row of a group that applies to a charge; None where a package is not taxed."""

    group: str
    inclusive: bool
    row: TaxRow


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a run needs besides the accounts: read once a shard.

    ``packages`` holds the newest edition of each package by its id, ``editions`` all of them
    by id and number. ``round_to`` is the multiple of minor units that invoices are rounded to
    (100 for whole rupees; 0 not at all). ``consolidated`` puts what one account owes on one
    day on one invoice, where the account does not say. ``invoice_limit`` is the most, in minor
    units, that runs may invoice one account on one run date; 0 is no limit.
    """

    packages: Mapping[str, Package]
    tax_groups: Mapping[str, TaxGroup]
    editions: Mapping[tuple[str, int], Package] = field(default_factory=dict)
    round_to: int = 0
    consolidated: bool = True
    invoice_limit: int = 0
    _rules: dict[tuple[str, str, date], TaxRule] = field(default_factory=dict, compare=False)
    _lines: dict[tuple[object, ...], InvoiceLine] = field(default_factory=dict, compare=False)

    def package(self, *, package_id: str, edition: int, on: date) -> Package:
        """Return the package as a subscription of ``edition`` is billed for a period from ``on``.

        That is the edition it was sold, or the newest that existing subscriptions were moved
        to by ``on``. Raises CatalogueMismatch.
        """
        package = self.packages.get(package_id)
        if package is None:
            raise CatalogueMismatch(f"package {package_id} does not exist")
        if package.edition < edition:  # sold after the catalogue was read
            raise CatalogueMismatch(f"package {package_id} has no edition {edition} yet")
        while package.edition > edition:
            if package.moves_existing_on is not None and package.moves_existing_on <= on:
                return package
            older = self.editions.get((package_id, package.edition - 1))
            if older is None:
                raise CatalogueMismatch(f"package {package_id} has no edition {package.edition - 1}")
            package = older
        return package

    def tax_rule(self, *, group: str | None, jurisdiction: str, on: date) -> TaxRule | None:
        """Return the row of a group in force on a date, or raise CatalogueMismatch or TaxRateMissing."""
        if group is None:
            return None
        key = (group, jurisdiction, on)
        rule = self._rules.get(key)
        if rule is None:
            rule = self._look_up(group, jurisdiction, on)
            if len(self._rules) < TAX_ROWS_KEPT_MAX:
                self._rules[key] = rule
        return rule

    def kept_line(self, *, key: tuple[object, ...]) -> InvoiceLine | None:
        """Return the line that was kept under a key: of whatever it depends on besides this catalogue.

        Subscribers of one package and price have equal lines. One object for all of them is made
        once, and encoded once.
        """
        return self._lines.get(key)

    def keep_line(self, *, key: tuple[object, ...], line: InvoiceLine) -> InvoiceLine:
        """Keep a line for the next subscriber with this key."""
        if len(self._lines) >= LINES_KEPT_MAX:
            self._lines.clear()
        self._lines[key] = line
        return line

    def _look_up(self, code: str, jurisdiction: str, on: date) -> TaxRule:
        group = self.tax_groups.get(code)
        if group is None:
            raise CatalogueMismatch(f"tax group {code!r} does not exist")
        return TaxRule(code, group.inclusive, group.row_on(on=on, jurisdiction=jurisdiction))


def phase_of(*, package: Package, period_number: int) -> Phase | None:
    """Return the phase of a subscription's ``period_number``-th period, from 0; None after all."""
    last = 0
    for phase in package.phases:
        last += phase.periods
        if period_number < last:
            return phase
    return None

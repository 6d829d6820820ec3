"""The terms of a package: what they may be, and the editions that changes of them make.

Price and terms together are an edition. A change of them makes a new one; name, speeds and
whether it is on sale may change without. Cycle, timing and kind never change, for
subscriptions were sold by them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.money import Money
from chalicelib.domain.packages import (
    SPEED_KBPS_MAX,
    BundlePart,
    CapAction,
    DataCap,
    Package,
    PackageKind,
    Phase,
    check_price,
)
from chalicelib.domain.taxes import UnknownTaxGroup

PHASES_MAX: Final = 5
PHASE_PERIODS_MAX: Final = 60
BUNDLE_PARTS_MIN: Final = 2
BUNDLE_PARTS_MAX: Final = 10
BUNDLE_WEIGHT_MAX: Final = 1_000
TERM_NAME_CHARS_MAX: Final = 40
PAUSE_SHARE_MAX: Final = 1_000_000
# An hour to two years.
VALID_MINUTES_MIN: Final = 60
VALID_MINUTES_MAX: Final = 2 * 366 * 24 * 60
# A pebibyte.
MIB_MAX: Final = 2**30
PACKAGE_EDITIONS_MAX: Final = 100
MOVES_DAYS_AHEAD_MAX: Final = 731


class InvalidTerms(InvalidValue):
    """A term is out of range, or none that this kind of package has."""

    code = "invalid_terms"


class InvalidMove(InvalidValue):
    """Existing subscriptions cannot be moved to this edition from this date."""

    code = "invalid_move"


class TooManyEditions(Conflict):
    """The package changed its price and terms as often as one package may."""

    code = "too_many_editions"


def check_terms(*, package: Package, tax_groups: AbstractSet[str]) -> None:
    """Raise InvalidTerms, InvalidPrice or UnknownTaxGroup unless the package can be sold by its terms.

    ``tax_groups`` are the codes that the tenant has.
    """
    _check_kind(package)
    _check_phases(package)
    _check_bundle(package.bundle)
    currency = package.price.currency
    check_price(price=Money(package.activation_fee, currency), param="activation_fee.amount")
    check_price(price=Money(package.deposit, currency), param="deposit.amount")
    _check_range("pause_share", package.pause_share, 0, PAUSE_SHARE_MAX)
    if package.cap is not None:
        _check_cap(package.cap, currency)
    groups = {"tax_group": package.tax_group}
    groups |= {f"bundle.{place}.tax_group": part.tax_group for place, part in enumerate(package.bundle)}
    for param, group in groups.items():
        if group is not None and group not in tax_groups:
            raise UnknownTaxGroup("there is no tax group of this code", param=param)


def _check_kind(package: Package) -> None:
    """Refuse terms that a package of this kind does not have, and miss those that it needs."""
    kind = package.kind
    once = kind in {PackageKind.PREPAID, PackageKind.TOP_UP}
    foreign: dict[str, object] = {
        "phases": once and package.phases,
        "activation_fee": once and package.activation_fee,
        "deposit": once and package.deposit,
        "pause_share": once and package.pause_share,
        "cap": kind is PackageKind.TOP_UP and package.cap is not None,
        "valid_minutes": kind is not PackageKind.PREPAID and package.valid_minutes is not None,
        "top_up_mib": kind is not PackageKind.TOP_UP and package.top_up_mib is not None,
    }
    for param, given in foreign.items():
        if given:
            raise InvalidTerms(f"a package of the kind {kind} has none of these", param=param)
    if package.valid_minutes is not None:
        _check_range("valid_minutes", package.valid_minutes, VALID_MINUTES_MIN, VALID_MINUTES_MAX)
    if kind is PackageKind.TOP_UP:
        if package.top_up_mib is None:
            raise InvalidTerms("say how many MiB the top-up adds", param="top_up_mib")
        _check_range("top_up_mib", package.top_up_mib, 1, MIB_MAX)


def _check_phases(package: Package) -> None:
    phases: tuple[Phase, ...] = package.phases
    if len(phases) > PHASES_MAX:
        raise InvalidTerms(f"a package has at most {PHASES_MAX} phases", param="phases")
    for place, phase in enumerate(phases):
        _check_name(f"phases.{place}.name", phase.name)
        _check_range(f"phases.{place}.periods", phase.periods, 1, PHASE_PERIODS_MAX)
        price = Money(phase.price, package.price.currency)
        check_price(price=price, param=f"phases.{place}.price.amount")


def _check_bundle(bundle: tuple[BundlePart, ...]) -> None:
    if bundle and not BUNDLE_PARTS_MIN <= len(bundle) <= BUNDLE_PARTS_MAX:
        message = f"a bundle has {BUNDLE_PARTS_MIN} to {BUNDLE_PARTS_MAX} parts"
        raise InvalidTerms(message, param="bundle")
    for place, part in enumerate(bundle):
        _check_name(f"bundle.{place}.name", part.name)
        _check_range(f"bundle.{place}.weight", part.weight, 1, BUNDLE_WEIGHT_MAX)


def _check_cap(cap: DataCap, currency: str) -> None:
    _check_range("cap.included_mib", cap.included_mib, 0, MIB_MAX)
    speeds = {
        "cap.fair_use_down_kbps": cap.fair_use_down_kbps,
        "cap.fair_use_up_kbps": cap.fair_use_up_kbps,
    }
    for param, speed in speeds.items():
        if cap.action is CapAction.FAIR_USE:
            if speed is None:
                raise InvalidTerms("fair use needs both speeds", param=param)
            _check_range(param, speed, 1, SPEED_KBPS_MAX)
        elif speed is not None:
            raise InvalidTerms("speeds belong to the action fair_use", param=param)
    if cap.action is CapAction.CHARGE:
        if cap.overage_per_gib is None:
            raise InvalidTerms("say what a GiB more costs", param="cap.overage_per_gib")
        check_price(price=Money(cap.overage_per_gib, currency), param="cap.overage_per_gib.amount")
    elif cap.overage_per_gib is not None:
        raise InvalidTerms("a price of more data belongs to the action charge", param="cap.overage_per_gib")


def _check_range(param: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise InvalidTerms(f"this is {lowest} to {highest}", param=param)


def _check_name(param: str, name: str) -> None:
    """Names of phases and parts are printed on invoices: one line, as they are given."""
    normal = " ".join(unicodedata.normalize("NFC", name).split())
    if name != normal or not name.isprintable() or not 1 <= len(name) <= TERM_NAME_CHARS_MAX:
        message = f"a name has 1 to {TERM_NAME_CHARS_MAX} printable characters, and single blanks"
        raise InvalidTerms(message, param=param)
    refuse_card_number(text=name, param=param)


# -- editions ------------------------------------------------------------------------------


def _terms(package: Package) -> tuple[object, ...]:
    """Return what makes an edition."""
    return (
        package.price,
        package.tax_group,
        package.phases,
        package.bundle,
        package.activation_fee,
        package.deposit,
        package.pause_share,
        package.refund,
        package.cap,
        package.valid_minutes,
        package.top_up_mib,
    )


def next_edition(*, before: Package, after: Package) -> Package:
    """Return the changed package, as a new edition where price or terms are others.

    A new edition takes nobody along until ``move_existing``. Raises TooManyEditions.
    """
    if _terms(before) == _terms(after):
        return after
    if before.edition >= PACKAGE_EDITIONS_MAX:
        message = f"a package has at most {PACKAGE_EDITIONS_MAX} editions: archive it and create another"
        raise TooManyEditions(message)
    return replace(after, edition=before.edition + 1, moves_existing_on=None)


def move_existing(*, package: Package, on: date | None, first_open: date) -> Package:
    """Return the newest edition with the date from which existing subscriptions are billed by it.

    ``first_open`` is the first date that no run has started for: what runs may have billed
    already is never changed. None takes a date back that has not come. Raises InvalidMove.
    """
    param = "moves_existing_on"
    if on == package.moves_existing_on:
        return package
    if package.edition == 1:
        message = "existing subscriptions have this edition: change the price or terms with it"
        raise InvalidMove(message, param=param)
    if package.moves_existing_on is not None and package.moves_existing_on < first_open:
        message = f"existing subscriptions moved to this edition on {package.moves_existing_on}"
        raise InvalidMove(message, param=param)
    latest = first_open + timedelta(days=MOVES_DAYS_AHEAD_MAX)
    if on is not None and not first_open <= on <= latest:
        message = f"existing subscriptions move on a date from {first_open} to {latest}"
        raise InvalidMove(message, param=param)
    return replace(package, moves_existing_on=on)

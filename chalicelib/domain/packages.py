"""Packages: what an ISP sells."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.money import Money
from chalicelib.domain.periods import BillingTiming, Cycle

PACKAGES_MAX: Final = 500
PACKAGE_NAME_CHARS_MAX: Final = 80
SPEED_KBPS_MAX: Final = 100_000_000
# A price of one cycle above this is a slip of the keyboard: a billion with two decimals. It
# leaves every tax on it far below the largest amount of one posting.
PRICE_MINOR_MAX: Final = 10**11


class PackageArchived(Conflict):
    """The package is no longer sold; existing subscriptions keep it."""

    code = "package_archived"


class PackageNameTaken(Conflict):
    """Another package of this tenant has the name."""

    code = "package_name_taken"


class TooManyPackages(Conflict):
    """The catalogue holds as many packages as one tenant may have."""

    code = "too_many_packages"


class InvalidPrice(InvalidValue):
    """The price is negative, or beyond anything plausible."""

    code = "invalid_price"


class PackageState(StrEnum):
    """Whether a package is on sale."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class PackageKind(StrEnum):
    """What a package is sold as.

    A ``prepaid`` one is bought for a time and not billed by runs; an ``addon`` only beside a
    ``service`` of the same account. A ``top_up`` is bought once and adds to the data of a
    running period.
    """

    SERVICE = "service"
    ADDON = "addon"
    PREPAID = "prepaid"
    TOP_UP = "top_up"


class RefundPolicy(StrEnum):
    """What of a paid period is credited when service ends within it."""

    NONE = "none"
    BY_DAY = "by_day"
    FULL = "full"


class CapAction(StrEnum):
    """What happens when a data cap is used up: no service, a lower speed, or a price for more."""

    BLOCK = "block"
    FAIR_USE = "fair_use"
    CHARGE = "charge"


@dataclass(frozen=True, slots=True)
class Phase:
    """The price of the next ``periods`` periods after the phases before: ``price`` minor units a cycle.

    A trial has the price 0. Nothing but the price differs from the package.
    """

    name: str
    periods: int
    price: int


@dataclass(frozen=True, slots=True)
class DataCap:
    """How many MiB a period includes, and what comes after; speeds belong to fair use.

    ``rollover`` carries what is not used of ``included_mib`` into the next period, once.
    ``overage_per_gib`` belongs to ``charge``: minor units for each GiB more, by the MiB.
    """

    included_mib: int
    action: CapAction
    fair_use_down_kbps: int | None = None
    fair_use_up_kbps: int | None = None
    rollover: bool = False
    overage_per_gib: int | None = None


@dataclass(frozen=True, slots=True)
class BundlePart:
    """A part of a bundle's price: ``weight`` of all parts' weights, taxed by a group of its own."""

    name: str
    weight: int
    tax_group: str | None


@dataclass(frozen=True, slots=True)
class Package:
    """A recurring charge with a speed; ``price`` is per cycle and before tax.

    Where the tax group is inclusive, the price contains the taxes. ``edition`` counts the
    changes of price and terms; subscriptions keep theirs, unless ``moves_existing_on`` takes
    them along: periods that start on that date or later are billed by this edition.
    ``version`` counts every change of the record, for optimistic locking. Fees and deposit are
    minor units of the price's currency. ``pause_share`` is the part of the price, in
    millionths, that is billed while paused. ``valid_minutes`` is how long a prepaid one lasts;
    where None, its cycle. ``top_up_mib`` is what a top-up adds.
    """

    package_id: str
    name: str
    price: Money
    cycle: Cycle
    timing: BillingTiming
    download_kbps: int
    upload_kbps: int
    tax_group: str | None
    state: PackageState
    version: int
    created_at: datetime
    edition: int = 1
    kind: PackageKind = PackageKind.SERVICE
    moves_existing_on: date | None = None
    phases: tuple[Phase, ...] = ()
    bundle: tuple[BundlePart, ...] = ()
    activation_fee: int = 0
    deposit: int = 0
    pause_share: int = 0
    refund: RefundPolicy = RefundPolicy.NONE
    cap: DataCap | None = None
    valid_minutes: int | None = None
    top_up_mib: int | None = None

    def require_on_sale(self) -> None:
        """Raise PackageArchived unless new subscriptions may be sold."""
        if self.state is PackageState.ARCHIVED:
            raise PackageArchived(f"package {self.name!r} is archived", param="package_id")


def check_price(*, price: Money, param: str = "price.amount") -> None:
    """Raise InvalidPrice unless the price of a cycle is 0 to PRICE_MINOR_MAX minor units."""
    if not 0 <= price.amount <= PRICE_MINOR_MAX:
        raise InvalidPrice(f"a price is 0 to {PRICE_MINOR_MAX} minor units", param=param)


def check_package_name(*, name: str) -> str:
    """Return the name with single blanks, or raise InvalidValue."""
    cleaned = " ".join(unicodedata.normalize("NFC", name).split())
    if not 1 <= len(cleaned) <= PACKAGE_NAME_CHARS_MAX or not cleaned.isprintable():
        raise InvalidValue(f"a name has 1 to {PACKAGE_NAME_CHARS_MAX} printable characters", param="name")
    refuse_card_number(text=cleaned, param="name")
    return cleaned


def folded_name(*, name: str) -> str:
    """Return the form under which package names are compared: blanks and case aside."""
    return " ".join(name.split()).casefold()


def check_speeds(*, download_kbps: int, upload_kbps: int) -> None:
    """Raise InvalidValue unless both speeds are 1 to SPEED_KBPS_MAX."""
    for name, speed in (("download_kbps", download_kbps), ("upload_kbps", upload_kbps)):
        if not 1 <= speed <= SPEED_KBPS_MAX:
            raise InvalidValue(f"a speed is 1 to {SPEED_KBPS_MAX} kbit/s", param=name)

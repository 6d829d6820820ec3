"""Packages: what an ISP sells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from chalicelib.domain.errors import Conflict
from chalicelib.domain.money import Money
from chalicelib.domain.periods import BillingTiming, Cycle

PACKAGES_MAX: Final = 500
PACKAGE_NAME_CHARS_MAX: Final = 80
SPEED_KBPS_MAX: Final = 100_000_000


class PackageArchived(Conflict):
    """The package is no longer sold; existing subscriptions keep it."""

    code = "package_archived"


class PackageNameTaken(Conflict):
    """Another package of this tenant has the name."""

    code = "package_name_taken"


class PackageState(StrEnum):
    """Whether a package is on sale."""

    ACTIVE = "active"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Package:
    """A recurring charge with a speed; ``price`` is per cycle and before tax."""

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

    def require_on_sale(self) -> None:
        """Raise PackageArchived unless new subscriptions may be sold."""
        if self.state is PackageState.ARCHIVED:
            raise PackageArchived(f"package {self.name!r} is archived", param="package_id")

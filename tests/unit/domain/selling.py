"""A package, an account, and a subscription of it, for tests of selling and billing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from chalicelib.domain.accounts import Account, Subscription, SubscriptionState
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.money import Money
from chalicelib.domain.packages import Package, PackageState
from chalicelib.domain.periods import NAMED_CYCLES, BillingTiming
from chalicelib.domain.subscriptions import subscribe

TODAY = date(2026, 11, 10)
DAY = timedelta(days=1)
State = SubscriptionState

PACKAGE = Package(
    package_id="pkg_01JD0000000000000000000000",
    name="Home 20",
    price=Money(3_100, "PKR"),
    cycle=NAMED_CYCLES["month"],
    timing=BillingTiming.ADVANCE,
    download_kbps=20_000,
    upload_kbps=10_000,
    tax_group=None,
    state=PackageState.ACTIVE,
    version=1,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)
CATALOGUE = Catalogue(packages={PACKAGE.package_id: PACKAGE}, tax_groups={})
ACCOUNT = Account("sbr_01JD0000000000000000000000", "C1", "PKR", balance=0, version=1)


def active(**changes: object) -> Subscription:
    """Return a subscription from 1 November 2026, monthly and paid in advance unless changed."""
    subscription = subscribe(account=ACCOUNT, package=PACKAGE, starts_on=date(2026, 11, 1))
    return replace(subscription, **changes)  # type: ignore[arg-type]

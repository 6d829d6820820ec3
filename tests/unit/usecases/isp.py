"""One tenant's use cases in memory, with everything but the point of the test filled in."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, cast

from chalicelib.domain.accounts import SubscriptionState
from chalicelib.domain.contacts import Contact
from chalicelib.domain.money import Money
from chalicelib.domain.packages import Package
from chalicelib.domain.periods import NAMED_CYCLES, BillingTiming
from chalicelib.domain.subscribers import Subscriber
from chalicelib.domain.taxes import TaxGroup, TaxRow
from chalicelib.domain.tenants import Tenant, TenantState
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore
from chalicelib.usecases.packages import NewPackage, create_package
from chalicelib.usecases.subscribers import create_subscriber
from chalicelib.usecases.subscriptions import (
    HeldSubscription,
    NewSubscription,
    SubscriptionChange,
    change_subscription,
    create_subscription,
)
from tests.fakes.services import FakeIds
from tests.fakes.store import InMemoryTenantStore

# Half past midnight of the 10th in Karachi, still the 9th in UTC.
AT = datetime(2026, 11, 9, 19, 30, tzinfo=UTC)
TODAY = date(2026, 11, 10)
NOTE = AuditNote("stf_1", "done", "", AT)
State = SubscriptionState

TENANT = Tenant(
    tenant_id="ten_1",
    company="Lahore Net",
    subdomain="lahore-net",
    country="PK",
    currency="PKR",
    time_zone="Asia/Karachi",
    fiscal_year_start_month=7,
    state=TenantState.ACTIVE,
    created_at=AT,
    tax_groups=(TaxGroup("internet", "Internet", (TaxRow(date(2020, 1, 1), ()),)),),
)
PACKAGE = NewPackage(
    name="Home 20",
    price=Money(310_000, "PKR"),
    cycle=NAMED_CYCLES["month"],
    timing=BillingTiming.ADVANCE,
    download_kbps=20_000,
    upload_kbps=10_000,
)


class Isp:
    """One tenant's use cases with everything but the point of the test filled in."""

    def __init__(self) -> None:
        self.memory = InMemoryTenantStore(TENANT)
        self.store = cast(TenantStore, self.memory)
        self._ids = FakeIds()

    def package(self, *, idempotency: Idempotency | None = None, **changes: Any) -> Package:
        return create_package(
            store=self.store,
            package_id=self._ids.new(prefix="pkg"),
            new=replace(PACKAGE, **{"name": self._ids.new(prefix="Home"), **changes}),
            at=AT,
            note=NOTE,
            idempotency=idempotency,
        )

    def subscriber(self, *, code: str = "", area: str = "", **contact: str) -> Subscriber:
        return create_subscriber(
            store=self.store,
            subscriber_id=self._ids.new(prefix="sbr"),
            code=code or self._ids.new(prefix="C"),
            area=area,
            contact=Contact(**contact),
            at=AT,
            note=NOTE,
        )

    def subscribe(self, subscriber: Subscriber, package: Package, **changes: Any) -> HeldSubscription:
        return create_subscription(
            store=self.store,
            subscriber_id=subscriber.subscriber_id,
            new=NewSubscription(package_id=package.package_id, **changes),
            at=AT,
            note=NOTE,
        )

    def change(self, held: HeldSubscription, at: datetime = AT, **changes: Any) -> HeldSubscription:
        return change_subscription(
            store=self.store,
            subscription_id=held.subscription_id,
            change=SubscriptionChange(**changes),
            if_match=held.account.version,
            at=at,
            note=NOTE,
        )

    def stored(self) -> object:
        return deepcopy((self.memory.packages, self.memory.subscribers, self.memory.notes))

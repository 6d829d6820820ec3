"""A tenant of any size, written straight to the tables, for measuring and breaking billing runs.

With ``full`` rules each subscriber has a service and an add-on (two lines an invoice), is taxed
in a jurisdiction with rows of its own, and every third has a discount. Nobody is like the next:
they began in 36 different months, and every fifth has one of fifty prices of its own.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.accounts import Account, Discount, Subscription, SubscriptionState
from chalicelib.domain.contacts import Recipient
from chalicelib.domain.money import Money
from chalicelib.domain.packages import Package, PackageKind, PackageState
from chalicelib.domain.periods import NAMED_CYCLES, BillingTiming, add_months, anchor_bucket
from chalicelib.domain.taxes import NO_TAX_PROFILE, TaxBase, TaxComponent, TaxGroup, TaxProfile, TaxRow
from chalicelib.domain.tenants import Tenant, TenantState
from chalicelib.store import keys
from chalicelib.store.accounts import encode_subscriptions, encode_tax, seal_recipient
from chalicelib.store.due import due_sort_key

BATCH_WRITE_ITEMS_MAX: Final = 25
BILL_DAY: Final = date(2026, 11, 1)
PACKAGE_ID: Final = "pkg_01JD0000000000000000000000"
ADDON_ID: Final = "pkg_01JD0000000000000000000001"
MONTH: Final = NAMED_CYCLES["month"]

# Pakistan: sales tax, and advance income tax on charge plus sales tax (docs of the tax module).
_COMPONENTS: Final = (
    TaxComponent("gst", "Sales tax", 195_000),
    TaxComponent("ait", "Advance income tax", 150_000, TaxBase.NET_PLUS_PREVIOUS),
)
TAXES: Final = TaxGroup(
    code="internet",
    name="Internet services",
    rows=(TaxRow(date(2020, 1, 1), _COMPONENTS), TaxRow(date(2020, 1, 1), _COMPONENTS, "PK-SD")),
)
SINDH: Final = TaxProfile("PK-SD")
LOYALTY: Final = Discount("LOYAL10", share=100_000)


def bench_tenant(*, tenant_id: str, taxed: bool = True) -> Tenant:
    """A tenant in Karachi that bills in rupees."""
    return Tenant(
        tenant_id=tenant_id,
        company="Bench Networks",
        subdomain=tenant_id.lower().replace("_", "-"),
        country="PK",
        currency="PKR",
        time_zone="Asia/Karachi",
        fiscal_year_start_month=7,
        state=TenantState.ACTIVE,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        tax_groups=(TAXES,) if taxed else (),
    )


def seed_books(
    *, services: Services, tenant: Tenant, subscribers: int, on: date = BILL_DAY, full: bool = False
) -> None:
    """Write a catalogue and subscribers who are all due on ``on``; runs begin with that date."""
    store = services.stores.of(tenant_id=tenant.tenant_id)
    packages = bench_packages(tenant=tenant) if full else [bench_catalogue(tenant=tenant)]
    store.commit(
        *chain.from_iterable(store.packages.add(package=package) for package in packages),
        store.billing_states.create(completed_through=on - timedelta(days=1)),
    )
    table = services.settings.tenants_table
    items = chain.from_iterable(
        [item, *pointers]
        for item, pointers in accounts_and_pointers(
            tenant.tenant_id, store.keys, subscribers=subscribers, on=on, full=full
        )
    )
    for batch in _chunks(items):
        pending: Any = {table: [{"PutRequest": {"Item": item}} for item in batch]}
        while pending:
            pending = services.wire.call("BatchWriteItem", {"RequestItems": pending}).get("UnprocessedItems")


def bench_catalogue(*, tenant: Tenant) -> Package:
    """The service on sale."""
    return Package(
        package_id=PACKAGE_ID,
        name="Home 20 Mbps",
        price=Money(164_900, tenant.currency),
        cycle=MONTH,
        timing=BillingTiming.ADVANCE,
        download_kbps=20_000,
        upload_kbps=10_000,
        tax_group="internet" if tenant.tax_groups else None,
        state=PackageState.ACTIVE,
        version=1,
        created_at=tenant.created_at,
    )


def bench_packages(*, tenant: Tenant) -> list[Package]:
    """The service, and an add-on to it."""
    service = bench_catalogue(tenant=tenant)
    addon = replace(
        service,
        package_id=ADDON_ID,
        name="Static IP address",
        price=Money(50_000, tenant.currency),
        kind=PackageKind.ADDON,
    )
    return [service, addon]


def account_id(index: int) -> str:
    """The account of the ``index``-th subscriber."""
    return f"sbr_{index:026d}"


def bench_account(*, index: int, on: date, full: bool = False) -> Account:
    """The ``index``-th subscriber's account, never billed, its first period due on ``on``."""
    service = Subscription(
        slot=1,
        package_id=PACKAGE_ID,
        state=SubscriptionState.ACTIVE,
        starts_on=on,
        anchor_day=on.day,
        cycle=MONTH,
        timing=BillingTiming.ADVANCE,
        billed_to=on,
    )
    subscriptions: tuple[Subscription, ...] = (service,)
    if full:
        service = replace(
            service,
            starts_on=add_months(origin=on, months=-(index % 36), anchor_day=on.day),
            price_override=150_000 + index % 250 * 100 if index % 5 == 0 else None,
            discounts=(LOYALTY,) if index % 3 == 0 else (),
        )
        addon = replace(service, slot=2, package_id=ADDON_ID, parent=1, price_override=None, discounts=())
        subscriptions = (service, addon)
    return Account(
        account_id=account_id(index),
        code=f"C{index:06d}",
        currency="PKR",
        balance=0,
        version=1,
        subscriptions=subscriptions,
        tax=SINDH if full else NO_TAX_PROFILE,
    )


def accounts_and_pointers(
    tenant_id: str, tenant_keys: TenantKeys, *, subscribers: int, on: date, full: bool = False
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield each subscriber's account item and due pointers as DynamoDB JSON."""
    for index in range(subscribers):
        account = bench_account(index=index, on=on, full=full)
        pk = keys.account(tenant_id, account.account_id)
        who = Recipient(name=f"Subscriber {index}", address=f"House {index}, Street 7, Karachi", tax_id="")
        sealed = seal_recipient(keys=tenant_keys, pk=pk, recipient=who)
        item = {
            "pk": {"S": pk},
            "sk": {"S": keys.ACCOUNT},
            "c": {"S": account.code},
            "cur": {"S": account.currency},
            "b": {"N": "0"},
            "v": {"N": "1"},
            "s": {"S": encode_subscriptions(account.subscriptions)},
            "who": {"B": b64encode(sealed).decode()},
        }
        tax = encode_tax(account.tax)
        if tax is not None:
            item["tx"] = {"S": tax}
        pointers = [
            {
                "pk": {"S": keys.due(tenant_id, _bucket(sub))},
                "sk": {"S": due_sort_key(account_id=account.account_id, slot=sub.slot)},
            }
            for sub in account.subscriptions
        ]
        yield item, pointers


def _bucket(sub: Subscription) -> str:
    return anchor_bucket(cycle=sub.cycle, anchor_day=sub.anchor_day, origin=sub.starts_on)


def _chunks(items: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, BATCH_WRITE_ITEMS_MAX)):
        yield chunk

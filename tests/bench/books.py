"""A tenant of any size, written straight to the tables, for measuring and breaking billing runs."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.accounts import Account, Subscription, SubscriptionState
from chalicelib.domain.invoices import Recipient
from chalicelib.domain.money import Money
from chalicelib.domain.packages import Package, PackageState
from chalicelib.domain.periods import NAMED_CYCLES, BillingTiming, anchor_bucket
from chalicelib.domain.taxes import TaxBase, TaxComponent, TaxGroup, TaxRow
from chalicelib.domain.tenants import Tenant, TenantState
from chalicelib.store import keys
from chalicelib.store.accounts import encode_subscriptions, seal_recipient
from chalicelib.store.due import due_sort_key

BATCH_WRITE_ITEMS_MAX: Final = 25
BILL_DAY: Final = date(2026, 11, 1)
PACKAGE_ID: Final = "pkg_01JD0000000000000000000000"
MONTH: Final = NAMED_CYCLES["month"]

# Pakistan: sales tax, and advance income tax on charge plus sales tax (docs of the tax module).
TAXES: Final = TaxGroup(
    code="internet",
    name="Internet services",
    rows=(
        TaxRow(
            date(2020, 1, 1),
            (
                TaxComponent("gst", "Sales tax", 195_000),
                TaxComponent("ait", "Advance income tax", 150_000, TaxBase.NET_PLUS_PREVIOUS),
            ),
        ),
    ),
)


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


def seed_books(*, services: Services, tenant: Tenant, subscribers: int, on: date = BILL_DAY) -> None:
    """Write a catalogue and subscribers who are all due on ``on``; runs begin with that date."""
    store = services.stores.of(tenant_id=tenant.tenant_id)
    package = bench_catalogue(tenant=tenant)
    store.commit(
        *store.packages.add(package=package),
        store.billing_states.create(completed_through=on - timedelta(days=1)),
    )
    table = services.settings.tenants_table
    items = chain.from_iterable(account_and_pointer(tenant.tenant_id, store.keys, subscribers, on))
    for batch in _chunks(items):
        pending: Any = {table: [{"PutRequest": {"Item": item}} for item in batch]}
        while pending:
            pending = services.wire.call("BatchWriteItem", {"RequestItems": pending}).get("UnprocessedItems")


def bench_catalogue(*, tenant: Tenant) -> Package:
    """The one package on sale."""
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


def account_id(index: int) -> str:
    """The account of the ``index``-th subscriber."""
    return f"sbr_{index:026d}"


def account_and_pointer(
    tenant_id: str, tenant_keys: TenantKeys, subscribers: int, on: date
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each subscriber's account item and due pointer as DynamoDB JSON."""
    sub = Subscription(
        slot=1,
        package_id=PACKAGE_ID,
        state=SubscriptionState.ACTIVE,
        starts_on=on,
        anchor_day=on.day,
        cycle=MONTH,
        timing=BillingTiming.ADVANCE,
        billed_to=on,
    )
    bucket = anchor_bucket(cycle=sub.cycle, anchor_day=sub.anchor_day, origin=sub.starts_on)
    for index in range(subscribers):
        account = Account(
            account_id=account_id(index),
            code=f"C{index:06d}",
            currency="PKR",
            balance=0,
            version=1,
            subscriptions=(sub,),
        )
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
        pointer = {
            "pk": {"S": keys.due(tenant_id, bucket)},
            "sk": {"S": due_sort_key(account_id=account.account_id, slot=1)},
        }
        yield item, pointer


def _chunks(items: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, BATCH_WRITE_ITEMS_MAX)):
        yield chunk

"""What is deleted of a tenant at its purge, partition by partition; ``erasure_fates`` says what stays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, timedelta
from functools import reduce
from operator import or_
from typing import Any, Final

from pynamodb.expressions.condition import Condition

from chalicelib.crypto.keyring import CiphertextRejected
from chalicelib.domain.accounts import CHARGES_SLOT
from chalicelib.domain.audit_ids import floor_id, months_between
from chalicelib.domain.gateway_collections import CollectionState
from chalicelib.domain.gateways import GatewayKind
from chalicelib.domain.periods import date_bucket
from chalicelib.domain.subscriptions import bucket_of
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.life import ListedAccount
from chalicelib.ports.services import Clock
from chalicelib.store import keys
from chalicelib.store.accounts import AccountItem, decode_subscriptions
from chalicelib.store.acting import OfTenant
from chalicelib.store.audit import AuditItem
from chalicelib.store.base import Database, EphemeralItem, TenantsItem, delete, nullable
from chalicelib.store.breaches import BreachItem
from chalicelib.store.consents import CHOSE
from chalicelib.store.coupons import REDEEMED
from chalicelib.store.dealers import DEALER_PREFIX
from chalicelib.store.deleting import delete_items, delete_partition
from chalicelib.store.due import due_sort_key
from chalicelib.store.erasure_fates import GONE, KEPT
from chalicelib.store.exports import KIND as EXPORTS
from chalicelib.store.funds import FUND_PREFIX
from chalicelib.store.gateway_collections import ALL
from chalicelib.store.gateway_refunds import GatewayRefundItem
from chalicelib.store.gateways import DynamoGateways
from chalicelib.store.hand_overs import HAND_OVER_PREFIX, HandOverItem
from chalicelib.store.imports import KIND as IMPORTS
from chalicelib.store.invitations import InvitationItem
from chalicelib.store.invoices import INVOICE_PREFIX
from chalicelib.store.late_fees import FEE_PREFIX, LateFeeItem
from chalicelib.store.posting import DOCUMENT_PREFIX
from chalicelib.store.privacy import PrivacyRequestItem
from chalicelib.store.register import SeriesItem
from chalicelib.store.rehearsals import KIND as REHEARSALS
from chalicelib.store.rehearsals import RESULTS
from chalicelib.store.retention import PROGRESS, RULES_KEY
from chalicelib.store.settlements import LINES_PREFIX, RESOLUTION_PREFIX, ResolutionItem
from chalicelib.store.shards import SHARDS
from chalicelib.store.staff import BY_EMAIL, DynamoStaff, StaffItem
from chalicelib.store.subscriber_search import BlindItem, DirectoryItem
from chalicelib.store.subscribers import DynamoSubscribers
from chalicelib.store.support import AccessItem
from chalicelib.store.till_closings import CLOSING_PREFIX, TillClosingItem
from chalicelib.store.usage import METERED
from chalicelib.store.vouchers import NEXT, BatchItem
from chalicelib.usecases.invitations import INVITATION

# What an anonymised account is called: its documents hold the code that law keeps on them.
NO_CODE: Final = "-"
# Runs may have been ahead of the days by so many when something was filed for their next date.
DAYS_AHEAD: Final = 8

_JOBS: Final = (EXPORTS, IMPORTS, f"{IMPORTS}#at-work", REHEARSALS, RESULTS)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


class DynamoErasure(OfTenant):
    """One tenant's items, to be deleted; whatever is repeated goes on where it stood."""

    def __init__(
        self,
        *,
        tenant_id: str,
        database: Database,
        clock: Clock,
        staff: Callable[[], DynamoStaff],
        subscribers: Callable[[], DynamoSubscribers],
        gateways: Callable[[], DynamoGateways],
    ) -> None:
        self._tenant_id = tenant_id
        self._database = database
        self._clock = clock
        self._staff = staff
        self._subscribers = subscribers
        self._gateways = gateways

    # -- what there is -----------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """Return how many items of each kind there are, and how many documents of each series."""
        found = {name: _count(key(self._tenant_id)) for name, key in GONE.items()}
        found["subscribers"] = _count(keys.directory(self._tenant_id))
        found["staff"] = _count(keys.staff(self._tenant_id))
        for kind in (EXPORTS, IMPORTS, REHEARSALS):
            found[kind] = _count(keys.jobs(self._tenant_id, kind))
        found["collections"] = _count(keys.collections(self._tenant_id))
        shards = range(SHARDS)
        found["kept answers"] = sum(_count(keys.idempotency(self._tenant_id, shard)) for shard in shards)
        for item in SeriesItem.query(keys.series(self._tenant_id), consistent_read=True):
            found[f"documents {item.sk}, kept"] = int(item.following) - 1
        return {name: number for name, number in found.items() if number}

    # -- gateways ----------------------------------------------------------------------------

    def erase_gateways(self) -> None:
        """Forget payment gateways with their secrets, and where their vendors call."""
        for kind in GatewayKind:
            # One that cannot be read goes with the rest; nothing is heard at its address meanwhile.
            with suppress(CiphertextRejected):
                gateway = self._gateways().find(kind=kind)
                if gateway is not None:
                    self._database.commit(self._gateways().remove(gateway=gateway))

    # -- people ------------------------------------------------------------------------------

    def staff_ids(self, *, limit: int) -> tuple[str, ...]:
        """Return the next people to be deleted."""
        items = StaffItem.query(keys.staff(self._tenant_id), consistent_read=True, limit=limit)
        return tuple(str(item.sk) for item in items)

    def erase_staff(self, *, staff_id: str) -> None:
        """Delete a person, and what finds them by their address."""
        found = [TenantsItem(keys.staff(self._tenant_id), staff_id)]
        # Where a record cannot be read, what finds it names nobody any more.
        with suppress(CiphertextRejected):
            member = self._staff().get(staff_id=staff_id)
            by_email = keys.blind(self._tenant_id, "staff", self._staff().digest(email=member.email))
            found.append(TenantsItem(by_email, BY_EMAIL))
        self._delete_all(keys.consents(self._tenant_id, staff_id))
        self._delete_all(keys.policy_states(self._tenant_id, staff_id))
        self._delete(found)

    # -- subscribers -------------------------------------------------------------------------

    def accounts(self, *, limit: int) -> tuple[ListedAccount, ...]:
        """Return the next subscribers to be deleted."""
        rows = DirectoryItem.query(keys.directory(self._tenant_id), consistent_read=True, limit=limit)
        return tuple(ListedAccount(str(row.sk), row.subscriber_id) for row in rows)

    def erase_account(self, *, account: ListedAccount) -> None:
        """Delete a subscriber, but for the documents and what is owed; their row of the directory last."""
        pk = keys.account(self._tenant_id, account.account_id)
        self._delete_all(keys.consents(self._tenant_id, account.account_id))
        sorts = [str(item.sk) for item in TenantsItem.query(pk, consistent_read=True)]
        documented = any(sort.startswith((INVOICE_PREFIX, DOCUMENT_PREFIX)) for sort in sorts)
        found = [TenantsItem(key, sort) for key, sort in self._filed(pk, account)]
        # The person comes last: what finds them is computed of it.
        gone = [sort for sort in sorts if not (documented and _stays(sort))]
        found += [TenantsItem(pk, sort) for sort in sorted(gone, key=lambda sort: sort == keys.PERSON)]
        self._delete(found)
        if documented:
            self._anonymise(pk, [sort for sort in sorts if sort.startswith(FEE_PREFIX)])
        self._delete([TenantsItem(keys.directory(self._tenant_id), account.sort)])

    def _filed(self, pk: str, account: ListedAccount) -> Iterator[tuple[str, str]]:
        """Yield where else a subscriber is filed: what finds them, and where they come due."""
        item = next(AccountItem.query(pk, AccountItem.sk == keys.ACCOUNT, consistent_read=True), None)
        if item is None:
            return
        subscriptions = decode_subscriptions(item.subscriptions)
        slots = [CHARGES_SLOT, *(sub.slot for sub in subscriptions)]
        sorts = {slot: due_sort_key(account_id=account.account_id, slot=slot) for slot in slots}
        for sub in subscriptions:
            yield keys.due(self._tenant_id, bucket_of(subscription=sub)), sorts[sub.slot]
        written = f"{item.subscriptions}{nullable(item.charges) or ''}"
        for day in sorted(set(_DATE.findall(written))):
            bucket = keys.due(self._tenant_id, date_bucket(on=date.fromisoformat(day)))
            yield from ((bucket, sort) for sort in sorts.values())
        for blind in self._blind(account.account_id):
            yield str(blind.pk), str(blind.sk)

    def _blind(self, account_id: str) -> Iterable[BlindItem]:
        """Return what finds a subscriber; nothing where their contact cannot be read, or is gone."""
        try:
            found = self._subscribers().many(subscriber_ids=(account_id,))
        except CiphertextRejected:
            return ()
        return [item for one in found for item in self._subscribers().blind_items(one)]

    def _anonymise(self, pk: str, fees: list[str]) -> None:
        AccountItem(pk, keys.ACCOUNT).update(
            actions=[
                AccountItem.recipient.remove(),
                AccountItem.subscriptions.set("[]"),
                AccountItem.code.set(NO_CODE),
            ],
            condition=AccountItem.pk.exists(),
        )
        for sort in fees:
            LateFeeItem(pk, sort).update(actions=[LateFeeItem.reason.remove()])

    # -- the rest ----------------------------------------------------------------------------

    def erase_records(self, *, tenant: Tenant, out_of_time: Callable[[], bool]) -> bool:
        """Delete all other items that are not kept, and take out of those kept what is not.

        Returns whether there was time for all of it.
        """
        for invited in InvitationItem.query(keys.invitations(self._tenant_id), consistent_read=True):
            code = EphemeralItem(f"ONCE#{invited.token_hash}", INVITATION)
            self._database.commit([delete(code)])
        for partition in self._gone(tenant):
            if out_of_time():
                return False
            self._delete_all(partition)
        for step in (self._own, self._money, self._requests):
            if out_of_time():
                return False
            step()
        for month in self._months(tenant):
            if not self._strip(AuditItem, keys.audit(self._tenant_id, month), out_of_time=out_of_time):
                return False
        return True

    def _gone(self, tenant: Tenant) -> Iterator[str]:
        mine = self._tenant_id
        for name in self._named(keys.jobs(mine, IMPORTS)):
            yield keys.jobs(mine, f"{IMPORTS}#{name}")
        yield from (keys.jobs(mine, kind) for kind in _JOBS)
        for shard in range(SHARDS):
            yield from (
                keys.idempotency(mine, shard),
                keys.gateway_events(mine, shard),
                keys.voucher_codes(mine, shard),
            )
        yield from (keys.collections(mine, state) for state in (ALL, *CollectionState))
        yield from (keys.vouchers(mine, batch_id) for batch_id in self._named(keys.voucher_batches(mine)))
        dealers = self._named(keys.dealers(mine), TenantsItem.sk.startswith(DEALER_PREFIX))
        yield from (keys.dealer_prices(mine, dealer_id) for dealer_id in dealers)
        yield from (key(mine) for key in GONE.values())
        yield from (keys.noted(mine, what) for what in (CHOSE, METERED, REDEEMED))
        for day in self._days(tenant):
            yield keys.due(mine, date_bucket(on=day))

    def _own(self) -> None:
        """Delete what is beside the tenant's own record, and how it wanted things kept."""
        own = keys.tenant(self._tenant_id)
        self._delete_all(own, TenantsItem.sk < keys.PROFILE)
        self._delete_all(own, TenantsItem.sk > keys.PROFILE)
        kept_for = keys.retention(self._tenant_id)
        self._delete([TenantsItem(kept_for, RULES_KEY), TenantsItem(kept_for, PROGRESS)])

    def _money(self) -> None:
        """Take what people wrote out of the books of funds, vouchers, refunds and settlements."""
        mine, batches = self._tenant_id, keys.voucher_batches(self._tenant_id)
        self._strip(HandOverItem, keys.hand_overs(mine), HandOverItem.sk.startswith(HAND_OVER_PREFIX))
        self._strip(GatewayRefundItem, keys.gateway_refunds(mine))
        self._delete([TenantsItem(batches, NEXT)])
        self._strip(BatchItem, batches)
        for fund_id in self._named(keys.funds(mine), TenantsItem.sk.startswith(FUND_PREFIX)):
            counts = TillClosingItem.sk.startswith(CLOSING_PREFIX)
            self._strip(TillClosingItem, keys.account(mine, fund_id), counts)
        for settlement_id in self._named(keys.settlements(mine)):
            lines = keys.settlement_lines(mine, settlement_id)
            self._delete_all(lines, TenantsItem.sk.startswith(LINES_PREFIX))
            self._strip(ResolutionItem, lines, ResolutionItem.sk.startswith(RESOLUTION_PREFIX))

    def _requests(self) -> None:
        """Take what people wrote and told out of accesses of support, privacy requests and breaches."""
        self._strip(PrivacyRequestItem, keys.privacy_requests(self._tenant_id))
        self._strip(BreachItem, keys.breaches(self._tenant_id))
        for partition in (keys.support_accesses(self._tenant_id), keys.support_entries(self._tenant_id)):
            self._strip(AccessItem, partition)

    def _strip(
        self,
        model: Any,
        pk: str,
        sort: Condition | None = None,
        *,
        out_of_time: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Take out of a partition's items of a model what goes though they stay.

        Returns whether there was time for all of them: a month's audit log may have a million.
        """
        names = KEPT[f"{model.__module__.rpartition('.')[2]}.{model.__name__}"]
        attributes = [getattr(model, name) for name in names]
        there = reduce(or_, (one.exists() for one in attributes))
        found = model.query(
            pk, sort, filter_condition=there, consistent_read=True, attributes_to_get=["pk", "sk"]
        )
        for item in found:
            if out_of_time():
                return False
            item.update(actions=[one.remove() for one in attributes], condition=model.pk.exists())
        return True

    def _named(self, pk: str, sort: Condition | None = None) -> Iterator[str]:
        """Yield the sort keys of a partition, by which others are found."""
        for item in TenantsItem.query(pk, sort, consistent_read=True, attributes_to_get=["pk", "sk"]):
            yield str(item.sk)

    def _days(self, tenant: Tenant) -> Iterator[date]:
        """Yield each date under which something may have been filed that is none of its account's."""
        day = tenant.created_at.date() - timedelta(days=2)
        last = self._clock.now().date() + timedelta(days=DAYS_AHEAD)
        while day <= last:
            yield day
            day += timedelta(days=1)

    def _months(self, tenant: Tenant) -> Iterator[str]:
        return months_of(tenant=tenant, clock=self._clock)

    def _delete_all(self, pk: str, sort: Condition | None = None) -> None:
        delete_partition(database=self._database, pk=pk, sort=sort)

    def _delete(self, items: Sequence[TenantsItem]) -> None:
        delete_items(database=self._database, items=items)


def months_of(*, tenant: Tenant, clock: Clock, back: timedelta = timedelta()) -> Iterator[str]:
    """Yield each month, as ``2041-05``, in which something of a tenant may have been written.

    ``back`` is how far back it may have been dated.
    """
    # A first run is of days before.
    since = floor_id(at=tenant.created_at - timedelta(days=31) - back)
    until = floor_id(at=clock.now())
    yield from (month for month, _, _ in months_between(since=since, until=until))


def _count(pk: str) -> int:
    return TenantsItem.count(pk, consistent_read=True)


def _stays(sort: str) -> bool:
    return sort == keys.ACCOUNT or sort.startswith((INVOICE_PREFIX, DOCUMENT_PREFIX, FEE_PREFIX))

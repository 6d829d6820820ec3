"""Late fees in DynamoDB, and finding the invoices that a date's fees are for.

- ``<tenant>#LATE`` / ``RULE#<rule id>`` and ``RECONNECT``: the tenant's settings.
- ``<tenant>#A#<ulid>`` / ``LATEFEE#<yyyymmdd>-<slot>#<rule id>``: one fee of one invoice, once ever.

An invoice is found by its register page, which says when it was written and by when its
invoices are to be paid: pages are in the order of time, so the first of the window is found
by halving, and those of other due dates are left out by the database (a million invoices are
21,000 pages, read in some 25 requests). Issuing an invoice files nothing.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any, Final

import orjson
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.accounts import Account, parse_invoice_id
from chalicelib.domain.errors import NotFound, StaleVersion
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.invoices import Invoice, InvoiceState, fiscal_year
from chalicelib.domain.late_fees import FeeState, LateFee, LateFeeRule, ReconnectFee, key_of
from chalicelib.domain.manual_invoices import DUE_DAYS_AHEAD_MAX
from chalicelib.domain.runs import RunShard
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, nullable, put, put_new, to_iso, update
from chalicelib.store.invoices import InvoiceItem
from chalicelib.store.paging import query_page
from chalicelib.store.register import RegisterItem, SeriesItem, register_ids
from chalicelib.store.subscribers import DynamoSubscribers

RULE_PREFIX: Final = "RULE#"
FEE_PREFIX: Final = "LATEFEE#"
RECONNECT: Final = "RECONNECT"
OPERATIONAL: Final = "op"
# Invoices and debit notes are what is to be paid.
SERIES_KINDS: Final = ("INV", "DBN")
UNSETTLED: Final = frozenset({InvoiceState.OPEN.value, InvoiceState.PARTLY_PAID.value})
# What is written on a date by one zone's clock is not two days off by another's.
ZONES: Final = timedelta(days=2)
IDS_PER_READ: Final = 100
_NEAR: Final = 100


class LateFeeSettingItem(TenantsItem):
    """``<tenant>#LATE`` / ``RULE#<rule id>`` or ``RECONNECT``; ``data`` is JSON."""

    data = UnicodeAttribute()
    version = NumberAttribute()


class LateFeeItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``LATEFEE#<yyyymmdd>-<slot>#<rule id>``; ``reason`` is sealed."""

    amount = NumberAttribute(attr_name="t")
    on = UnicodeAttribute(attr_name="i")
    state = UnicodeAttribute(attr_name="st")
    reason = BinaryAttribute(attr_name="re", null=True, legacy_encoding=False)


class DynamoLateFees(OfTenant):
    """A tenant's late and reconnect fees."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys, subscribers: DynamoSubscribers) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._subscribers = subscribers

    # -- settings --------------------------------------------------------------------------

    def rules(self) -> tuple[LateFeeRule, ...]:
        """Return every rule, oldest first."""
        items = LateFeeSettingItem.query(
            keys.late_fees(self._tenant_id),
            LateFeeSettingItem.sk.startswith(RULE_PREFIX),
            consistent_read=True,
        )
        return tuple(map(_rule, items))

    def rule(self, *, rule_id: str) -> LateFeeRule:
        """Return a rule, or raise NotFound."""
        if not is_id(value=rule_id, prefix="lfr"):
            raise NotFound("no such rule", param="rule_id")
        return _rule(self._setting(f"{RULE_PREFIX}{rule_id}"))

    def add_rule(self, *, rule: LateFeeRule) -> Sequence[ModelWrite]:
        """Describe adding a rule."""
        item = self._item(f"{RULE_PREFIX}{rule.rule_id}", rule)
        return [put_new(item, refused=StaleVersion("the rule exists already"))]

    def change_rule(self, *, before: LateFeeRule, after: LateFeeRule) -> Sequence[ModelWrite]:
        """Describe a change; the version must still be ``before``'s."""
        same = LateFeeSettingItem.version == before.version
        stale = StaleVersion("the rule changed since it was read")
        return [put(self._item(f"{RULE_PREFIX}{after.rule_id}", after), condition=same, refused=stale)]

    def reconnect(self) -> ReconnectFee:
        """Return what restoring service costs."""
        try:
            item = self._setting(RECONNECT)
        except NotFound:
            return ReconnectFee()
        stored = orjson.loads(item.data)
        packages = tuple((package_id, amount) for package_id, amount in stored["packages"])
        return ReconnectFee(**stored | {"packages": packages})

    def change_reconnect(self, *, before: ReconnectFee, after: ReconnectFee) -> Sequence[ModelWrite]:
        """Describe a change; the version must still be ``before``'s."""
        stale = StaleVersion("the fee changed since it was read")
        item = self._item(RECONNECT, after)
        if before.version == 1:
            return [put_new(item, refused=stale)]
        return [put(item, condition=LateFeeSettingItem.version == before.version, refused=stale)]

    def _setting(self, sort: str) -> LateFeeSettingItem:
        try:
            return LateFeeSettingItem.get(keys.late_fees(self._tenant_id), sort, consistent_read=True)
        except DoesNotExist:
            raise NotFound("no such rule", param="rule_id") from None

    def _item(self, sort: str, setting: LateFeeRule | ReconnectFee) -> LateFeeSettingItem:
        data = orjson.dumps(setting).decode()
        return LateFeeSettingItem(keys.late_fees(self._tenant_id), sort, data=data, version=setting.version)

    # -- finding what is overdue -----------------------------------------------------------

    def unpaid(self, *, due_on: date, shard: RunShard) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield (account id, invoice ids) of what is to be paid by a date and is open still."""
        found: dict[str, list[str]] = {}
        wanted = self._registered(due_on, shard)
        while some := list(islice(wanted, IDS_PER_READ)):
            places = [self._place(one) for one in some]
            for item in InvoiceItem.batch_get(places, consistent_read=True):
                if item.state in UNSETTLED and item.due_on == due_on.isoformat():
                    account_id = f"sbr_{item.pk.rpartition('#')[2]}"
                    found.setdefault(account_id, []).append(
                        f"inv_{account_id.removeprefix('sbr_')}-{item.sk.partition('#')[2]}"
                    )
        for account_id in sorted(found):
            yield account_id, tuple(sorted(found[account_id]))

    def _registered(self, due_on: date, shard: RunShard) -> Iterator[str]:
        """Yield the ids of a shard that are on pages for the due date, or on pages that name none."""
        opened = due_on - timedelta(days=DUE_DAYS_AHEAD_MAX) - ZONES
        since, until = _midnight(opened), _midnight(due_on + ZONES)
        fits = (RegisterItem.due_on == due_on.isoformat()) | RegisterItem.due_on.does_not_exist()
        # A late run numbers in the year of the date it bills.
        years = range(fiscal_year(on=opened, start_month=1) - 1, due_on.year + 2)
        for series, following in self._series(years):
            pk = keys.register(self._tenant_id, series)
            first = _first_since(pk, since, following)
            pages = RegisterItem.query(
                pk,
                RegisterItem.sk >= f"{first:09d}",
                filter_condition=fits,
                consistent_read=True,
            )
            for page in pages:
                if page.at > until:
                    break
                yield from (one for one in register_ids(page.entries) if _within(one, shard))

    def _series(self, years: range) -> list[tuple[str, int]]:
        """Return the series of what is to be paid in some fiscal years, with the next number of each."""
        items = SeriesItem.query(keys.series(self._tenant_id), consistent_read=True)
        found = [(item.sk.partition("#"), int(item.following)) for item in items]
        return [
            (f"{kind}#{year}", following)
            for (kind, _, year), following in found
            if kind in SERIES_KINDS and int(year) in years
        ]

    # -- fees ------------------------------------------------------------------------------

    def fee(self, *, invoice_id: str, rule_id: str) -> LateFee | None:
        """Return the fee of a rule for an invoice, or None."""
        pk, _ = self._place(invoice_id)
        try:
            return self._fee(LateFeeItem.get(pk, _fee_key(invoice_id, rule_id), consistent_read=True))
        except DoesNotExist:
            return None

    def of_account(self, *, account_id: str, limit: int, after: str | None) -> Page[LateFee]:
        """Return an account's fees, in the order of the invoices' keys."""
        page = query_page(
            LateFeeItem,
            keys.account(self._tenant_id, account_id),
            limit=limit,
            after=after,
            sort=LateFeeItem.sk.startswith(FEE_PREFIX),
        )
        return Page(tuple(map(self._fee, page.items)), page.after)

    def charge(
        self, *, before: Account, after: Account, fees: Sequence[tuple[LateFee, Invoice]]
    ) -> Sequence[ModelWrite]:
        """Describe charging or waiving fees not known yet."""
        moved = StaleVersion("the account or the invoice changed meanwhile")
        writes: list[ModelWrite] = []
        marks: dict[str, tuple[Invoice, list[str]]] = {}
        for fee, invoice in fees:
            writes.append(put_new(self._fee_item(fee), refused=moved))
            marks.setdefault(invoice.invoice_id, (invoice, []))[1].append(fee.rule_id)
        for invoice, rule_ids in marks.values():
            item = InvoiceItem(*self._place(invoice.invoice_id))
            known = (
                InvoiceItem.fees == _encode(invoice.fees)
                if invoice.fees
                else InvoiceItem.fees.does_not_exist()
            )
            same = (InvoiceItem.state == invoice.state.value) & known
            action = InvoiceItem.fees.set(_encode((*invoice.fees, *rule_ids)))
            writes.append(update(item, actions=[action], condition=same, refused=moved))
        return [*writes, *self._changed(before, after)]

    def waive(self, *, before: Account, after: Account, fee: LateFee) -> Sequence[ModelWrite]:
        """Describe waiving a fee that was charged and not billed."""
        moved = StaleVersion("the fee changed meanwhile")
        charged = LateFeeItem.state == FeeState.CHARGED.value
        return [
            put(self._fee_item(fee), condition=charged, refused=moved),
            *self._changed(before, after),
        ]

    def _changed(self, before: Account, after: Account) -> Sequence[ModelWrite]:
        if after.charges == before.charges:
            return []
        return self._subscribers.change_account(before=before, after=after)

    def _fee_item(self, fee: LateFee) -> LateFeeItem:
        pk, _ = self._place(fee.invoice_id)
        sort = _fee_key(fee.invoice_id, fee.rule_id)
        sealed = None
        if fee.reason:
            sealed = self._keys.seal(
                family=OPERATIONAL, place=_reason_place(pk, sort), plain=fee.reason.encode()
            )
        return LateFeeItem(
            pk, sort, amount=fee.amount, on=fee.on.isoformat(), state=fee.state.value, reason=sealed
        )

    def _fee(self, item: LateFeeItem) -> LateFee:
        _, key, rule_id = item.sk.split("#")
        ulid, sealed = item.pk.rpartition("#")[2], nullable(item.reason)
        reason = ""
        if sealed is not None:
            place = _reason_place(item.pk, item.sk)
            reason = self._keys.open(family=OPERATIONAL, place=place, sealed=sealed).decode()
        return LateFee(
            account_id=f"sbr_{ulid}",
            invoice_id=f"inv_{ulid}-{key}",
            rule_id=rule_id,
            amount=int(item.amount),
            on=date.fromisoformat(item.on),
            state=FeeState(item.state),
            reason=reason,
        )

    def _place(self, invoice_id: str) -> tuple[str, str]:
        account_id, key = parse_invoice_id(value=invoice_id)
        return keys.account(self._tenant_id, account_id), keys.invoice(key)


def _first_since(pk: str, since: str, following: int) -> int:
    """Return a number of a register before which every page was written earlier than ``since``."""
    low, high = 1, following
    while high - low > _NEAR:
        middle = (low + high) // 2
        page = next(
            iter(RegisterItem.query(pk, RegisterItem.sk >= f"{middle:09d}", consistent_read=True, limit=1)),
            None,
        )
        if page is None or page.at >= since:
            high = middle
        else:
            low = int(page.sk)
    return low


def _midnight(on: date) -> str:
    return to_iso(datetime.combine(on, time(), UTC))


def _within(invoice_id: str, shard: RunShard) -> bool:
    account_id, _ = parse_invoice_id(value=invoice_id)
    return shard.first <= crc32(account_id.removeprefix("sbr_").encode()) & 0xFF <= shard.last


def _fee_key(invoice_id: str, rule_id: str) -> str:
    return f"{FEE_PREFIX}{key_of(invoice_id=invoice_id)}#{rule_id}"


def _reason_place(pk: str, sk: str) -> str:
    return f"tenants|{pk}|{sk}|reason"


def _encode(rule_ids: Sequence[str]) -> str:
    return orjson.dumps(list(rule_ids)).decode()


def _rule(item: LateFeeSettingItem) -> LateFeeRule:
    stored: dict[str, Any] = orjson.loads(item.data)
    return LateFeeRule(**stored | {"active_from": date.fromisoformat(stored["active_from"])})

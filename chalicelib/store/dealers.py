"""Dealers in DynamoDB; their wallets are ``store.funds``.

- ``<tenant>#DLR`` / dealer id: the dealer; ``CODE#<code>``: which dealer subscribers mean by a code.
- ``<tenant>#DLP#<dealer>`` / ``<package id>#<date>``: what it pays for a package from a date on.
- ``<tenant>#DLS#<month>`` / dealer id: what it sold and had taken back, added to by each sale.

Codes are kept for ever, so that what names a dealer never comes to mean another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import orjson
from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.contacts import code_key
from chalicelib.domain.dealers import (
    Commission,
    CommissionTotals,
    Dealer,
    DealerCodeTaken,
    DealerPrice,
    PriceExists,
)
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.identifiers import is_id
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.accounts import OPERATIONAL
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import (
    ModelWrite,
    TenantsItem,
    from_iso,
    nullable,
    put,
    put_new,
    to_iso,
    update,
)
from chalicelib.store.paging import query_page

_CODE_PREFIX: Final = "CODE#"
DEALER_PREFIX: Final = "dlr_"


class DealerItem(TenantsItem):
    """``<tenant>#DLR`` / dealer id; ``name`` is sealed, commissions are JSON, (share, amount)."""

    code = UnicodeAttribute(attr_name="c")
    name = BinaryAttribute(attr_name="n", legacy_encoding=False)
    currency = UnicodeAttribute(attr_name="cur")
    parent_id = UnicodeAttribute(attr_name="p", null=True)
    level = NumberAttribute(attr_name="l")
    commission = UnicodeAttribute(attr_name="co")
    override = UnicodeAttribute(attr_name="ov")
    children = NumberAttribute(attr_name="ch")
    prices = NumberAttribute(attr_name="pr")
    archived = BooleanAttribute(attr_name="x")
    version = NumberAttribute(attr_name="v")
    at = UnicodeAttribute()


class DealerCodeItem(TenantsItem):
    """``<tenant>#DLR`` / ``CODE#<code>``."""

    dealer_id = UnicodeAttribute(attr_name="d")


class DealerPriceItem(TenantsItem):
    """``<tenant>#DLP#<dealer>`` / ``<package id>#<date>``."""

    price = NumberAttribute(attr_name="p")


class DealerSalesItem(TenantsItem):
    """``<tenant>#DLS#<month>`` / dealer id."""

    sales = NumberAttribute(attr_name="n", null=True)
    retail = NumberAttribute(attr_name="r", null=True)
    commission = NumberAttribute(attr_name="c", null=True)
    override = NumberAttribute(attr_name="o", null=True)
    refunds = NumberAttribute(attr_name="xn", null=True)
    refunded_retail = NumberAttribute(attr_name="xr", null=True)
    refunded_commission = NumberAttribute(attr_name="xc", null=True)
    refunded_override = NumberAttribute(attr_name="xo", null=True)


_COUNTED: Final = (
    "sales",
    "retail",
    "commission",
    "override",
    "refunds",
    "refunded_retail",
    "refunded_commission",
    "refunded_override",
)


class DynamoDealers(OfTenant):
    """A tenant's dealers."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys

    def get(self, *, dealer_id: str, param: str = "dealer_id") -> Dealer:
        """Return a dealer, or raise NotFound."""
        absent = NotFound("no such dealer", param=param)
        if not is_id(value=dealer_id, prefix="dlr"):
            raise absent
        try:
            return self._dealer(
                DealerItem.get(keys.dealers(self._tenant_id), dealer_id, consistent_read=True)
            )
        except DoesNotExist:
            raise absent from None

    def by_code(self, *, code: str) -> Dealer | None:
        """Return the dealer that subscribers and staff name so, or None."""
        if not code:
            return None
        try:
            found = DealerCodeItem.get(
                keys.dealers(self._tenant_id), f"{_CODE_PREFIX}{code_key(code=code)}", consistent_read=True
            )
        except DoesNotExist:
            return None
        dealer = self.get(dealer_id=found.dealer_id)
        # Unique whatever their case, but two spellings are two words to subscribers and staff.
        return dealer if dealer.code == code else None

    def list(self, *, archived: bool, limit: int, after: str | None) -> Page[Dealer]:
        """Return a page of dealers, oldest first."""
        page = query_page(
            DealerItem,
            keys.dealers(self._tenant_id),
            limit=limit,
            after=after,
            sort=DealerItem.sk.startswith(DEALER_PREFIX),
            where=None if archived else lambda item: not item.archived,
        )
        return Page(tuple(map(self._dealer, page.items)), page.after)

    def count(self) -> int:
        """Return how many dealers there are, archived ones too."""
        return int(
            DealerItem.count(
                keys.dealers(self._tenant_id),
                DealerItem.sk.startswith(DEALER_PREFIX),
                consistent_read=True,
            )
        )

    def add(self, *, dealer: Dealer) -> Sequence[ModelWrite]:
        """Describe adding a dealer; refused with DealerCodeTaken."""
        taken = DealerCodeTaken("another dealer has this code", param="code")
        pk, sk = keys.dealers(self._tenant_id), f"{_CODE_PREFIX}{code_key(code=dealer.code)}"
        return [
            put_new(DealerCodeItem(pk, sk, dealer_id=dealer.dealer_id), refused=taken),
            put_new(self._item(dealer), refused=Busy("the dealer's identifier was taken")),
        ]

    def change(self, *, before: Dealer, after: Dealer) -> Sequence[ModelWrite]:
        """Describe a change of a dealer; refused with StaleVersion."""
        assert after.version == before.version + 1, "every change counts the version up"
        stale = StaleVersion("the dealer changed since it was read")
        return [put(self._item(after), condition=DealerItem.version == before.version, refused=stale)]

    def prices(self, *, dealer_id: str, limit: int, after: str | None) -> Page[DealerPrice]:
        """Return a page of a dealer's price rows, by package and date."""
        pk = keys.dealer_prices(self._tenant_id, dealer_id)
        page = query_page(DealerPriceItem, pk, limit=limit, after=after)
        return Page(tuple(map(_price, page.items)), page.after)

    def price_on(self, *, dealer_id: str, package_id: str, on: date) -> DealerPrice | None:
        """Return the row of a package that is in force on a date, or None."""
        pk = keys.dealer_prices(self._tenant_id, dealer_id)
        begun = DealerPriceItem.sk.between(f"{package_id}#", f"{package_id}#{on.isoformat()}")
        rows = DealerPriceItem.query(pk, begun, consistent_read=True, scan_index_forward=False, limit=1)
        return next(map(_price, rows), None)

    def add_price(self, *, dealer_id: str, row: DealerPrice) -> Sequence[ModelWrite]:
        """Describe a new row; refused with PriceExists."""
        exists = PriceExists("the package has a price from this date", param="starts_on")
        pk = keys.dealer_prices(self._tenant_id, dealer_id)
        item = DealerPriceItem(pk, f"{row.package_id}#{row.starts_on.isoformat()}", price=row.price)
        return [put_new(item, refused=exists)]

    def sold(self, *, month: date, totals: CommissionTotals) -> Sequence[ModelWrite]:
        """Describe adding to what a dealer sold, or had taken back, in a month."""
        item = DealerSalesItem(keys.dealer_sales(self._tenant_id, f"{month:%Y-%m}"), totals.dealer_id)
        counted: list[Any] = [
            getattr(DealerSalesItem, name).add(getattr(totals, name))
            for name in _COUNTED
            if getattr(totals, name)
        ]
        moved = Busy("the dealer's month changed meanwhile; nothing was written, so try again")
        return [update(item, actions=counted, condition=None, refused=moved)]

    def totals(self, *, month: date, dealer_id: str | None = None) -> tuple[CommissionTotals, ...]:
        """Return what dealers sold in a month, or what one did."""
        one = None if dealer_id is None else DealerSalesItem.sk == dealer_id
        pk = keys.dealer_sales(self._tenant_id, f"{month:%Y-%m}")
        return tuple(map(_totals, DealerSalesItem.query(pk, one, consistent_read=True)))

    def _item(self, dealer: Dealer) -> DealerItem:
        return DealerItem(
            keys.dealers(self._tenant_id),
            dealer.dealer_id,
            code=dealer.code,
            name=self._keys.seal(
                family=OPERATIONAL, place=self._place(dealer.dealer_id), plain=dealer.name.encode()
            ),
            currency=dealer.currency,
            parent_id=dealer.parent_id or None,
            level=dealer.level,
            commission=_encoded(dealer.commission),
            override=_encoded(dealer.override),
            children=dealer.children,
            prices=dealer.prices,
            archived=dealer.archived,
            version=dealer.version,
            at=to_iso(dealer.created_at),
        )

    def _dealer(self, item: DealerItem) -> Dealer:
        name = self._keys.open(family=OPERATIONAL, place=self._place(item.sk), sealed=item.name)
        return Dealer(
            dealer_id=item.sk,
            code=item.code,
            name=name.decode(),
            currency=item.currency,
            created_at=from_iso(item.at),
            parent_id=nullable(item.parent_id) or "",
            level=int(item.level),
            commission=Commission(*orjson.loads(item.commission)),
            override=Commission(*orjson.loads(item.override)),
            children=int(item.children),
            prices=int(item.prices),
            archived=bool(item.archived),
            version=int(item.version),
        )

    def _place(self, dealer_id: str) -> str:
        return f"tenants|{keys.dealers(self._tenant_id)}|{dealer_id}|name"


def _encoded(commission: Commission) -> str:
    return orjson.dumps([commission.share, commission.amount]).decode()


def _price(item: DealerPriceItem) -> DealerPrice:
    package_id, _, starts_on = item.sk.rpartition("#")
    return DealerPrice(package_id, date.fromisoformat(starts_on), int(item.price))


def _totals(item: DealerSalesItem) -> CommissionTotals:
    counted = {name: int(nullable(getattr(item, name)) or 0) for name in _COUNTED}
    return CommissionTotals(item.sk, **counted)

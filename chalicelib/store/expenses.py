"""Expenses in DynamoDB: ``<tenant>#XPS`` / ``<yyyymmdd>#<ulid>``, by the day that they were.

Who was paid, the bill's number and the note are sealed under the key of the day's fiscal year.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

import orjson
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.expenses import Expense, expense_id
from chalicelib.ports.funds import ExpenseQuery
from chalicelib.ports.store import Page
from chalicelib.store import invoices as codec
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, nullable, put, put_new
from chalicelib.store.paging import query_page

_ID: Final = re.compile(r"xps_([0-9A-Z]{26})-([0-9]{8})\Z", re.ASCII)


class ExpenseItem(TenantsItem):
    """``<tenant>#XPS`` / ``<yyyymmdd>#<ulid>``; ``words`` are sealed payee, reference and note."""

    category = UnicodeAttribute(attr_name="c")
    currency = UnicodeAttribute(attr_name="cur")
    amount = NumberAttribute(attr_name="a")
    fiscal_year = NumberAttribute(attr_name="fy")
    fund_id = UnicodeAttribute(attr_name="f", null=True)
    words = BinaryAttribute(attr_name="w", null=True, legacy_encoding=False)
    document_id = UnicodeAttribute(attr_name="d")
    payment_id = UnicodeAttribute(attr_name="p", null=True)
    reversed_by = UnicodeAttribute(attr_name="rv", null=True)
    recorded_by = UnicodeAttribute(attr_name="by")
    version = NumberAttribute(attr_name="v")


class DynamoExpenses(OfTenant):
    """A tenant's expenses."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys

    def get(self, *, expense_id: str) -> Expense:
        """Return the expense, or raise NotFound."""
        named = _ID.match(expense_id)
        try:
            if named is None:
                raise _absent()
            sk = f"{named[2]}#{named[1]}"
            return self._expense(ExpenseItem.get(keys.expenses(self._tenant_id), sk, consistent_read=True))
        except DoesNotExist:
            raise _absent() from None

    def list(self, *, query: ExpenseQuery, limit: int, after: str | None) -> Page[Expense]:
        """Return expenses of a period, the latest first; a page may be short and yet go on."""
        category = query.category
        page = query_page(
            ExpenseItem,
            keys.expenses(self._tenant_id),
            limit=limit,
            after=after,
            sort=ExpenseItem.sk.between(f"{query.first:%Y%m%d}", f"{query.last:%Y%m%d}~"),
            where=None if category is None else lambda item: item.category == category,
            newest_first=True,
        )
        return Page(tuple(map(self._expense, page.items)), page.after)

    def add(self, *, expense: Expense, fiscal_year: int) -> Sequence[ModelWrite]:
        """Describe keeping an expense; ``fiscal_year`` is that of its day."""
        taken = Busy("another expense has this identifier; try again")
        return [put_new(self._item(expense, fiscal_year), refused=taken)]

    def change(self, *, before: Expense, after: Expense, fiscal_year: int) -> Sequence[ModelWrite]:
        """Describe a change; refused with StaleVersion."""
        stale = StaleVersion("the expense changed meanwhile; nothing was written, so try again")
        same = ExpenseItem.version == before.version
        return [put(self._item(after, fiscal_year), condition=same, refused=stale)]

    def _item(self, one: Expense, fiscal_year: int) -> ExpenseItem:
        named = _ID.match(one.expense_id)
        assert named is not None, "an expense's identifier is of its form"
        pk, sk = keys.expenses(self._tenant_id), f"{named[2]}#{named[1]}"
        words = None
        if one.payee or one.reference or one.note:
            words = self._keys.seal(
                family=codec.year_family(fiscal_year),
                place=_place(pk, sk),
                plain=orjson.dumps((one.payee, one.reference, one.note)),
            )
        return ExpenseItem(
            pk,
            sk,
            category=one.category,
            currency=one.currency,
            amount=one.amount,
            fiscal_year=fiscal_year,
            fund_id=one.fund_id or None,
            words=words,
            document_id=one.document_id,
            payment_id=one.payment_id or None,
            reversed_by=one.reversed_by or None,
            recorded_by=one.recorded_by,
            version=one.version,
        )

    def _expense(self, item: ExpenseItem) -> Expense:
        day, ulid = item.sk.split("#")
        on = date(int(day[:4]), int(day[4:6]), int(day[6:]))
        family, place = codec.year_family(int(item.fiscal_year)), _place(item.pk, item.sk)
        words = self._keys.open_kept(family=family, place=place, sealed=nullable(item.words))
        payee, reference, note = orjson.loads(words) if words else ("", "", "")
        return Expense(
            expense_id=expense_id(ulid=ulid, on=on),
            category=item.category,
            currency=item.currency,
            amount=int(item.amount),
            on=on,
            fund_id=nullable(item.fund_id) or "",
            payee=payee,
            reference=reference,
            note=note,
            document_id=item.document_id,
            payment_id=nullable(item.payment_id) or "",
            reversed_by=nullable(item.reversed_by) or "",
            recorded_by=item.recorded_by,
            version=int(item.version),
        )


def _place(pk: str, sk: str) -> str:
    return f"tenants|{pk}|{sk}|words"


def _absent() -> NotFound:
    return NotFound("no such expense", param="expense_id")

"""Closings of the days of office funds: ``<tenant>#A#<fund ulid>`` / ``END#<yyyymmdd>#tcl_<ulid>``."""

from __future__ import annotations

from datetime import date
from typing import Final

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.errors import Busy
from chalicelib.domain.till_closings import TillClosing
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.accounts import OPERATIONAL
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, from_iso, nullable, put_new, to_iso
from chalicelib.store.paging import query_page

CLOSING_PREFIX: Final = "END#"


class TillClosingItem(TenantsItem):
    """``<tenant>#A#<fund ulid>`` / ``END#<yyyymmdd>#tcl_<ulid>``; ``reason`` is sealed."""

    currency = UnicodeAttribute(attr_name="cur")
    expected = NumberAttribute(attr_name="x")
    counted = NumberAttribute(attr_name="c")
    closed_by = UnicodeAttribute(attr_name="by")
    closed_at = UnicodeAttribute(attr_name="at")
    reason = BinaryAttribute(attr_name="re", null=True, legacy_encoding=False)
    document_id = UnicodeAttribute(attr_name="d", null=True)


class DynamoTillClosings(OfTenant):
    """A tenant's closings of the days of its office funds."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys

    def of_fund(self, *, fund_id: str, limit: int, after: str | None) -> Page[TillClosing]:
        """Return a fund's closings, the newest first."""
        page = query_page(
            TillClosingItem,
            keys.account(self._tenant_id, fund_id),
            limit=limit,
            after=after,
            sort=TillClosingItem.sk.startswith(CLOSING_PREFIX),
            newest_first=True,
        )
        return Page(tuple(self._closing(item, fund_id) for item in page.items), page.after)

    def add(self, *, closing: TillClosing) -> ModelWrite:
        """Describe keeping a closing; nothing changes it."""
        pk = keys.account(self._tenant_id, closing.fund_id)
        sk = f"{CLOSING_PREFIX}{closing.on:%Y%m%d}#{closing.closing_id}"
        sealed = None
        if closing.reason:
            sealed = self._keys.seal(family=OPERATIONAL, place=_place(pk, sk), plain=closing.reason.encode())
        item = TillClosingItem(
            pk,
            sk,
            currency=closing.currency,
            expected=closing.expected,
            counted=closing.counted,
            closed_by=closing.closed_by,
            closed_at=to_iso(closing.closed_at),
            reason=sealed,
            document_id=closing.document_id or None,
        )
        return put_new(item, refused=Busy("another closing has this identifier; try again"))

    def _closing(self, item: TillClosingItem, fund_id: str) -> TillClosing:
        _, day, closing_id = item.sk.split("#")
        sealed, reason = nullable(item.reason), ""
        if sealed is not None:
            place = _place(item.pk, item.sk)
            reason = self._keys.open(family=OPERATIONAL, place=place, sealed=sealed).decode()
        return TillClosing(
            closing_id=closing_id,
            fund_id=fund_id,
            on=date(int(day[:4]), int(day[4:6]), int(day[6:])),
            currency=item.currency,
            expected=int(item.expected),
            counted=int(item.counted),
            closed_by=item.closed_by,
            closed_at=from_iso(item.closed_at),
            reason=reason,
            document_id=nullable(item.document_id) or "",
        )


def _place(pk: str, sk: str) -> str:
    return f"tenants|{pk}|{sk}|reason"

"""Receipts of the field, by the identifiers that devices made; kept for ever.

``<tenant>#A#<fund ulid>`` / ``RCV#<uuid>``, in the collection of the collector's fund: so that
nobody's identifiers meet another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.domain.field_receipts import FieldReceipt, KeptReceipt, ReceiptRepeated
from chalicelib.domain.money import Money
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, from_iso, put_new, to_iso
from chalicelib.store.paging import query_page

RECEIPT_PREFIX: Final = "RCV#"


class FieldReceiptItem(TenantsItem):
    """``<tenant>#A#<fund ulid>`` / ``RCV#<uuid>``."""

    subscriber_id = UnicodeAttribute(attr_name="s")
    amount = NumberAttribute(attr_name="a")
    currency = UnicodeAttribute(attr_name="cur")
    taken_at = UnicodeAttribute(attr_name="tk")
    document_id = UnicodeAttribute(attr_name="d")


class DynamoFieldReceipts(OfTenant):
    """A tenant's receipts of the field."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def kept(self, *, fund_id: str, receipt_ids: Sequence[str]) -> dict[str, KeptReceipt]:
        """Return those of a collector's receipts that are recorded: one round trip for 100."""
        pk = keys.account(self._tenant_id, fund_id)
        wanted = [(pk, f"{RECEIPT_PREFIX}{one}") for one in sorted(set(receipt_ids))]
        found = map(_kept, FieldReceiptItem.batch_get(wanted, consistent_read=True))
        return {one.receipt_id: one for one in found}

    def of_fund(self, *, fund_id: str, limit: int, after: str | None) -> Page[KeptReceipt]:
        """Return a page of a collector's receipts, in the order of their identifiers."""
        page = query_page(
            FieldReceiptItem,
            keys.account(self._tenant_id, fund_id),
            limit=limit,
            after=after,
            sort=FieldReceiptItem.sk.startswith(RECEIPT_PREFIX),
        )
        return Page(tuple(map(_kept, page.items)), page.after)

    def add(self, *, fund_id: str, receipt: FieldReceipt, document_id: str) -> ModelWrite:
        """Describe keeping a receipt's identifier; refused with ReceiptRepeated."""
        item = FieldReceiptItem(
            keys.account(self._tenant_id, fund_id),
            f"{RECEIPT_PREFIX}{receipt.receipt_id}",
            subscriber_id=receipt.subscriber_id,
            amount=receipt.amount.amount,
            currency=receipt.amount.currency,
            taken_at=to_iso(receipt.taken_at),
            document_id=document_id,
        )
        # Whatever else moved meanwhile: it is recorded, so there is nothing to try again.
        return replace(put_new(item, refused=ReceiptRepeated("the receipt is recorded")), decides=True)


def _kept(item: FieldReceiptItem) -> KeptReceipt:
    return KeptReceipt(
        receipt_id=item.sk.removeprefix(RECEIPT_PREFIX),
        subscriber_id=item.subscriber_id,
        amount=Money(int(item.amount), item.currency),
        taken_at=from_iso(item.taken_at),
        document_id=item.document_id,
    )

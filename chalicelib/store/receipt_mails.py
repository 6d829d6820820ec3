"""Receipts to be mailed: ``<tenant>#RCPMAIL`` / document id, there until the mail went."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import UpdateError

from chalicelib.domain.errors import Busy
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import CONDITION_FAILED, ModelWrite, TenantsItem, from_iso, nullable, put, to_iso
from chalicelib.store.paging import query_page


class ReceiptMailItem(TenantsItem):
    """``<tenant>#RCPMAIL`` / document id; ``taken_until`` is there while somebody sends it."""

    at = UnicodeAttribute()
    taken_until = UnicodeAttribute(null=True)


class DynamoReceiptMails(OfTenant):
    """A tenant's receipts to be mailed."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def add(self, *, document_id: str, at: datetime) -> ModelWrite:
        """Describe that a receipt is to be mailed; asked for twice before it went, it goes once."""
        item = self._item(document_id)
        item.at = to_iso(at)
        return put(item, condition=None, refused=Busy("the mail changed meanwhile"))

    def claim(self, *, document_id: str, at: datetime, until: datetime) -> datetime | None:
        """Take a receipt's mail until an instant; return since when it is to go.

        None where it went, or another one has it.
        """
        taken = ReceiptMailItem.taken_until
        free = ReceiptMailItem.at.exists() & (taken.does_not_exist() | (taken < to_iso(at)))
        item = self._item(document_id)
        try:
            item.update(actions=[taken.set(to_iso(until))], condition=free)
        except UpdateError as error:
            if error.cause_response_code == CONDITION_FAILED:
                return None
            raise
        return from_iso(item.at)

    def release(self, *, document_id: str) -> None:
        """Give a mail back that could not be sent."""
        there = ReceiptMailItem.at.exists()
        self._item(document_id).update(actions=[ReceiptMailItem.taken_until.remove()], condition=there)

    def forget(self, *, document_id: str) -> None:
        """Forget a mail that went, or that is given up."""
        self._item(document_id).delete()

    def waiting(self, *, before: datetime, limit: int) -> Sequence[str]:
        """Return receipts that were to be mailed before an instant, and nobody has."""
        instant = to_iso(before)
        page = query_page(
            ReceiptMailItem,
            keys.receipt_mails(self._tenant_id),
            limit=limit,
            after=None,
            where=lambda item: max(item.at, nullable(item.taken_until) or "") < instant,
        )
        return [item.sk for item in page.items]

    def _item(self, document_id: str) -> ReceiptMailItem:
        return ReceiptMailItem(keys.receipt_mails(self._tenant_id), document_id)

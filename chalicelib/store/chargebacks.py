"""Chargebacks: ``<tenant>#CBK`` / ``<channel>#<case>``, one item a case, for ever."""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.chargebacks import Chargeback, ChargedBackAlready, NoChargeback
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, nullable, put_new, update
from chalicelib.store.paging import query_page


class ChargebackItem(TenantsItem):
    """``<tenant>#CBK`` / ``<channel>#<case>``."""

    receipt_id = UnicodeAttribute()
    amount = NumberAttribute()
    currency = UnicodeAttribute()
    journal_id = UnicodeAttribute()
    debit_note_id = UnicodeAttribute(null=True)
    won_by = UnicodeAttribute(null=True)


class DynamoChargebacks(OfTenant):
    """A tenant's chargebacks."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def find(self, *, channel: str, case_id: str) -> Chargeback | None:
        """Return the case of a channel, or None."""
        try:
            item = ChargebackItem.get(self._pk, f"{channel}#{case_id}", consistent_read=True)
        except DoesNotExist:
            return None
        return _case(item)

    def list(self, *, limit: int, after: str | None) -> Page[Chargeback]:
        """Return a page of cases, by channel and case."""
        page = query_page(ChargebackItem, self._pk, limit=limit, after=after)
        return Page(tuple(map(_case, page.items)), page.after)

    def add(self, *, case: Chargeback) -> ModelWrite:
        """Describe adding a case; refused with ChargedBackAlready."""
        item = ChargebackItem(
            self._pk,
            f"{case.channel}#{case.case_id}",
            receipt_id=case.receipt_id,
            amount=case.amount,
            currency=case.currency,
            journal_id=case.journal_id,
            debit_note_id=case.debit_note_id or None,
        )
        taken = ChargedBackAlready("this case took its money already", param="case_id")
        return put_new(item, refused=taken)

    def win(self, *, case: Chargeback, journal_id: str) -> ModelWrite:
        """Describe that a case was won; refused with NoChargeback where it was before."""
        item = ChargebackItem(self._pk, f"{case.channel}#{case.case_id}")
        lost = ChargebackItem.pk.exists() & ChargebackItem.won_by.does_not_exist()
        refused = NoChargeback("the case was won already", param="case_id")
        return update(item, actions=[ChargebackItem.won_by.set(journal_id)], condition=lost, refused=refused)

    @property
    def _pk(self) -> str:
        return keys.chargebacks(self._tenant_id)


def _case(item: ChargebackItem) -> Chargeback:
    channel, _, case_id = item.sk.partition("#")
    return Chargeback(
        channel=channel,
        case_id=case_id,
        receipt_id=item.receipt_id,
        amount=int(item.amount),
        currency=item.currency,
        journal_id=item.journal_id,
        debit_note_id=nullable(item.debit_note_id) or "",
        won_by=nullable(item.won_by) or "",
    )

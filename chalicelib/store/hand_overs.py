"""Hand-overs in DynamoDB.

- ``<tenant>#HOV`` / ``hov_<ulid>``: the hand-over; ``OPEN#<staff id>``: the one that a collector has open.

The second is put with the offer and removed with its end, so that there is one at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.errors import NotFound, StaleVersion
from chalicelib.domain.hand_overs import OPEN, HandOver, HandOverOpen, HandOverState
from chalicelib.domain.identifiers import is_id
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.accounts import OPERATIONAL
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, delete, from_iso, nullable, put, put_new, to_iso
from chalicelib.store.paging import query_page

HAND_OVER_PREFIX: Final = "hov_"
OPEN_PREFIX: Final = "OPEN#"


class HandOverItem(TenantsItem):
    """``<tenant>#HOV`` / ``hov_<ulid>``; ``reason`` is sealed."""

    staff_id = UnicodeAttribute(attr_name="o")
    currency = UnicodeAttribute(attr_name="cur")
    offered = NumberAttribute(attr_name="a")
    offered_at = UnicodeAttribute(attr_name="at")
    state = UnicodeAttribute(attr_name="st")
    counted = NumberAttribute(attr_name="c", null=True)
    counted_by = UnicodeAttribute(attr_name="by", null=True)
    office_fund_id = UnicodeAttribute(attr_name="f", null=True)
    ended_at = UnicodeAttribute(attr_name="e", null=True)
    reason = BinaryAttribute(attr_name="re", null=True, legacy_encoding=False)
    document_id = UnicodeAttribute(attr_name="d", null=True)
    version = NumberAttribute(attr_name="v")


class OpenHandOverItem(TenantsItem):
    """``<tenant>#HOV`` / ``OPEN#<staff id>``."""

    hand_over_id = UnicodeAttribute(attr_name="h")


class DynamoHandOvers(OfTenant):
    """A tenant's hand-overs."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys

    def get(self, *, hand_over_id: str) -> HandOver:
        """Return the hand-over, or raise NotFound."""
        try:
            if not is_id(value=hand_over_id, prefix="hov"):
                raise _absent()
            item = HandOverItem.get(keys.hand_overs(self._tenant_id), hand_over_id, consistent_read=True)
        except DoesNotExist:
            raise _absent() from None
        return self._hand_over(item)

    def list(
        self, *, staff_id: str | None, state: HandOverState | None, limit: int, after: str | None
    ) -> Page[HandOver]:
        """Return hand-overs, of a collector and as they stand where asked for, the newest first."""

        def fits(item: HandOverItem) -> bool:
            return staff_id in {None, item.staff_id} and state in {None, HandOverState(item.state)}

        page = query_page(
            HandOverItem,
            keys.hand_overs(self._tenant_id),
            limit=limit,
            after=after,
            sort=HandOverItem.sk.startswith(HAND_OVER_PREFIX),
            where=fits,
            newest_first=True,
        )
        return Page(tuple(map(self._hand_over, page.items)), page.after)

    def add(self, *, hand_over: HandOver) -> Sequence[ModelWrite]:
        """Describe an offer; refused with HandOverOpen."""
        pk, sk = keys.hand_overs(self._tenant_id), f"{OPEN_PREFIX}{hand_over.staff_id}"
        mark = OpenHandOverItem(pk, sk, hand_over_id=hand_over.hand_over_id)
        one = HandOverOpen("a hand-over of yours is open: withdraw it, or wait for the office's count")
        return [put_new(mark, refused=one), put_new(self._item(hand_over), refused=_moved())]

    def change(self, *, before: HandOver, after: HandOver) -> Sequence[ModelWrite]:
        """Describe a change; refused with StaleVersion. An end makes room for the next."""
        writes = [put(self._item(after), condition=HandOverItem.version == before.version, refused=_moved())]
        if after.state not in OPEN:
            mark = OpenHandOverItem(keys.hand_overs(self._tenant_id), f"{OPEN_PREFIX}{after.staff_id}")
            writes.append(delete(mark))
        return writes

    def _item(self, one: HandOver) -> HandOverItem:
        reason = None
        if one.reason:
            place = self._place(one.hand_over_id)
            reason = self._keys.seal(family=OPERATIONAL, place=place, plain=one.reason.encode())
        return HandOverItem(
            keys.hand_overs(self._tenant_id),
            one.hand_over_id,
            staff_id=one.staff_id,
            currency=one.currency,
            offered=one.offered,
            offered_at=to_iso(one.offered_at),
            state=one.state.value,
            counted=one.counted,
            counted_by=one.counted_by or None,
            office_fund_id=one.office_fund_id or None,
            ended_at=to_iso(one.ended_at) if one.ended_at else None,
            reason=reason,
            document_id=one.document_id or None,
            version=one.version,
        )

    def _hand_over(self, item: HandOverItem) -> HandOver:
        sealed, ended_at, counted = nullable(item.reason), nullable(item.ended_at), nullable(item.counted)
        reason = ""
        if sealed is not None:
            reason = self._keys.open(family=OPERATIONAL, place=self._place(item.sk), sealed=sealed).decode()
        return HandOver(
            hand_over_id=item.sk,
            staff_id=item.staff_id,
            currency=item.currency,
            offered=int(item.offered),
            offered_at=from_iso(item.offered_at),
            state=HandOverState(item.state),
            counted=None if counted is None else int(counted),
            counted_by=nullable(item.counted_by) or "",
            office_fund_id=nullable(item.office_fund_id) or "",
            ended_at=from_iso(ended_at) if ended_at else None,
            reason=reason,
            document_id=nullable(item.document_id) or "",
            version=int(item.version),
        )

    def _place(self, sk: str) -> str:
        return f"tenants|{keys.hand_overs(self._tenant_id)}|{sk}|reason"


def _absent() -> NotFound:
    return NotFound("no such hand-over", param="hand_over_id")


def _moved() -> StaleVersion:
    return StaleVersion("the hand-over changed meanwhile; nothing was written, so try again")

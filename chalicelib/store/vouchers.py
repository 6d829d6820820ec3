"""Vouchers in DynamoDB.

- ``<tenant>#VCB`` / batch id: a batch, with how many of its vouchers were redeemed and made void.
- ``<tenant>#VCB`` / ``#NEXT``: the number of the next batch.
- ``<tenant>#VCH#<batch>`` / ``<number>``: a voucher, by whom and how it was redeemed.
- ``<tenant>#VCC#<shard>`` / digest: which voucher has a code, by its HMAC under the tenant's index key.

A redemption moves the voucher from open to redeemed and adds to its batch's counts, each under a
condition, in the transaction of its receipt: so it happens once, however many come at once. Every
receipt takes a number of the tenant's one series, so the batch is never the hotter item of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

import orjson
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.jobs import JobFailure
from chalicelib.domain.vouchers import BatchState, Voucher, VoucherBatch, VoucherState
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
from chalicelib.store.shards import shard_of

NEXT: Final = "#NEXT"


class BatchItem(TenantsItem):
    """``<tenant>#VCB`` / batch id; ``terms`` is JSON and never changes, ``note`` and ``seed`` are sealed."""

    terms = UnicodeAttribute(attr_name="t")
    note = BinaryAttribute(attr_name="w", null=True, legacy_encoding=False)
    seed = BinaryAttribute(attr_name="s", null=True, legacy_encoding=False)
    state = UnicodeAttribute(attr_name="st")
    version = NumberAttribute(attr_name="v")
    attempt = NumberAttribute(attr_name="a")
    made = NumberAttribute(attr_name="m")
    updated_at = UnicodeAttribute(attr_name="u", null=True)
    finished_at = UnicodeAttribute(attr_name="f", null=True)
    failure = UnicodeAttribute(attr_name="e", null=True)
    voided_at = UnicodeAttribute(attr_name="x", null=True)
    redeemed = NumberAttribute(attr_name="r", null=True)
    redeemed_amount = NumberAttribute(attr_name="ra", null=True)
    voided = NumberAttribute(attr_name="vo", null=True)
    sold_amount = NumberAttribute(attr_name="sa", null=True)


class NextItem(TenantsItem):
    """``<tenant>#VCB`` / ``#NEXT``."""

    following = NumberAttribute(attr_name="n")


class VoucherItem(TenantsItem):
    """``<tenant>#VCH#<batch>`` / number in five digits."""

    state = UnicodeAttribute(attr_name="st")
    subscriber_id = UnicodeAttribute(attr_name="a", null=True)
    at = UnicodeAttribute(null=True)
    amount = NumberAttribute(attr_name="n", null=True)
    document_id = UnicodeAttribute(attr_name="d", null=True)


class CodeItem(TenantsItem):
    """``<tenant>#VCC#<shard>`` / the code's digest."""

    batch_id = UnicodeAttribute(attr_name="b")
    number = NumberAttribute(attr_name="n")


class DynamoVouchers(OfTenant):
    """A tenant's vouchers."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys

    # -- batches ---------------------------------------------------------------------------

    def batch(self, *, batch_id: str) -> VoucherBatch:
        """Return a batch, or raise NotFound."""
        absent = NotFound("no such batch of vouchers", param="batch_id")
        if not is_id(value=batch_id, prefix="vcb"):
            raise absent
        try:
            item = BatchItem.get(keys.voucher_batches(self._tenant_id), batch_id, consistent_read=True)
        except DoesNotExist:
            raise absent from None
        return self._batch(item)

    def batches(self, *, limit: int, after: str | None) -> Page[VoucherBatch]:
        """Return a page of batches, newest first."""
        page = query_page(
            BatchItem,
            keys.voucher_batches(self._tenant_id),
            limit=limit,
            after=after,
            sort=BatchItem.sk.startswith("vcb_"),
            newest_first=True,
        )
        return Page(tuple(map(self._batch, page.items)), page.after)

    def next_number(self) -> int:
        """Return the number of the next batch."""
        try:
            item = NextItem.get(keys.voucher_batches(self._tenant_id), NEXT, consistent_read=True)
        except DoesNotExist:
            return 1
        return int(item.following)

    def add(self, *, batch: VoucherBatch) -> Sequence[ModelWrite]:
        """Describe adding a batch under the next number."""
        taken = StaleVersion("another batch took the number; nothing was written, so try again")
        following = NextItem.following
        free = following == batch.number if batch.number > 1 else following.does_not_exist()
        counter = NextItem(keys.voucher_batches(self._tenant_id), NEXT)
        return [
            update(counter, actions=[following.set(batch.number + 1)], condition=free, refused=taken),
            put_new(self._item(batch), refused=Busy("the batch's identifier was taken")),
        ]

    def change(self, *, before: VoucherBatch, after: VoucherBatch) -> Sequence[ModelWrite]:
        """Describe a change of a batch that is not ready."""
        assert not before.finished, "what is ready is redeemed meanwhile: its item is not put"
        assert after.version == before.version + 1, "every change counts the version up"
        stale = StaleVersion("the batch changed since it was read")
        return [put(self._item(after), condition=BatchItem.version == before.version, refused=stale)]

    def void_batch(self, *, batch: VoucherBatch, at: datetime | None) -> Sequence[ModelWrite]:
        """Describe making a batch void, or with None good again."""
        item = BatchItem(keys.voucher_batches(self._tenant_id), batch.batch_id)
        voided = BatchItem.voided_at
        change: Any = voided.remove() if at is None else voided.set(to_iso(at))
        before = voided.exists() if at is None else voided.does_not_exist()
        return [update(item, actions=[change], condition=before & _is_ready(), refused=_moved())]

    def _item(self, batch: VoucherBatch) -> BatchItem:
        failure = batch.failure
        return BatchItem(
            keys.voucher_batches(self._tenant_id),
            batch.batch_id,
            terms=orjson.dumps(_terms(batch)).decode(),
            note=self._seal(batch, "note", batch.note),
            seed=self._seal(batch, "seed", batch.seed),
            state=batch.state.value,
            version=batch.version,
            attempt=batch.attempt,
            made=batch.made,
            updated_at=to_iso(batch.updated_at) if batch.updated_at else None,
            finished_at=to_iso(batch.finished_at) if batch.finished_at else None,
            failure=orjson.dumps([failure.code, failure.message]).decode() if failure else None,
        )

    def _seal(self, batch: VoucherBatch, name: str, text: str) -> bytes | None:
        if not text:
            return None
        return self._keys.seal(
            family=OPERATIONAL, place=self._place(batch.batch_id, name), plain=text.encode()
        )

    def _open(self, batch_id: str, name: str, sealed: bytes | None) -> str:
        if not sealed:
            return ""
        return self._keys.open(family=OPERATIONAL, place=self._place(batch_id, name), sealed=sealed).decode()

    def _place(self, batch_id: str, name: str) -> str:
        return f"tenants|{keys.voucher_batches(self._tenant_id)}|{batch_id}|{name}"

    def _batch(self, item: BatchItem) -> VoucherBatch:
        terms: dict[str, Any] = orjson.loads(item.terms)
        updated, finished = nullable(item.updated_at), nullable(item.finished_at)
        failure, voided = nullable(item.failure), nullable(item.voided_at)
        return VoucherBatch(
            batch_id=item.sk,
            number=terms["number"],
            count=terms["count"],
            currency=terms["currency"],
            amount=terms["amount"],
            package_id=terms["package_id"],
            expires_on=date.fromisoformat(terms["expires_on"]),
            created_by=terms["created_by"],
            created_at=from_iso(terms["created_at"]),
            dealer_id=terms["dealer_id"],
            note=self._open(item.sk, "note", nullable(item.note)),
            state=BatchState(item.state),
            version=int(item.version),
            attempt=int(item.attempt),
            made=int(item.made),
            seed=self._open(item.sk, "seed", nullable(item.seed)),
            updated_at=from_iso(updated) if updated else None,
            finished_at=from_iso(finished) if finished else None,
            failure=JobFailure(*orjson.loads(failure)) if failure else None,
            voided_at=from_iso(voided) if voided else None,
            redeemed=int(nullable(item.redeemed) or 0),
            redeemed_amount=int(nullable(item.redeemed_amount) or 0),
            voided=int(nullable(item.voided) or 0),
            sold_amount=int(nullable(item.sold_amount) or 0),
        )

    # -- vouchers --------------------------------------------------------------------------

    def make(self, *, batch: VoucherBatch, codes: Sequence[tuple[int, str]]) -> Sequence[ModelWrite]:
        """Describe new vouchers by number and code, two writes each."""
        twice = StaleVersion("the vouchers were made by another worker")
        writes: list[ModelWrite] = []
        for number, code in codes:
            voucher = VoucherItem(
                keys.vouchers(self._tenant_id, batch.batch_id), f"{number:05d}", state=VoucherState.OPEN.value
            )
            found = CodeItem(*self._code_key(code), batch_id=batch.batch_id, number=number)
            writes += [put_new(voucher, refused=twice), put_new(found, refused=twice)]
        return writes

    def by_code(self, *, code: str) -> Voucher | None:
        """Return the voucher that a code is of, or None."""
        try:
            found = CodeItem.get(*self._code_key(code), consistent_read=True)
        except DoesNotExist:
            return None
        return self.voucher(batch_id=found.batch_id, number=int(found.number))

    def voucher(self, *, batch_id: str, number: int) -> Voucher | None:
        """Return a voucher by number, or None."""
        pk = keys.vouchers(self._tenant_id, batch_id)
        try:
            return _voucher(batch_id, VoucherItem.get(pk, f"{number:05d}", consistent_read=True))
        except DoesNotExist:
            return None

    def vouchers(
        self, *, batch_id: str, state: VoucherState | None, limit: int, after: str | None
    ) -> Page[Voucher]:
        """Return a page of a batch's vouchers in the order of numbers."""
        page = query_page(
            VoucherItem,
            keys.vouchers(self._tenant_id, batch_id),
            limit=limit,
            after=after,
            where=None if state is None else lambda item: item.state == state.value,
        )
        return Page(tuple(_voucher(batch_id, item) for item in page.items), page.after)

    def redeem(self, *, before: Voucher, after: Voucher) -> Sequence[ModelWrite]:
        """Describe a redemption, or with the two turned round that it never was."""
        taken_back = after.state is not VoucherState.REDEEMED
        amount = -before.amount if taken_back else after.amount
        counted = [
            BatchItem.redeemed.add(-1 if taken_back else 1),
            BatchItem.redeemed_amount.add(amount),
        ]
        good = _is_ready() if taken_back else _is_ready() & BatchItem.voided_at.does_not_exist()
        return self._change(before, after, counted, good)

    def void(self, *, before: Voucher, after: Voucher) -> Sequence[ModelWrite]:
        """Describe making one voucher void, or open again."""
        counted = [BatchItem.voided.add(1 if after.state is VoucherState.VOID else -1)]
        return self._change(before, after, counted, _is_ready())

    def sell(self, *, batch: VoucherBatch, amount: int) -> Sequence[ModelWrite]:
        """Describe adding to the money that came in for a batch."""
        item = BatchItem(keys.voucher_batches(self._tenant_id), batch.batch_id)
        sold = BatchItem.sold_amount.add(amount)
        return [update(item, actions=[sold], condition=_is_ready(), refused=_moved())]

    def _change(self, before: Voucher, after: Voucher, counted: list[Any], good: Any) -> Sequence[ModelWrite]:
        item = VoucherItem(keys.vouchers(self._tenant_id, after.batch_id), f"{after.number:05d}")
        whole = BatchItem(keys.voucher_batches(self._tenant_id), after.batch_id)
        told: tuple[tuple[Any, Any], ...] = (
            (VoucherItem.subscriber_id, after.subscriber_id),
            (VoucherItem.at, to_iso(after.at) if after.at else ""),
            (VoucherItem.amount, after.amount),
            (VoucherItem.document_id, after.document_id),
        )
        actions = [
            VoucherItem.state.set(after.state.value),
            *(attribute.set(value) if value else attribute.remove() for attribute, value in told),
        ]
        same = VoucherItem.state == before.state.value
        if before.document_id:
            same = same & (VoucherItem.document_id == before.document_id)
        return [
            update(item, actions=actions, condition=same, refused=_moved()),
            update(whole, actions=counted, condition=good, refused=_moved()),
        ]

    def _code_key(self, code: str) -> tuple[str, str]:
        digest = self._keys.blind(kind="voucher", value=code)
        return keys.voucher_codes(self._tenant_id, shard_of(digest)), digest


def _is_ready() -> Any:
    return BatchItem.state == BatchState.READY.value


def _moved() -> Busy:
    return Busy("the voucher changed meanwhile; nothing was written, so try again")


def _terms(batch: VoucherBatch) -> dict[str, Any]:
    return {
        "number": batch.number,
        "count": batch.count,
        "currency": batch.currency,
        "amount": batch.amount,
        "package_id": batch.package_id,
        "expires_on": batch.expires_on.isoformat(),
        "created_by": batch.created_by,
        "created_at": to_iso(batch.created_at),
        "dealer_id": batch.dealer_id,
    }


def _voucher(batch_id: str, item: VoucherItem) -> Voucher:
    at = nullable(item.at)
    return Voucher(
        batch_id=batch_id,
        number=int(item.sk),
        state=VoucherState(item.state),
        subscriber_id=nullable(item.subscriber_id) or "",
        at=from_iso(at) if at else None,
        amount=int(nullable(item.amount) or 0),
        document_id=nullable(item.document_id) or "",
    )

"""Vouchers: batches, their codes, and making them void."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Literal

from pydantic import Field

from chalicelib.api.files import FailureOut, FileOut
from chalicelib.api.prepaid import PackageId
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, MoneyIn, MoneyOut, Schema
from chalicelib.domain.documents import NOTE_CHARS_MAX
from chalicelib.domain.money import Money
from chalicelib.domain.staff import Permission
from chalicelib.domain.vouchers import BATCH_VOUCHERS_MAX, BatchState, VoucherState
from chalicelib.usecases import vouchers


class VoucherBatchIn(Schema):
    """A batch: each voucher is worth ``value``, or one purchase of a prepaid package.

    ``expires_on`` is the last day on which one can be redeemed, a date of the company.
    """

    count: int = Field(ge=1, le=BATCH_VOUCHERS_MAX, examples=[100])
    value: MoneyIn | None = Field(default=None, examples=[{"amount": 50_000, "currency": "PKR"}])
    package_id: PackageId | None = None
    expires_on: date = Field(examples=["2042-06-30"])
    dealer_id: str = Field(default="", max_length=40, description="for whom they are printed, if a dealer")
    note: Line = Field(default="", max_length=NOTE_CHARS_MAX)

    def asked(self) -> vouchers.BatchAsked:
        """Return the use case's value."""
        return vouchers.BatchAsked(
            count=self.count,
            expires_on=self.expires_on,
            value=self.value.money() if self.value else None,
            package_id=self.package_id or "",
            dealer_id=self.dealer_id,
            note=self.note,
        )


class VoidIn(Schema):
    """Why vouchers are void, or good again."""

    reason: Line = Field(min_length=3, max_length=NOTE_CHARS_MAX, examples=["the sheets were lost"])


class VoucherBatchOut(Schema):
    """A batch: ``queued``, ``making``, then ``ready`` or ``failed``; its vouchers are good once it is ready.

    The counts are as of today and sum to ``made`` once it is ready. ``sold_value`` is the money that
    came in for it, ``redeemed_value`` what came of the vouchers redeemed; ``open_value``,
    ``void_value`` and ``expired_value`` are null for packages, whose price is that of the day. The
    codes can be downloaded until ``codes_until``.
    """

    batch_id: str = Field(examples=["vcb_01JD0000000000000000000000"])
    number: int
    state: BatchState
    count: int
    value: MoneyOut | None
    package_id: str | None
    expires_on: date
    dealer_id: str | None
    note: str
    created_by: str
    created_at: datetime
    made: int
    open: int
    redeemed: int
    void: int
    expired: int
    sold_value: MoneyOut
    redeemed_value: MoneyOut
    open_value: MoneyOut | None
    void_value: MoneyOut | None
    expired_value: MoneyOut | None
    codes_until: datetime | None
    voided_at: datetime | None
    failure: FailureOut | None

    @classmethod
    def of(cls, shown: vouchers.BatchShown) -> VoucherBatchOut:
        """Render a batch."""
        batch, counts = shown.batch, shown.counts
        value = _money(batch.amount, batch.currency) if batch.amount else None
        open_, void, expired = (
            _money(count * batch.amount, batch.currency) if batch.amount else None
            for count in (counts.open, counts.void, counts.expired)
        )
        return cls(
            batch_id=batch.batch_id,
            number=batch.number,
            state=BatchState.FAILED if batch.lost(at=shown.at) else batch.state,
            count=batch.count,
            value=value,
            package_id=batch.package_id or None,
            expires_on=batch.expires_on,
            dealer_id=batch.dealer_id or None,
            note=batch.note,
            created_by=batch.created_by,
            created_at=batch.created_at,
            made=batch.made,
            open=counts.open,
            redeemed=counts.redeemed,
            void=counts.void,
            expired=counts.expired,
            sold_value=_money(batch.sold_amount, batch.currency),
            redeemed_value=_money(batch.redeemed_amount, batch.currency),
            open_value=open_,
            void_value=void,
            expired_value=expired,
            codes_until=batch.sheets_until,
            voided_at=batch.voided_at,
            failure=FailureOut.of(batch.failure) if batch.failure else None,
        )


class CodesQuery(Schema):
    """Sheets to print and cut, or rows for a program."""

    format: Literal["pdf", "csv"] = "pdf"


class VoucherBatchList(ListAnswer):
    """Batches, newest first."""

    items: list[VoucherBatchOut]


class VoucherQuery(ListQuery):
    """A page of a batch's vouchers: all, or those in a state, redeemed or made void one by one."""

    state: VoucherState | None = None


class VoucherOut(Schema):
    """A voucher: ``open``, ``redeemed``, ``void`` (alone or with its batch) or ``expired``; never its code.

    ``at`` is when it was redeemed or made void, ``amount`` what came of it.
    """

    serial: str = Field(examples=["0007-00042"])
    state: Literal["open", "redeemed", "void", "expired"]
    at: datetime | None
    subscriber_id: str | None
    amount: MoneyOut | None
    document_id: str | None = Field(description="the receipt")

    @classmethod
    def of(cls, shown: vouchers.VoucherShown) -> VoucherOut:
        """Render a voucher."""
        voucher, batch = shown.voucher, shown.batch
        state = voucher.state.value
        if voucher.state is VoucherState.OPEN:
            late = shown.today > batch.expires_on
            state = "void" if batch.voided_at else "expired" if late else "open"
        redeemed = voucher.state is VoucherState.REDEEMED
        return cls.model_validate(
            {
                "serial": batch.serial(number=voucher.number),
                "state": state,
                "at": voucher.at,
                "subscriber_id": voucher.subscriber_id or None,
                "amount": _money(voucher.amount, batch.currency) if redeemed else None,
                "document_id": voucher.document_id or None,
            }
        )


class VoucherList(ListAnswer):
    """Vouchers of a batch, by serial number; with a state the page may be short and yet go on."""

    items: list[VoucherOut]


def _money(amount: int, currency: str) -> MoneyOut:
    return MoneyOut.of(Money(amount, currency))


@endpoint(
    "GET",
    "/v1/voucher-batches",
    permission=Permission.VOUCHERS_READ,
    query=ListQuery,
    answer=VoucherBatchList,
)
def list_voucher_batches(request: Request) -> VoucherBatchList:
    """List batches of vouchers, newest first, with what became of them."""
    limit = request.query_as(ListQuery).limit
    page = vouchers.list_batches(store=request.store, limit=limit, after=request.after, at=request.now)
    return request.listing(VoucherBatchList, page, VoucherBatchOut.of)


@endpoint(
    "POST",
    "/v1/voucher-batches",
    permission=Permission.VOUCHERS_WRITE,
    body=VoucherBatchIn,
    answer=VoucherBatchOut,
    status=202,
    idempotency_required=True,
)
def create_voucher_batch(request: Request) -> VoucherBatchOut:
    """Ask for a batch of vouchers: look at it until it is ``ready``, then download its codes within a day."""
    batch_id = request.services.ids.new(prefix="vcb")
    shown = vouchers.create_batch(
        store=request.store,
        queue=request.services.export_queue,
        tokens=request.services.identity.tokens,
        batch_id=batch_id,
        asked=request.body_as(VoucherBatchIn).asked(),
        at=request.now,
        note=request.note("voucher_batch.created", batch_id),
        idempotency=request.idempotency,
    )
    return VoucherBatchOut.of(shown)


@endpoint(
    "GET", "/v1/voucher-batches/{batch_id}", permission=Permission.VOUCHERS_READ, answer=VoucherBatchOut
)
def get_voucher_batch(request: Request) -> VoucherBatchOut:
    """Show a batch: how far it is made, and how many of its vouchers stand where."""
    batch_id = request.path["batch_id"]
    return VoucherBatchOut.of(vouchers.show_batch(store=request.store, batch_id=batch_id, at=request.now))


@endpoint(
    "GET",
    "/v1/voucher-batches/{batch_id}/codes",
    permission=Permission.VOUCHERS_WRITE,
    query=CodesQuery,
    answer=FileOut,
)
def download_voucher_codes(request: Request) -> FileOut:
    """Show where the codes are: an address that is good for 15 minutes; a day later nobody has them."""
    batch_id, form = request.path["batch_id"], request.query_as(CodesQuery).format
    found = vouchers.download_codes(
        store=request.store,
        blobs=request.services.blobs,
        batch_id=batch_id,
        form=form,
        at=request.now,
        note=request.note("voucher_batch.codes_downloaded", batch_id, format=form),
    )
    return FileOut.of(found)


@endpoint(
    "POST",
    "/v1/voucher-batches/{batch_id}/void",
    permission=Permission.VOUCHERS_WRITE,
    body=VoidIn,
    answer=VoucherBatchOut,
)
def void_voucher_batch(request: Request) -> VoucherBatchOut:
    """Make every voucher of a batch void that was not redeemed."""
    words, batch_id = request.body_as(VoidIn).reason, request.path["batch_id"]
    note = request.note("voucher_batch.voided", batch_id, why=words)
    shown = vouchers.void_batch(
        store=request.store, batch_id=batch_id, words=words, at=request.now, note=note
    )
    return VoucherBatchOut.of(shown)


@endpoint(
    "POST",
    "/v1/voucher-batches/{batch_id}/reinstatement",
    permission=Permission.VOUCHERS_WRITE,
    body=VoidIn,
    answer=VoucherBatchOut,
)
def reinstate_voucher_batch(request: Request) -> VoucherBatchOut:
    """Make a void batch good again before its last day is over; what was made void alone stays so."""
    words, batch_id = request.body_as(VoidIn).reason, request.path["batch_id"]
    note = request.note("voucher_batch.reinstated", batch_id, why=words)
    shown = vouchers.reinstate_batch(
        store=request.store, batch_id=batch_id, words=words, at=request.now, note=note
    )
    return VoucherBatchOut.of(shown)


@endpoint(
    "GET",
    "/v1/voucher-batches/{batch_id}/vouchers",
    permission=Permission.VOUCHERS_READ,
    query=VoucherQuery,
    answer=VoucherList,
)
def list_vouchers(request: Request) -> VoucherList:
    """List a batch's vouchers by serial number: all, or with ``state`` those redeemed."""
    asked = request.query_as(VoucherQuery)
    page = vouchers.list_vouchers(
        store=request.store,
        batch_id=request.path["batch_id"],
        state=asked.state,
        limit=asked.limit,
        after=request.after,
        at=request.now,
    )
    return request.listing(VoucherList, page, VoucherOut.of)


@endpoint(
    "POST",
    "/v1/voucher-batches/{batch_id}/vouchers/{serial}/void",
    permission=Permission.VOUCHERS_WRITE,
    body=VoidIn,
    answer=VoucherOut,
)
def void_voucher(request: Request) -> VoucherOut:
    """Make one voucher void."""
    return _changed(request, "voucher.voided", vouchers.void_voucher)


@endpoint(
    "POST",
    "/v1/voucher-batches/{batch_id}/vouchers/{serial}/reinstatement",
    permission=Permission.VOUCHERS_WRITE,
    body=VoidIn,
    answer=VoucherOut,
)
def reinstate_voucher(request: Request) -> VoucherOut:
    """Open a voucher again: one made void by mistake, or redeemed by a receipt that was since reversed."""
    return _changed(request, "voucher.reinstated", vouchers.reinstate_voucher)


def _changed(request: Request, action: str, change: Callable[..., vouchers.VoucherShown]) -> VoucherOut:
    words, batch_id, serial = request.body_as(VoidIn).reason, request.path["batch_id"], request.path["serial"]
    shown = change(
        store=request.store,
        batch_id=batch_id,
        serial=serial,
        words=words,
        at=request.now,
        note=request.note(action, batch_id, serial=serial, why=words),
    )
    return VoucherOut.of(shown)

"""Batches of vouchers: asking for one, looking on, its codes, and making vouchers void."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from chalicelib.domain.dealers import check_in_use
from chalicelib.domain.documents import Document
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.jobs import DOWNLOAD_TTL_SECONDS, FileExpired, JobFailure
from chalicelib.domain.money import CurrencyMismatch, InvalidAmount, Money
from chalicelib.domain.packages import Package, PackageKind
from chalicelib.domain.payments import check_words
from chalicelib.domain.prepaid import NotPrepaid
from chalicelib.domain.tenants import Tenant
from chalicelib.domain.vouchers import (
    BATCHES_AT_ONCE_MAX,
    BatchCounts,
    BatchNotReady,
    BatchState,
    NotVoid,
    TooManyBatches,
    Voucher,
    VoucherBatch,
    VoucherRedeemed,
    VoucherState,
    VoucherVoid,
    check_batch,
    check_not_expired,
    counts_of,
)
from chalicelib.ports.identity import Tokens
from chalicelib.ports.services import Blobs, JobQueue, QueueUnavailable
from chalicelib.ports.store import AuditNote, Idempotency, Page, TenantStore
from chalicelib.usecases.downloads import Download
from chalicelib.usecases.prepaid import prepaid_package

BATCHES_LOOKED_AT: Final = 20
NUMBER_ATTEMPTS_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class BatchAsked:
    """A batch to be made: its vouchers are worth ``value``, or a package; ``expires_on`` inclusive."""

    count: int
    expires_on: date
    value: Money | None = None
    package_id: str = ""
    dealer_id: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class BatchShown:
    """A batch, how many of its vouchers stand where today, and when it is looked at."""

    batch: VoucherBatch
    counts: BatchCounts
    at: datetime


@dataclass(frozen=True, slots=True)
class VoucherShown:
    """A voucher with its batch, and the tenant's date."""

    voucher: Voucher
    batch: VoucherBatch
    today: date


def create_batch(
    *,
    store: TenantStore,
    queue: JobQueue,
    tokens: Tokens,
    batch_id: str,
    asked: BatchAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> BatchShown:
    """Ask for a batch of vouchers, which a worker makes.

    Raises InvalidBatch, InvalidAmount, CurrencyMismatch, NotFound, DealerArchived, NotPrepaid,
    PackageArchived, TooManyBatches, or QueueUnavailable: then the batch is marked as failed.
    """
    tenant = store.profile()
    check_words(note=asked.note)
    if asked.dealer_id:
        check_in_use(dealer=store.dealers.get(dealer_id=asked.dealer_id))
    if asked.package_id:
        _check_package(prepaid_package(store=store, package_id=asked.package_id), tenant)
    amount = _amount(asked, tenant)
    today = tenant.local_date(at=at)
    check_batch(
        count=asked.count,
        amount=amount,
        package_id=asked.package_id,
        expires_on=asked.expires_on,
        today=today,
    )
    recent = store.vouchers.batches(limit=BATCHES_LOOKED_AT, after=None).items
    if sum(not one.finished and not one.lost(at=at) for one in recent) >= BATCHES_AT_ONCE_MAX:
        raise TooManyBatches(f"{BATCHES_AT_ONCE_MAX} batches are being made: wait for one to end")
    batch = VoucherBatch(
        batch_id=batch_id,
        number=0,
        count=asked.count,
        currency=tenant.currency,
        amount=amount,
        package_id=asked.package_id,
        expires_on=asked.expires_on,
        created_by=note.actor_id,
        created_at=at,
        dealer_id=asked.dealer_id,
        note=asked.note,
        seed=tokens.new(prefix="vcs"),
    )
    shown = _added(store, batch, today, note, idempotency)
    try:
        queue.send(message=batch_message(tenant_id=store.tenant_id, batch_id=batch_id))
    except QueueUnavailable as error:
        failure = JobFailure(error.code, error.message)
        failed = replace(
            shown.batch, state=BatchState.FAILED, seed="", finished_at=at, failure=failure, version=2
        )
        store.commit(*store.vouchers.change(before=shown.batch, after=failed))
        raise
    return shown


def _added(
    store: TenantStore, batch: VoucherBatch, today: date, note: AuditNote, idempotency: Idempotency | None
) -> BatchShown:
    """Add the batch under the next number, which another may take meanwhile."""
    for _ in range(NUMBER_ATTEMPTS_MAX):
        numbered = replace(batch, number=store.vouchers.next_number())
        shown = BatchShown(numbered, counts_of(batch=numbered, today=today), batch.created_at)
        worth = {"amount": batch.amount} if batch.amount else {"package_id": batch.package_id}
        details = {"number": numbered.number, "count": batch.count, **worth}
        try:
            store.commit(
                *store.vouchers.add(batch=numbered),
                store.note(note=replace(note, details={**note.details, **details})),
                *store.remember(idempotency=idempotency, answer=shown),
            )
        except StaleVersion:
            continue
        return shown
    raise Busy("other batches kept taking the number; nothing was written, so try again")


def batch_message(*, tenant_id: str, batch_id: str) -> Mapping[str, object]:
    """Return what travels in the queue."""
    return {"tenant_id": tenant_id, "voucher_batch_id": batch_id}


def show_batch(*, store: TenantStore, batch_id: str, at: datetime) -> BatchShown:
    """Return a batch as it stands, or raise NotFound."""
    today = store.known_profile.local_date(at=at)
    batch = store.vouchers.batch(batch_id=batch_id)
    return BatchShown(batch, counts_of(batch=batch, today=today), at)


def list_batches(*, store: TenantStore, limit: int, after: str | None, at: datetime) -> Page[BatchShown]:
    """Return a page of batches as they stand, newest first."""
    today = store.known_profile.local_date(at=at)
    page = store.vouchers.batches(limit=limit, after=after)
    return Page(
        tuple(BatchShown(one, counts_of(batch=one, today=today), at) for one in page.items), page.after
    )


def list_vouchers(
    *,
    store: TenantStore,
    batch_id: str,
    state: VoucherState | None,
    limit: int,
    after: str | None,
    at: datetime,
) -> Page[VoucherShown]:
    """Return a page of a batch's vouchers, or of those in a state; raise NotFound."""
    today = store.known_profile.local_date(at=at)
    batch = store.vouchers.batch(batch_id=batch_id)
    page = store.vouchers.vouchers(batch_id=batch_id, state=state, limit=limit, after=after)
    return Page(tuple(VoucherShown(one, batch, today) for one in page.items), page.after)


def download_codes(
    *, store: TenantStore, blobs: Blobs, batch_id: str, form: str, at: datetime, note: AuditNote
) -> Download:
    """Return where a batch's codes are to be got, as PDF or CSV, within a day of their making; audited.

    Raises NotFound, BatchNotReady or FileExpired.
    """
    batch = store.vouchers.batch(batch_id=batch_id)
    if batch.sheets_until is None:
        raise BatchNotReady("the vouchers are being made, or could not be made: look at the batch")
    key = sheet_key(tenant_id=store.tenant_id, batch_id=batch_id, form=form)
    if at >= batch.sheets_until or blobs.info(key=key) is None:
        raise FileExpired("the codes are deleted by now, and nobody has them but on paper")
    store.commit(store.note(note=note))
    name = f"vouchers-{batch.number:04d}.{form}"
    ttl_seconds = min(DOWNLOAD_TTL_SECONDS, int((batch.sheets_until - at).total_seconds()))
    url = blobs.presigned_get(key=key, file_name=name, ttl_seconds=max(1, ttl_seconds))
    return Download(url, name, at + timedelta(seconds=max(1, ttl_seconds)))


def sheet_key(*, tenant_id: str, batch_id: str, form: str) -> str:
    """Return where the codes of a batch are kept: the same for every worker, as is what is in it."""
    return f"vouchers/{tenant_id}/{batch_id}.{form}"


# -- void, and good again --------------------------------------------------------------------


def void_batch(*, store: TenantStore, batch_id: str, words: str, at: datetime, note: AuditNote) -> BatchShown:
    """Make every voucher of a batch void that was not redeemed.

    Raises NotFound, BatchNotReady or VoucherVoid.
    """
    check_words(note=words)
    before = ready_batch(store=store, batch_id=batch_id)
    if before.voided_at is not None:
        raise VoucherVoid("the batch is void already")
    store.commit(*store.vouchers.void_batch(batch=before, at=at), store.note(note=note))
    return show_batch(store=store, batch_id=batch_id, at=at)


def reinstate_batch(
    *, store: TenantStore, batch_id: str, words: str, at: datetime, note: AuditNote
) -> BatchShown:
    """Make a void batch good again, but for the vouchers that were made void one by one.

    Raises NotFound, BatchNotReady, NotVoid or VoucherExpired.
    """
    check_words(note=words)
    before = ready_batch(store=store, batch_id=batch_id)
    if before.voided_at is None:
        raise NotVoid("the batch is not void")
    check_not_expired(batch=before, today=store.known_profile.local_date(at=at))
    store.commit(*store.vouchers.void_batch(batch=before, at=None), store.note(note=note))
    return show_batch(store=store, batch_id=batch_id, at=at)


def void_voucher(
    *, store: TenantStore, batch_id: str, serial: str, words: str, at: datetime, note: AuditNote
) -> VoucherShown:
    """Make one voucher void; raises NotFound, BatchNotReady, VoucherRedeemed or VoucherVoid."""
    check_words(note=words)
    batch, before = _voucher(store, batch_id, serial)
    if before.state is VoucherState.REDEEMED:
        raise VoucherRedeemed("this voucher was redeemed: reverse its receipt instead")
    if before.state is VoucherState.VOID:
        raise VoucherVoid("this voucher is void already")
    after = Voucher(batch_id, before.number, VoucherState.VOID, at=at)
    store.commit(*store.vouchers.void(before=before, after=after), store.note(note=note))
    return VoucherShown(after, batch, store.known_profile.local_date(at=at))


def reinstate_voucher(
    *, store: TenantStore, batch_id: str, serial: str, words: str, at: datetime, note: AuditNote
) -> VoucherShown:
    """Open a voucher again that was made void, or that was redeemed by a receipt since reversed.

    Raises NotFound, BatchNotReady, NotVoid or VoucherExpired.
    """
    check_words(note=words)
    batch, before = _voucher(store, batch_id, serial)
    today = store.known_profile.local_date(at=at)
    check_not_expired(batch=batch, today=today)
    after = Voucher(batch_id, before.number)
    if before.state is VoucherState.OPEN:
        raise NotVoid("this voucher is open")
    if before.state is VoucherState.VOID:
        writes = store.vouchers.void(before=before, after=after)
    else:
        if not _receipt(store, before).reversed_by:
            raise NotVoid("this voucher was redeemed: reverse its receipt first")
        writes = store.vouchers.redeem(before=before, after=after)
    store.commit(*writes, store.note(note=note))
    return VoucherShown(after, batch, today)


def _receipt(store: TenantStore, voucher: Voucher) -> Document:
    if not voucher.document_id:
        raise NotVoid("this voucher's package cost nothing: reverse the recharge, and print another")
    return store.documents.get(document_id=voucher.document_id)


def _voucher(store: TenantStore, batch_id: str, serial: str) -> tuple[VoucherBatch, Voucher]:
    batch = ready_batch(store=store, batch_id=batch_id)
    number = batch.number_of(serial=serial)
    found = None if number is None else store.vouchers.voucher(batch_id=batch_id, number=number)
    if found is None:
        raise NotFound("the batch has no such voucher", param="serial")
    return batch, found


def ready_batch(*, store: TenantStore, batch_id: str) -> VoucherBatch:
    """Return a batch whose vouchers are made, or raise NotFound or BatchNotReady."""
    batch = store.vouchers.batch(batch_id=batch_id)
    if batch.state is not BatchState.READY:
        raise BatchNotReady("the vouchers are being made, or could not be made")
    return batch


def _amount(asked: BatchAsked, tenant: Tenant) -> int:
    if asked.value is None:
        return 0
    if asked.value.currency != tenant.currency:
        raise CurrencyMismatch(f"the company bills in {tenant.currency}", param="value.currency")
    if asked.value.amount <= 0:
        raise InvalidAmount("a voucher is worth more than nothing", param="value.amount")
    return asked.value.amount


def _check_package(package: Package, tenant: Tenant) -> None:
    package.require_on_sale()
    if package.kind is not PackageKind.PREPAID:
        raise NotPrepaid(f"a package of the kind {package.kind} is not bought for a time", param="package_id")
    if package.price.currency != tenant.currency:
        message = f"the package is priced in {package.price.currency}, the company in {tenant.currency}"
        raise CurrencyMismatch(message, param="package_id")

"""Making a batch of vouchers: in transactions of a hundred writes, and then the sheets.

A worker that dies leaves a batch whose vouchers nobody can redeem. The next one derives the same
codes, goes on after the last transaction, and prints the same sheets; when they lie in the file
store, the batch is ready and its secret forgotten, in one write.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.errors import NotFound, StaleVersion
from chalicelib.domain.jobs import JobFailure
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.money import Money, currency_digits
from chalicelib.domain.spreadsheets import text_cell
from chalicelib.domain.tenants import Tenant
from chalicelib.domain.vouchers import BatchState, BatchTaken, VoucherBatch, code_of, shown_code
from chalicelib.ports.services import Blobs
from chalicelib.ports.store import AuditNote, Stores, TenantStore, Write
from chalicelib.ports.vouchers import VoucherPrint, VoucherSheets
from chalicelib.usecases.vouchers import sheet_key

# Two writes each, besides that of the batch.
VOUCHERS_PER_WRITE: Final = 49
_CONTENT_TYPES: Final = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8"}
_COLUMNS: Final = ("serial", "code", "value", "currency", "package", "expires_on")


@dataclass(frozen=True, slots=True)
class VoucherWork:
    """What making vouchers needs; ``base_url`` is where subscribers sign in."""

    stores: Stores
    blobs: Blobs
    sheets: Callable[[], VoucherSheets]
    now: Callable[[], datetime]
    out_of_time: Callable[[], bool]
    base_url: str


def make_vouchers(*, work: VoucherWork, tenant_id: str, voucher_batch_id: str) -> bool:
    """Make a batch, from where an earlier worker came to; return whether it is finished.

    Raises BatchTaken where another worker took it over, and what stores raise where they do not answer.
    """
    store = work.stores.of(tenant_id=tenant_id)
    state = store.profile().state
    if not may(state=state, capability=Capability.WORK):
        if may(state=state, capability=Capability.SIGN_IN):  # it may come back, and want to know
            give_up(work=work, tenant_id=tenant_id, voucher_batch_id=voucher_batch_id)
        return True
    batch = store.vouchers.batch(batch_id=voucher_batch_id)
    if batch.finished:
        return True
    batch = _changed(work, store, batch, replace(batch, state=BatchState.MAKING, attempt=batch.attempt + 1))
    while batch.made < batch.count:
        if work.out_of_time():
            return False
        first = batch.made + 1
        numbers = range(first, min(first + VOUCHERS_PER_WRITE, batch.count + 1))
        codes = [(number, code_of(seed=batch.seed, number=number)) for number in numbers]
        made = replace(batch, made=numbers[-1], updated_at=work.now(), version=batch.version + 1)
        _commit(store, *store.vouchers.make(batch=batch, codes=codes), *_change(store, batch, made))
        batch = made
    _print(work, store, batch)
    ready = replace(batch, state=BatchState.READY, seed="", finished_at=work.now(), version=batch.version + 1)
    _commit(store, *_change(store, batch, ready), store.note(note=_note(ready, {"made": ready.made})))
    return True


def give_up(*, work: VoucherWork, tenant_id: str, voucher_batch_id: str) -> None:
    """Mark a batch that its workers could not make, and forget its secret."""
    store = work.stores.of(tenant_id=tenant_id)
    batch = store.vouchers.batch(batch_id=voucher_batch_id)
    if batch.finished:
        return
    failure = JobFailure("internal_error", "something went wrong on our side; ask for another batch")
    failed = replace(
        batch,
        state=BatchState.FAILED,
        seed="",
        finished_at=work.now(),
        failure=failure,
        version=batch.version + 1,
    )
    _commit(store, *_change(store, batch, failed), store.note(note=_note(failed, {})))


def _print(work: VoucherWork, store: TenantStore, batch: VoucherBatch) -> None:
    """Put the codes into the file store, as PDF and CSV."""
    tenant = store.profile()
    package = _package_name(store, batch)
    print_ = _print_of(work, tenant, batch, package)
    codes = [
        (batch.serial(number=number), shown_code(code=code_of(seed=batch.seed, number=number)))
        for number in range(1, batch.count + 1)
    ]
    forms = {
        "csv": _csv(batch, package, codes),
        "pdf": work.sheets().sheets(print_=print_, vouchers=codes),
    }
    for form, chunks in forms.items():
        key = sheet_key(tenant_id=store.tenant_id, batch_id=batch.batch_id, form=form)
        work.blobs.write(key=key, chunks=chunks, content_type=_CONTENT_TYPES[form])


def _print_of(work: VoucherWork, tenant: Tenant, batch: VoucherBatch, package: str) -> VoucherPrint:
    staff = "It can be used once: give it to our staff"
    portal = (f"{staff}, or enter it at", work.base_url)
    return VoucherPrint(
        company=tenant.company,
        worth=package or worth_text(money=Money(batch.amount, batch.currency)),
        valid_through=f"Valid through {batch.expires_on.day} {batch.expires_on:%B %Y}",
        instructions=portal if tenant.portal else (f"{staff}.",),
        title=f"Vouchers {batch.number:04d}",
    )


def worth_text(*, money: Money) -> str:
    """Return an amount as it is printed, such as ``PKR 1,500.00``; whole units without decimals."""
    units = 10 ** currency_digits(currency=money.currency)
    whole, part = divmod(money.amount, units)
    decimals = f".{part:0{len(str(units)) - 1}d}" if part else ""
    return f"{money.currency} {whole:,}{decimals}"


def _csv(batch: VoucherBatch, package: str, codes: list[tuple[str, str]]) -> Iterator[bytes]:
    text = io.StringIO()
    writing = csv.writer(text)
    writing.writerow(_COLUMNS)
    value = "" if package else str(Money(batch.amount, batch.currency)).split(" ")[0]
    rest = (value, batch.currency, text_cell(text=package), batch.expires_on.isoformat())
    for serial, code in codes:
        writing.writerow((serial, code, *rest))
    yield text.getvalue().encode()


def _package_name(store: TenantStore, batch: VoucherBatch) -> str:
    if not batch.package_id:
        return ""
    try:
        return store.packages.get(package_id=batch.package_id).name
    except NotFound:
        return batch.package_id


def _changed(
    work: VoucherWork, store: TenantStore, before: VoucherBatch, after: VoucherBatch
) -> VoucherBatch:
    after = replace(after, updated_at=work.now(), version=before.version + 1)
    _commit(store, *_change(store, before, after))
    return after


def _change(store: TenantStore, before: VoucherBatch, after: VoucherBatch) -> Sequence[Write]:
    return store.vouchers.change(before=before, after=after)


def _commit(store: TenantStore, *writes: Write) -> None:
    try:
        store.commit(*writes)
    except StaleVersion:
        raise BatchTaken("another worker makes this batch") from None


def _note(batch: VoucherBatch, details: dict[str, object]) -> AuditNote:
    assert batch.finished_at is not None, "an ended batch has an end"
    return AuditNote(
        actor_id=batch.created_by,
        action=f"voucher_batch.{batch.state.value}",
        object_id=batch.batch_id,
        at=batch.finished_at,
        details=details,
    )

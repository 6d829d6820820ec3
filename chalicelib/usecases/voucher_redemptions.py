"""Redeeming a voucher: its worth becomes the subscriber's, once, in the transaction of its receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.documents import Document, DocumentKind, Entry, NewDocument, allocate
from chalicelib.domain.invoices import CREDIT, Invoice, Posting
from chalicelib.domain.ledger import VOUCHERS
from chalicelib.domain.money import CurrencyMismatch
from chalicelib.domain.payments import VOUCHER_CHANNEL, receive
from chalicelib.domain.subscribers import SubscriberArchived
from chalicelib.domain.vouchers import (
    Voucher,
    VoucherBatch,
    VoucherExpired,
    VoucherRedeemed,
    VoucherState,
    VoucherUnknown,
    VoucherVoid,
    check_redeemable,
    typed_code,
    unknown_voucher,
)
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore, Write
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.posting import Books, Posted, post
from chalicelib.usecases.prepaid import (
    Purchase,
    RechargeAsked,
    Recharged,
    chosen_line,
    prepaid_package,
)
from chalicelib.usecases.throttle import Limit, client_of, give_back, reserve

# Codes tried in vain in a quarter of an hour: by one person or program, from one address (an ISP's
# own customers may share one), and by all of a tenant. A code has 82 bits; this keeps who tries
# from being a burden, and makes trying seen.
_QUARTER: Final = 900
TRIES_PER_ACTOR: Final = Limit("voucher-actor", most=10, window_seconds=_QUARTER)
TRIES_PER_CLIENT: Final = Limit("voucher-client", most=50, window_seconds=_QUARTER)
TRIES_PER_TENANT: Final = Limit("voucher-tenant", most=1_000, window_seconds=_QUARTER)
# What says that a code was tried in vain; any other refusal is not about the code.
_IN_VAIN: Final = (VoucherUnknown, VoucherRedeemed, VoucherVoid, VoucherExpired)


@dataclass(frozen=True, slots=True)
class RedemptionAsked:
    """A code as it was typed. Where ``keep``, its amount pays no invoices and stays credit.

    ``subscription_id`` and ``new_line`` say which prepaid line a package is for, as of a recharge.
    """

    code: str
    keep: bool = False
    subscription_id: str | None = None
    new_line: bool = False


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A redemption: the voucher, its receipt (None for a package that costs nothing), and the recharge."""

    serial: str
    batch: VoucherBatch
    amount: int
    receipt: Document | None
    invoice: Invoice | None
    recharged: Recharged | None


def redeem_voucher(
    *,
    store: TenantStore,
    identity: Identity,
    subscriber_id: str,
    asked: RedemptionAsked,
    address: str,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Redeemed:
    """Redeem a voucher for a subscriber: as a payment, or as a recharge with its package.

    Raises VoucherCodeMistyped, VoucherUnknown, VoucherRedeemed, VoucherVoid, VoucherExpired,
    TooManyAttempts where too many codes were tried in vain; NotFound, SubscriberArchived, or what a
    recharge is refused for.
    """
    code = typed_code(text=asked.code)
    counted = _counted(store.tenant_id, note.actor_id, address)
    for limit, key in counted:
        reserve(identity=identity, limit=limit, key=key, at=at)
    in_vain = False
    redemption = _Redemption(store, code, asked, at)
    try:
        return redemption.post(subscriber_id=subscriber_id, note=note, idempotency=idempotency)
    except _IN_VAIN:
        # A repetition of what this subscriber redeemed is no guess.
        in_vain = redemption.voucher is None or redemption.voucher.subscriber_id != subscriber_id
        raise
    finally:
        if not in_vain:
            for limit, key in counted:
                give_back(identity=identity, limit=limit, key=key, at=at)


def _counted(tenant_id: str, actor_id: str, address: str) -> Sequence[tuple[Limit, str]]:
    return (
        (TRIES_PER_ACTOR, f"{tenant_id}|{actor_id}"),
        (TRIES_PER_CLIENT, client_of(address=address)),
        (TRIES_PER_TENANT, tenant_id),
    )


@dataclass
class _Redemption:
    """One redemption, made anew from the books each time they moved."""

    store: TenantStore
    code: str
    asked: RedemptionAsked
    at: datetime
    voucher: Voucher | None = None
    batch: VoucherBatch | None = None
    purchase: Purchase | None = None

    def post(self, *, subscriber_id: str, note: AuditNote, idempotency: Idempotency | None) -> Redeemed:
        """Write the receipt and whatever it pays, and the voucher as redeemed."""
        voucher, batch = self._read()
        details = {"serial": batch.serial(number=voucher.number), "batch_id": batch.batch_id}
        posted = post(
            store=self.store,
            subscriber_id=subscriber_id,
            make=self._make,
            at=self.at,
            note=replace(note, details={**note.details, **details}),
            idempotency=idempotency,
            answer=self._result,
            besides=self._writes,
        )
        return self._result(posted)

    def _read(self) -> tuple[Voucher, VoucherBatch]:
        found = self.voucher = self.store.vouchers.by_code(code=self.code)
        if found is None:
            raise unknown_voucher()
        batch = self.batch = self.store.vouchers.batch(batch_id=found.batch_id)
        check_redeemable(batch=batch, voucher=found, today=self.store.known_profile.local_date(at=self.at))
        return found, batch

    def _make(self, books: Books) -> Entry:
        if books.subscriber.archived:
            raise SubscriberArchived("the subscriber is archived: unarchive it first")
        voucher, batch = self._read()
        reference = batch.serial(number=voucher.number)
        account = books.subscriber.account
        if batch.package_id:
            self.purchase = self._purchase(batch, reference)
            return self.purchase.make(books=books)
        if account.currency != batch.currency:
            message = f"the voucher is in {batch.currency}, the account in {account.currency}"
            raise CurrencyMismatch(message, param="code")
        settled = () if self.asked.keep else allocate(amount=batch.amount, invoices=books.open_invoices())
        return receive(
            account=account,
            amount=batch.amount,
            channel=VOUCHER_CHANNEL,
            settled=settled,
            reference=reference,
        )

    def _purchase(self, batch: VoucherBatch, reference: str) -> Purchase:
        package = prepaid_package(store=self.store, package_id=batch.package_id)
        asked = RechargeAsked(batch.package_id, self.asked.subscription_id, self.asked.new_line)
        return Purchase(
            self.store,
            self.at,
            package,
            lambda books: chosen_line(store=self.store, account=books.subscriber.account, asked=asked),
            lambda _books, price: _receipt(price, reference) if price else None,
        )

    def _writes(self, posted: Posted) -> Sequence[Write]:
        before = self.voucher
        assert before is not None, "an entry was made"
        after = replace(
            before,
            state=VoucherState.REDEEMED,
            subscriber_id=posted.entry.before.account_id,
            at=self.at,
            amount=_amount(posted),
            document_id=posted.documents[0].document_id if posted.documents else "",
        )
        line = self.purchase.writes() if self.purchase else ()
        return [*line, *self.store.vouchers.redeem(before=before, after=after)]

    def _result(self, posted: Posted) -> Redeemed:
        assert self.voucher is not None, "an entry was made"
        assert self.batch is not None, "an entry was made"
        return Redeemed(
            serial=self.batch.serial(number=self.voucher.number),
            batch=self.batch,
            amount=_amount(posted),
            receipt=posted.documents[0] if posted.documents else None,
            invoice=posted.invoices[0] if posted.invoices else None,
            recharged=self.purchase.result(posted=posted) if self.purchase else None,
        )


def _amount(posted: Posted) -> int:
    return sum(one.amount for one in posted.entry.documents)


def _receipt(price: int, reference: str) -> NewDocument:
    postings = (Posting(VOUCHERS, price), Posting(CREDIT, -price))
    return NewDocument(DocumentKind.RECEIPT, price, postings, channel=VOUCHER_CHANNEL, reference=reference)

"""Collections through a gateway: what may be collected, and what a notice does to one.

A collection is one attempt to collect an amount, which is fixed when it begins. At most one is
under way for an invoice. What a vendor tells comes late, twice, out of order, or of what nobody
knows: what each notice does is decided here, from the collection as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.accounts import Account
from chalicelib.domain.documents import SETTLED_PER_ENTRY_MAX, Settlement, allocate
from chalicelib.domain.errors import Conflict, InvalidValue, NotFound
from chalicelib.domain.gateways import GatewayKind, Notice, NoticeStatus
from chalicelib.domain.identifiers import MalformedId, is_ulid
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.money import Money
from chalicelib.domain.payments import ExceedsOpen, NothingOpen, amount_of

REFERENCE_CHARS: Final = 20
_TIME_CHARS: Final = 10
CHECKOUT_LIFE: Final = timedelta(minutes=30)
# A consumer number or QR code is taken to another place, and paid there.
NUMBER_LIFE: Final = timedelta(hours=24)
# A vendor that still works at a payment has so long beyond the collection's own time.
PENDING_LIFE: Final = timedelta(hours=48)
# Captures of one collection that are recorded by themselves; a person looks at more.
CAPTURES_MAX: Final = 5
REASON_CHARS_MAX: Final = 200
VENDOR_ID_CHARS_MAX: Final = 80
# Nobody tells of what reaches the bank by these: staff look, and say so.
CONFIRMED_BY_STAFF: Final = frozenset({GatewayKind.RAAST})
_BY_NUMBER: Final = frozenset({GatewayKind.ONEBILL, GatewayKind.RAAST})


class CollectionState(StrEnum):
    """Where a collection stands; PENDING: the vendor works at it."""

    OPEN = "open"
    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


UNDER_WAY: Final = frozenset({CollectionState.OPEN, CollectionState.PENDING})


class CollectionOpen(Conflict):
    """Another collection of the invoice is under way; the message names it."""

    code = "collection_open"


class CollectionOver(Conflict):
    """The collection has ended, or the vendor works at it: it cannot be cancelled."""

    code = "collection_over"


class CurrencyNotTaken(InvalidValue):
    """The gateway takes no payments in the account's currency."""

    code = "currency_not_taken"


class TransactionConfirmed(Conflict):
    """The bank's transfer confirmed another collection already."""

    code = "transaction_confirmed"


class GatewayTells(Conflict):
    """The gateway tells by itself what was paid: nobody else says so."""

    code = "gateway_tells"


@dataclass(frozen=True, slots=True)
class Capture:
    """Money that came in for a collection: the vendor's transaction, and the receipt of it."""

    vendor_id: str
    receipt_id: str


@dataclass(frozen=True, slots=True)
class Collection:
    """One attempt to collect an amount.

    ``vendor_id`` is the vendor's name for the checkout, ``captures`` what came in by it: one at most,
    unless somebody paid twice. ``fee`` is what the vendor told that it kept. ``reason`` says why it
    failed, in the vendor's words. ``asked_at`` is when the vendor was last asked about it.
    """

    account_id: str
    reference: str
    gateway: GatewayKind
    amount: Money
    state: CollectionState
    created_at: datetime
    created_by: str
    expires_at: datetime
    invoice_id: str = ""
    vendor_id: str = ""
    captures: tuple[Capture, ...] = ()
    fee: int | None = None
    reason: str = ""
    asked_at: datetime | None = None
    version: int = 1

    @property
    def collection_id(self) -> str:
        """``col_<account ULID>-<reference>``."""
        return f"col_{self.account_id.removeprefix('sbr_')}-{self.reference}"

    @property
    def over_at(self) -> datetime:
        """When its time is over, where nothing more is heard of it."""
        pending = self.state is CollectionState.PENDING
        return self.expires_at + PENDING_LIFE if pending else self.expires_at

    def state_at(self, *, at: datetime) -> CollectionState:
        """Return the state at an instant: one that is under way expires without anybody's doing."""
        return CollectionState.EXPIRED if self.overdue(at=at) else self.state

    def overdue(self, *, at: datetime) -> bool:
        """Whether its time is over, and nothing was heard of it."""
        return self.state in UNDER_WAY and at >= self.over_at


def parse_collection_id(*, value: str) -> tuple[str, str]:
    """Return (account id, reference), or raise MalformedId."""
    ulid, _, reference = value.removeprefix("col_").partition("-")
    if not (value.startswith("col_") and is_ulid(text=ulid) and is_reference(text=reference)):
        raise MalformedId("not a collection's id", param="collection_id")
    return f"sbr_{ulid}", reference


def is_reference(*, text: str) -> bool:
    """Whether the text has the form of a reference."""
    plain = text.isascii() and text.isalnum() and text == text.upper()
    return len(text) == REFERENCE_CHARS and text[0].isalpha() and plain


def reference_of(*, ulid: str) -> str:
    """Return the reference made of a new ULID: its time, and as much of its chance as fits."""
    return f"C{ulid[:_TIME_CHARS]}{ulid[_TIME_CHARS - REFERENCE_CHARS + 1 :]}"


def life_of(*, kind: GatewayKind) -> timedelta:
    """Return how long a payer has."""
    return NUMBER_LIFE if kind in _BY_NUMBER else CHECKOUT_LIFE


# -- beginning -------------------------------------------------------------------------------


def amount_to_collect(*, account: Account, invoice: Invoice | None, asked: Money | None) -> Money:
    """Return what is to be collected: what is asked for, or all that the invoice or account owes.

    Without an invoice it may be more than is owed: that is an advance. Raises NothingOpen,
    ExceedsOpen, InvalidAmount or CurrencyMismatch; NotFound for another account's invoice.
    """
    if invoice is not None and invoice.account_id != account.account_id:
        raise NotFound("no such invoice", param="invoice_id")
    owed = account.balance if invoice is None else invoice.open_amount
    if invoice is not None and owed <= 0:
        raise NothingOpen(f"nothing of invoice {invoice.number} is open: it is {invoice.state}")
    if asked is None:
        if owed <= 0:
            raise NothingOpen("nothing is owed: say how much is to be paid in advance")
        return Money(amount_of(money=Money(owed, account.currency), account=account), account.currency)
    amount = amount_of(money=asked, account=account)
    if invoice is not None and amount > owed:
        raise ExceedsOpen(f"{owed} of invoice {invoice.number} is open", param="amount.amount")
    return asked


# -- notices ---------------------------------------------------------------------------------


class Effect(StrEnum):
    """What a notice does."""

    NOTHING = "nothing"
    MOVE = "move"
    RECEIVE = "receive"
    PARK = "park"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a notice does to a collection: MOVE to a ``state``, or PARK for a ``reason``."""

    effect: Effect
    state: CollectionState | None = None
    reason: str = ""


_MOVES: Final = {
    NoticeStatus.PENDING: CollectionState.PENDING,
    NoticeStatus.FAILED: CollectionState.FAILED,
    NoticeStatus.EXPIRED: CollectionState.EXPIRED,
}
# Of money that has come or gone: a person hears of these whatever becomes of them.
OF_MONEY: Final = frozenset(NoticeStatus) - {*_MOVES, NoticeStatus.IGNORED}


def decide(*, collection: Collection | None, gateway: GatewayKind, notice: Notice) -> Decision:
    """Return what a notice of a gateway does to the collection that it names, None where nobody knows it.

    Money that came is recorded whenever it comes, once for each of the vendor's transactions; where
    it is not what was asked for, or of what is unknown or was cancelled, a person decides.
    """
    if notice.status is NoticeStatus.IGNORED:
        return Decision(Effect.NOTHING)
    if collection is None or collection.gateway is not gateway:
        known = "unknown_reference" if collection is None else "other_gateway"
        return _parked(known) if notice.status in OF_MONEY else Decision(Effect.NOTHING)
    if notice.status is NoticeStatus.PAID:
        return _paid(collection, notice)
    if notice.status in OF_MONEY:
        return _parked(notice.status.value)
    state = _MOVES[notice.status]
    from_here = UNDER_WAY if state is not CollectionState.PENDING else {CollectionState.OPEN}
    return Decision(Effect.MOVE, state) if collection.state in from_here else Decision(Effect.NOTHING)


def _paid(collection: Collection, notice: Notice) -> Decision:
    vendor_id = notice.vendor_id[:VENDOR_ID_CHARS_MAX]
    if vendor_id and vendor_id in {one.vendor_id for one in collection.captures}:
        return Decision(Effect.NOTHING)
    if notice.amount is None and not notice.signed_amount:
        # Whoever carries the notice may have left it out: what came in is not known.
        return _parked("amount_differs")
    if notice.amount is not None and notice.amount != collection.amount:
        same = notice.amount.currency == collection.amount.currency
        return _parked("amount_differs" if same else "currency_differs")
    if collection.state is CollectionState.CANCELLED:
        return _parked("cancelled")
    if collection.captures and (not vendor_id or len(collection.captures) >= CAPTURES_MAX):
        # Without the vendor's name for it nobody can say whether it is the payment that is recorded.
        return _parked("paid_before")
    return Decision(Effect.RECEIVE)


RECORDED_BY_HAND: Final = Decision(Effect.PARK, reason="recorded_by_hand")


def _parked(reason: str) -> Decision:
    return Decision(Effect.PARK, reason=reason)


def paid_mark(*, reference: str, vendor_id: str) -> str:
    """Return what is written down of a vendor's transaction that we were told of."""
    return f"paid|{reference}|{vendor_id}"


def recorded_mark(*, name: str) -> str:
    """Return what is written down of a payment that somebody recorded from a vendor's file.

    ``name`` is our reference where the file has one of ours, else the vendor's number.
    """
    return f"recorded|{name}"


def captured(*, collection: Collection, notice: Notice, receipt_id: str) -> Collection:
    """Return the collection after money came in by it."""
    fee = notice.fee.amount if notice.fee and notice.fee.currency == collection.amount.currency else None
    told = [one for one in (collection.fee, fee) if one is not None]
    return replace(
        collection,
        state=CollectionState.PAID,
        captures=(
            *collection.captures,
            Capture(notice.vendor_id[:VENDOR_ID_CHARS_MAX], receipt_id),
        ),
        fee=sum(told) if told else None,
        reason="",
    )


def moved(*, collection: Collection, state: CollectionState, reason: str = "") -> Collection:
    """Return the collection in another state, with the vendor's reason where there is one."""
    return replace(collection, state=state, reason=reason[:REASON_CHARS_MAX])


def settlements_of(*, amount: int, first: Invoice | None, others: tuple[Invoice, ...]) -> list[Settlement]:
    """Return what an amount pays: the invoice that it was collected for, then the oldest due."""
    part = min(amount, first.open_amount) if first is not None else 0
    settled = [Settlement(first, paid=part)] if first is not None and part > 0 else []
    rest = [one for one in others if first is None or one.invoice_id != first.invoice_id]
    left = allocate(amount=amount - part, invoices=rest)
    return [*settled, *left[: SETTLED_PER_ENTRY_MAX - len(settled)]]

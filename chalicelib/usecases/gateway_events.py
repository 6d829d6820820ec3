"""What vendors tell of payments: believed once its signature is right, and handled exactly once.

An event leaves its mark in the transaction of its effect, so the same event any number of times,
out of order, or at the same instant on two machines has one effect. Money that came in is recorded
whenever it comes; what nobody can place waits for a person.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.anomalies import Anomaly
from chalicelib.domain.cards import masked_card_numbers
from chalicelib.domain.documents import Entry
from chalicelib.domain.errors import Busy, Conflict, DomainError, InvalidValue, NotFound, StaleVersion
from chalicelib.domain.gateway_collections import (
    RECORDED_BY_HAND,
    VENDOR_ID_CHARS_MAX,
    Collection,
    CollectionState,
    Decision,
    Effect,
    captured,
    decide,
    moved,
    paid_mark,
    recorded_mark,
    settlements_of,
)
from chalicelib.domain.gateways import (
    GatewayKind,
    GatewayUnavailable,
    Notice,
    NoticeMalformed,
    NoticeRefused,
    NoticeStatus,
    Outcome,
    Received,
    VendorAnswer,
)
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.parked_notices import RAW_CHARS_MAX, ParkedNotice
from chalicelib.domain.payments import receive
from chalicelib.ports.gateway_collections import EventKnown, GatewaySetUp
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.backoff import backoff_seconds
from chalicelib.usecases.gateway_money_back import MONEY_BACK, take_money_back
from chalicelib.usecases.gateways import GatewayPorts
from chalicelib.usecases.posting import Books, Posted, post
from chalicelib.usecases.receipt_mails import announce

APPLY_ATTEMPTS_MAX: Final = 8
# Why a notice waits for a person that came while the company's account had ended.
ACCOUNT_ENDED: Final = "account_ended"
TOKEN_CHARS_MAX: Final = 100
# Of several notices in one message, the outcome that the vendor is to know of.
_WORST_FIRST: Final = (Outcome.TRY_AGAIN, Outcome.PARKED, Outcome.DONE, Outcome.REPEATED)
_HELD: Final = {"amount_differs", "currency_differs", ACCOUNT_ENDED}
# What no further try mends; whatever else goes wrong is told to the vendor, who sends again.
_FINAL: Final = (NotFound, Conflict, InvalidValue)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A notice that is believed: of which gateway, when, and the message that it was in.

    ``actor_id`` and ``address`` are of staff who say so in the place of a gateway that tells nothing,
    and ``transfer`` is the bank's name of what they saw, which is of one payment whatever it is said of.
    """

    kind: GatewayKind
    notice: Notice
    at: datetime
    raw: str = ""
    request_id: str = ""
    actor_id: str = ""
    address: str = ""
    transfer: str = ""


class _Moved(Exception):
    """The collection changed while the payment was being recorded."""


def called_gateway(*, ports: GatewayPorts, token: str) -> tuple[TenantStore, GatewaySetUp]:
    """Return the gateway whose callback address has the token, or raise NotFound.

    One that is switched off is heard too: what was begun before may still be paid.
    """
    absent = NotFound("there is nothing at this address")
    if len(token) > TOKEN_CHARS_MAX:
        raise absent
    found = ports.callbacks.find(token_hash=ports.hashed(token=token))
    if found is None:
        raise absent
    store = ports.stores.of(tenant_id=found.tenant_id)
    gateway = store.gateways.find(kind=found.kind)
    if gateway is None or gateway.callback_token != token:
        raise absent
    return store, gateway


def receive_callback(
    *,
    ports: GatewayPorts,
    store: TenantStore,
    gateway: GatewaySetUp,
    received: Received,
    at: datetime,
    request_id: str = "",
) -> VendorAnswer:
    """Handle what a vendor sent to a gateway's callback address, and return the answer in its own shape."""
    adapter = ports.gateway_of(gateway.kind)
    raw = raw_of(received=received)
    try:
        notices = adapter.read(received=received, credentials=gateway.credentials, now=at)
    except NoticeRefused:
        ports.watch.happened(kind=Anomaly.NOTICES_REFUSED, tenant_id=store.tenant_id, at=at)
        return adapter.answer(outcome=Outcome.REFUSED, received=received)
    except NoticeMalformed:
        return adapter.answer(outcome=Outcome.MALFORMED, received=received)
    except GatewayUnavailable:
        return adapter.answer(outcome=Outcome.TRY_AGAIN, received=received)
    outcomes = set()
    for notice in notices:
        arrived = Arrived(gateway.kind, notice, at, raw, request_id)
        try:
            outcomes.add(apply_notice(ports=ports, store=store, arrived=arrived))
        except DomainError:
            outcomes.add(Outcome.TRY_AGAIN)
    outcome = next((one for one in _WORST_FIRST if one in outcomes), Outcome.DONE)
    return adapter.answer(outcome=outcome, received=received)


def raw_of(*, received: Received) -> str:
    """Return a message as a person may want to see it; its headers, which hold credentials, left out."""
    text = received.body.decode("utf-8", errors="replace")
    whole = f"{received.method} {received.tail}?{received.query}\n{text}"
    return masked_card_numbers(text=whole[:RAW_CHARS_MAX])


def apply_notice(
    *,
    ports: GatewayPorts,
    store: TenantStore,
    arrived: Arrived,
    pause: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Do what a notice says, once; or park it. Raises Busy, or where the database does not answer."""
    notice, kind = arrived.notice, arrived.kind
    for attempt in range(APPLY_ATTEMPTS_MAX):
        if attempt:
            pause(backoff_seconds(attempt=attempt))
        if any(store.collections.heard(kind=kind, event_id=one) for one in _marks(arrived)):
            return Outcome.REPEATED
        collection = store.collections.by_reference(reference=notice.reference)
        decision = decide(collection=collection, gateway=kind, notice=notice)
        if decision.effect is Effect.RECEIVE and _recorded_by_hand(store, arrived):
            decision = RECORDED_BY_HAND
        if decision.effect is Effect.NOTHING:
            return Outcome.REPEATED if notice.status is NoticeStatus.PAID else Outcome.DONE
        try:
            return _do(ports, store, arrived, collection, decision)
        except EventKnown:
            return Outcome.REPEATED
        except (_Moved, StaleVersion):
            continue
    raise Busy("the collection kept changing; nothing was written, so try again")


def _do(
    ports: GatewayPorts,
    store: TenantStore,
    arrived: Arrived,
    collection: Collection | None,
    decision: Decision,
) -> Outcome:
    if _moves_money(arrived, decision) and not _takes_money(store):
        return _park(ports, store, arrived, collection, ACCOUNT_ENDED)
    if arrived.notice.status in MONEY_BACK:
        return _taken_back(ports, store, arrived, collection, decision)
    if decision.effect is Effect.PARK or collection is None:
        return _park(ports, store, arrived, collection, decision.reason)
    if decision.effect is Effect.MOVE:
        assert decision.state is not None, "a move leads somewhere"
        return _move(store, arrived, collection, decision.state)
    try:
        return _record(ports, store, arrived, collection)
    except EventKnown:
        raise
    except _FINAL as error:
        return _park(ports, store, arrived, collection, error.code)


def _moves_money(arrived: Arrived, decision: Decision) -> bool:
    return decision.effect is Effect.RECEIVE or arrived.notice.status in MONEY_BACK


def _takes_money(store: TenantStore) -> bool:
    """Whether the company's account goes on; where it has ended, nothing is posted, and nothing lost."""
    return may(state=store.profile().state, capability=Capability.CALLBACKS)


def _recorded_by_hand(store: TenantStore, arrived: Arrived) -> bool:
    """Whether somebody recorded the payment from the vendor's file before the vendor told of it."""
    names = [name for name in (arrived.notice.reference, arrived.notice.vendor_id) if name]
    marks = [recorded_mark(name=name) for name in names]
    return any(store.collections.heard(kind=arrived.kind, event_id=one) for one in marks)


def _marks(arrived: Arrived) -> list[str]:
    """Return what is written down of an event: itself, and the transaction by which money came.

    One transaction may be told of by several events, or be found by asking.
    """
    notice = arrived.notice
    marks = [f"event|{notice.event_id}"]
    if notice.status is NoticeStatus.PAID and notice.vendor_id:
        marks.append(paid_mark(reference=notice.reference, vendor_id=notice.vendor_id))
    if arrived.transfer:
        marks.append(f"transfer|{arrived.transfer}")
    return marks


def _hear(store: TenantStore, arrived: Arrived) -> list[Write]:
    return [store.collections.hear(kind=arrived.kind, event_id=one, at=arrived.at) for one in _marks(arrived)]


def _note(arrived: Arrived, action: str, object_id: str, **details: object) -> AuditNote:
    notice = arrived.notice
    told = {"gateway": arrived.kind.value, "reference": notice.reference, "vendor_id": notice.vendor_id}
    return AuditNote(
        arrived.actor_id or f"gateway:{arrived.kind.value}",
        action,
        object_id,
        arrived.at,
        arrived.request_id,
        details={**told, **details},
        address=arrived.address,
    )


def _move(store: TenantStore, arrived: Arrived, collection: Collection, state: CollectionState) -> Outcome:
    after = moved(collection=collection, state=state, reason=arrived.notice.reason)
    store.commit(
        *store.collections.change(before=collection, after=after),
        *_hear(store, arrived),
        store.note(note=_note(arrived, f"collection.{state.value}", collection.collection_id)),
    )
    return Outcome.DONE


# -- money that came in ----------------------------------------------------------------------


def _record(ports: GatewayPorts, store: TenantStore, arrived: Arrived, collection: Collection) -> Outcome:
    """Record a payment: its receipt, what it settles, the event and the collection in one transaction."""
    payment = _Payment(store, arrived, collection)
    posted = post(
        store=store,
        subscriber_id=collection.account_id,
        make=payment.entry,
        at=arrived.at,
        note=_note(arrived, "collection.paid", collection.collection_id),
        besides=payment.besides,
    )
    announce(store=store, queue=ports.mail_queue, receipt=posted.documents[0])
    if payment.again:
        _alert(ports, store, Anomaly.PAID_TWICE, arrived)
    return Outcome.DONE


class _Payment:
    """A payment being recorded: what its entry was computed from is what is written with it."""

    def __init__(self, store: TenantStore, arrived: Arrived, collection: Collection) -> None:
        self._store, self._arrived = store, arrived
        self._collection = collection
        self.again = False

    def entry(self, books: Books) -> Entry:
        """Return the entry from what stands now, or raise _Moved."""
        notice, store = self._arrived.notice, self._store
        now = store.collections.get(collection_id=self._collection.collection_id)
        self._collection = now
        if decide(collection=now, gateway=self._arrived.kind, notice=notice).effect is not Effect.RECEIVE:
            raise _Moved
        invoice = store.invoices.get(invoice_id=now.invoice_id) if now.invoice_id else None
        self.again = bool(now.captures) or (invoice is not None and invoice.open_amount <= 0)
        amount = now.amount.amount
        return receive(
            account=books.subscriber.account,
            amount=amount,
            channel=self._arrived.kind.value,
            settled=settlements_of(amount=amount, first=invoice, others=books.open_invoices()),
            reference=(notice.vendor_id or now.reference)[:VENDOR_ID_CHARS_MAX],
        )

    def besides(self, posted: Posted) -> Sequence[Write]:
        """Describe the collection's change and the event's mark."""
        receipt_id = posted.documents[0].document_id
        after = captured(collection=self._collection, notice=self._arrived.notice, receipt_id=receipt_id)
        change = self._store.collections.change(before=self._collection, after=after)
        return [*change, *_hear(self._store, self._arrived)]


# -- money that goes back --------------------------------------------------------------------


def _taken_back(
    ports: GatewayPorts,
    store: TenantStore,
    arrived: Arrived,
    collection: Collection | None,
    decision: Decision,
) -> Outcome:
    """Do what a notice of money that goes back says; park it where a person has to look at it."""
    notice = arrived.notice
    if collection is None or decision.reason != notice.status.value:
        return _park(ports, store, arrived, collection, decision.reason)
    done = take_money_back(
        store=store,
        collection=collection,
        notice=notice,
        at=arrived.at,
        note=lambda action: _note(arrived, action, collection.collection_id),
        also=_hear(store, arrived),
    )
    if not done:
        return _park(ports, store, arrived, collection, decision.reason)
    if notice.status is NoticeStatus.CHARGEBACK:
        _alert(ports, store, Anomaly.CHARGED_BACK, arrived)
    return Outcome.DONE


# -- what waits for a person -----------------------------------------------------------------


def _park(
    ports: GatewayPorts,
    store: TenantStore,
    arrived: Arrived,
    collection: Collection | None,
    reason: str,
) -> Outcome:
    """Park a notice for a person, and tell the owners.

    Refunds and chargebacks come here too (their statuses are the ``reason``) where the books do not
    show which payment they are of.
    """
    notice = arrived.notice
    parked = ParkedNotice(
        notice_id=ports.ids.new(prefix="pkn"),
        gateway=arrived.kind,
        reason=reason,
        status=notice.status,
        reference=notice.reference[:VENDOR_ID_CHARS_MAX],
        vendor_id=notice.vendor_id[:VENDOR_ID_CHARS_MAX],
        amount=notice.amount,
        arrived_at=arrived.at,
        account_id=collection.account_id if collection else "",
        collection_id=collection.collection_id if collection else "",
        raw=arrived.raw,
    )
    writes: list[Write] = [store.parked_notices.add(parked=parked), *_hear(store, arrived)]
    if collection is not None and reason in _HELD and collection.state is CollectionState.OPEN:
        # Whoever paid, though another amount, is not asked for it again while somebody looks at it.
        held = replace(collection, state=CollectionState.PENDING)
        writes += store.collections.change(before=collection, after=held)
    store.commit(*writes, store.note(note=_note(arrived, "notice.parked", parked.notice_id, reason=reason)))
    _alert(ports, store, Anomaly.NOTICE_PARKED, arrived)
    return Outcome.PARKED


def _alert(ports: GatewayPorts, store: TenantStore, kind: Anomaly, arrived: Arrived) -> None:
    """Tell the owners; what was recorded stands whatever comes of that."""
    with suppress(DomainError):
        ports.watch.alert_owners(kind=kind, tenant_id=store.tenant_id, at=arrived.at)

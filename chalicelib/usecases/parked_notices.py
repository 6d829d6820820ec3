"""Notices that wait for a person: assigned to a subscriber as a payment, once, or dismissed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.documents import Document, Entry, allocate
from chalicelib.domain.errors import InvalidValue, NotFound
from chalicelib.domain.identifiers import is_subscriber_id
from chalicelib.domain.parked_notices import (
    WHY_CHARS_MAX,
    WHY_CHARS_MIN,
    ParkedNotice,
    ParkedState,
    check_waiting,
    money_of,
)
from chalicelib.domain.payments import amount_of, receive
from chalicelib.domain.subscribers import SubscriberErased
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore, Write
from chalicelib.usecases.posting import Books, Posted, post


def assign_notice(
    *,
    store: TenantStore,
    notice_id: str,
    subscriber_id: str,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Document:
    """Record the money of a notice as a subscriber's payment: it pays the oldest due, the rest is credit.

    Raises NotFound, NoticeResolved, NotMoney, CurrencyMismatch, or SubscriberErased: it would be credit of
    nobody, so it goes back on the gateway's own page.
    """
    parked = store.parked_notices.get(notice_id=notice_id)
    check_waiting(parked=parked)
    money = money_of(parked=parked)
    if not is_subscriber_id(value=subscriber_id):
        raise NotFound("no such subscriber", param="subscriber_id")

    def make(books: Books) -> Entry:
        # Asked after the account was read, which an erasure that begins changes.
        if store.privacy.is_erased(subject_id=subscriber_id):
            raise SubscriberErased("the subscriber is erased: give the money back", param="subscriber_id")
        account = books.subscriber.account
        amount = amount_of(money=money, account=account)
        return receive(
            account=account,
            amount=amount,
            channel=parked.gateway.value,
            settled=allocate(amount=amount, invoices=books.open_invoices()),
            reference=parked.vendor_id or parked.reference,
        )

    def besides(posted: Posted) -> Sequence[Write]:
        after = replace(
            _resolved(parked, ParkedState.ASSIGNED, at, note),
            account_id=subscriber_id,
            receipt_id=posted.documents[0].document_id,
        )
        return [store.parked_notices.resolve(after=after)]

    posted = post(
        store=store,
        subscriber_id=subscriber_id,
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=lambda posted: posted.documents[0],
        besides=besides,
    )
    return posted.documents[0]


def dismiss_notice(
    *, store: TenantStore, notice_id: str, why: str, at: datetime, note: AuditNote
) -> ParkedNotice:
    """Decide that nothing is to be done about a notice, for a reason; raise NotFound or NoticeResolved."""
    if not WHY_CHARS_MIN <= len(why) <= WHY_CHARS_MAX:
        raise InvalidValue(f"a reason has {WHY_CHARS_MIN} to {WHY_CHARS_MAX} characters", param="reason")
    refuse_card_number(text=why, param="reason")
    parked = store.parked_notices.get(notice_id=notice_id)
    check_waiting(parked=parked)
    after = replace(_resolved(parked, ParkedState.DISMISSED, at, note), why=why)
    store.commit(store.parked_notices.resolve(after=after), store.note(note=note))
    return after


def _resolved(parked: ParkedNotice, state: ParkedState, at: datetime, note: AuditNote) -> ParkedNotice:
    return replace(parked, state=state, resolved_by=note.actor_id, resolved_at=at)

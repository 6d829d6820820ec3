"""Handing cash over to the office: offering, counting, accepting, refusing, withdrawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.errors import Busy, InvalidValue, NotFound
from chalicelib.domain.funds import (
    CompanyEntry,
    FundKind,
    amount_in,
    check_covers,
    check_in_use,
    check_kind,
    collector_fund,
    fund_id_of,
)
from chalicelib.domain.hand_overs import (
    REASON_CHARS_MAX,
    HandOver,
    HandOverState,
    check_accepted,
    confirmed,
    counted,
    ended,
    entry_of,
)
from chalicelib.domain.money import Money
from chalicelib.domain.payments import check_words
from chalicelib.domain.staff import Principal
from chalicelib.ports.store import AuditNote, Idempotency, Page, TenantStore, Write
from chalicelib.usecases.cash_in_hand import check_person, hands_of
from chalicelib.usecases.company_posting import CompanyBooks, CompanyPosted, post_company


def offer(
    *,
    store: TenantStore,
    hand_over_id: str,
    amount: Money,
    principal: Principal,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> HandOver:
    """Offer cash of one's own hands to the office.

    Raises NotAPerson, InvalidAmount, CurrencyMismatch, InsufficientFunds or HandOverOpen.
    """
    staff_id = check_person(principal=principal)
    hands = hands_of(store=store, staff_id=staff_id)
    offered = amount_in(money=amount, currency=hands.currency)
    check_covers(fund=hands, amount=offered)
    made = HandOver(hand_over_id, staff_id, hands.currency, offered, at)
    store.commit(
        *store.hand_overs.add(hand_over=made),
        store.note(note=replace(note, details={"offered": offered})),
        *store.remember(idempotency=idempotency, answer=made),
    )
    return made


def count(
    *,
    store: TenantStore,
    hand_over_id: str,
    amount: Money,
    fund_id: str,
    principal: Principal,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> HandOver:
    """Say what the office counted; where that is what was offered, the money moves to its fund at once.

    Else the collector accepts the count, or the hand-over ends. An open one may be counted anew.
    Raises NotFound, NotAPerson, InvalidAmount, CurrencyMismatch, HandOverEnded, OwnHandOver, WrongFund,
    FundArchived, InsufficientFunds, or Busy.
    """
    before = store.hand_overs.get(hand_over_id=hand_over_id)
    office = store.funds.get(fund_id=fund_id)
    by = check_person(principal=principal)
    check_kind(fund=office, kind=FundKind.OFFICE)
    check_in_use(fund=office)
    found = amount_in(money=amount, currency=before.currency, param="counted")
    told = replace(note, details={"offered": before.offered, "counted": found})
    after = counted(hand_over=before, amount=found, by=by, office=office)
    if found == before.offered:

        def again() -> tuple[HandOver, HandOver]:
            now = store.hand_overs.get(hand_over_id=hand_over_id)
            return now, counted(hand_over=now, amount=found, by=by, office=office)

        return _move(store=store, again=again, asked=after, at=at, note=told, idempotency=idempotency)
    check_covers(fund=hands_of(store=store, staff_id=before.staff_id), amount=found, param="counted")
    store.commit(
        *store.hand_overs.change(before=before, after=after),
        store.note(note=told),
        *store.remember(idempotency=idempotency, answer=after),
    )
    return after


def accept(
    *,
    store: TenantStore,
    hand_over_id: str,
    amount: Money,
    principal: Principal,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> HandOver:
    """Accept what the office counted, which is named so that no other count is: the money moves.

    Raises NotFound, HandOverEnded, NotCounted, CountChanged, InsufficientFunds, FundArchived, or Busy.
    """
    before = _own(store, hand_over_id, principal)
    accepted = amount_in(money=amount, currency=before.currency, param="counted")
    check_accepted(hand_over=before, amount=accepted)

    def again() -> tuple[HandOver, HandOver]:
        now = store.hand_overs.get(hand_over_id=hand_over_id)
        check_accepted(hand_over=now, amount=accepted)
        return now, now

    told = replace(note, details={"offered": before.offered, "counted": accepted})
    return _move(store=store, again=again, asked=before, at=at, note=told, idempotency=idempotency)


def refuse(
    *, store: TenantStore, hand_over_id: str, reason: str, principal: Principal, at: datetime, note: AuditNote
) -> HandOver:
    """Refuse a hand-over, for a reason; or raise NotFound, NotAPerson, HandOverEnded or StaleVersion."""
    before = store.hand_overs.get(hand_over_id=hand_over_id)
    check_person(principal=principal)
    check_words(note=reason)
    if not 3 <= len(reason.strip()) <= REASON_CHARS_MAX:
        raise InvalidValue(f"a reason has 3 to {REASON_CHARS_MAX} characters", param="reason")
    after = ended(hand_over=before, state=HandOverState.REFUSED, at=at, reason=reason.strip())
    store.commit(*store.hand_overs.change(before=before, after=after), store.note(note=note))
    return after


def withdraw(
    *, store: TenantStore, hand_over_id: str, principal: Principal, at: datetime, note: AuditNote
) -> HandOver:
    """Withdraw one's own hand-over; or raise NotFound, HandOverEnded or StaleVersion."""
    before = _own(store, hand_over_id, principal)
    after = ended(hand_over=before, state=HandOverState.WITHDRAWN, at=at)
    store.commit(*store.hand_overs.change(before=before, after=after), store.note(note=note))
    return after


def list_hand_overs(
    *, store: TenantStore, state: HandOverState | None, principal: Principal, limit: int, after: str | None
) -> Page[HandOver]:
    """Return hand-overs, the newest first; who is held to a part of the company sees only their own."""
    mine = None if principal.scope.everything else principal.actor_id
    return store.hand_overs.list(staff_id=mine, state=state, limit=limit, after=after)


def get_hand_over(*, store: TenantStore, hand_over_id: str, principal: Principal) -> HandOver:
    """Return a hand-over, or raise NotFound: another's answers like none to who is held to a part."""
    if not principal.scope.everything:
        return _own(store, hand_over_id, principal)
    return store.hand_overs.get(hand_over_id=hand_over_id)


def _own(store: TenantStore, hand_over_id: str, principal: Principal) -> HandOver:
    found = store.hand_overs.get(hand_over_id=hand_over_id)
    if found.staff_id != principal.actor_id:
        raise NotFound("no such hand-over", param="hand_over_id")
    return found


def _move(
    *,
    store: TenantStore,
    again: Callable[[], tuple[HandOver, HandOver]],
    asked: HandOver,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None,
) -> HandOver:
    """Move what was counted; ``again`` returns the hand-over as it stands, and as it is then counted."""
    read: list[HandOver] = []
    hands_id = fund_id_of(staff_id=asked.staff_id)

    def make(books: CompanyBooks) -> CompanyEntry:
        read[:] = again()
        empty = collector_fund(staff_id=asked.staff_id, currency=books.tenant.currency)
        if read[1].office_fund_id != asked.office_fund_id:
            raise Busy("the office counted anew meanwhile; nothing was written, so try again")
        office = books.fund(fund_id=asked.office_fund_id)
        return entry_of(hand_over=read[1], hands=books.natural(fund=empty), office=office)

    def after(posted: CompanyPosted) -> HandOver:
        return replace(confirmed(hand_over=read[1], at=at), document_id=posted.document.document_id)

    def besides(posted: CompanyPosted) -> Sequence[Write]:
        return store.hand_overs.change(before=read[0], after=after(posted))

    posted = post_company(
        store=store,
        fund_ids=[hands_id, asked.office_fund_id],
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=after,
        besides=besides,
    )
    return after(posted)

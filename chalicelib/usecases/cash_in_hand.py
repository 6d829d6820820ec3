"""Cash that collectors take: theirs to hand over, and the office's no sooner than that."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.funds import Fund, FundMove, collector_fund
from chalicelib.domain.staff import Permission, Principal, is_staff
from chalicelib.ports.store import TenantStore, Write
from chalicelib.usecases.posting import Posted

REASON_RECEIPT = "receipt"


class NotAPerson(Conflict):
    """Cash is held and counted by people: a program has no hands."""

    code = "not_a_person"


def takes_in_hand(*, principal: Principal) -> bool:
    """Whether cash that somebody records stays in their own hands: who collects, and is not the office."""
    collects = principal.may(permission=Permission.CASH_COLLECT)
    return (
        collects and not principal.may(permission=Permission.FUNDS_WRITE) and is_person(principal=principal)
    )


def is_person(*, principal: Principal) -> bool:
    """Whether it is somebody of the staff, and no program."""
    return is_staff(identifier=principal.actor_id)


def check_person(*, principal: Principal) -> str:
    """Return the person's staff id, or raise NotAPerson."""
    if not is_person(principal=principal):
        raise NotAPerson("this is for people: sign in as somebody of the staff")
    return principal.actor_id


def hands_of(*, store: TenantStore, staff_id: str) -> Fund:
    """Return a person's cash in hand, as it stands now."""
    empty = collector_fund(staff_id=staff_id, currency=store.known_profile.currency)
    try:
        return store.funds.get(fund_id=empty.fund_id)
    except NotFound:
        return empty


def into_hands(*, store: TenantStore, staff_id: str) -> Callable[[Posted], Sequence[Write]]:
    """Return what is written beside a receipt: its money is in the person's hands."""

    def writes(posted: Posted) -> Sequence[Write]:
        receipt = posted.documents[0]
        found, _ = store.funds.move(
            move=FundMove(hands_of(store=store, staff_id=staff_id), receipt.amount),
            on=receipt.issued_on,
            reason=REASON_RECEIPT,
            about=receipt.document_id,
            actor_id=staff_id,
        )
        return found

    return writes


def out_of_hands(*, store: TenantStore, fund_id: str, actor_id: str) -> Callable[[Posted], Sequence[Write]]:
    """Return what is written beside the reversal of a receipt: its money is not in that fund.

    Where it was handed over already, the fund goes below zero: so much the office owes the collector.
    """

    def writes(posted: Posted) -> Sequence[Write]:
        journal = posted.documents[0]
        found, _ = store.funds.move(
            move=FundMove(store.funds.get(fund_id=fund_id), -journal.amount),
            on=journal.issued_on,
            reason=journal.reason,
            about=journal.document_id,
            actor_id=actor_id,
        )
        return found

    return writes

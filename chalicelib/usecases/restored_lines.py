"""A payment that brings suspended lines back, in the transaction of the payment itself.

A line that was suspended for non-payment is in service again as soon as nothing of the account is
overdue and the fees that must be paid first are paid, whichever way the money came. What keeps a line
from coming back never keeps the payment from being taken: the line stays suspended then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Final

from chalicelib.domain.accounts import Account, Subscription, SubscriptionState, subscription_id
from chalicelib.domain.documents import Entry
from chalicelib.domain.errors import Conflict, DomainError
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.late_fees import ReconnectFee, reconnect_charge
from chalicelib.domain.pending_charges import with_charges
from chalicelib.domain.subscription_families import move_family
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.restoring import must_pay_of

if TYPE_CHECKING:
    from chalicelib.usecases.posting import Books

LINE_RESTORED: Final = "line.restored"
# Of a transaction's hundred actions, what the entry itself leaves, a dealer's with two wallets too; and
# what filing a line as due takes.
ACTIONS_LEFT: Final = 80
ACTIONS_PER_LINE: Final = 4


class NoRoomForLine(Conflict):
    """The payment settles so much, or the account has so many lines, that one is restored by hand."""

    code = "no_room_for_line"


@dataclass(frozen=True, slots=True)
class LinesBack:
    """An entry with the lines that it brings back, by slot; ``kept`` are those that stay, and why."""

    entry: Entry
    slots: tuple[int, ...] = ()
    kept: dict[str, str] = field(default_factory=dict)

    def writes(self, *, store: TenantStore, note: AuditNote) -> Sequence[Write]:
        """Describe the audit entry of it, and the event for the network."""
        if not self.slots and not self.kept:
            return ()
        account_id = self.entry.after.account_id
        ids = [subscription_id(account_id=account_id, slot=slot) for slot in self.slots]
        told = {"subscriptions": ids, "kept_suspended": self.kept, "by": note.action}
        writes = [store.note(note=replace(note, action=LINE_RESTORED, object_id=account_id, details=told))]
        if ids:
            event = {"subscriptions": ids}
            writes.append(store.money.outbox.add(kind=LINE_RESTORED, about=account_id, details=event))
        return writes


def restored_by(*, books: Books, entry: Entry) -> LinesBack:
    """Return the entry with the lines back that it pays for; without suspended ones it reads nothing."""
    lines = [
        sub
        for sub in entry.after.subscriptions
        if sub.for_non_payment and sub.state is SubscriptionState.SUSPENDED
    ]
    if not lines or not any(one.paid > 0 for one in entry.settled):
        return LinesBack(entry)
    settled = {one.invoice.invoice_id: one.after for one in entry.settled}
    invoices = {one.invoice_id: one for one in books.open_invoices()} | settled
    left = [one for one in invoices.values() if one.open_amount > 0]
    if _owes(books, entry.after, left):
        return LinesBack(entry)
    account, slots, kept = entry.after, [], {}
    fee = books.store.late_fees.reconnect()
    room = ACTIONS_LEFT - len(entry.settled)
    for line in lines:
        try:
            account, moved = _back(account, line, fee, books.today, room // ACTIONS_PER_LINE)
        except DomainError as error:
            kept[subscription_id(account_id=account.account_id, slot=line.slot)] = error.code
        else:
            slots.append(line.slot)
            room -= moved * ACTIONS_PER_LINE
    return LinesBack(replace(entry, after=account), tuple(slots), kept)


def _owes(books: Books, account: Account, left: Sequence[Invoice]) -> bool:
    overdue = any(one.overdue(today=books.today) for one in left)
    return overdue or bool(must_pay_of(store=books.store, account=account, invoices=left))


def _back(
    account: Account, line: Subscription, fee: ReconnectFee, today: date, lines_max: int
) -> tuple[Account, int]:
    """Return the account with a line and its add-ons in service, and charged for that; and how many."""
    moved = move_family(account=account, slot=line.slot, to=SubscriptionState.ACTIVE, today=today)
    if len(moved) > lines_max:
        raise NoRoomForLine("one transaction brings no more lines back")
    charge = reconnect_charge(
        setting=fee, package_id=line.package_id, slot=line.slot, on=today, version=account.version
    )
    charged = with_charges(account=account, charges=() if charge is None else (charge,))
    for one in moved:
        charged = charged.with_subscription(subscription=one)
    return charged, len(moved)

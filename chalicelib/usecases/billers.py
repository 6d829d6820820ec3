"""Bills that banks ask for and pay by a subscriber's consumer number (1Bill, Kuickpay).

A bank asks what is to be paid, and says that it was. What it pays is the collection that is under way
for the number, else all that the account owes; another amount is refused, and the bank gives it back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.anomalies import Anomaly
from chalicelib.domain.billers import (
    Bill,
    BillCode,
    BillStatus,
    InvalidConsumerNumber,
    check_consumer_number,
    consumer_number,
)
from chalicelib.domain.documents import Entry
from chalicelib.domain.errors import Busy, Conflict, DomainError, InvalidValue
from chalicelib.domain.gateway_collections import UNDER_WAY, Collection, captured, settlements_of
from chalicelib.domain.gateways import (
    GatewayKind,
    Notice,
    NoticeMalformed,
    NoticeRefused,
    Outcome,
    Received,
    VendorAnswer,
)
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.money import Money
from chalicelib.domain.payments import receive
from chalicelib.ports.gateway_collections import EventKnown, GatewaySetUp, NumberTaken
from chalicelib.ports.gateways import BillerGateway
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.backoff import backoff_seconds
from chalicelib.usecases.gateways import GatewayPorts
from chalicelib.usecases.posting import Books, Posted, books_of, post

GIVE_ATTEMPTS_MAX: Final = 6
INQUIRY: Final = "billinquiry"
OWN_DIGITS_DEFAULT: Final = "10"
# Of an account's newest collections, how many are looked through for the one under way.
_LOOKED_AT: Final = 20


@dataclass(frozen=True, slots=True)
class Called:
    """A bank's request: to which gateway of which tenant it came, and when."""

    store: TenantStore
    gateway: GatewaySetUp
    adapter: BillerGateway
    received: Received
    at: datetime
    request_id: str = ""


class _Refused(Exception):
    """The payment is not taken, for a reason that the bank is told."""

    def __init__(self, code: BillCode) -> None:
        super().__init__(code)
        self.code = code


def number_of(
    *,
    store: TenantStore,
    gateway: GatewaySetUp,
    account_id: str,
    at: datetime,
    pause: Callable[[float], None] = time.sleep,
) -> str:
    """Return a subscriber's consumer number, made where there is none of the biller's form yet.

    Raises InvalidConsumerNumber where the biller's numbers are used up.
    """
    settings = gateway.credentials.settings
    prefix, own_digits = settings["prefix"], int(settings.get("own_digits") or OWN_DIGITS_DEFAULT)
    for attempt in range(GIVE_ATTEMPTS_MAX):
        if attempt:
            pause(backoff_seconds(attempt=attempt))
        before = store.consumer_numbers.of(account_id=account_id)
        with suppress(InvalidConsumerNumber):
            check_consumer_number(number=before, prefix=prefix, own_digits=own_digits)
            return before
        serial = store.consumer_numbers.next_serial()
        number = consumer_number(prefix=prefix, serial=serial, own_digits=own_digits)
        note = AuditNote("system", "subscriber.consumer_number_given", account_id, at)
        with suppress(NumberTaken):
            store.commit(
                *store.consumer_numbers.give(
                    account_id=account_id, number=number, serial=serial, before=before
                ),
                store.note(note=note),
            )
            return number
    raise Busy("other numbers were given at the same moment; nothing was written, so try again")


def hear_bank(*, ports: GatewayPorts, called: Called) -> VendorAnswer:
    """Answer a bank's BillInquiry or BillPayment, in the biller's own shape."""
    adapter, received = called.adapter, called.received
    asks = received.tail.lower() == INQUIRY
    try:
        if asks:
            return _inquiry(called)
        [notice] = adapter.read(received=received, credentials=called.gateway.credentials, now=called.at)
    except NoticeRefused:
        ports.watch.happened(kind=Anomaly.NOTICES_REFUSED, tenant_id=called.store.tenant_id, at=called.at)
        return adapter.answer(outcome=Outcome.REFUSED, received=received)
    except NoticeMalformed:
        if asks:
            return _told(called, BillCode.INVALID)
        return adapter.answer(outcome=Outcome.MALFORMED, received=received)
    try:
        code = _payment(called, notice)
    except DomainError:
        return adapter.answer(outcome=Outcome.TRY_AGAIN, received=received)
    return adapter.answer_payment(code=code, received=received, credentials=called.gateway.credentials)


# -- what is to be paid ----------------------------------------------------------------------


def _inquiry(called: Called) -> VendorAnswer:
    asked = called.adapter.parse_inquiry(received=called.received, credentials=called.gateway.credentials)
    account_id = called.store.consumer_numbers.account_of(number=asked.consumer_number)
    if account_id is None:
        return _told(called, BillCode.NOT_FOUND)
    if not _takes_money(called.store):
        return _told(called, BillCode.REFUSED)
    try:
        books = books_of(store=called.store, subscriber_id=account_id, at=called.at)
        bill = _bill(called, books)
    except (Conflict, InvalidValue):
        return _told(called, BillCode.REFUSED)
    return _told(called, BillCode.DONE, bill)


def _takes_money(store: TenantStore) -> bool:
    return may(state=store.profile().state, capability=Capability.CALLBACKS)


def _told(called: Called, code: BillCode, bill: Bill | None = None) -> VendorAnswer:
    return called.adapter.answer_inquiry(
        code=code, bill=bill, received=called.received, credentials=called.gateway.credentials
    )


def _bill(called: Called, books: Books) -> Bill:
    """Return an account's bill; of whom it is, the bank is told by the ISP's name and its code for them."""
    account, payable = books.subscriber.account, _payable(called, books)
    due = min((one.due_on for one in books.open_invoices()), default=books.today)
    return Bill(
        name=f"{books.tenant.company[:20]} {account.code}",
        status=BillStatus.UNPAID if payable.money.amount else BillStatus.PAID,
        due_on=due,
        amount_within_due=payable.money,
        amount_after_due=payable.money,
        billing_month=books.today.replace(day=1),
    )


@dataclass(frozen=True, slots=True)
class _Payable:
    """What is to be paid under a number: of a collection that is under way, and its invoice."""

    money: Money
    collection: Collection | None = None
    invoice: Invoice | None = None


def _payable(called: Called, books: Books) -> _Payable:
    """Return the newest collection by this biller that is open and still owed, or all that is owed."""
    account, store = books.subscriber.account, called.store
    page = store.collections.of_account(account_id=account.account_id, limit=_LOOKED_AT, after=None)
    for one in page.items:
        if one.gateway is not GatewayKind.ONEBILL or one.state_at(at=called.at) not in UNDER_WAY:
            continue
        invoice = store.invoices.get(invoice_id=one.invoice_id) if one.invoice_id else None
        if invoice is None or invoice.open_amount >= one.amount.amount:
            return _Payable(one.amount, one, invoice)
    return _Payable(Money(max(0, account.balance), account.currency))


# -- that it was paid ------------------------------------------------------------------------


def _payment(called: Called, notice: Notice) -> BillCode:
    """Record a payment once, and return what the bank is told; a repetition is seen before all else."""
    store, kind = called.store, called.gateway.kind
    mark = f"event|{notice.event_id}"
    if store.collections.heard(kind=kind, event_id=mark):
        return BillCode.DUPLICATE
    account_id = store.consumer_numbers.account_of(number=notice.reference)
    if account_id is None:
        return BillCode.NOT_FOUND
    if not _takes_money(store):
        return BillCode.REFUSED  # the bank gives it back
    paid = _BillPaid(called, notice, mark)
    details = {"gateway": kind.value, "number": notice.reference, "auth_id": notice.vendor_id}
    note = AuditNote(
        f"gateway:{kind.value}", "bill.paid", account_id, called.at, called.request_id, details=details
    )
    try:
        post(
            store=store,
            subscriber_id=account_id,
            make=paid.entry,
            at=called.at,
            note=note,
            besides=paid.besides,
        )
    except EventKnown:
        return BillCode.DUPLICATE
    except _Refused as refused:
        # It may be this very payment, recorded at the same moment, that leaves nothing to be paid.
        known = store.collections.heard(kind=kind, event_id=mark)
        return BillCode.DUPLICATE if known else refused.code
    except (Conflict, InvalidValue):
        return BillCode.REFUSED
    return BillCode.DONE


class _BillPaid:
    """A bill's payment being recorded, from what stands now."""

    def __init__(self, called: Called, notice: Notice, mark: str) -> None:
        self._called, self._notice, self._mark = called, notice, mark
        self._collection: Collection | None = None

    def entry(self, books: Books) -> Entry:
        """Return the entry, or raise _Refused for an amount that the bank was not told."""
        payable = _payable(self._called, books)
        if not payable.money.amount:
            raise _Refused(BillCode.ALREADY_PAID)
        if self._notice.amount != payable.money:
            raise _Refused(BillCode.REFUSED)
        self._collection, amount = payable.collection, payable.money.amount
        return receive(
            account=books.subscriber.account,
            amount=amount,
            channel=self._called.gateway.kind.value,
            settled=settlements_of(amount=amount, first=payable.invoice, others=books.open_invoices()),
            reference=self._notice.vendor_id,
        )

    def besides(self, posted: Posted) -> Sequence[Write]:
        """Describe the event's mark, and the collection's end where there is one."""
        store, kind, at = self._called.store, self._called.gateway.kind, self._called.at
        writes: list[Write] = [store.collections.hear(kind=kind, event_id=self._mark, at=at)]
        if self._collection is not None:
            # The bank's six digits come again: with the event they are the transaction's own name.
            notice = replace(self._notice, vendor_id=self._notice.event_id)
            after = captured(
                collection=self._collection, notice=notice, receipt_id=posted.documents[0].document_id
            )
            writes += store.collections.change(before=self._collection, after=after)
        return writes

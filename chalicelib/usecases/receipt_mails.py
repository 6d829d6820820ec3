"""Receipts by mail: asked for by hand, or by the tenant's setting with each payment; each goes once.

That a receipt is to be mailed is written with what makes it so, and is gone once the mail went: a
message that comes twice finds nothing to do, and for one that was lost, or never sent, a schedule sends
another. A mail goes twice only where the sender dies after the mail service took it, and before that is
noted.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.documents import Document, DocumentKind
from chalicelib.domain.errors import Conflict
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.printed import NotPrinted, Printed
from chalicelib.ports.services import JobQueue, Mail, Mailer, QueueUnavailable
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.printing import receipt_on_paper
from chalicelib.usecases.throttle import Limit, reserve

RECEIPT: Final = "receipt"
# Longer than the worker may run, so that no two send the same mail, and over when its message comes again.
CLAIMED_FOR: Final = timedelta(seconds=100)
LOST_AFTER: Final = timedelta(minutes=5)
QUEUED_PER_PASS_MAX: Final = 100
# What fails for so long is not tried again by itself: the address, or the record, is at fault.
TRIED_FOR: Final = timedelta(days=1)
# Asked for by hand; those that come with a payment are as many as there are payments.
_DAY: Final = 24 * 3600
MAILS_PER_RECEIPT: Final = Limit("receipt-mails", most=5, window_seconds=_DAY)
MAILS_PER_TENANT: Final = Limit("receipt-mails-tenant", most=5_000, window_seconds=_DAY)

_TEXT: Final = """\
Hello {name},

{company} received your payment:

{facts}
{rows}
{totals}
"""


class NoAddress(Conflict):
    """The subscriber has no address for mail."""

    code = "no_address"


def ask_receipt_mail(
    *,
    identity: Identity,
    store: TenantStore,
    queue: JobQueue,
    document_id: str,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Document:
    """Have a receipt mailed to its subscriber; return it.

    Raises NotFound, NotPrinted, NoAddress, TooManyAttempts or QueueUnavailable.
    """
    receipt = store.documents.get(document_id=document_id)
    if receipt.kind is not DocumentKind.RECEIPT:
        raise NotPrinted("only receipts are mailed")
    if not store.subscribers.get(subscriber_id=receipt.account_id).contact.email:
        raise NoAddress("the subscriber has no address for mail", param="email")
    reserve(identity=identity, limit=MAILS_PER_RECEIPT, key=f"{store.tenant_id}|{document_id}", at=at)
    reserve(identity=identity, limit=MAILS_PER_TENANT, key=store.tenant_id, at=at)
    store.commit(
        store.money.receipt_mails.add(document_id=document_id, at=at),
        store.note(note=note),
        *store.remember(idempotency=idempotency, answer=receipt),
    )
    queue.send(message=_message(store, document_id))
    return receipt


def announce(*, store: TenantStore, queue: JobQueue, receipt: Document) -> None:
    """Tell the mail's worker of a new receipt, where the tenant mails them.

    The payment stands whatever comes of that: what the queue does not take is found again later.
    """
    if not store.known_profile.receipt_mails:
        return
    try:
        queue.send(message=_message(store, receipt.document_id))
    except QueueUnavailable:
        return


def queue_waiting(*, store: TenantStore, queue: JobQueue, at: datetime) -> int:
    """Tell the mail's worker of receipts that wait, and return of how many.

    Their message was lost, or they came by a way that announces none. Raises QueueUnavailable.
    """
    waiting = store.money.receipt_mails.waiting(before=at - LOST_AFTER, limit=QUEUED_PER_PASS_MAX)
    for document_id in waiting:
        queue.send(message=_message(store, document_id))
    return len(waiting)


def send_receipt(*, store: TenantStore, mailer: Mailer, document_id: str, at: datetime) -> None:
    """Mail a receipt if that is still to be done, or raise MailNotSent; after a day it is given up.

    Those of an account that has ended wait for its recovery.
    """
    if not may(state=store.profile().state, capability=Capability.WORK):
        return
    mails = store.money.receipt_mails
    since = mails.claim(document_id=document_id, at=at, until=at + CLAIMED_FOR)
    if since is None:
        return
    try:
        receipt = store.documents.get(document_id=document_id)
        contact = store.subscribers.get(subscriber_id=receipt.account_id).contact
        if contact.email:
            printed = receipt_on_paper(store=store, receipt=receipt)
            mailer.send(mail=_mail(contact.email, contact.name or receipt.account_code, printed))
    except Exception:
        if at - since < TRIED_FOR:
            mails.release(document_id=document_id)
        else:
            mails.forget(document_id=document_id)
        raise
    mails.forget(document_id=document_id)


def _mail(to: str, name: str, printed: Printed) -> Mail:
    """Return the mail of a receipt: what it shows, in plain text."""
    text = _TEXT.format(
        name=name,
        company=printed.company,
        facts=_columns((("Receipt", printed.number), *printed.facts)),
        rows=_columns(tuple((row[0], row[1]) for row in printed.rows)),
        totals=_columns(printed.totals),
    )
    return Mail(to=to, subject=f"Receipt {printed.number}", text=text)


def _columns(pairs: tuple[tuple[str, str], ...]) -> str:
    width = max((len(name) for name, _ in pairs), default=0)
    return "".join(f"    {name:{width}}  {value}\n" for name, value in pairs)


def _message(store: TenantStore, document_id: str) -> dict[str, object]:
    return {"mail": RECEIPT, "tenant_id": store.tenant_id, "document_id": document_id}

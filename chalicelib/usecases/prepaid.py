"""Prepaid service: recharging from the wallet, and taking a recharge back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.account_bills import new_invoice
from chalicelib.domain.accounts import Account, parse_subscription_id
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.credit_notes import CreditReason, credit_note, whole_invoice
from chalicelib.domain.documents import (
    Document,
    Entry,
    InsufficientCredit,
    IssuedInvoice,
    NewDocument,
    entry_of,
)
from chalicelib.domain.errors import NotFound
from chalicelib.domain.identifiers import MalformedId
from chalicelib.domain.invoices import Invoice
from chalicelib.domain.money import AMOUNT_MINOR_MAX
from chalicelib.domain.packages import Package
from chalicelib.domain.payments import check_words
from chalicelib.domain.prepaid import (
    PREPAID_LINES_MAX,
    Granted,
    LineRequired,
    PrepaidLine,
    TooManyPrepaidLines,
    check_sold_prepaid,
    recharge,
    recharge_lines,
    recharge_of,
    take_back,
)
from chalicelib.domain.subscribers import SubscriberArchived
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore, Write
from chalicelib.usecases.invoices import get_invoice
from chalicelib.usecases.posting import Books, Posted, post
from chalicelib.usecases.versions import require_version


@dataclass(frozen=True, slots=True)
class PrepaidShown:
    """A line with what its reader needs: the tenant's zone, and the instant it was read at."""

    line: PrepaidLine
    zone: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Recharged:
    """A recharge: its invoice, which is paid, the line after it, and the time that it gave."""

    invoice: Invoice
    shown: PrepaidShown
    granted: Granted


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A recharge that was taken back: its credit note, and the line after it."""

    document: Document
    shown: PrepaidShown


@dataclass(frozen=True, slots=True)
class RechargeAsked:
    """The package to buy, and for which line: one of the account's, or a new one.

    Without either it is the account's only line, or its first.
    """

    package_id: str
    subscription_id: str | None = None
    new_line: bool = False


# -- reading, and whether to renew -----------------------------------------------------------


def list_prepaid(*, store: TenantStore, subscriber_id: str, at: datetime) -> tuple[PrepaidShown, ...]:
    """Return a subscriber's prepaid lines, or raise NotFound."""
    read = store.subscribing(subscriber_id=subscriber_id)
    lines = store.prepaid.of_account(account_id=read.subscriber.subscriber_id)
    return tuple(PrepaidShown(line, read.tenant.time_zone, at) for line in lines)


def get_prepaid(*, store: TenantStore, subscription_id: str, at: datetime) -> PrepaidShown:
    """Return a prepaid line, or raise NotFound."""
    return PrepaidShown(_line(store, subscription_id), store.known_profile.time_zone, at)


def set_auto_renew(
    *,
    store: TenantStore,
    subscription_id: str,
    auto_renew: bool,
    if_match: int | None,
    at: datetime,
    note: AuditNote,
) -> PrepaidShown:
    """Renew a line from the wallet when it runs out, or do not; raise NotFound or StaleVersion."""
    before = _line(store, subscription_id)
    require_version(current=before.version, expected=if_match)
    after = replace(before, auto_renew=auto_renew, version=before.version + 1)
    store.commit(
        *store.prepaid.change(before=before, after=after),
        store.note(note=replace(note, details={"auto_renew": [before.auto_renew, auto_renew]})),
    )
    return PrepaidShown(after, store.known_profile.time_zone, at)


def _line(store: TenantStore, subscription_id: str) -> PrepaidLine:
    absent = NotFound("no such prepaid line", param="subscription_id")
    try:
        account_id, slot = parse_subscription_id(value=subscription_id)
    except MalformedId:
        raise absent from None
    line = store.prepaid.get(account_id=account_id, slot=slot)
    if line is None:
        raise absent
    return line


# -- recharging ------------------------------------------------------------------------------


@dataclass
class Purchase:
    """One purchase of a package for a line: made anew from the books each time they moved.

    It is paid from the credit, or by what ``brought`` makes of the price in minor units: a document
    that brings the same into the account with the invoice, None where the price is nothing.
    """

    store: TenantStore
    at: datetime
    package: Package
    choose: Callable[[Books], tuple[PrepaidLine | None, int]]
    brought: Callable[[Books, int], NewDocument | None] | None = None
    before: PrepaidLine | None = None
    after: PrepaidLine | None = None
    granted: Granted | None = None

    def make(self, *, books: Books) -> Entry:
        """Return the paid invoice; raise InsufficientCredit, or what the package is refused for."""
        account, tenant = books.subscriber.account, books.tenant
        if books.subscriber.archived:
            raise SubscriberArchived("the subscriber is archived: unarchive it first")
        check_sold_prepaid(package=self.package, account=account)
        self.before, slot = self.choose(books)
        self.after, self.granted = recharge(
            line=self.before,
            account_id=account.account_id,
            slot=slot,
            package=self.package,
            at=self.at,
            zone=tenant.time_zone,
        )
        catalogue = _catalogue(tenant, self.package)
        lines = recharge_lines(
            account=account,
            slot=slot,
            package=self.package,
            granted=self.granted,
            catalogue=catalogue,
            zone=tenant.time_zone,
            at=self.at,
        )
        invoice = new_invoice(
            lines=lines,
            credit=account.credit if self.brought is None else AMOUNT_MINOR_MAX,
            round_to=tenant.round_to,
            on=books.today,
            version=account.version,
        )
        paid = self.brought(books, invoice.total) if self.brought is not None else None
        if invoice.from_credit < invoice.total:
            message = f"the wallet has {account.credit} and the recharge costs {invoice.total} minor units"
            raise InsufficientCredit(message, param="pay")
        changed = replace(account, slots_used=max(account.slots_used, slot))
        issued = [IssuedInvoice(invoice, books.today)]
        return entry_of(account=account, changed=changed, invoices=issued, documents=[paid] if paid else [])

    def writes(self) -> Sequence[Write]:
        """Describe the line after the purchase."""
        assert self.after is not None, "an entry was made"
        return self.store.prepaid.change(before=self.before, after=self.after)

    def result(self, *, posted: Posted) -> Recharged:
        """Return what was bought."""
        assert self.after is not None, "an entry was made"
        assert self.granted is not None, "an entry was made"
        shown = PrepaidShown(self.after, self.store.known_profile.time_zone, self.at)
        return Recharged(posted.invoices[0], shown, self.granted)


def recharge_from_wallet(
    *,
    store: TenantStore,
    subscriber_id: str,
    asked: RechargeAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> Recharged:
    """Buy a prepaid package with the account's credit: its invoice is issued paid.

    Raises NotFound, SubscriberArchived, PackageArchived, NotPrepaid, InsufficientCredit (nothing is
    sold where the credit does not suffice), LineRequired, TooManyPrepaidLines, TooFarAhead.
    """
    package = prepaid_package(store=store, package_id=asked.package_id)
    purchase = Purchase(
        store,
        at,
        package,
        lambda books: chosen_line(store=store, account=books.subscriber.account, asked=asked),
    )
    posted = post(
        store=store,
        subscriber_id=subscriber_id,
        make=lambda books: purchase.make(books=books),
        at=at,
        note=note,
        idempotency=idempotency,
        answer=lambda posted: purchase.result(posted=posted),
        besides=lambda _posted: purchase.writes(),
    )
    return purchase.result(posted=posted)


def chosen_line(
    *, store: TenantStore, account: Account, asked: RechargeAsked
) -> tuple[PrepaidLine | None, int]:
    """Return the line that is recharged, and its slot.

    Raises NotFound, LineRequired or TooManyPrepaidLines.
    """
    lines = store.prepaid.of_account(account_id=account.account_id)
    if asked.subscription_id is not None:
        found = next((one for one in lines if one.subscription_id == asked.subscription_id), None)
        if found is None:
            raise NotFound("the subscriber has no such prepaid line", param="subscription_id")
        return found, found.slot
    if asked.new_line or not lines:
        if len(lines) >= PREPAID_LINES_MAX:
            raise TooManyPrepaidLines(f"an account has at most {PREPAID_LINES_MAX} prepaid lines")
        return None, account.next_slot()
    if len(lines) > 1:
        message = "the subscriber has several prepaid lines: name one by its subscription_id"
        raise LineRequired(message, param="subscription_id")
    return lines[0], lines[0].slot


def prepaid_package(*, store: TenantStore, package_id: str) -> Package:
    """Return the package that is bought, as it is sold now, or raise NotFound."""
    try:
        return store.packages.get(package_id=package_id)
    except NotFound:
        raise NotFound("no such package", param="package_id") from None


def _catalogue(tenant: Tenant, package: Package) -> Catalogue:
    groups = {group.code: group for group in tenant.tax_groups}
    return Catalogue(packages={package.package_id: package}, tax_groups=groups, round_to=tenant.round_to)


# -- taking back -----------------------------------------------------------------------------


def reverse_recharge(
    *,
    store: TenantStore,
    invoice_id: str,
    words: str,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> TakenBack:
    """Credit all that is left of a recharge's invoice, and take back the time that it gave.

    The money is the account's credit again. Time that was used up stays used. Raises NotFound,
    NotARecharge or NothingToCredit.
    """
    about = get_invoice(store=store, invoice_id=invoice_id, at=at).invoice
    slot, package_id, granted = recharge_of(invoice=about)
    check_words(note=words)
    lines: list[tuple[PrepaidLine, PrepaidLine]] = []

    def make(books: Books) -> Entry:
        now = store.invoices.get(invoice_id=about.invoice_id)
        before = store.prepaid.get(account_id=about.account_id, slot=slot)
        assert before is not None, "a recharge has a line"
        zone = books.tenant.time_zone
        after = take_back(line=before, package_id=package_id, granted=granted, at=at, zone=zone)
        lines[:] = [(before, after)]
        made, settlement = credit_note(
            invoice=now, lines=whole_invoice(invoice=now), reason=CreditReason.CANCELLATION.value, note=words
        )
        return entry_of(account=books.subscriber.account, documents=[made], settled=[settlement])

    def besides(_posted: Posted) -> Sequence[Write]:
        ((before, after),) = lines
        return () if after == before else store.prepaid.change(before=before, after=after)

    def answer(posted: Posted) -> TakenBack:
        ((_, after),) = lines
        return TakenBack(posted.documents[0], PrepaidShown(after, store.known_profile.time_zone, at))

    posted = post(
        store=store,
        subscriber_id=about.account_id,
        make=make,
        at=at,
        note=note,
        idempotency=idempotency,
        answer=answer,
        besides=besides,
    )
    return answer(posted)

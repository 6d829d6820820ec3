"""The store as the use cases see it: a tenant's repositories and one atomic commit.

Repositories read, and describe changes as ``Write``s. Nothing changes until ``commit`` is
given all the writes of a command, which then happen together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from chalicelib.domain.errors import Busy, DomainError
from chalicelib.ports.consents import OwnPrivacy
from chalicelib.ports.funds import CompanyMoney
from chalicelib.ports.online import OnlinePayments
from chalicelib.ports.privacy import PrivacyStores

if TYPE_CHECKING:
    from chalicelib.domain.accounts import Account, Subscription
    from chalicelib.domain.billing_state import BillingState
    from chalicelib.domain.contacts import Recipient
    from chalicelib.domain.documents import Document, DocumentKind, Entry
    from chalicelib.domain.invoices import Invoice
    from chalicelib.domain.packages import Package
    from chalicelib.domain.staff import Scope, StaffMember
    from chalicelib.domain.subscribers import Subscriber, SubscriberSummary
    from chalicelib.domain.tenants import Tenant
    from chalicelib.ports.api_keys import ApiKeys
    from chalicelib.ports.audit import AuditLog
    from chalicelib.ports.coupons import Coupons
    from chalicelib.ports.jobs import Exports, Imports, Rehearsals
    from chalicelib.ports.late_fees import LateFees
    from chalicelib.ports.ledger import BooksReader, Ledger
    from chalicelib.ports.money import MoneyBooks
    from chalicelib.ports.packages import Packages
    from chalicelib.ports.plans import Plans
    from chalicelib.ports.portal import PortalUsers
    from chalicelib.ports.prepaid import Prepaid
    from chalicelib.ports.runs import Runs
    from chalicelib.ports.staff import Invitations, Roles, SecondFactors, Staff
    from chalicelib.ports.support import SupportAccesses
    from chalicelib.ports.usage import Usage
    from chalicelib.ports.vouchers import Vouchers

T = TypeVar("T")


class Write(Protocol):
    """One change, described and not yet made; the store alone knows what is inside."""

    @property
    def once(self) -> str:
        """Writes that say the same (and not the empty text) count as one in a commit."""

    @property
    def refused(self) -> Exception:
        """What commit raises when this write's condition does not hold."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list; ``after`` continues it (None at the end) and is opaque to callers."""

    items: tuple[T, ...]
    after: str | None = None


@dataclass(frozen=True, slots=True)
class SubscriberQuery:
    """Filters of the subscriber list.

    ``text`` is an email, phone or national id in full, or a code's beginning; ``code_prefix`` is
    the latter alone. Archived subscribers are left out unless asked for, and always those outside
    the ``scope``.
    """

    status: str | None = None
    package_id: str | None = None
    area: str | None = None
    text: str | None = None
    code_prefix: str | None = None
    archived: bool = False
    dealer_id: str | None = None
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class Subscribing:
    """What a change of subscriptions looks at; ``package`` is the one asked for, if any.

    The books are closed up to ``closed_through``.
    """

    tenant: Tenant
    subscriber: Subscriber
    package: Package | None = None
    closed_through: date | None = None


@dataclass(frozen=True, slots=True)
class AuditNote:
    """Who did what to which object, and from which network address.

    ``details`` and the address are encrypted under the audit key, which outlives everything else.
    ``personal`` is what a person's data was before and after, and what somebody wrote in words of their
    own: it is under the key of operational data and can be taken away without a trace in the chain but
    that it was there.
    """

    actor_id: str
    action: str
    object_id: str
    at: datetime
    request_id: str = ""
    details: Mapping[str, object] = field(default_factory=dict)
    address: str = ""
    personal: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A client's ``Idempotency-Key`` for one operation, and how to render the answer to keep."""

    operation: str
    key: str
    request_hash: str
    render: Callable[[object], str]


class Subscribers(Protocol):
    """Subscribers with their accounts and subscriptions."""

    def get(self, *, subscriber_id: str) -> Subscriber:
        """Return the subscriber with its account, or raise NotFound."""

    def many(self, *, subscriber_ids: Sequence[str]) -> tuple[Subscriber, ...]:
        """Return those that exist, in the order asked for."""

    def list(self, *, query: SubscriberQuery, limit: int, after: str | None) -> Page[SubscriberSummary]:
        """Return a page ordered by code, case aside; with filters it may be short and yet go on."""

    def within(self, *, scope: Scope, account_ids: Collection[str]) -> set[str]:
        """Return which of the accounts are of subscribers that the scope holds."""

    def existing_codes(self, *, codes: Sequence[str]) -> set[str]:
        """Return which of the codes are taken, case aside, as they were given."""

    def add(self, *, subscriber: Subscriber) -> Sequence[Write]:
        """Describe adding a subscriber; refused with CodeTaken. Its subscriptions are filed as due."""

    def change_profile(self, *, before: Subscriber, after: Subscriber) -> Sequence[Write]:
        """Describe a change of the person's data; refused with StaleVersion or CodeTaken."""

    def change_account(self, *, before: Account, after: Account) -> Sequence[Write]:
        """Describe a change of subscriptions, re-filing what is due.

        Refused with StaleVersion, or with Busy where a billing run starts meanwhile that would
        have to see it. Finished subscriptions that leave the account are kept by themselves.
        """

    def past_subscriptions(self, *, account_id: str, slot: int | None = None) -> tuple[Subscription, ...]:
        """Return the subscriptions that are over and left an account, by slot: all, or that of one."""


class Invoices(Protocol):
    """Issued invoices and debit notes, read only: runs and ``Documents.post`` issue them."""

    def get(self, *, invoice_id: str) -> Invoice:
        """Return the invoice, or raise NotFound."""

    def of_account(self, *, account_id: str, limit: int, after: str | None) -> Page[Invoice]:
        """Return a subscriber's invoices, newest period first."""

    def by_number(
        self, *, fiscal_year: int, limit: int, after: str | None, newest_first: bool, kind: str = "INV"
    ) -> Page[Invoice]:
        """Return the tenant's invoices, or debit notes, of a fiscal year in the order of their numbers."""

    def series_years(self, *, kind: str = "INV") -> tuple[int, ...]:
        """Return the fiscal years that have documents of a kind, oldest first."""

    def none_numbered(self, *, kind: str, fiscal_year: int) -> Write:
        """Describe the condition that a kind has no number yet in a fiscal year; refused with Busy."""


class NumbersTaken(DomainError):
    """Other documents took the next numbers of a series: nothing was written."""

    code = "numbers_taken"


class DocumentTaken(Busy):
    """Another document has the identifier: another writer was first, or the account's day is full."""

    code = "document_taken"


class Documents(Protocol):
    """Documents outside the billing run: credit notes, receipts, refunds, journals, and entries."""

    def get(self, *, document_id: str) -> Document:
        """Return a document, or raise NotFound."""

    def of_account(
        self, *, account_id: str, limit: int, after: str | None, kind: DocumentKind | None = None
    ) -> Page[Document]:
        """Return an account's documents, or those of a kind, the newest first."""

    def by_number(
        self, *, kind: DocumentKind, fiscal_year: int, limit: int, after: str | None, newest_first: bool
    ) -> Page[Document]:
        """Return the documents of a series in the order of their numbers."""

    def open_invoices(self, *, account_id: str, receivable: int) -> tuple[Invoice, ...]:
        """Return an account's invoices that are not settled; they come to ``receivable``."""

    def post(
        self, *, entry: Entry, on: date, fiscal_year: int, recipient: Recipient | None, actor_id: str
    ) -> tuple[Sequence[Write], tuple[Invoice, ...], tuple[Document, ...]]:
        """Describe writing an entry dated ``on``, and return what its documents will be.

        Refused with NumbersTaken or StaleVersion: read and try again.
        """


class TenantStore(OnlinePayments, CompanyMoney, OwnPrivacy, PrivacyStores, Protocol):
    """Everything of one tenant; cannot be had without naming the tenant."""

    @property
    def tenant_id(self) -> str:
        """The tenant that everything here belongs to."""

    @property
    def subscribers(self) -> Subscribers:
        """Subscribers and their accounts."""

    @property
    def portal(self) -> PortalUsers:
        """How subscribers sign in to the portal."""

    @property
    def packages(self) -> Packages:
        """The catalogue."""

    @property
    def usage(self) -> Usage:
        """Data used by subscriptions."""

    @property
    def prepaid(self) -> Prepaid:
        """Prepaid lines."""

    @property
    def plans(self) -> Plans:
        """The plan that the tenant is on, and the plans that it sells."""

    @property
    def invoices(self) -> Invoices:
        """Issued invoices."""

    @property
    def documents(self) -> Documents:
        """Credit notes, receipts, refunds and journals; and entries to be written."""

    @property
    def money(self) -> MoneyBooks:
        """Chargebacks, refunds by gateways, events, receipts to mail, settlements."""

    @property
    def coupons(self) -> Coupons:
        """Coupons, and how often each was redeemed."""

    @property
    def vouchers(self) -> Vouchers:
        """Vouchers, by batch."""

    @property
    def late_fees(self) -> LateFees:
        """Late and reconnect fees."""

    @property
    def ledger(self) -> Ledger:
        """Day totals, and closed months."""

    @property
    def book_reader(self) -> BooksReader:
        """The books as audits and statements read them."""

    @property
    def runs(self) -> Runs:
        """The run ledger."""

    @property
    def staff(self) -> Staff:
        """People who work for the tenant."""

    @property
    def roles(self) -> Roles:
        """Roles of the tenant's own."""

    @property
    def api_keys(self) -> ApiKeys:
        """Keys of programs."""

    @property
    def second_factors(self) -> SecondFactors:
        """Second factors of staff."""

    @property
    def invitations(self) -> Invitations:
        """Invitations that nobody has taken up yet."""

    @property
    def imports(self) -> Imports:
        """Imports asked for, and how far they are."""

    @property
    def exports(self) -> Exports:
        """Exports asked for, and what was made."""

    @property
    def rehearsals(self) -> Rehearsals:
        """Rehearsals asked for as jobs."""

    @property
    def support(self) -> SupportAccesses:
        """Accesses of platform support."""

    @property
    def audit(self) -> AuditLog:
        """Audit entries, and the chain that seals them."""

    def profile(self) -> Tenant:
        """Return the tenant's own record."""

    @property
    def known_profile(self) -> Tenant:
        """The tenant's own record as this store last read it."""

    def change_profile(self, *, before: Tenant, after: Tenant) -> Sequence[Write]:
        """Describe a change of the tenant's settings; refused with StaleVersion."""

    def profile_unmoved(self, *, tenant: Tenant) -> Write:
        """Describe the condition that the settings are as they were read; refused with Busy."""

    def profile_and_staff(self, *, staff_id: str) -> tuple[Tenant, StaffMember]:
        """Return the tenant's own record and a person's, read together; or raise NotFound."""

    def subscribing(self, *, subscriber_id: str, package_id: str | None = None) -> Subscribing:
        """Return a subscriber, the tenant and a package, read together; or raise NotFound."""

    def start_billing(self, *, completed_through: date) -> Write:
        """Describe the first billing state: runs begin with the day after."""

    def billing_state(self) -> BillingState:
        """Return how far billing has come, as it stands now."""

    def billing_unmoved(self, *, state: BillingState) -> Write:
        """Describe the condition that no run has started since ``state`` was read; refused with Busy."""

    def note(self, *, note: AuditNote) -> Write:
        """Describe the audit entry of a change, to be committed with it."""

    def answered(self, *, idempotency: Idempotency) -> str | None:
        """Return the kept answer of a key already used, or None; another body is KeyReused."""

    def remember(self, *, idempotency: Idempotency | None, answer: object) -> Sequence[Write]:
        """Describe keeping the answer; refused with AlreadyAnswered. None describes nothing."""

    def commit(self, *writes: Write) -> None:
        """Make all writes in one transaction, or raise the ``refused`` of the first that fails."""


class Stores(Protocol):
    """Opens a tenant's store."""

    def of(self, *, tenant_id: str) -> TenantStore:
        """Return the store of one tenant."""

    def discard(self, *, tenant_id: str) -> None:
        """Destroy the keys of a tenant that did not come to be."""


class TenantRegistry(Protocol):
    """The platform's list of tenants and their subdomains."""

    def find(self, *, subdomain: str) -> Tenant | None:
        """Return the tenant of a subdomain, or None."""

    def active(self, *, after: str | None, limit: int, turn: int = 0) -> Page[Tenant]:
        """Return a page of active tenants, for the planner; each turn begins at another of them.

        All pages of one list are asked for with the same turn.
        """

"""A tenant's store: every repository, built for one tenant and for no other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, cast

from chalicelib.crypto.keyring import Keyring, TenantKeys
from chalicelib.domain.billing_state import BillingState
from chalicelib.domain.errors import NotFound
from chalicelib.domain.numbering import NumberFormat
from chalicelib.domain.staff import StaffMember
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.services import Clock, Ids
from chalicelib.ports.store import AuditNote, Idempotency, Subscribing, Write
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.audit import audit_write
from chalicelib.store.base import Database, ModelWrite
from chalicelib.store.billing_state import BillingStates
from chalicelib.store.idempotency import IdempotencyRecords
from chalicelib.store.staff import StaffItem
from chalicelib.store.tenant_jobs import TenantJobs
from chalicelib.store.tenant_money import TenantMoney
from chalicelib.store.tenant_online import TenantOnline
from chalicelib.store.tenant_people import TenantPeople
from chalicelib.store.tenant_privacy import TenantPrivacy
from chalicelib.store.tenants import TenantItem, TenantProfiles, decode_tenant, unchanged

# Repositories are imported by who first asks for them: each costs milliseconds of a cold start.
if TYPE_CHECKING:
    from chalicelib.store.audit_log import DynamoAuditLog
    from chalicelib.store.billing import DynamoBillingBooks
    from chalicelib.store.book_reader import DynamoBookReader
    from chalicelib.store.coupons import DynamoCoupons
    from chalicelib.store.documents import DynamoDocuments
    from chalicelib.store.invoices import DynamoInvoices
    from chalicelib.store.key_rotation import DynamoKeyRotation
    from chalicelib.store.late_fees import DynamoLateFees
    from chalicelib.store.ledger import DynamoLedger
    from chalicelib.store.life import DynamoLife
    from chalicelib.store.money import DynamoMoney
    from chalicelib.store.packages import DynamoPackages
    from chalicelib.store.plans import DynamoPlans
    from chalicelib.store.prepaid import DynamoPrepaid
    from chalicelib.store.rehearsals import DynamoRehearsalBooks
    from chalicelib.store.runs import DynamoRuns
    from chalicelib.store.subscribers import DynamoSubscribers
    from chalicelib.store.usage import DynamoUsage
    from chalicelib.store.vouchers import DynamoVouchers
    from chalicelib.store.wire import DynamoWire


class DynamoTenantStore(TenantPeople, TenantOnline, TenantMoney, TenantPrivacy, TenantJobs, OfTenant):
    """Repositories and commits of one tenant."""

    def __init__(
        self, *, tenant_id: str, database: Database, keyring: Keyring, ids: Ids, clock: Clock
    ) -> None:
        assert tenant_id.startswith("ten_"), "a store is built for a tenant"
        self._tenant_id = tenant_id
        self._database = database
        self._keyring = keyring
        self._ids = ids
        self._clock = clock
        self._known: Tenant | None = None

    @property
    def tenant_id(self) -> str:
        """The tenant that everything here belongs to."""
        return self._tenant_id

    @cached_property
    def keys(self) -> TenantKeys:
        """The tenant's keys, unwrapped when first needed."""
        return self._keyring.of(tenant_id=self._tenant_id)

    @cached_property
    def key_rotation(self) -> DynamoKeyRotation:
        """The tenant's wrapped keys, to be replaced."""
        from chalicelib.store.key_rotation import DynamoKeyRotation

        return DynamoKeyRotation(tenant_id=self._tenant_id, keyring=self._keyring, clock=self._clock)

    @cached_property
    def life(self) -> DynamoLife:
        """The tenant's life cycle: its states, holds, and what ends it."""
        from chalicelib.store.erasure import DynamoErasure
        from chalicelib.store.life import DynamoLife

        erasure = DynamoErasure(
            tenant_id=self._tenant_id,
            database=self._database,
            clock=self._clock,
            staff=lambda: self.staff,
            subscribers=lambda: self.subscribers,
            gateways=lambda: self.gateways,
        )
        return DynamoLife(
            tenant_id=self._tenant_id,
            database=self._database,
            keyring=self._keyring,
            clock=self._clock,
            erasure=erasure,
        )

    @cached_property
    def packages(self) -> DynamoPackages:
        """The catalogue."""
        from chalicelib.store.packages import DynamoPackages

        return DynamoPackages(tenant_id=self._tenant_id)

    @cached_property
    def subscribers(self) -> DynamoSubscribers:
        """Subscribers with their accounts."""
        from chalicelib.store.due import DueFiling
        from chalicelib.store.subscribers import DynamoSubscribers

        due = DueFiling(tenant_id=self._tenant_id, states=self.billing_states)
        return DynamoSubscribers(tenant_id=self._tenant_id, tenant_keys=self.keys, due=due, usage=self.usage)

    @cached_property
    def usage(self) -> DynamoUsage:
        """Data used by subscriptions."""
        from chalicelib.store.usage import DynamoUsage

        return DynamoUsage(tenant_id=self._tenant_id)

    @cached_property
    def prepaid(self) -> DynamoPrepaid:
        """Prepaid lines."""
        from chalicelib.store.prepaid import DynamoPrepaid

        return DynamoPrepaid(tenant_id=self._tenant_id)

    @cached_property
    def plans(self) -> DynamoPlans:
        """The plan that the tenant is on, and the plans that it sells."""
        from chalicelib.store.plans import DynamoPlans

        return DynamoPlans(tenant_id=self._tenant_id)

    @cached_property
    def invoices(self) -> DynamoInvoices:
        """Issued invoices."""
        from chalicelib.store.invoices import DynamoInvoices

        return DynamoInvoices(
            tenant_id=self._tenant_id,
            tenant_keys=self.keys,
            formats=self._number_formats,
        )

    @cached_property
    def documents(self) -> DynamoDocuments:
        """Documents outside the billing run."""
        from chalicelib.store.documents import DynamoDocuments

        return DynamoDocuments(
            tenant_id=self._tenant_id,
            tenant_keys=self.keys,
            subscribers=self.subscribers,
            clock=self._clock,
            tenant=lambda: self.known_profile,
        )

    @cached_property
    def money(self) -> DynamoMoney:
        """Chargebacks, refunds by gateways, events, receipts to mail, settlements."""
        from chalicelib.store.money import DynamoMoney

        return DynamoMoney(tenant_id=self._tenant_id, tenant_keys=self.keys, clock=self._clock, ids=self._ids)

    @cached_property
    def coupons(self) -> DynamoCoupons:
        """Coupons, and how often each was redeemed."""
        from chalicelib.store.coupons import DynamoCoupons

        return DynamoCoupons(tenant_id=self._tenant_id)

    @cached_property
    def vouchers(self) -> DynamoVouchers:
        """Vouchers."""
        from chalicelib.store.vouchers import DynamoVouchers

        return DynamoVouchers(tenant_id=self._tenant_id, tenant_keys=self.keys)

    @cached_property
    def late_fees(self) -> DynamoLateFees:
        """Late and reconnect fees."""
        from chalicelib.store.late_fees import DynamoLateFees

        return DynamoLateFees(tenant_id=self._tenant_id, tenant_keys=self.keys, subscribers=self.subscribers)

    @cached_property
    def ledger(self) -> DynamoLedger:
        """Day totals, and closed months."""
        from chalicelib.store.ledger import DynamoLedger

        return DynamoLedger(tenant_id=self._tenant_id)

    @cached_property
    def book_reader(self) -> DynamoBookReader:
        """The books as audits and statements read them."""
        from chalicelib.store.book_reader import DynamoBookReader

        return DynamoBookReader(tenant_id=self._tenant_id, formats=self._number_formats)

    @cached_property
    def runs(self) -> DynamoRuns:
        """The run ledger."""
        from chalicelib.store.runs import DynamoRuns

        return DynamoRuns(tenant_id=self._tenant_id, database=self._database, clock=self._clock)

    @cached_property
    def audit(self) -> DynamoAuditLog:
        """Audit entries, and the chain that seals them."""
        from chalicelib.store.audit_log import DynamoAuditLog

        return DynamoAuditLog(
            tenant_id=self._tenant_id,
            database=self._database,
            tenant_keys=lambda: self.keys,
            clock=self._clock,
        )

    @cached_property
    def _profiles(self) -> TenantProfiles:
        return TenantProfiles(tenant_id=self._tenant_id)

    def profile(self) -> Tenant:
        """Return the tenant's own record."""
        self._known = self._profiles.get()
        return self._known

    @property
    def known_profile(self) -> Tenant:
        """The tenant's own record as this store last read it."""
        return self._known or self.profile()

    def _number_formats(self) -> Sequence[NumberFormat]:
        """Return the formats of documents' numbers; those of a year that has documents never change."""
        return self.known_profile.number_formats

    def change_profile(self, *, before: Tenant, after: Tenant) -> Sequence[ModelWrite]:
        """Describe a change of the tenant's settings."""
        return self._profiles.change(before=before, after=after)

    def profile_unmoved(self, *, tenant: Tenant) -> ModelWrite:
        """Describe the condition that the settings are as they were read."""
        return unchanged(tenant=tenant)

    def profile_and_staff(self, *, staff_id: str) -> tuple[Tenant, StaffMember]:
        """Return the tenant's own record and a person's, read together."""
        record, person = self._database.read_together(
            (TenantItem, keys.tenant(self._tenant_id), keys.PROFILE),
            (StaffItem, keys.staff(self._tenant_id), staff_id),
        )
        if record is None or person is None:
            raise NotFound("no such person")
        self._known = decode_tenant(record.data)
        return self._known, self.staff.member_of(person)

    def subscribing(self, *, subscriber_id: str, package_id: str | None = None) -> Subscribing:
        """Return a subscriber, the tenant and a package, read together with the billing state."""
        record, state, account, person, *packages = self._database.read_together(
            (TenantItem, keys.tenant(self._tenant_id), keys.PROFILE),
            self.billing_states.read,
            *self.subscribers.reads(subscriber_id=subscriber_id),
            *([] if package_id is None else [self.packages.read(package_id=package_id)]),
        )
        if record is None:
            raise NotFound("no such tenant")
        self.billing_states.take(state)
        self._known = decode_tenant(record.data)
        return Subscribing(
            tenant=self._known,
            subscriber=self.subscribers.subscriber_of(account, person),
            package=self.packages.package_of(packages[0]) if packages else None,
            closed_through=self.billing_states.get().closed_through,
        )

    def start_billing(self, *, completed_through: date) -> ModelWrite:
        """Describe the first billing state."""
        return self.billing_states.create(completed_through=completed_through)

    @cached_property
    def billing_states(self) -> BillingStates:
        """How far billing has come, and its first state."""
        return BillingStates(tenant_id=self._tenant_id)

    def billing_state(self) -> BillingState:
        """Return how far billing has come, as it stands now."""
        return self.billing_states.get(fresh=True)

    def billing_unmoved(self, *, state: BillingState) -> ModelWrite:
        """Describe the condition that no run has started since ``state`` was read."""
        from chalicelib.store.due import unmoved

        return unmoved(tenant_id=self._tenant_id, state=state)

    def books(self, *, wire: DynamoWire) -> DynamoBillingBooks:
        """The books as the billing run sees them."""
        from chalicelib.store.billing import DynamoBillingBooks

        return DynamoBillingBooks(
            tenant_id=self._tenant_id,
            table=self._database.settings.tenants_table,
            wire=wire,
            tenant_keys=self.keys,
            runs=self.runs,
            clock=self._clock,
            ids=self._ids,
        )

    def rehearsal_books(self, *, wire: DynamoWire) -> DynamoRehearsalBooks:
        """The books as a rehearsal reads them."""
        from chalicelib.store.rehearsals import DynamoRehearsalBooks

        return DynamoRehearsalBooks(
            tenant_id=self._tenant_id,
            table=self._database.settings.tenants_table,
            wire=wire,
            tenant_keys=self.keys,
            runs=self.runs,
            clock=self._clock,
            ids=self._ids,
        )

    @cached_property
    def _idempotency(self) -> IdempotencyRecords:
        return IdempotencyRecords(tenant_id=self._tenant_id, tenant_keys=self.keys, clock=self._clock)

    def note(self, *, note: AuditNote) -> ModelWrite:
        """Describe the audit entry of a change."""
        return audit_write(tenant_id=self._tenant_id, tenant_keys=lambda: self.keys, ids=self._ids, note=note)

    def answered(self, *, idempotency: Idempotency) -> str | None:
        """Return the kept answer of a key already used."""
        return self._idempotency.answered(idempotency=idempotency)

    def remember(self, *, idempotency: Idempotency | None, answer: object) -> Sequence[ModelWrite]:
        """Describe keeping the answer."""
        return self._idempotency.remember(idempotency=idempotency, answer=answer)

    def commit(self, *writes: Write) -> None:
        """Make all writes in one transaction."""
        self._database.commit([cast(ModelWrite, write) for write in writes])


class DynamoStores:
    """Opens tenants' stores over one connection."""

    def __init__(self, *, database: Database, keyring: Keyring, ids: Ids, clock: Clock) -> None:
        self._clock = clock
        self._database = database
        self._keyring = keyring
        self._ids = ids

    def of(self, *, tenant_id: str) -> DynamoTenantStore:
        """Return the store of one tenant."""
        return DynamoTenantStore(
            tenant_id=tenant_id,
            database=self._database,
            keyring=self._keyring,
            ids=self._ids,
            clock=self._clock,
        )

    def discard(self, *, tenant_id: str) -> None:
        """Destroy the keys of a tenant that did not come to be."""
        self._keyring.destroy(tenant_id=tenant_id)

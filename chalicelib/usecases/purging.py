"""The purge of a tenant after its recovery, and the end of what the law had kept: step by step.

How far it is stands in the platform's table. A step is done before it is written down, and doing it again
changes nothing: whoever is killed anywhere comes to the same end on the next pass.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.lifecycle import KEPT_FISCAL_YEARS, STOPPED_FOR, SUBDOMAIN_HELD
from chalicelib.domain.purging import (
    NOTICE_FAMILY,
    OPERATIONAL_FAMILIES,
    Certificate,
    Deletion,
    Purge,
    PurgeStep,
    certificate_text,
    following,
)
from chalicelib.domain.tenants import Tenant, TenantState
from chalicelib.ports.life import EndingStore
from chalicelib.ports.services import MailNotSent
from chalicelib.ports.store import AuditNote
from chalicelib.usecases.audit_sealing import seal_entries
from chalicelib.usecases.ending_mails import purged_mail
from chalicelib.usecases.ending_ports import EndingPorts, fiscal_year_at
from chalicelib.usecases.plan_pauses import end_plan
from chalicelib.usecases.staff_lists import owners
from chalicelib.usecases.stopping import LIFE_ACTOR, stop_access

ERASED_PER_READ: Final = 100
AUDIT: Final = "audit"
# Entries are chained when they have settled.
SEALED_AFTER: Final = timedelta(minutes=10)
TOLD_FOR: Final = timedelta(days=7)


def purge(
    *, ports: EndingPorts, store: EndingStore, tenant: Tenant, at: datetime, out_of_time: Callable[[], bool]
) -> bool:
    """Go on with a purge as far as time allows; return whether there was not enough of it."""
    known = ports.purges.get(tenant_id=tenant.tenant_id)
    work = known or ports.purges.save(purge=Purge(tenant.tenant_id, started_at=at))
    if work.step is PurgeStep.DONE and tenant.state is TenantState.PURGING:
        # The table was restored to a time before: what is there again is deleted again.
        work = ports.purges.save(purge=replace(work, step=PurgeStep.FILES, finished_at=None))
    while work.step is not PurgeStep.DONE:
        if out_of_time():
            return True
        if work.not_before is not None and at < work.not_before:
            return False
        if store.life.holds.categories():
            return False
        # What a step waits for, the one before it says.
        ready = replace(work, not_before=None)
        done = _STEPS[work.step](_Purging(ports, store, tenant, at, out_of_time), ready)
        if done is None:
            return True
        work = ports.purges.save(purge=replace(done, step=following(step=work.step)))
        tenant = store.profile()
    return False


def unreadable(*, store: EndingStore) -> bool:
    """Whether a tenant's operational keys are destroyed: it was purged, whatever restored tables say."""
    families = {name.partition("#")[0] for name in store.life.shredding.names()}
    return not families & OPERATIONAL_FAMILIES


def shred(
    *,
    ports: EndingPorts,
    store: EndingStore,
    tenant: Tenant,
    purged: Purge,
    at: datetime,
    out_of_time: Callable[[], bool],
) -> bool:
    """Delete what was kept of a purged tenant, and its last keys; return whether there was no time for it.

    Its certificate bears no HMAC, for there is no key left: the copy that nobody can change stands for it.
    """
    ending = tenant.ending
    if tenant.state is not TenantState.PURGED or ending is None:
        return False
    if not ending.shredding:
        if store.life.holds.categories():
            return False
        # From here on it is too late for a hold: one that was set since changed the version.
        begun = replace(tenant, ending=replace(ending, shredding=True))
        store.commit(*store.life.settle(before=tenant, after=begun))
        tenant = replace(begun, version=tenant.version + 1)
    if not store.life.kept_erasure.erase(tenant=tenant, out_of_time=out_of_time):
        return True
    keys = store.life.shredding.destroy(wanted=lambda _name: True)
    work = replace(purged, keys=keys, counts={})
    issued_at = _issued_at(work, at)
    text = certificate_text(purge=work, deletion=Deletion.SHREDDING, kept_through=0, at=issued_at)
    certificate = ports.purges.certify(
        certificate=Certificate(tenant.tenant_id, Deletion.SHREDDING, issued_at, text, mac="")
    )
    ports.vault.keep(certificate=certificate)
    after = replace(tenant, state=TenantState.SHREDDED)
    store.commit(*store.life.settle(before=tenant, after=after))
    return False


@dataclass(frozen=True, slots=True)
class _Purging:
    """A pass over one tenant's purge."""

    ports: EndingPorts
    store: EndingStore
    tenant: Tenant
    at: datetime
    out_of_time: Callable[[], bool]

    def stop(self, work: Purge) -> Purge:
        """End every access for good, gateways' too, and keep the owners' addresses until they are told."""
        gone = unreadable(store=self.store)
        if not gone:
            stop_access(
                identity=self.ports.identity,
                support=self.ports.support,
                store=self.store,
                tenant=self.tenant,
                at=self.at,
            )
        self.store.life.erasure.erase_gateways()
        operator = self.ports.operator()
        if operator is not None:
            end_plan(operator=operator, tenant=self.tenant, at=self.at)
        if gone:  # every table was restored to a time before the purge: nobody is let in, or can be told
            return work
        told = json.dumps([(one.email, one.name) for one in owners(store=self.store)]).encode()
        sealed = self.store.keys.seal(family=NOTICE_FAMILY, place=_place(work), plain=told)
        return replace(work, owners=sealed, not_before=self.at + STOPPED_FOR)

    def count(self, work: Purge) -> Purge:
        """Write down what there is, before anything is deleted."""
        files = self.ports.files.count(tenant_id=work.tenant_id)
        return replace(
            work, counts={**self.store.life.erasure.counts(), **({"files": files} if files else {})}
        )

    def files(self, work: Purge) -> Purge:
        """Delete imports and exports."""
        self.ports.files.erase(tenant_id=work.tenant_id)
        return work

    def people(self, work: Purge) -> Purge | None:
        """Delete staff with their sessions and devices, and known networks."""
        self.ports.leftovers.erase_networks(tenant_id=work.tenant_id)
        while ids := self.store.life.erasure.staff_ids(limit=ERASED_PER_READ):
            for staff_id in ids:
                if self.out_of_time():
                    return None
                self.ports.leftovers.erase_person(tenant_id=work.tenant_id, actor_id=staff_id)
                self.store.life.erasure.erase_staff(staff_id=staff_id)
        return work

    def subscribers(self, work: Purge) -> Purge | None:
        """Delete subscribers with their sessions and devices; of those with documents the money stays."""
        while accounts := self.store.life.erasure.accounts(limit=ERASED_PER_READ):
            for account in accounts:
                if self.out_of_time():
                    return None
                self.ports.leftovers.erase_person(tenant_id=work.tenant_id, actor_id=account.account_id)
                self.store.life.erasure.erase_account(account=account)
        return work

    def records(self, work: Purge) -> Purge | None:
        """Delete the rest, and what the tenant's own record says of the company."""
        if not self.store.life.erasure.erase_records(tenant=self.tenant, out_of_time=self.out_of_time):
            return None
        if self.tenant.company:
            after = replace(self.tenant, company="", tax_groups=(), allowed_origins=(), invoice_limit=None)
            note = AuditNote(LIFE_ACTOR, "tenant.purged", work.tenant_id, self.at, details=work.counts)
            held_until = self.at + SUBDOMAIN_HELD
            self.store.commit(
                *self.store.life.move(before=self.tenant, after=after, held_until=held_until),
                self.store.note(note=note),
            )
        return work

    def keys(self, work: Purge) -> Purge:
        """Destroy the keys of operational data: no copy of it, wherever it lies, is readable any more."""
        destroyed = self.store.life.shredding.destroy(
            wanted=lambda name: name.partition("#")[0] in OPERATIONAL_FAMILIES
        )
        return replace(work, keys=destroyed)

    def certify(self, work: Purge) -> Purge:
        """Issue the certificate, once, and keep it where nobody can change it."""
        through = fiscal_year_at(tenant=self.tenant, at=work.started_at) + KEPT_FISCAL_YEARS
        issued_at = _issued_at(work, self.at)
        text = certificate_text(purge=work, deletion=Deletion.PURGE, kept_through=through, at=issued_at)
        mac = self.store.keys.authenticate(family=AUDIT, message=text.encode())
        made = Certificate(work.tenant_id, Deletion.PURGE, issued_at, text, mac)
        self.ports.vault.keep(certificate=self.ports.purges.certify(certificate=made))
        return work

    def tell(self, work: Purge) -> Purge | None:
        """Mail the certificate to those who were the owners, and forget their addresses, and the key to them.

        Those whose mail was not taken are tried again for a week, and then forgotten too.
        """
        if not work.owners:
            return work
        [certificate] = self.ports.purges.certificates_of(tenant_id=work.tenant_id)
        told = self.store.keys.open_kept(family=NOTICE_FAMILY, place=_place(work), sealed=work.owners)
        left = []
        # Where the key is gone, they were told, and whoever did so died before writing it down.
        for email, name in json.loads(told or b"[]"):
            try:
                self.ports.mailer.send(mail=purged_mail(to=email, name=name, certificate=certificate))
            except MailNotSent:
                left.append((email, name))
        if left and self.at < work.started_at + TOLD_FOR:
            plain = json.dumps(left).encode()
            sealed = self.store.keys.seal(family=NOTICE_FAMILY, place=_place(work), plain=plain)
            self.ports.purges.save(purge=replace(work, owners=sealed))
            return None
        self.store.life.shredding.destroy(wanted=lambda name: name.partition("#")[0] == NOTICE_FAMILY)
        return replace(work, owners=b"", not_before=self.at + SEALED_AFTER)

    def seal(self, work: Purge) -> Purge | None:
        """Chain the last entries of the audit log; then the tenant is purged."""
        report = seal_entries(
            log=self.store.audit,
            created_at=self.tenant.created_at,
            at=self.at,
            out_of_time=self.out_of_time,
        )
        if report.unfinished:
            return None
        if self.tenant.state is TenantState.PURGING:
            after = replace(self.tenant, state=TenantState.PURGED)
            self.store.commit(*self.store.life.move(before=self.tenant, after=after))
        return replace(work, finished_at=self.at)


_STEPS: Final[Mapping[PurgeStep, Callable[[_Purging, Purge], Purge | None]]] = {
    PurgeStep.STOP: _Purging.stop,
    PurgeStep.COUNT: _Purging.count,
    PurgeStep.FILES: _Purging.files,
    PurgeStep.PEOPLE: _Purging.people,
    PurgeStep.SUBSCRIBERS: _Purging.subscribers,
    PurgeStep.RECORDS: _Purging.records,
    PurgeStep.KEYS: _Purging.keys,
    PurgeStep.CERTIFY: _Purging.certify,
    PurgeStep.TELL: _Purging.tell,
    PurgeStep.SEAL: _Purging.seal,
}


def _issued_at(work: Purge, at: datetime) -> datetime:
    """Return when a certificate is issued: a pass has one time, and lasts; no key was destroyed after it."""
    return max([at, *(one.at for one in work.keys)])


def _place(work: Purge) -> str:
    return f"platform|PURGE#{work.tenant_id}|owners"

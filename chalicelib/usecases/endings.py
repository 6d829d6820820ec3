"""What the schedule does about a tenant whose account ends: the next step that is due, and no more.

Whatever is repeated changes nothing that is done, so that a pass may end anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.lifecycle import (
    SUBDOMAIN_HELD,
    ending_due,
    in_recovery,
    notice_due,
    postponed,
    purge_due,
    untold,
    year_over,
)
from chalicelib.domain.tenants import Ending, Tenant, TenantState
from chalicelib.ports.life import EndingStore
from chalicelib.ports.services import MailNotSent
from chalicelib.ports.store import AuditNote
from chalicelib.usecases.ending_mails import notice_mail
from chalicelib.usecases.ending_ports import EndingPorts, fiscal_year_at
from chalicelib.usecases.plan_pauses import pause_plan, settle_plan
from chalicelib.usecases.purging import purge, shred, unreadable
from chalicelib.usecases.staff_lists import owners
from chalicelib.usecases.stopping import LIFE_ACTOR, stop_access

# Requests that were on their way when recovery began have ended by then: what they made is stopped too.
SWEPT_AFTER: Final = timedelta(minutes=1)


def advance(*, ports: EndingPorts, tenant: Tenant, at: datetime, out_of_time: Callable[[], bool]) -> bool:
    """Do what is due of a tenant; return whether something is left that this pass had no time for.

    ``tenant`` may be a copy of some age: what is changed is changed on the condition that it is as it was
    read now. Raises Busy, MailNotSent, StaleVersion, or what the stores do; the next pass goes on.
    """
    if tenant.ending is None:
        return False
    store = ports.stores.of(tenant_id=tenant.tenant_id)
    now = store.profile()
    if ending_due(tenant=now, at=at):
        now = _begin_recovery(store, now, at)
    if now.state is TenantState.RECOVERY:
        return _see_to_recovery(ports, store, now, at, out_of_time)
    if now.state in {TenantState.PURGING, TenantState.PURGED}:
        if purge(ports=ports, store=store, tenant=now, at=at, out_of_time=out_of_time):
            return True
        return _see_to_what_is_kept(ports, store, store.profile(), at, out_of_time)
    return False


def _begin_recovery(store: EndingStore, before: Tenant, at: datetime) -> Tenant:
    after = in_recovery(tenant=before, at=at)
    note = AuditNote(LIFE_ACTOR, "tenant.recovery_began", before.tenant_id, at)
    store.commit(*store.life.move(before=before, after=after), store.note(note=note))
    return replace(after, version=before.version + 1)


def _see_to_recovery(
    ports: EndingPorts, store: EndingStore, tenant: Tenant, at: datetime, out_of_time: Callable[[], bool]
) -> bool:
    ending = _ending(tenant)
    if ports.purges.get(tenant_id=tenant.tenant_id) is not None or unreadable(store=store):
        # It was purged, and the table restored to a time before: its people cannot be read any more.
        return _begin_purge(ports, store, tenant, at, out_of_time)
    if not ending.stopped:
        tenant = _stop(ports, store, tenant, at)
    if untold(ending=_ending(tenant), at=at) and not store.life.holds.categories():
        tenant = _postpone(store, tenant, at)
    if notice_due(ending=_ending(tenant), at=at) is not None:
        tenant = _give_notice(ports, store, tenant, at)
    if not purge_due(tenant=tenant, at=at):
        return False
    return _begin_purge(ports, store, tenant, at, out_of_time)


def _postpone(store: EndingStore, tenant: Tenant, at: datetime) -> Tenant:
    """Give a day more where nobody was told that the data goes: the schedule was away, not the owners."""
    after = replace(tenant, ending=postponed(ending=_ending(tenant), at=at))
    note = AuditNote(LIFE_ACTOR, "tenant.purge_postponed", tenant.tenant_id, at)
    store.commit(*store.life.settle(before=tenant, after=after), store.note(note=note))
    return replace(after, version=tenant.version + 1)


def _begin_purge(
    ports: EndingPorts, store: EndingStore, tenant: Tenant, at: datetime, out_of_time: Callable[[], bool]
) -> bool:
    # The version that was read before the holds: whoever sets one meanwhile changes it.
    if store.life.holds.categories():
        return False
    after = replace(tenant, state=TenantState.PURGING)
    note = AuditNote(LIFE_ACTOR, "tenant.purge_began", tenant.tenant_id, at)
    store.commit(*store.life.move(before=tenant, after=after), store.note(note=note))
    begun = replace(after, version=tenant.version + 1)
    return purge(ports=ports, store=store, tenant=begun, at=at, out_of_time=out_of_time)


def _stop(ports: EndingPorts, store: EndingStore, tenant: Tenant, at: datetime) -> Tenant:
    """End everybody's access once more, some time after the end, and pause the plan; then that is done."""
    ending = _ending(tenant)
    swept = ending.ends_at + SWEPT_AFTER
    stop_access(
        identity=ports.identity,
        support=ports.support,
        store=store,
        tenant=tenant,
        at=at,
        begun_before=swept,
    )
    operator = ports.operator()
    if operator is not None:
        settle_plan(operator=operator, store=store, tenant=tenant, ended_at=ending.ends_at)
        pause_plan(operator=operator, store=store, at=at)
    if at < swept:
        return tenant
    return _keep(store, tenant, replace(ending, stopped=True))


def _give_notice(ports: EndingPorts, store: EndingStore, tenant: Tenant, at: datetime) -> Tenant:
    """Mail the owners the notice that is due.

    It is claimed first and marked as given last: so two passes at once give it once, and one that dies in
    between is made up for. Who dies after the mail and before the mark gives it twice: better than never.
    """
    ending = _ending(tenant)
    days = notice_due(ending=ending, at=at)
    assert days is not None, "one is due"
    assert ending.purge_at is not None, "recovery has an end"
    claimed = _keep(store, tenant, replace(ending, told=days, telling_since=at))
    refused: MailNotSent | None = None
    taken = 0
    for owner in owners(store=store):
        mail = notice_mail(
            to=owner.email, name=owner.name, tenant=tenant, purge_at=ending.purge_at, days=days
        )
        try:
            ports.mailer.send(mail=mail)
        except MailNotSent as error:
            refused = error
        else:
            taken += 1
    # An address that takes nothing is not the others' fault, who would have the same mail each hour.
    if refused is not None and not taken:
        raise refused
    return _keep(store, claimed, replace(_ending(claimed), telling_since=None))


def _see_to_what_is_kept(
    ports: EndingPorts, store: EndingStore, tenant: Tenant, at: datetime, out_of_time: Callable[[], bool]
) -> bool:
    """Free the subdomain when its time has come, and delete what was kept when the law is satisfied."""
    ending = _ending(tenant)
    purged = ports.purges.get(tenant_id=tenant.tenant_id)
    if purged is None or purged.finished_at is None:
        return False
    if not ending.freed and purged.finished_at + SUBDOMAIN_HELD <= at:
        ports.registry.forget(tenant_id=tenant.tenant_id, subdomain=tenant.subdomain)
        after = replace(tenant, subdomain="", ending=replace(ending, freed=True))
        store.commit(*store.life.settle(before=tenant, after=after))
        tenant = replace(after, version=tenant.version + 1)
    # As the certificate says it: the purge may end in the fiscal year after.
    last = fiscal_year_at(tenant=tenant, at=purged.started_at)
    if not year_over(fiscal_year=last, present=fiscal_year_at(tenant=tenant, at=at)):
        return False
    return shred(ports=ports, store=store, tenant=tenant, purged=purged, at=at, out_of_time=out_of_time)


def _keep(store: EndingStore, before: Tenant, ending: Ending) -> Tenant:
    after = replace(before, ending=ending)
    store.commit(*store.life.settle(before=before, after=after))
    return replace(after, version=before.version + 1)


def _ending(tenant: Tenant) -> Ending:
    assert tenant.ending is not None, "its account ends"
    return tenant.ending

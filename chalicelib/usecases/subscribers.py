"""Subscribers: the ISP's customers."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime

from chalicelib.domain.subscribers import (
    Contact,
    Subscriber,
    SubscriberInService,
    changed,
    check_area,
    check_code,
    check_contact,
    in_service,
    new_subscriber,
)
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore, Write
from chalicelib.usecases.changes import UNCHANGED, Unchanged
from chalicelib.usecases.plans import subscriber_room
from chalicelib.usecases.versions import require_version


@dataclass(frozen=True, slots=True)
class SubscriberChange:
    """What a change sets; None leaves as it is, an empty text empties.

    ``consolidated`` is of the subscriber's invoices; there None is as the tenant has it.
    """

    code: str | None = None
    area: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    national_id: str | None = None
    tax_id: str | None = None
    note: str | None = None
    consolidated: bool | Unchanged | None = UNCHANGED

    @property
    def contact(self) -> dict[str, str]:
        """The fields of the contact that are set."""
        fields = ("name", "email", "phone", "address", "national_id", "tax_id", "note")
        given = {field: getattr(self, field) for field in fields}
        return {field: text for field, text in given.items() if text is not None}


def create_subscriber(
    *,
    store: TenantStore,
    subscriber_id: str,
    code: str,
    area: str,
    contact: Contact,
    at: datetime,
    note: AuditNote,
    consolidated: bool | None = None,
    idempotency: Idempotency | None = None,
) -> Subscriber:
    """Add a subscriber without subscriptions; raise InvalidValue, CodeTaken or PlanLimitReached."""
    subscriber = new_subscriber(
        subscriber_id=subscriber_id,
        code=code,
        area=area,
        contact=contact,
        currency=subscriber_room(store=store).currency,
        at=at,
        consolidated=consolidated,
    )
    store.commit(
        *store.subscribers.add(subscriber=subscriber),
        store.plans.counted(more=1, of=subscriber_id),
        store.note(note=replace(note, details={"code": subscriber.code})),
        *store.remember(idempotency=idempotency, answer=subscriber),
    )
    return subscriber


def change_subscriber(
    *, store: TenantStore, subscriber_id: str, change: SubscriberChange, if_match: int | None, note: AuditNote
) -> Subscriber:
    """Change a subscriber's data; raise NotFound, InvalidValue, CodeTaken or StaleVersion."""
    before = store.subscribers.get(subscriber_id=subscriber_id)
    require_version(current=before.version, expected=if_match)
    account, consolidated = before.account, change.consolidated
    if not isinstance(consolidated, Unchanged):
        account = replace(account, consolidated=consolidated)
    after = replace(
        before,
        account=account,
        code=before.code if change.code is None else check_code(code=change.code),
        area=before.area if change.area is None else check_area(area=change.area),
        contact=check_contact(contact=replace(before.contact, **change.contact)),
    )
    return _save(store, before, after, note)


def archive_subscriber(
    *, store: TenantStore, subscriber_id: str, if_match: int | None, at: datetime, note: AuditNote
) -> Subscriber:
    """Take a subscriber off the lists; raise NotFound, SubscriberInService or StaleVersion.

    Archiving twice changes nothing.
    """
    read = store.subscribing(subscriber_id=subscriber_id)
    before = read.subscriber
    require_version(current=before.version, expected=if_match)
    if before.archived:
        return before
    if in_service(account=before.account, on=read.tenant.local_date(at=at)):
        raise SubscriberInService("end the subscriber's subscriptions first")
    gone = store.plans.counted(more=-1, of=subscriber_id)
    return _save(store, before, replace(before, archived=True), note, gone)


def unarchive_subscriber(
    *, store: TenantStore, subscriber_id: str, if_match: int | None, note: AuditNote
) -> Subscriber:
    """Put a subscriber on the lists again; raise NotFound, StaleVersion or PlanLimitReached."""
    before = store.subscribers.get(subscriber_id=subscriber_id)
    require_version(current=before.version, expected=if_match)
    if not before.archived:
        return before
    subscriber_room(store=store)
    back = store.plans.counted(more=1, of=subscriber_id)
    return _save(store, before, replace(before, archived=False), note, back)


def _save(
    store: TenantStore, before: Subscriber, after: Subscriber, note: AuditNote, *besides: Write
) -> Subscriber:
    store.commit(
        *store.subscribers.change_profile(before=before, after=after),
        *besides,
        store.note(note=replace(note, details=_told(before, after))),
    )
    return changed(before=before, after=after)


def _told(before: Subscriber, after: Subscriber) -> dict[str, object]:
    """Return what the audit entry tells: which personal fields changed, never what they held.

    The audit outlives the key under which personal data is erased.
    """
    details: dict[str, object] = {}
    if before.code != after.code:
        details["code"] = [before.code, after.code]
    if before.area != after.area:
        details["area"] = [before.area, after.area]
    was, now = before.account.consolidated, after.account.consolidated
    if was != now:
        details["consolidated"] = [was, now]
    personal = [one.name for one in fields(Contact)]
    moved = [name for name in personal if getattr(before.contact, name) != getattr(after.contact, name)]
    if moved:
        details["contact"] = moved
    return details

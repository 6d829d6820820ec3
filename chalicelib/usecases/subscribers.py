"""Subscribers: the ISP's customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.contacts import (
    Contact,
    check_area,
    check_code,
    check_contact,
    check_dealer_id,
)
from chalicelib.domain.staff import EVERYTHING, Scope, check_within
from chalicelib.domain.subscribers import (
    Subscriber,
    SubscriberErased,
    SubscriberInService,
    changed,
    in_service,
    new_subscriber,
)
from chalicelib.ports.identity import Sessions
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore, Write
from chalicelib.usecases.changes import UNCHANGED, Unchanged
from chalicelib.usecases.plans import subscriber_room
from chalicelib.usecases.sessions import commit_ending
from chalicelib.usecases.told_changes import changed_fields, masked
from chalicelib.usecases.versions import require_version

# Whoever is shown one of these is written down. Who changes a subscriber is anyway.
IDENTIFYING: Final = frozenset({"national_id", "tax_id"})
IDENTITY_SHOWN: Final = "subscriber.identity_shown"


@dataclass(frozen=True, slots=True)
class SubscriberChange:
    """What a change sets; None leaves as it is, an empty text empties.

    ``consolidated`` is of the subscriber's invoices; there None is as the tenant has it.
    """

    code: str | None = None
    area: str | None = None
    dealer_id: str | None = None
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
        given = {field.name: getattr(self, field.name) for field in fields(Contact)}
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
    dealer_id: str = "",
    scope: Scope = EVERYTHING,
) -> Subscriber:
    """Add a subscriber without subscriptions; raise InvalidValue, CodeTaken or PlanLimitReached.

    Who is held to a scope adds within it: OutsideScope. A dealer's need not be said to be so.
    """
    subscriber = new_subscriber(
        subscriber_id=subscriber_id,
        code=code,
        area=area,
        contact=contact,
        currency=subscriber_room(store=store).currency,
        at=at,
        consolidated=consolidated,
        dealer_id=dealer_id or scope.dealer_id,
    )
    check_within(scope=scope, subscriber=subscriber)
    store.commit(
        *store.subscribers.add(subscriber=subscriber),
        store.plans.counted(more=1, of=subscriber_id),
        store.note(note=replace(note, personal={"code": subscriber.code})),
        *store.remember(idempotency=idempotency, answer=subscriber),
    )
    return subscriber


def show_subscriber(
    *, store: TenantStore, subscriber_id: str, note: AuditNote, masked_later: bool = False
) -> Subscriber:
    """Return the subscriber, or raise NotFound; that identifying numbers are shown is audited."""
    subscriber = store.subscribers.get(subscriber_id=subscriber_id)
    if not masked_later:
        _note_shown(store, subscriber, note)
    return subscriber


def _note_shown(store: TenantStore, subscriber: Subscriber, note: AuditNote) -> None:
    """Write down that a person's identifying numbers are shown, where there are any."""
    note_identity_shown(
        store=store, shown={name: getattr(subscriber.contact, name) for name in IDENTIFYING}, note=note
    )


def note_identity_shown(*, store: TenantStore, shown: Mapping[str, object], note: AuditNote) -> None:
    """Write down which of the identifying numbers are among what is shown, where any are."""
    fields = sorted(name for name in IDENTIFYING if shown.get(name))
    if fields:
        told = replace(note, action=IDENTITY_SHOWN, details={**note.details, "fields": fields})
        store.commit(store.note(note=told))


def change_subscriber(
    *,
    store: TenantStore,
    subscriber_id: str,
    change: SubscriberChange,
    if_match: int | None,
    note: AuditNote,
    scope: Scope = EVERYTHING,
) -> Subscriber:
    """Change a subscriber's data.

    Raises NotFound, InvalidValue, OutsideScope, CodeTaken, StaleVersion or SubscriberErased.
    """
    before = store.subscribers.get(subscriber_id=subscriber_id)
    require_version(current=before.version, expected=if_match)
    require_not_erased(store=store, subscriber=before)
    account, consolidated = before.account, change.consolidated
    if not isinstance(consolidated, Unchanged):
        account = replace(account, consolidated=consolidated)
    after = replace(
        before,
        account=account,
        code=before.code if change.code is None else check_code(code=change.code),
        area=before.area if change.area is None else check_area(area=change.area),
        dealer_id=before.dealer_id
        if change.dealer_id is None
        else check_dealer_id(dealer_id=change.dealer_id),
        contact=check_contact(contact=replace(before.contact, **change.contact)),
    )
    check_within(scope=scope, subscriber=after)
    return _save(store, before, after, note)


def archive_subscriber(
    *,
    store: TenantStore,
    portal_sessions: Sessions,
    subscriber_id: str,
    if_match: int | None,
    at: datetime,
    note: AuditNote,
) -> Subscriber:
    """Take a subscriber off the lists, and out of the portal at once.

    Archiving twice changes nothing. Raises NotFound, SubscriberInService, StaleVersion or Busy.
    """
    read = store.subscribing(subscriber_id=subscriber_id)
    before = read.subscriber
    require_version(current=before.version, expected=if_match)
    if before.archived:
        _note_shown(store, before, note)
        return before
    if in_service(account=before.account, on=read.tenant.local_date(at=at)):
        raise SubscriberInService("end the subscriber's subscriptions first")
    after = replace(before, archived=True)
    writes = [
        *profile_writes(store=store, before=before, after=after, note=note),
        store.plans.counted(more=-1, of=subscriber_id),
    ]
    commit_ending(sessions=portal_sessions, store=store, staff_ids=(subscriber_id,), writes=writes)
    return changed(before=before, after=after)


def unarchive_subscriber(
    *, store: TenantStore, subscriber_id: str, if_match: int | None, note: AuditNote
) -> Subscriber:
    """Put a subscriber on the lists again.

    Raises NotFound, StaleVersion, SubscriberErased or PlanLimitReached.
    """
    before = store.subscribers.get(subscriber_id=subscriber_id)
    require_version(current=before.version, expected=if_match)
    if not before.archived:
        _note_shown(store, before, note)
        return before
    require_not_erased(store=store, subscriber=before)
    subscriber_room(store=store)
    back = store.plans.counted(more=1, of=subscriber_id)
    return _save(store, before, replace(before, archived=False), note, back)


def require_not_erased(*, store: TenantStore, subscriber: Subscriber) -> None:
    """Raise SubscriberErased for who is erased: nobody is to be behind that account again.

    An erasure begins with archiving, so that of all others nothing is read.
    """
    if subscriber.archived and store.privacy.is_erased(subject_id=subscriber.subscriber_id):
        raise SubscriberErased("the subscriber is erased: add whom this is about anew")


def _save(
    store: TenantStore, before: Subscriber, after: Subscriber, note: AuditNote, *besides: Write
) -> Subscriber:
    store.commit(*profile_writes(store=store, before=before, after=after, note=note), *besides)
    return changed(before=before, after=after)


def profile_writes(
    *, store: TenantStore, before: Subscriber, after: Subscriber, note: AuditNote
) -> list[Write]:
    """Describe a change of a subscriber's data, with its audit entry."""
    return [
        *store.subscribers.change_profile(before=before, after=after),
        store.note(note=_told(note, before, after)),
    ]


def _told(note: AuditNote, before: Subscriber, after: Subscriber) -> AuditNote:
    """Return the audit note with what changed, before and after.

    Its details name the personal fields; what they held is told apart, under the key with which
    personal data is erased. Numbers that identify a person are masked.
    """
    details = changed_fields(before=before, after=after, names=("dealer_id", "archived"))
    was, now = before.account.consolidated, after.account.consolidated
    if was != now:
        details["consolidated"] = [was, now]
    names = [field.name for field in fields(Contact)]
    personal = changed_fields(before=before, after=after, names=("code", "area"))
    personal |= changed_fields(before=before.contact, after=after.contact, names=names)
    for name in IDENTIFYING & set(personal):
        personal[name] = [masked(text=getattr(one.contact, name)) for one in (before, after)]
    if personal:
        details["changed"] = list(personal)
    return replace(note, details={**note.details, **details}, personal=personal)

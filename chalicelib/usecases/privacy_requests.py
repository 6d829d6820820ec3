"""Privacy requests: asked for, looked at, confirmed, extended, refused and withdrawn.

Answering them is in ``privacy_answers``. A mail that tells a person how it stands waits with the
request until it was sent: it is asked of the queue at once, and again each hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from chalicelib.domain.contacts import Contact, check_contact, normal_email
from chalicelib.domain.data_map import Purpose
from chalicelib.domain.errors import InvalidValue, NotFound
from chalicelib.domain.objections import require_refusable
from chalicelib.domain.privacy_refusals import RequestInWork, RequestOfAnother
from chalicelib.domain.privacy_requests import (
    FILED_KINDS,
    Channel,
    Notice,
    PrivacyRequest,
    Proof,
    RequestKind,
    RequestState,
    Words,
    check_room,
    check_words,
    closed,
    extended,
    new_request,
    require_open,
    require_words,
)
from chalicelib.domain.staff import Principal, not_erased
from chalicelib.domain.subscribers import SubscriberErased
from chalicelib.ports.services import Ids, JobQueue, QueueUnavailable
from chalicelib.ports.store import AuditNote, Page, TenantStore, Write
from chalicelib.usecases.roles import require_manages
from chalicelib.usecases.subscribers import note_identity_shown

PRIVACY_NOTICE: Final = "privacy-notice"


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks: which right, in their words; fields to be corrected; purposes."""

    kind: RequestKind
    text: str = ""
    changes: Mapping[str, str] = field(default_factory=dict)
    purposes: tuple[Purpose, ...] = ()


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, how it came, and how that is known; ``seen`` is what staff saw of them.

    ``address`` is where who asks from outside is written to.
    """

    subject_id: str
    channel: Channel
    proof: Proof
    seen: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """What staff saw that proves who asks, and whom they take for it; both empty where nobody is named."""

    by: Principal
    seen: str
    subscriber_id: str = ""
    staff_id: str = ""

    @property
    def param(self) -> str:
        """The field that names somebody, or an empty text."""
        return "subscriber_id" if self.subscriber_id else "staff_id" if self.staff_id else ""


@dataclass(frozen=True, slots=True)
class Desk:
    """The queues of mails and of work in the background, and where identifiers come from."""

    mails: JobQueue
    work: JobQueue
    ids: Ids


@dataclass(frozen=True, slots=True)
class Standing:
    """A request, and how it stands on a date of the tenant's."""

    request: PrivacyRequest
    today: date


def ask(
    *,
    store: TenantStore,
    desk: Desk,
    asker: Asker,
    asked: Asked,
    request_id: str,
    at: datetime,
    note: AuditNote,
    also: tuple[Write, ...] = (),
) -> Standing:
    """Take a request in, received at ``at``. A file for who is signed in is begun at once.

    ``also`` is written in the same transaction. What staff take in is of a subscriber, or NotFound.

    Raises InvalidValue and its kinds, RequestOpenAlready or TooManyRequests.
    """
    today = store.profile().local_date(at=at)
    if asker.channel is Channel.OFFICE:
        store.subscribers.get(subscriber_id=asker.subject_id)
    words = Words(
        address=asker.address,
        text=check_words(text=asked.text, param="text"),
        changes=checked_changes(changes=asked.changes),
        seen=check_words(text=asker.seen, param="seen"),
    )
    request = new_request(
        request_id=request_id,
        kind=asked.kind,
        subject_id=asker.subject_id,
        channel=asker.channel,
        proof=asker.proof,
        at=at,
        on=today,
        by=note.actor_id,
        words=words,
        purposes=asked.purposes,
    )
    if asker.subject_id:
        others = store.privacy.of_subject(subject_id=asker.subject_id)
        check_room(kind=asked.kind, others=others, at=at)
    at_once = asked.kind in FILED_KINDS and asker.proof is Proof.SESSION
    if at_once:
        request = request.step(at=at, by=note.actor_id, what="begun", state=RequestState.IN_WORK)
    told = {"kind": asked.kind.value, "channel": asker.channel.value, "subject_id": asker.subject_id}
    store.commit(
        *store.privacy.add(request=request),
        *also,
        store.note(note=replace(note, object_id=request_id, details=told)),
    )
    send_notices(store=store, desk=desk, request_id=request_id)
    if at_once:
        send_work(store=store, desk=desk, request_id=request_id)
    return Standing(request, today)


def checked_changes(*, changes: Mapping[str, str]) -> dict[str, str]:
    """Return fields of a contact as they are stored; raise InvalidContact, InvalidEmail and the like."""
    checked = check_contact(contact=replace(Contact(), **changes))
    return {name: getattr(checked, name) for name in changes}


def send_notices(*, store: TenantStore, desk: Desk, request_id: str) -> None:
    """Have the mails sent that wait with a request; where the queue is away, the hour's pass does."""
    message = {"mail": PRIVACY_NOTICE, "tenant_id": store.tenant_id, "privacy_request_id": request_id}
    with suppress(QueueUnavailable):
        desk.mails.send(message=message)


def send_work(*, store: TenantStore, desk: Desk, request_id: str) -> None:
    """Have a request worked on in the background; where the queue is away, the hour's pass does."""
    message = {"tenant_id": store.tenant_id, "privacy_request_id": request_id}
    with suppress(QueueUnavailable):
        desk.work.send(message=message)


# -- looking ---------------------------------------------------------------------------------


def list_requests(
    *,
    store: TenantStore,
    state: RequestState | None,
    waiting: bool,
    limit: int,
    after: str | None,
    at: datetime,
) -> Page[Standing]:
    """Return a page: those that wait by deadline, or all (or those of a state), the newest first."""
    today = store.profile().local_date(at=at)
    if waiting:
        page = store.privacy.list_waiting(limit=limit, after=after)
        return Page(tuple(Standing(one, today) for one in page.items if one.open), page.after)
    page = store.privacy.list(state=state, limit=limit, after=after)
    return Page(tuple(Standing(one, today) for one in page.items), page.after)


def show_request(*, store: TenantStore, request_id: str, at: datetime, note: AuditNote) -> Standing:
    """Return a request with what is said in it; that identifying numbers are shown is audited."""
    request = store.privacy.get(request_id=request_id)
    note_identity_shown(store=store, shown=request.words.changes, note=note)
    return Standing(request, store.profile().local_date(at=at))


def own_requests(*, store: TenantStore, subject_id: str, at: datetime) -> tuple[Standing, ...]:
    """Return a person's own requests, the newest first."""
    today = store.profile().local_date(at=at)
    return tuple(Standing(one, today) for one in store.privacy.of_subject(subject_id=subject_id))


def own_request(*, store: TenantStore, request_id: str, subject_id: str) -> PrivacyRequest:
    """Return a person's own request; another's answers like none: NotFound."""
    request = store.privacy.get(request_id=request_id)
    if request.subject_id != subject_id:
        raise NotFound("no such request", param="privacy_request_id")
    return request


# -- on the way to an answer -----------------------------------------------------------------


def confirm_identity(
    *,
    store: TenantStore,
    desk: Desk,
    request_id: str,
    claim: Claim,
    at: datetime,
    note: AuditNote,
) -> Standing:
    """Write down what staff saw that proves who asks, and which subscriber or colleague it is.

    Who asked from outside may have shown a false card: the address on file is told that the request was
    received, and of all that becomes of it.

    Raises NotFound, RequestClosed, RequestOfAnother, SubscriberErased, PersonErased, RightsExceeded for a
    colleague who may do more than who says so, InvalidValue or StaleVersion.
    """
    before = store.privacy.get(request_id=request_id)
    require_open(request=before)
    words = require_words(text=claim.seen, param="seen")
    subject_id, to_tell, said = before.subject_id, before.to_tell, replace(before.words, seen=words)
    if claim.param:
        claimed, on_file = _claimed(store, claim)
        if subject_id not in {"", claimed}:
            raise RequestOfAnother("the request is known to be another person's", param=claim.param)
        subject_id = claimed
        if not said.on_file and _is_another(said.address, on_file):
            to_tell, said = (*to_tell, Notice.RECEIVED), replace(said, on_file=on_file)
    proven = before.step(at=at, by=note.actor_id, what="identity_confirmed", words=words)
    after = replace(
        proven,
        subject_id=subject_id,
        proof=Proof.BY_HAND,
        state=RequestState.RECEIVED if before.state is RequestState.IDENTITY_ASKED else before.state,
        to_tell=to_tell,
        words=said,
    )
    standing = saved(store=store, before=before, after=after, at=at, note=note, subject_id=subject_id)
    send_notices(store=store, desk=desk, request_id=request_id)
    return standing


def _claimed(store: TenantStore, claim: Claim) -> tuple[str, str]:
    """Return whom a claim names, and the address on file."""
    if claim.subscriber_id and claim.staff_id:
        raise InvalidValue("it is one person who asks", param="staff_id")
    if claim.subscriber_id:
        subscriber = store.subscribers.get(subscriber_id=claim.subscriber_id)
        if store.privacy.is_erased(subject_id=subscriber.subscriber_id):
            raise SubscriberErased("the subscriber is erased: nothing names them any more")
        return subscriber.subscriber_id, subscriber.contact.email
    member = store.staff.get(staff_id=claim.staff_id)
    not_erased(member=member)
    require_manages(store=store, principal=claim.by, member=member)
    return member.staff_id, member.email


def _is_another(address: str, on_file: str) -> bool:
    """Whether an address that somebody asks from is not the one on file, and there is one."""
    return bool(address and on_file) and normal_email(email=address) != normal_email(email=on_file)


def extend(
    *,
    store: TenantStore,
    desk: Desk,
    request_id: str,
    until: date,
    reason: str,
    at: datetime,
    note: AuditNote,
) -> Standing:
    """Move the deadline once, and tell the person why; raises NotFound and what ``extended`` raises."""
    before = store.privacy.get(request_id=request_id)
    today = store.profile().local_date(at=at)
    after = extended(request=before, until=until, reason=reason, today=today, at=at, by=note.actor_id)
    standing = saved(store=store, before=before, after=after, at=at, note=note, until=until.isoformat())
    send_notices(store=store, desk=desk, request_id=request_id)
    return standing


def refuse(
    *, store: TenantStore, desk: Desk, request_id: str, reason: str, at: datetime, note: AuditNote
) -> Standing:
    """Refuse a request, and tell the person why and that they may complain.

    Of an objection the grounds are told with it. Raises NotFound, RequestClosed, RequestInWork, MustStop,
    InvalidValue or StaleVersion.
    """
    before = store.privacy.get(request_id=request_id)
    _require_idle(before)
    require_refusable(request=before)
    words = require_words(text=reason, param="reason")
    after = closed(
        request=replace(before, words=replace(before.words, reason=words)),
        state=RequestState.REFUSED,
        at=at,
        by=note.actor_id,
        what="refused",
        words=words,
        notice=Notice.REFUSED,
    )
    standing = saved(store=store, before=before, after=after, at=at, note=note)
    send_notices(store=store, desk=desk, request_id=request_id)
    return standing


def withdraw(
    *, store: TenantStore, request_id: str, subject_id: str, at: datetime, note: AuditNote
) -> Standing:
    """Take one's own request back; raises NotFound, RequestClosed, RequestInWork or StaleVersion."""
    before = own_request(store=store, request_id=request_id, subject_id=subject_id)
    _require_idle(before)
    after = closed(request=before, state=RequestState.WITHDRAWN, at=at, by=note.actor_id, what="withdrawn")
    return saved(store=store, before=before, after=after, at=at, note=note)


def _require_idle(request: PrivacyRequest) -> None:
    require_open(request=request)
    if request.state is RequestState.IN_WORK and request.failure is None:
        raise RequestInWork("the request is being worked on")


def saved(
    *,
    store: TenantStore,
    before: PrivacyRequest,
    after: PrivacyRequest,
    at: datetime,
    note: AuditNote,
    **details: object,
) -> Standing:
    """Keep a change with its audit entry, and return how the request stands; raises StaleVersion."""
    told = replace(note, object_id=before.request_id, details={"kind": before.kind.value, **details})
    store.commit(*store.privacy.change(before=before, after=after), store.note(note=told))
    return Standing(after, store.known_profile.local_date(at=at))

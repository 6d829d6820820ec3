"""What is done for privacy requests in the background: files, erasures, mails and reminders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import product
from typing import Final

from chalicelib.domain.erasure import without_words
from chalicelib.domain.errors import NotFound, StaleVersion
from chalicelib.domain.jobs import (
    DOWNLOAD_TTL_SECONDS,
    FileExpired,
    JobFailure,
    JobTaken,
)
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.privacy_requests import (
    KEPT_LISTED_MAX,
    Kept,
    MadeFile,
    Notice,
    PrivacyRequest,
    RequestKind,
    RequestState,
    Told,
    closed,
    reminder,
)
from chalicelib.domain.staff import StaffMember
from chalicelib.ports.identity import Sessions
from chalicelib.ports.privacy import Erased
from chalicelib.ports.retention import Retention
from chalicelib.ports.services import Blobs, Mail, Mailer, MailNotSent
from chalicelib.ports.store import AuditNote, Stores, TenantStore
from chalicelib.usecases.downloads import Download
from chalicelib.usecases.erasure import erase
from chalicelib.usecases.export_archive import Archive
from chalicelib.usecases.export_work import ARCHIVE_CONTENT_TYPE
from chalicelib.usecases.privacy_mails import reminder_mail, request_mail
from chalicelib.usecases.privacy_requests import Desk, send_notices, send_work
from chalicelib.usecases.reminders import remind_answerers
from chalicelib.usecases.retention import rules_in_force
from chalicelib.usecases.staff_erasure import erase_staff
from chalicelib.usecases.subject_access import Copy, FileTooLarge, copy_chunks

SYSTEM_ACTOR: Final = "system"
WAITING_PER_READ: Final = 100
# A request whose work gave no sign of life for this long is begun again by the hour's pass.
WORK_LOST_AFTER: Final = timedelta(minutes=30)
ADDRESS_TRIED_FOR: Final = timedelta(days=3)


class WorkTaken(JobTaken):
    """Another worker is at this request."""

    code = "privacy_request_taken"


class FileNotReady(NotFound):
    """There is no file of this request, or not yet."""

    code = "file_not_ready"


@dataclass(frozen=True, slots=True)
class PrivacyWork:
    """What the worker needs; ``portal_sessions`` are subscribers', ``sessions`` staff's.

    ``retention`` is of the tenant that it is called with (``tenant_id``).
    """

    stores: Stores
    blobs: Blobs
    sessions: Sessions
    portal_sessions: Sessions
    desk: Desk
    retention: Callable[..., Retention]
    now: Callable[[], datetime]
    out_of_time: Callable[[], bool]


def work_request(*, work: PrivacyWork, tenant_id: str, privacy_request_id: str) -> bool:
    """Make the file of a request, or erase its person; return that it is ended.

    Begun again it does what is left. Raises WorkTaken where another worker came to it meanwhile.
    """
    store = work.stores.of(tenant_id=tenant_id)
    if not may(state=store.profile().state, capability=Capability.RIGHTS):
        return True  # the hour's pass begins it again where the company is back
    before = store.privacy.get(request_id=privacy_request_id)
    if before.state is not RequestState.IN_WORK or before.failure is not None:
        return True
    if before.kind is RequestKind.DELETION and store.privacy.held():
        return True  # and the hour's pass goes on with it where the hold is lifted
    taken = before.step(at=work.now(), by=SYSTEM_ACTOR, what="attempted", attempt=before.attempt + 1)
    _change(store, before, taken)
    done = _erased(work, store, taken) if taken.kind is RequestKind.DELETION else _filed(work, store, taken)
    told = {"kind": done.kind.value, "sha256": done.file.sha256 if done.file else "", "kept": done.kept_count}
    action = "privacy.failed" if done.failure else "privacy.completed"
    _change(store, taken, done, AuditNote(SYSTEM_ACTOR, action, done.request_id, work.now(), details=told))
    send_notices(store=store, desk=work.desk, request_id=done.request_id)
    return True


def give_up(*, work: PrivacyWork, tenant_id: str, privacy_request_id: str) -> None:
    """Mark a request that its workers could not do: staff see it, and may begin it again."""
    store = work.stores.of(tenant_id=tenant_id)
    before = store.privacy.get(request_id=privacy_request_id)
    if before.state is RequestState.IN_WORK and before.failure is None:
        failure = JobFailure("internal_error", "something went wrong on our side; begin it again")
        after = before.step(at=work.now(), by=SYSTEM_ACTOR, what="failed", failure=failure)
        _change(store, before, after)


def _filed(work: PrivacyWork, store: TenantStore, request: PrivacyRequest) -> PrivacyRequest:
    made_at = work.now()
    of_subscriber = request.subject_id.startswith("sbr_")
    sessions = work.portal_sessions if of_subscriber else work.sessions
    rules = rules_in_force(retention=work.retention(tenant_id=store.tenant_id), tenant=store.profile())
    copy = Copy(store, sessions, request, rules.periods, made_at, work.out_of_time)
    archive = Archive(at=made_at)
    try:
        size = work.blobs.write(
            key=file_key(tenant_id=store.tenant_id, request=request),
            chunks=copy_chunks(copy=copy, archive=archive),
            content_type=ARCHIVE_CONTENT_TYPE,
        )
    except FileTooLarge as error:
        failed = request.step(at=work.now(), by=SYSTEM_ACTOR, what="failed")
        tell = (*request.to_tell, Notice.FILE_FAILED)
        return replace(failed, failure=JobFailure(error.code, error.message), to_tell=tell)
    made = MadeFile(request.attempt, size, archive.digest, made_at)
    return _done(replace(request, file=made), work.now(), Notice.FILE_READY)


def _erased(work: PrivacyWork, store: TenantStore, request: PrivacyRequest) -> PrivacyRequest:
    begun = next((one.at for one in request.history if one.what == "begun"), request.received_at)
    erased = Erased(request.subject_id, request.request_id, begun)
    kept: tuple[Kept, ...] = ()
    if erased.of_staff:
        erase_staff(store=store, sessions=work.sessions, erased=erased, at=work.now())
    else:
        kept = erase(store=store, erased=erased, at=work.now())
    for one in store.privacy.each_of(subject_id=request.subject_id):
        if one.file is not None:
            made = replace(one, attempt=one.file.attempt)
            work.blobs.delete(key=file_key(tenant_id=store.tenant_id, request=made))
    notice = Notice.STAFF_ERASED if erased.of_staff else Notice.ERASED
    told = replace(request, kept=kept[:KEPT_LISTED_MAX], kept_count=len(kept))
    return _done(told, work.now(), notice)


def _done(request: PrivacyRequest, at: datetime, notice: Notice) -> PrivacyRequest:
    return closed(
        request=request, state=RequestState.DONE, at=at, by=SYSTEM_ACTOR, what="done", notice=notice
    )


def _change(
    store: TenantStore, before: PrivacyRequest, after: PrivacyRequest, note: AuditNote | None = None
) -> None:
    notes = [store.note(note=note)] if note else []
    try:
        store.commit(*store.privacy.change(before=before, after=after), *notes)
    except StaleVersion:
        raise WorkTaken("another worker is at this request") from None


# -- the file --------------------------------------------------------------------------------


def file_key(*, tenant_id: str, request: PrivacyRequest) -> str:
    """Return where an attempt's file is kept: two workers never write one object."""
    return f"exports/{tenant_id}/{request.request_id}-{request.attempt}.zip"


def file_of(
    *, store: TenantStore, blobs: Blobs, request: PrivacyRequest, at: datetime, note: AuditNote
) -> Download:
    """Return where a request's file is to be got, for fifteen minutes; each such grant is audited.

    Raises FileNotReady or FileExpired.
    """
    made = request.file
    if made is None:
        raise FileNotReady("there is no file of this request", param="privacy_request_id")
    key = file_key(tenant_id=store.tenant_id, request=replace(request, attempt=made.attempt))
    if at >= made.expires_at or blobs.info(key=key) is None:
        raise FileExpired("the file is deleted by now: ask again")
    store.commit(store.note(note=replace(note, object_id=request.request_id)))
    name = f"your-data-{made.made_at:%Y-%m-%d}.zip"
    url = blobs.presigned_get(key=key, file_name=name, ttl_seconds=DOWNLOAD_TTL_SECONDS)
    return Download(url, name, at + timedelta(seconds=DOWNLOAD_TTL_SECONDS))


# -- mails -----------------------------------------------------------------------------------


def send_notice(*, stores: Stores, mailer: Mailer, tenant_id: str, request_id: str, at: datetime) -> None:
    """Send the mails that wait with a request, and keep what they said.

    What is left of an erasure's request is taken away with its last mail. Raises MailNotSent, or
    StaleVersion where the request changed meanwhile: the message comes again.
    """
    store = stores.of(tenant_id=tenant_id)
    if not may(state=store.profile().state, capability=Capability.RIGHTS):
        return  # the hour's pass asks for it again where the company is back
    before = store.privacy.get(request_id=request_id)
    if not before.to_tell:
        return
    company, told = store.known_profile.company, list(before.words.told)
    for notice, to in product(before.to_tell, _addresses_of(store, before)):
        mail = request_mail(to=to, company=company, request=before, notice=notice)
        went = to if to and _sent(mailer, mail, before, at) else ""
        told.append(Told(at, notice.value, went, mail.subject, mail.text))
    words = replace(before.words, told=tuple(told))
    after = replace(before, to_tell=(), words=words, version=before.version + 1)
    if {Notice.ERASED, Notice.STAFF_ERASED} & set(before.to_tell):
        after = without_words(request=after)
    store.commit(*store.privacy.change(before=before, after=after))


def _sent(mailer: Mailer, mail: Mail, request: PrivacyRequest, at: datetime) -> bool:
    """Send a mail; give up on an address that takes none for days, which then was told nothing."""
    try:
        mailer.send(mail=mail)
    except MailNotSent:
        if at - request.history[-1].at < ADDRESS_TRIED_FOR:
            raise
        return False
    return True


def _addresses_of(store: TenantStore, request: PrivacyRequest) -> tuple[str, ...]:
    """Return where the person of a request is written to: one place at least, which may be an empty text."""
    first, on_file = _address_of(store, request), request.words.on_file
    return (first, on_file) if on_file and on_file != first else (first,)


def _address_of(store: TenantStore, request: PrivacyRequest) -> str:
    """Return where the person of a request is written to, or an empty text."""
    if request.words.address:
        return request.words.address
    with suppress(NotFound):
        if request.subject_id.startswith("sbr_"):
            return store.subscribers.get(subscriber_id=request.subject_id).contact.email
        if request.subject_id:
            return store.staff.get(staff_id=request.subject_id).email
    return ""


# -- the hour's pass -------------------------------------------------------------------------


# A request as it was, and as it is with a reminder noted.
Noted = tuple[PrivacyRequest, PrivacyRequest]


def look_after_requests(
    *, store: TenantStore, mailer: Mailer, desk: Desk, at: datetime, out_of_time: Callable[[], bool]
) -> bool:
    """Remind of deadlines, and have done again what got lost; return whether there was time for all of it.

    Requests that are due for one are in one mail, a page of them: whoever makes many fills no mailbox.
    """
    after: str | None = None
    while True:
        page = store.privacy.list_waiting(limit=WAITING_PER_READ, after=after)
        # The profile is read where something waits: most hours of most tenants are one round trip.
        today = store.known_profile.local_date(at=at) if page.items else date.min
        due: list[Noted] = []
        for request in page.items:
            if out_of_time():
                _remind(store, mailer, due, today)
                return False
            if request.to_tell:
                send_notices(store=store, desk=desk, request_id=request.request_id)
            if _lost(request, at):
                send_work(store=store, desk=desk, request_id=request.request_id)
            days = reminder(request=request, today=today)
            if days is not None and (noted := _noted(store, request, days)) is not None:
                due.append((request, noted))
        _remind(store, mailer, due, today)
        after = page.after
        if after is None:
            return True


def _lost(request: PrivacyRequest, at: datetime) -> bool:
    working = request.state is RequestState.IN_WORK and request.failure is None
    return working and at - request.history[-1].at >= WORK_LOST_AFTER


def _noted(store: TenantStore, request: PrivacyRequest, days: int) -> PrivacyRequest | None:
    """Note a reminder before it is sent, so that it is not sent twice; None where it is not to be sent."""
    after = replace(request, reminded=(*request.reminded, days), version=request.version + 1)
    try:
        store.commit(*store.privacy.change(before=request, after=after))
    except StaleVersion:
        return None  # it changes at this moment: the next hour looks again
    return after


def _remind(store: TenantStore, mailer: Mailer, due: Sequence[Noted], today: date) -> None:
    """Remind everybody who may answer; where no mail is taken none stays noted: the next hour tries again."""
    if not due:
        return
    company, requests = store.known_profile.company, [request for request, _ in due]

    def mail(member: StaffMember) -> Mail:
        return reminder_mail(
            to=member.email, name=member.name, company=company, requests=requests, today=today
        )

    try:
        remind_answerers(store=store, mailer=mailer, mail=mail)
    except MailNotSent:
        for request, noted in due:
            not_given = replace(request, version=noted.version + 1)
            with suppress(StaleVersion):
                store.commit(*store.privacy.change(before=noted, after=not_given))

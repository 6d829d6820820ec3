"""What is done for privacy requests in the background: files, erasures, mails and reminders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeAlias

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
from chalicelib.usecases.privacy_mails import reminder_mail
from chalicelib.usecases.privacy_notices import change_request
from chalicelib.usecases.privacy_requests import Desk, send_notices, send_work
from chalicelib.usecases.reminders import remind_answerers
from chalicelib.usecases.retention import rules_in_force
from chalicelib.usecases.staff_erasure import erase_staff
from chalicelib.usecases.subject_access import Copy, FileTooLarge, copy_chunks

SYSTEM_ACTOR: Final = "system"
WAITING_PER_READ: Final = 100
# A request whose work gave no sign of life for this long is begun again by the hour's pass.
WORK_LOST_AFTER: Final = timedelta(minutes=30)
# How a request is when its work ended, of how it was just before.
End: TypeAlias = Callable[[PrivacyRequest], PrivacyRequest]


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
    first = store.privacy.get(request_id=privacy_request_id)
    if not _in_work(first):
        return True
    if first.kind is RequestKind.DELETION and store.privacy.held():
        return True  # and the hour's pass goes on with it where the hold is lifted

    def taken(before: PrivacyRequest) -> PrivacyRequest:
        _require_same(first, before)
        return before.step(at=work.now(), by=SYSTEM_ACTOR, what="attempted", attempt=before.attempt + 1)

    request = change_request(store=store, request_id=privacy_request_id, change=taken)
    assert request is not None, "it is taken or refused"
    end = (
        _erased(work, store, request) if first.kind is RequestKind.DELETION else _filed(work, store, request)
    )
    _end(work, store, request, end)
    send_notices(store=store, desk=work.desk, request_id=privacy_request_id)
    return True


def _in_work(request: PrivacyRequest) -> bool:
    return request.state is RequestState.IN_WORK and request.failure is None


def _require_same(known: PrivacyRequest, found: PrivacyRequest) -> None:
    """Raise WorkTaken where more was changed than what is told of a request, or its deadline."""
    if not _in_work(found) or found.attempt != known.attempt:
        raise WorkTaken("another worker is at this request")


def _end(work: PrivacyWork, store: TenantStore, request: PrivacyRequest, end: End) -> None:
    """Write down how the work ended: mails that were noted meanwhile do not undo it."""
    done = end(request)
    told = {"kind": done.kind.value, "sha256": done.file.sha256 if done.file else "", "kept": done.kept_count}
    action = "privacy.failed" if done.failure else "privacy.completed"
    note = AuditNote(SYSTEM_ACTOR, action, done.request_id, work.now(), details=told)

    def ended(before: PrivacyRequest) -> PrivacyRequest:
        _require_same(request, before)
        return end(before)

    change_request(store=store, request_id=request.request_id, change=ended, note=note)


def give_up(*, work: PrivacyWork, tenant_id: str, privacy_request_id: str) -> None:
    """Mark a request that its workers could not do: staff see it, and may begin it again."""
    store = work.stores.of(tenant_id=tenant_id)
    failure = JobFailure("internal_error", "something went wrong on our side; begin it again")

    def failed(before: PrivacyRequest) -> PrivacyRequest | None:
        if not _in_work(before):
            return None
        return before.step(at=work.now(), by=SYSTEM_ACTOR, what="failed", failure=failure)

    change_request(store=store, request_id=privacy_request_id, change=failed)


def _filed(work: PrivacyWork, store: TenantStore, request: PrivacyRequest) -> End:
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
        return partial(_failed, JobFailure(error.code, error.message), work.now())
    made = MadeFile(request.attempt, size, archive.digest, made_at)
    return partial(_done, {"file": made}, work.now(), Notice.FILE_READY)


def _erased(work: PrivacyWork, store: TenantStore, request: PrivacyRequest) -> End:
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
    stays = {"kept": kept[:KEPT_LISTED_MAX], "kept_count": len(kept)}
    return partial(_done, stays, work.now(), notice)


def _done(found: Mapping[str, Any], at: datetime, notice: Notice, request: PrivacyRequest) -> PrivacyRequest:
    return closed(
        request=replace(request, **found),
        state=RequestState.DONE,
        at=at,
        by=SYSTEM_ACTOR,
        what="done",
        notice=notice,
    )


def _failed(failure: JobFailure, at: datetime, request: PrivacyRequest) -> PrivacyRequest:
    failed = request.step(at=at, by=SYSTEM_ACTOR, what="failed")
    return replace(failed, failure=failure, to_tell=(*request.to_tell, Notice.FILE_FAILED))


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

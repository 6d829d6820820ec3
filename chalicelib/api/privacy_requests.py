"""Privacy requests as staff answer them."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from chalicelib.api.audit import AuditEntryOut
from chalicelib.api.files import FileOut
from chalicelib.api.privacy_parts import (
    ContactChangesIn,
    PrivacyRequestDetailOut,
    PrivacyRequestIn,
    PrivacyRequestList,
    PrivacyRequestOut,
    Said,
    Text,
    desk_of,
)
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import ListQuery, Schema
from chalicelib.domain.privacy_requests import Channel, Proof, RequestState
from chalicelib.domain.staff import Permission, Principal
from chalicelib.usecases import privacy_answers, privacy_evidence, privacy_requests, privacy_work

ID_CHARS_MAX = 40


class PrivacyRequestsQuery(ListQuery):
    """Which requests: those that are open, due first; or all, or those of a state, the newest first."""

    waiting: bool = Field(default=False, description="those that are open, by deadline")
    state: RequestState | None = None


class OfficeRequestIn(PrivacyRequestIn):
    """What a subscriber asked for at the office, by phone or by letter."""

    seen: Text = Field(default="", description="what proves who asks; empty while that is still asked for")


class IdentityIn(Schema):
    """What staff saw that proves who asks; `subscriber_id` or `staff_id` where it names nobody yet."""

    seen: Said = Field(examples=["identity card, shown at the office"])
    subscriber_id: str | None = Field(default=None, max_length=ID_CHARS_MAX)
    staff_id: str | None = Field(default=None, max_length=ID_CHARS_MAX, description="of who works there")

    def claim(self, by: Principal) -> privacy_requests.Claim:
        """Return the use case's value."""
        return privacy_requests.Claim(by, self.seen, self.subscriber_id or "", self.staff_id or "")


class ExtensionIn(Schema):
    """The new deadline, and the reason, which the person is told."""

    until: date = Field(examples=["2041-07-01"])
    reason: Said = Field(examples=["there are many documents of many years"])


class RefusalIn(Schema):
    """The reason, which the person is told."""

    reason: Said = Field(examples=["the request was answered last week already"])


class CompletionIn(Schema):
    """How the request is answered; most kinds need nothing of it.

    `changes` are what is corrected instead of what was asked; `despite_debt` erases who owes money, for
    a reason in `words`.
    """

    words: Text = Field(default="")
    changes: ContactChangesIn | None = None
    despite_debt: bool = False

    def completion(self) -> privacy_answers.Completion:
        """Return the use case's value."""
        changes = self.changes.given() if self.changes else {}
        return privacy_answers.Completion(self.words, changes, self.despite_debt)


class EvidenceOut(Schema):
    """All that shows how a request was answered; SHA-256 of the file that was made, in hex."""

    request: PrivacyRequestDetailOut
    file_sha256: str | None
    entries: list[AuditEntryOut]
    complete: bool = Field(description="false where the audit log was too long to be looked through")
    made_at: datetime


@endpoint(
    "GET",
    "/v1/privacy-requests",
    permission=Permission.PRIVACY_READ,
    query=PrivacyRequestsQuery,
    answer=PrivacyRequestList,
)
def list_privacy_requests(request: Request) -> PrivacyRequestList:
    """List privacy requests."""
    query = request.query_as(PrivacyRequestsQuery)
    page = privacy_requests.list_requests(
        store=request.store,
        state=query.state,
        waiting=query.waiting,
        limit=query.limit,
        after=request.after,
        at=request.now,
    )
    return request.listing(PrivacyRequestList, page, PrivacyRequestOut.of)


@endpoint(
    "POST",
    "/v1/subscribers/{subscriber_id}/privacy-requests",
    permission=Permission.PRIVACY_WRITE,
    body=OfficeRequestIn,
    answer=PrivacyRequestOut,
    status=201,
)
def take_privacy_request(request: Request) -> PrivacyRequestOut:
    """Take in what a subscriber asked for at the office."""
    body = request.body_as(OfficeRequestIn)
    request_id = request.services.ids.new(prefix="prq")
    proof = Proof.BY_HAND if body.seen else Proof.NONE
    standing = privacy_requests.ask(
        store=request.store,
        desk=desk_of(request),
        asker=privacy_requests.Asker(request.path["subscriber_id"], Channel.OFFICE, proof, body.seen),
        asked=body.asked(),
        request_id=request_id,
        at=request.now,
        note=request.note("privacy.requested", request_id),
    )
    return PrivacyRequestOut.of(standing)


@endpoint(
    "GET",
    "/v1/privacy-requests/{privacy_request_id}",
    permission=Permission.PRIVACY_READ,
    answer=PrivacyRequestDetailOut,
)
def get_privacy_request(request: Request) -> PrivacyRequestDetailOut:
    """Show a privacy request with all that was said and done about it."""
    request_id = request.path["privacy_request_id"]
    note = request.note("privacy.request_shown", request_id)
    standing = privacy_requests.show_request(
        store=request.store, request_id=request_id, at=request.now, note=note
    )
    return PrivacyRequestDetailOut.of(standing)


@endpoint(
    "POST",
    "/v1/privacy-requests/{privacy_request_id}/identity",
    permission=Permission.PRIVACY_WRITE,
    body=IdentityIn,
    answer=PrivacyRequestOut,
)
def confirm_privacy_identity(request: Request) -> PrivacyRequestOut:
    """Write down what proves who asks, and who it is: the address on file is told."""
    request_id = request.path["privacy_request_id"]
    standing = privacy_requests.confirm_identity(
        store=request.store,
        desk=desk_of(request),
        request_id=request_id,
        claim=request.body_as(IdentityIn).claim(request.principal),
        at=request.now,
        note=request.note("privacy.identity_confirmed", request_id),
    )
    return PrivacyRequestOut.of(standing)


@endpoint(
    "POST",
    "/v1/privacy-requests/{privacy_request_id}/extension",
    permission=Permission.PRIVACY_WRITE,
    body=ExtensionIn,
    answer=PrivacyRequestOut,
)
def extend_privacy_request(request: Request) -> PrivacyRequestOut:
    """Move the deadline, once and by two months at most; the person is told why."""
    body, request_id = request.body_as(ExtensionIn), request.path["privacy_request_id"]
    standing = privacy_requests.extend(
        store=request.store,
        desk=desk_of(request),
        request_id=request_id,
        until=body.until,
        reason=body.reason,
        at=request.now,
        note=request.note("privacy.extended", request_id),
    )
    return PrivacyRequestOut.of(standing)


@endpoint(
    "POST",
    "/v1/privacy-requests/{privacy_request_id}/refusal",
    permission=Permission.PRIVACY_WRITE,
    body=RefusalIn,
    answer=PrivacyRequestOut,
)
def refuse_privacy_request(request: Request) -> PrivacyRequestOut:
    """Refuse a request; the person is told why, and that they may complain."""
    request_id = request.path["privacy_request_id"]
    standing = privacy_requests.refuse(
        store=request.store,
        desk=desk_of(request),
        request_id=request_id,
        reason=request.body_as(RefusalIn).reason,
        at=request.now,
        note=request.note("privacy.refused", request_id),
    )
    return PrivacyRequestOut.of(standing)


@endpoint(
    "POST",
    "/v1/privacy-requests/{privacy_request_id}/completion",
    permission=Permission.PRIVACY_WRITE,
    body=CompletionIn,
    field_permissions={"despite_debt": Permission.INVOICES_WRITE},
    answer=PrivacyRequestOut,
)
def complete_privacy_request(request: Request) -> PrivacyRequestOut:
    """Answer a request by its kind: make the file, correct, erase, stop what stops, or say it in words."""
    request_id = request.path["privacy_request_id"]
    standing = privacy_answers.complete(
        store=request.store,
        desk=desk_of(request),
        sessions=request.services.sessions,
        portal_sessions=request.services.portal_sessions,
        principal=request.principal,
        request_id=request_id,
        completion=request.body_as(CompletionIn).completion(),
        at=request.now,
        note=request.note("privacy.answered", request_id),
    )
    return PrivacyRequestOut.of(standing)


@endpoint(
    "GET",
    "/v1/privacy-requests/{privacy_request_id}/download",
    permission=Permission.PRIVACY_WRITE,
    answer=FileOut,
)
def download_privacy_file(request: Request) -> FileOut:
    """Show where the file of an access or export is: an address that is good for 15 minutes.

    The file of a colleague who may do more is theirs alone to get.
    """
    request_id = request.path["privacy_request_id"]
    asked = request.store.privacy.get(request_id=request_id)
    privacy_answers.require_may_hold(store=request.store, principal=request.principal, request=asked)
    found = privacy_work.file_of(
        store=request.store,
        blobs=request.services.blobs,
        request=asked,
        at=request.now,
        note=request.note("privacy.file_downloaded", request_id),
    )
    return FileOut.of(found)


@endpoint(
    "GET",
    "/v1/privacy-requests/{privacy_request_id}/evidence",
    permission=Permission.PRIVACY_WRITE,
    answer=EvidenceOut,
)
def get_privacy_evidence(request: Request) -> EvidenceOut:
    """Show all that proves how a request was answered: its history, mails, audit entries and file."""
    request_id = request.path["privacy_request_id"]
    note = request.note("privacy.evidence_taken", request_id)
    found = privacy_evidence.evidence_of(
        store=request.store, request_id=request_id, at=request.now, note=note
    )
    today = request.store.known_profile.local_date(at=request.now)
    return EvidenceOut(
        request=PrivacyRequestDetailOut.of(privacy_requests.Standing(found.request, today)),
        file_sha256=found.request.file.sha256 if found.request.file else None,
        entries=[AuditEntryOut.of(one) for one in found.entries],
        complete=found.complete,
        made_at=found.made_at,
    )

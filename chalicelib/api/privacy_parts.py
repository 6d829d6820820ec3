"""What bodies and answers about privacy requests have in common."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from chalicelib.api.files import FailureOut
from chalicelib.api.request import Request
from chalicelib.api.schemas import Line, ListAnswer, Schema
from chalicelib.domain.contacts import (
    ADDRESS_CHARS_MAX,
    ID_NUMBER_CHARS_MAX,
    NAME_CHARS_MAX,
    PHONE_CHARS_MAX,
)
from chalicelib.domain.data_map import Basis, Purpose
from chalicelib.domain.emails import EMAIL_CHARS_MAX
from chalicelib.domain.objections import Outcome, outcomes
from chalicelib.domain.privacy_requests import (
    WORDS_CHARS_MAX,
    Channel,
    Happening,
    Notice,
    Proof,
    RequestKind,
    RequestState,
)
from chalicelib.usecases.privacy_requests import Asked, Desk, Standing

Text = Annotated[str, StringConstraints(strip_whitespace=True), Field(max_length=WORDS_CHARS_MAX)]
Said = Annotated[
    str, StringConstraints(strip_whitespace=True), Field(min_length=1, max_length=WORDS_CHARS_MAX)
]
Purposes = Annotated[list[Purpose], Field(max_length=len(Purpose))]


class ContactChangesIn(Schema):
    """Fields of a contact as they should be; an empty text empties."""

    name: Line | None = Field(default=None, max_length=NAME_CHARS_MAX, examples=["Ayesha Aslam"])
    email: Line | None = Field(default=None, max_length=EMAIL_CHARS_MAX)
    phone: Line | None = Field(default=None, max_length=PHONE_CHARS_MAX)
    address: Line | None = Field(default=None, max_length=ADDRESS_CHARS_MAX)
    national_id: Line | None = Field(default=None, max_length=ID_NUMBER_CHARS_MAX)
    tax_id: Line | None = Field(default=None, max_length=ID_NUMBER_CHARS_MAX)

    def given(self) -> dict[str, str]:
        """Return the fields that are set."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


class PrivacyRequestIn(Schema):
    """What is asked: `changes` are for a correction; `purposes` for a withdrawal or objection."""

    kind: RequestKind = Field(examples=["access"])
    text: Text = Field(default="", description="in one's own words")
    changes: ContactChangesIn | None = None
    purposes: Purposes = Field(default=[])

    def asked(self) -> Asked:
        """Return the use case's value."""
        changes = self.changes.given() if self.changes else {}
        return Asked(self.kind, self.text, changes, tuple(dict.fromkeys(self.purposes)))


class OutcomeOut(Schema):
    """What an answered withdrawal or objection came to for one purpose."""

    purpose: Purpose
    stopped: bool = Field(description="whether nothing is processed for it any more")
    basis: Basis | None = Field(description="the legal basis on which it goes on")
    ground: str = Field(description="why it goes on")

    @classmethod
    def of(cls, one: Outcome) -> OutcomeOut:
        """Render what became of a purpose."""
        ground = one.ground
        basis, words = (ground.basis, ground.words) if ground else (None, "")
        return cls(purpose=one.purpose, stopped=one.stopped, basis=basis, ground=words)


class PrivacyRequestOut(Schema):
    """A request and its clock: `due_on` is the last day to answer, in the ISP's time zone.

    `days_left` counts down to it, and below zero once it is over.
    """

    privacy_request_id: str = Field(examples=["prq_01JD0000000000000000000000"])
    kind: RequestKind
    state: RequestState
    subject_id: str | None = Field(description="the subscriber or member of staff, once that is known")
    channel: Channel
    proof: Proof
    received_at: datetime
    due_on: date
    days_left: int
    overdue: bool
    extended: bool
    closed_at: datetime | None
    file_expires_at: datetime | None
    failure: FailureOut | None
    reason: str = Field(description="what the person was told: why later, why not, or the answer")
    outcomes: list[OutcomeOut] = Field(description="of an answered withdrawal or objection: of each purpose")
    version: int

    @classmethod
    def of(cls, standing: Standing) -> PrivacyRequestOut:
        """Render a request."""
        return cls(**_summary(standing))


class HappeningOut(Schema):
    """A step of a request."""

    at: datetime
    by: str
    what: str
    words: str

    @classmethod
    def of(cls, one: Happening) -> HappeningOut:
        """Render a step."""
        return cls(at=one.at, by=one.by, what=one.what, words=one.words)


class ToldOut(Schema):
    """A mail that was sent about it; `to` is empty where there was no address."""

    at: datetime
    notice: Notice
    to: str
    subject: str
    text: str


class KeptOut(Schema):
    """A document that stays after an erasure, and the first day on which it does not any more."""

    document_id: str
    number: str
    until: date


class PrivacyRequestDetailOut(PrivacyRequestOut):
    """A request with all that was said and done about it."""

    text: str
    changes: dict[str, str]
    purposes: list[Purpose]
    address: str
    seen: str
    history: list[HappeningOut]
    told: list[ToldOut]
    kept: list[KeptOut] = Field(description="the first 2,000 of `kept_count`")
    kept_count: int
    kept_because: str
    stays: str
    stays_until: date | None = Field(
        description="of staff: the first day on which nothing names the identifier any more"
    )

    @classmethod
    def of(cls, standing: Standing) -> PrivacyRequestDetailOut:
        """Render a request with its words."""
        from chalicelib.domain.erasure import WHAT_STAYS, WHAT_STAYS_OF_STAFF, WHY_KEPT

        request = standing.request
        words = request.words
        erased = request.kind is RequestKind.DELETION and request.state is RequestState.DONE
        return cls(
            **_summary(standing),
            text=words.text,
            changes=dict(words.changes),
            purposes=list(request.purposes),
            address=words.address,
            seen=words.seen,
            history=[HappeningOut.of(one) for one in request.history],
            told=[
                ToldOut(at=one.at, notice=Notice(one.notice), to=one.to, subject=one.subject, text=one.text)
                for one in words.told
            ],
            kept=[
                KeptOut(document_id=one.document_id, number=one.number, until=one.until)
                for one in request.kept
            ],
            kept_count=request.kept_count,
            kept_because=WHY_KEPT if request.kept else "",
            stays="" if not erased else WHAT_STAYS_OF_STAFF if request.stays_until else WHAT_STAYS,
            stays_until=request.stays_until,
        )


class PrivacyRequestList(ListAnswer):
    """Privacy requests."""

    items: list[PrivacyRequestOut]


class OwnPrivacyRequestList(Schema):
    """One's own privacy requests, the newest first."""

    items: list[PrivacyRequestOut]


def _summary(standing: Standing) -> dict[str, Any]:
    request, today = standing.request, standing.today
    return {
        "privacy_request_id": request.request_id,
        "kind": request.kind,
        "state": request.state,
        "subject_id": request.subject_id or None,
        "channel": request.channel,
        "proof": request.proof,
        "received_at": request.received_at,
        "due_on": request.due_on,
        "days_left": request.days_left(today=today),
        "overdue": request.overdue(today=today),
        "extended": request.extended,
        "closed_at": request.closed_at,
        "file_expires_at": request.file.expires_at if request.file else None,
        "failure": FailureOut.of(request.failure) if request.failure else None,
        "reason": request.words.reason,
        "outcomes": [OutcomeOut.of(one) for one in outcomes(request=request)],
        "version": request.version,
    }


def desk_of(request: Request) -> Desk:
    """Return the queues that privacy requests go through."""
    return Desk(
        mails=request.services.mail_queue, work=request.services.export_queue, ids=request.services.ids
    )

"""Requests by which people use their rights in their data, and the clock that runs on each.

Section 7 of the policy promises an answer within 30 days; article 12 (3) GDPR has one calendar
month, that may be extended by two further months for a reason that the person is told before the
first is over. The earlier of both is the deadline. Dates are the tenant's.
"""

from __future__ import annotations

import calendar
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.domain.cards import refuse_card_number
from chalicelib.domain.data_map import Purpose
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.jobs import FILES_KEPT_DAYS, JobFailure
from chalicelib.domain.privacy_refusals import (
    OPEN_ALREADY,
    IdentityNotProven,
    InvalidExtension,
    RequestClosed,
    RequestInWork,
    RequestOpenAlready,
    TooManyRequests,
)

ANSWER_DAYS: Final = 30
EXTENSION_MONTHS_MAX: Final = 2
WORDS_CHARS_MAX: Final = 1_000
OPEN_PER_PERSON_MAX: Final = 6
ASKED_PER_DAY_MAX: Final = 10
# A request is one item, of at most 400 KB: of documents that stay so many are listed, and all counted.
KEPT_LISTED_MAX: Final = 2_000
# Whoever may answer is reminded at so many days before the deadline, and when it is over.
REMINDED_AT_DAYS: Final = (14, 7, 2, -1)


class RequestKind(StrEnum):
    """Which right: those of section 7 of the policy."""

    ACCESS = "access"
    CORRECTION = "correction"
    DELETION = "deletion"
    EXPORT = "export"
    WITHDRAWAL = "withdrawal"
    OBJECTION = "objection"


FILED_KINDS: Final = frozenset({RequestKind.ACCESS, RequestKind.EXPORT})
PURPOSED_KINDS: Final = frozenset({RequestKind.WITHDRAWAL, RequestKind.OBJECTION})


class RequestState(StrEnum):
    """Where a request stands: its person is to prove who they are, it waits, somebody is at it, it ended."""

    IDENTITY_ASKED = "identity_asked"
    RECEIVED = "received"
    IN_WORK = "in_work"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


OPEN_STATES: Final = frozenset({RequestState.IDENTITY_ASKED, RequestState.RECEIVED, RequestState.IN_WORK})


class Channel(StrEnum):
    """How a request came."""

    PORTAL = "portal"
    STAFF = "staff"
    OFFICE = "office"
    MAIL = "mail"


class Proof(StrEnum):
    """How it is known who asks: a session, a code to the address on file, or what staff saw."""

    NONE = "none"
    SESSION = "session"
    CODE = "code"
    BY_HAND = "by_hand"


class Notice(StrEnum):
    """What a person is told by mail."""

    RECEIVED = "received"
    EXTENDED = "extended"
    REFUSED = "refused"
    FILE_READY = "file_ready"
    FILE_FAILED = "file_failed"
    CORRECTED = "corrected"
    ERASED = "erased"
    STAFF_ERASED = "staff_erased"
    NOTED = "noted"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Happening:
    """One step of a request: when, by whom (an identifier, never a name), what, and in which words."""

    at: datetime
    by: str
    what: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A mail that was sent about a request; ``to`` is empty where there was no address to send it to."""

    at: datetime
    notice: str
    to: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A document that stays after an erasure, under the key of its fiscal year, until a date."""

    document_id: str
    number: str
    until: date


@dataclass(frozen=True, slots=True)
class MadeFile:
    """What was made for an access or export: its attempt names the object; SHA-256 in hex."""

    attempt: int
    size_bytes: int
    sha256: str
    made_at: datetime

    @property
    def expires_at(self) -> datetime:
        """When the object is deleted."""
        return self.made_at + timedelta(days=FILES_KEPT_DAYS)


@dataclass(frozen=True, slots=True)
class Words:
    """What of a request is personal: it is stored sealed, and taken away with its person.

    ``address`` is where who asked from outside is written to, or where an erased person is told;
    ``on_file`` is told besides: the address of whom staff take such an asker for.
    ``changes`` are fields of a contact as they should be, ``seen`` is what proved the identity.
    ``telling_since`` is when a worker began to mail what waits to be told, while it does.
    """

    address: str = ""
    text: str = ""
    changes: Mapping[str, str] = field(default_factory=dict)
    seen: str = ""
    reason: str = ""
    told: tuple[Told, ...] = ()
    on_file: str = ""
    telling_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class PrivacyRequest:
    """One request. ``subject_id`` is a subscriber or staff member, empty while nobody knows who it is.

    ``due_on`` is the last day to answer. ``stays_until`` is the first day on which nothing names the
    identifier of staff who were erased any more. ``version`` counts every change. ``to_tell`` are notices
    that wait to be mailed, ``reminded`` the reminders that were (days before the deadline). ``kept`` are
    the first KEPT_LISTED_MAX of ``kept_count`` documents that stay.
    """

    request_id: str
    kind: RequestKind
    subject_id: str
    channel: Channel
    state: RequestState
    received_at: datetime
    received_on: date
    due_on: date
    proof: Proof = Proof.NONE
    extended: bool = False
    version: int = 1
    attempt: int = 0
    closed_at: datetime | None = None
    purposes: tuple[Purpose, ...] = ()
    to_tell: tuple[Notice, ...] = ()
    reminded: tuple[int, ...] = ()
    file: MadeFile | None = None
    failure: JobFailure | None = None
    despite_debt: bool = False
    words: Words = Words()
    history: tuple[Happening, ...] = ()
    kept: tuple[Kept, ...] = ()
    stays_until: date | None = None
    kept_count: int = 0

    @property
    def open(self) -> bool:
        """Whether it waits for an answer."""
        return self.state in OPEN_STATES

    def days_left(self, *, today: date) -> int:
        """Return how many days are left to answer; negative where the deadline is over."""
        return (self.due_on - today).days

    def overdue(self, *, today: date) -> bool:
        """Whether it is open, and its deadline over."""
        return self.open and self.days_left(today=today) < 0

    def step(self, *, at: datetime, by: str, what: str, words: str = "", **changes: object) -> PrivacyRequest:
        """Return the request after a step of its history, its version counted up."""
        history = (*self.history, Happening(at, by, what, words))
        return replace(self, version=self.version + 1, history=history, **changes)  # type: ignore[arg-type]


def add_months(*, on: date, months: int) -> date:
    """Return the same day so many months later, or the last of a month that has no such day."""
    index = on.year * 12 + on.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(on.day, calendar.monthrange(year, month + 1)[1]))


def deadline(*, received_on: date) -> date:
    """Return the last day to answer: the earlier of 30 days and one calendar month."""
    return min(received_on + timedelta(days=ANSWER_DAYS), add_months(on=received_on, months=1))


def new_request(
    *,
    request_id: str,
    kind: RequestKind,
    subject_id: str,
    channel: Channel,
    proof: Proof,
    at: datetime,
    on: date,
    by: str,
    words: Words,
    purposes: tuple[Purpose, ...] = (),
) -> PrivacyRequest:
    """Return a request received at an instant, which is ``on`` where the tenant is.

    Raises InvalidValue for a withdrawal or objection that names no purpose, for purposes of any other
    kind, and for a correction without changes.
    """
    check_purposes(kind=kind, purposes=purposes)
    if kind is not RequestKind.CORRECTION and words.changes:
        raise InvalidValue("changes are for a correction", param="changes")
    proven = proof is not Proof.NONE
    return PrivacyRequest(
        request_id=request_id,
        kind=kind,
        subject_id=subject_id,
        channel=channel,
        state=RequestState.RECEIVED if proven else RequestState.IDENTITY_ASKED,
        received_at=at,
        received_on=on,
        due_on=deadline(received_on=on),
        proof=proof,
        purposes=purposes,
        to_tell=(Notice.RECEIVED,),
        words=words,
        history=(Happening(at, by, "received"),),
    )


def check_purposes(*, kind: RequestKind, purposes: Collection[Purpose]) -> None:
    """Raise InvalidValue for a withdrawal or objection that names no purpose, and for one of any other."""
    if (kind in PURPOSED_KINDS) != bool(purposes):
        raise InvalidValue(
            "say which use for a withdrawal or an objection, and none for anything else", param="purposes"
        )


def check_words(*, text: str, param: str) -> str:
    """Return what people write without surrounding blanks; raise InvalidValue or CardNumberRefused."""
    cleaned = text.strip()
    if len(cleaned) > WORDS_CHARS_MAX:
        raise InvalidValue(f"this has at most {WORDS_CHARS_MAX} characters", param=param)
    refuse_card_number(text=cleaned, param=param)
    return cleaned


def require_words(*, text: str, param: str) -> str:
    """Return what must be said, as ``check_words`` does; raise InvalidValue where it is empty."""
    cleaned = check_words(text=text, param=param)
    if not cleaned:
        raise InvalidValue("say it in words", param=param)
    return cleaned


def check_room(*, kind: RequestKind, others: Collection[PrivacyRequest], at: datetime) -> None:
    """Raise RequestOpenAlready or TooManyRequests where there is no room for one more of a kind."""
    if sum(at - one.received_at < timedelta(days=1) for one in others) >= ASKED_PER_DAY_MAX:
        raise TooManyRequests(f"a person asks at most {ASKED_PER_DAY_MAX} times a day")
    open_now = [one for one in others if one.open]
    if any(one.kind is kind for one in open_now) or len(open_now) >= OPEN_PER_PERSON_MAX:
        raise RequestOpenAlready(OPEN_ALREADY)


def require_open(*, request: PrivacyRequest) -> None:
    """Raise RequestClosed where the request has ended."""
    if not request.open:
        raise RequestClosed("the request has ended")


def require_answerable(*, request: PrivacyRequest) -> None:
    """Raise RequestClosed, IdentityNotProven or RequestInWork where it cannot be answered now."""
    require_open(request=request)
    if request.state is RequestState.IDENTITY_ASKED:
        raise IdentityNotProven("confirm who asks first")
    if request.state is RequestState.IN_WORK and request.failure is None:
        raise RequestInWork("the request is being worked on")


def extended(
    *, request: PrivacyRequest, until: date, reason: str, today: date, at: datetime, by: str
) -> PrivacyRequest:
    """Return the request with its deadline moved; raise RequestClosed, InvalidExtension or InvalidValue."""
    require_open(request=request)
    last = add_months(on=request.received_on, months=1 + EXTENSION_MONTHS_MAX)
    if request.extended or today > request.due_on:
        raise InvalidExtension("a deadline is moved once, and before it is over", param="until")
    if not request.due_on < until <= last:
        raise InvalidExtension(f"the new deadline is after {request.due_on}, by {last}", param="until")
    words = require_words(text=reason, param="reason")
    return replace(
        request.step(at=at, by=by, what="extended", words=words),
        due_on=until,
        extended=True,
        reminded=(),
        to_tell=(*request.to_tell, Notice.EXTENDED),
        words=replace(request.words, reason=words),
    )


def closed(
    *,
    request: PrivacyRequest,
    state: RequestState,
    at: datetime,
    by: str,
    what: str,
    words: str = "",
    notice: Notice | None = None,
) -> PrivacyRequest:
    """Return the request after its end."""
    assert state not in OPEN_STATES, "an end is no open state"
    told = (*request.to_tell, notice) if notice else request.to_tell
    return replace(
        request.step(at=at, by=by, what=what, words=words),
        state=state,
        closed_at=at,
        to_tell=told,
        failure=None,
    )


def reminder(*, request: PrivacyRequest, today: date) -> int | None:
    """Return which reminder is due: the latest whose day has come, unless it or a later one was sent."""
    if not request.open:
        return None
    left = request.days_left(today=today)
    come = [days for days in REMINDED_AT_DAYS if left <= days]
    if not come or (request.reminded and min(request.reminded) <= min(come)):
        return None
    return min(come)

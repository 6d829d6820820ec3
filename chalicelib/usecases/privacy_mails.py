"""The texts of mails about privacy requests: they name the request and nobody, so that they may be kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from chalicelib.domain.data_map import BILLING_YEARS
from chalicelib.domain.emails import has_link
from chalicelib.domain.erasure import WHAT_STAYS
from chalicelib.domain.jobs import FILES_KEPT_DAYS
from chalicelib.domain.objections import outcomes
from chalicelib.domain.privacy_requests import Notice, PrivacyRequest, RequestKind
from chalicelib.ports.services import Mail

CONFIRMATION_LIFE: Final = timedelta(hours=24)
REMINDED_SHOWN_MAX: Final = 20

_ASKED: Final[dict[RequestKind, str]] = {
    RequestKind.ACCESS: "a copy of your data",
    RequestKind.CORRECTION: "a correction of your data",
    RequestKind.DELETION: "the deletion of your data",
    RequestKind.EXPORT: "an export of your data",
    RequestKind.WITHDRAWAL: "the withdrawal of your consent",
    RequestKind.OBJECTION: "your objection to the processing of your data",
}

_HEAD: Final = """\
Hello,

this is about {asked}, asked of {company} on {received_on}, request {request_id}.

{body}
"""
_COMPLAIN: Final = (
    "If you do not agree, you may complain to the authority that protects personal data where you live, "
    "and go to court."
)
_WHY: Final = "The reason:\n\n    {reason}\n\n" + _COMPLAIN
_BODIES: Final[dict[Notice, str]] = {
    Notice.RECEIVED: "It was received. You are answered by {due_on}.",
    Notice.EXTENDED: "It takes longer: you are answered by {due_on}. " + _WHY,
    Notice.REFUSED: "It was refused. " + _WHY,
    Notice.FILE_READY: (
        "The file is made. Fetch it within {days} days where you asked for it: in the customer portal, or in "
        "your account. If you asked in another way, {company} gives it to you once it knows that it is you."
    ),
    Notice.FILE_FAILED: "The file could not be made yet. {company} looks into it; you need not ask again.",
    Notice.CORRECTED: "Your data was corrected as the request says.",
    Notice.ERASED: (
        "Your data was deleted. {documents}. Besides stay, while {company} keeps its books here: {stays}."
    ),
    Notice.STAFF_ERASED: (
        "Your name, address, password, second factors, keys, devices and choices were deleted. What stays "
        "is the identifier that the audit log and the books name, for law asks who did what: until "
        "{stays_until}. "
        "Files that were made before are gone within {days} days."
    ),
    Notice.NOTED: "Your data is not processed for these purposes any more:\n\n    {stopped}{goes_on}",
    Notice.ANSWERED: "The answer:\n\n    {reason}",
}


def request_mail(*, to: str, company: str, request: PrivacyRequest, notice: Notice) -> Mail:
    """Return the mail that tells a person how their request stands."""
    body = _BODIES[notice].format(
        company=company,
        due_on=request.due_on,
        reason=_reason(request),
        days=FILES_KEPT_DAYS,
        stays=WHAT_STAYS,
        documents=_documents(company, request.kept_count),
        stays_until=request.stays_until,
        stopped="\n    ".join(one.purpose.value for one in outcomes(request=request) if one.stopped),
        goes_on=_goes_on(request),
    )
    text = _HEAD.format(
        asked=_ASKED[request.kind],
        company=company,
        received_on=request.received_on,
        request_id=request.request_id,
        body=body,
    )
    return Mail(to=to, subject="Your request about your data", text=text)


def _reason(request: PrivacyRequest) -> str:
    """Return why, in the words of who answered, and before them the grounds of what goes on."""
    words = request.words.reason
    said = "(in a letter: it holds an address of the web)" if has_link(text=words) else words
    grounds = [f"{one.purpose.value}: {one.ground.words}." for one in outcomes(request=request) if one.ground]
    return "\n\n    ".join(filter(None, [*grounds, said]))


def _goes_on(request: PrivacyRequest) -> str:
    if all(one.stopped for one in outcomes(request=request)):
        return ""
    return f"\n\nFor others it goes on. The reason:\n\n    {_reason(request)}\n\n{_COMPLAIN}"


def _documents(company: str, kept: int) -> str:
    """Return which documents of the books stay of somebody who was erased."""
    if not kept:
        return "There is no document of the books that law asks to keep"
    documents = "1 document" if kept == 1 else f"{kept} documents"
    return (
        f"What stays is what law asks for: {documents} of the books, each for {BILLING_YEARS} fiscal years "
        f"after its own, under a key that is destroyed then. {company} keeps their list with the request"
    )


_CONFIRM: Final = """\
Hello,

somebody, probably you, asked {company} for {asked}. To confirm that this address is yours, enter
this code on the page {page}:

    {token}

It works once and within {hours} hours; the time to answer runs since you asked. Programs send it
with POST /v1/privacy-request-confirmations. If it was not you, do nothing.
"""


def confirmation_mail(*, to: str, company: str, kind: RequestKind, token: str, page: str) -> Mail:
    """Return the mail that proves an address of who asks from outside; it does not tell who is known."""
    hours = CONFIRMATION_LIFE // timedelta(hours=1)
    text = _CONFIRM.format(company=company, asked=_ASKED[kind], token=token, page=page, hours=hours)
    return Mail(to=to, subject="Confirm your request", text=text)


_REMIND: Final = """\
Hello {name},

privacy requests at {company} wait for an answer:

{requests}

Look at them: GET /v1/privacy-requests?waiting=true
"""
_REMIND_OF: Final = (
    "    {kind}, received on {received_on}, to be answered by {due_on}: {left}\n    {request_id}"
)


def reminder_mail(
    *, to: str, name: str, company: str, requests: Sequence[PrivacyRequest], today: date
) -> Mail:
    """Return the mail that reminds who may answer of one or more requests, those due first first."""
    shown = [_reminded_of(one, one.days_left(today=today)) for one in requests[:REMINDED_SHOWN_MAX]]
    if len(requests) > REMINDED_SHOWN_MAX:
        shown.append(f"    and {len(requests) - REMINDED_SHOWN_MAX} more")
    text = _REMIND.format(name=name, company=company, requests="\n\n".join(shown))
    late = any(one.days_left(today=today) < 0 for one in requests)
    return Mail(to=to, subject=f"A privacy request {'is late' if late else 'waits'}", text=text)


def _reminded_of(request: PrivacyRequest, days_left: int) -> str:
    return _REMIND_OF.format(
        kind=request.kind.value,
        received_on=request.received_on,
        due_on=request.due_on,
        left=f"{days_left} days are left" if days_left >= 0 else f"it is {-days_left} days late",
        request_id=request.request_id,
    )

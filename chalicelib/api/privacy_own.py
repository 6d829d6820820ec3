"""One's own privacy requests: of staff, of subscribers in the portal, and from outside."""

from __future__ import annotations

from pydantic import Field

from chalicelib.api.authentication import TOKEN_CHARS_MAX
from chalicelib.api.files import FileOut
from chalicelib.api.privacy_parts import (
    OwnPrivacyRequestList,
    PrivacyRequestIn,
    PrivacyRequestOut,
    Purposes,
    Text,
    desk_of,
)
from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Schema
from chalicelib.api.signups import AcceptedOut
from chalicelib.domain.emails import EMAIL_CHARS_MAX
from chalicelib.domain.privacy_requests import Channel, Proof, RequestKind
from chalicelib.domain.staff import Permission
from chalicelib.domain.tenants import SUBDOMAIN_CHARS_MAX
from chalicelib.usecases import privacy_outside, privacy_requests, privacy_work
from chalicelib.usecases.portal import open_portal


class OutsideRequestIn(Schema):
    """What somebody asks who has no session: of an ISP, or of the platform's operator; a code is mailed."""

    subdomain: str | None = Field(
        default=None,
        max_length=SUBDOMAIN_CHARS_MAX,
        description="which ISP; left out, what is asked is about the platform's own data: the account of an "
        "ISP, or the public pages",
        examples=["lahore-net"],
    )
    email: str = Field(max_length=EMAIL_CHARS_MAX, examples=["zainab@mail.example"])
    kind: RequestKind = Field(examples=["access"])
    text: Text = Field(default="", description="in one's own words")
    purposes: Purposes = Field(default=[])


class ConfirmationIn(Schema):
    """The code from the mail."""

    token: str = Field(min_length=1, max_length=TOKEN_CHARS_MAX, repr=False, examples=["pcf_..."])


def _ask(request: Request, channel: Channel) -> PrivacyRequestOut:
    request_id = request.services.ids.new(prefix="prq")
    standing = privacy_requests.ask(
        store=request.store,
        desk=desk_of(request),
        asker=privacy_requests.Asker(request.principal.actor_id, channel, Proof.SESSION),
        asked=request.body_as(PrivacyRequestIn).asked(),
        request_id=request_id,
        at=request.now,
        note=request.note("privacy.requested", request_id),
    )
    return PrivacyRequestOut.of(standing)


def _list(request: Request) -> OwnPrivacyRequestList:
    found = privacy_requests.own_requests(
        store=request.store, subject_id=request.principal.actor_id, at=request.now
    )
    return OwnPrivacyRequestList(items=[PrivacyRequestOut.of(one) for one in found])


def _withdraw(request: Request) -> PrivacyRequestOut:
    request_id = request.path["privacy_request_id"]
    standing = privacy_requests.withdraw(
        store=request.store,
        request_id=request_id,
        subject_id=request.principal.actor_id,
        at=request.now,
        note=request.note("privacy.withdrawn", request_id),
    )
    return PrivacyRequestOut.of(standing)


def _download(request: Request) -> FileOut:
    request_id, mine = request.path["privacy_request_id"], request.principal.actor_id
    found = privacy_work.file_of(
        store=request.store,
        blobs=request.services.blobs,
        request=privacy_requests.own_request(store=request.store, request_id=request_id, subject_id=mine),
        at=request.now,
        note=request.note("privacy.file_downloaded", request_id),
    )
    return FileOut.of(found)


# -- staff -----------------------------------------------------------------------------------


@endpoint(
    "POST",
    "/v1/me/privacy-requests",
    permission=Permission.SELF,
    body=PrivacyRequestIn,
    answer=PrivacyRequestOut,
    status=201,
)
def ask_privacy(request: Request) -> PrivacyRequestOut:
    """Ask for one's own rights; the file of an access or export is made at once."""
    return _ask(request, Channel.STAFF)


@endpoint("GET", "/v1/me/privacy-requests", permission=Permission.SELF, answer=OwnPrivacyRequestList)
def list_own_privacy_requests(request: Request) -> OwnPrivacyRequestList:
    """List one's own privacy requests."""
    return _list(request)


@endpoint(
    "POST",
    "/v1/me/privacy-requests/{privacy_request_id}/withdrawal",
    permission=Permission.SELF,
    answer=PrivacyRequestOut,
)
def withdraw_own_privacy(request: Request) -> PrivacyRequestOut:
    """Take one's own request back."""
    return _withdraw(request)


@endpoint(
    "GET",
    "/v1/me/privacy-requests/{privacy_request_id}/download",
    permission=Permission.SELF,
    answer=FileOut,
)
def download_own_privacy(request: Request) -> FileOut:
    """Show where one's own file is: an address that is good for 15 minutes."""
    return _download(request)


# -- subscribers -----------------------------------------------------------------------------


@endpoint(
    "POST",
    "/v1/portal/privacy-requests",
    permission=Permission.PORTAL_SELF,
    body=PrivacyRequestIn,
    answer=PrivacyRequestOut,
    status=201,
)
def ask_portal_privacy(request: Request) -> PrivacyRequestOut:
    """Ask for one's own rights; the file of an access or export is made at once."""
    open_portal(store=request.store)
    return _ask(request, Channel.PORTAL)


@endpoint(
    "GET", "/v1/portal/privacy-requests", permission=Permission.PORTAL_SELF, answer=OwnPrivacyRequestList
)
def list_portal_privacy_requests(request: Request) -> OwnPrivacyRequestList:
    """List one's own privacy requests."""
    open_portal(store=request.store)
    return _list(request)


@endpoint(
    "POST",
    "/v1/portal/privacy-requests/{privacy_request_id}/withdrawal",
    permission=Permission.PORTAL_SELF,
    answer=PrivacyRequestOut,
)
def withdraw_portal_privacy(request: Request) -> PrivacyRequestOut:
    """Take one's own request back."""
    open_portal(store=request.store)
    return _withdraw(request)


@endpoint(
    "GET",
    "/v1/portal/privacy-requests/{privacy_request_id}/download",
    permission=Permission.PORTAL_SELF,
    answer=FileOut,
)
def download_portal_privacy(request: Request) -> FileOut:
    """Show where one's own file is: an address that is good for 15 minutes."""
    open_portal(store=request.store)
    return _download(request)


# -- from outside ----------------------------------------------------------------------------


def ask_outside(request: Request, body: OutsideRequestIn) -> None:
    """Have a code sent to who asks from outside; raises what ``ask_from_outside`` does."""
    privacy_outside.ask_from_outside(
        identity=request.services.identity,
        queue=request.services.mail_queue,
        subdomain=body.subdomain or request.services.settings.platform_subdomain,
        email=body.email,
        asked=privacy_requests.Asked(body.kind, body.text, {}, tuple(dict.fromkeys(body.purposes))),
        visitor=privacy_outside.Visitor(request.address, request.now, request.request_id),
    )


def confirm_outside(request: Request, body: ConfirmationIn) -> privacy_requests.Standing:
    """Take in the request whose code came back; raises what ``confirm`` does."""
    return privacy_outside.confirm(
        identity=request.services.identity,
        desk=desk_of(request),
        token=body.token,
        request_id=request.services.ids.new(prefix="prq"),
        visitor=privacy_outside.Visitor(request.address, request.now, request.request_id),
    )


@endpoint(
    "POST",
    "/v1/privacy-requests",
    permission=Permission.PUBLIC,
    body=OutsideRequestIn,
    answer=AcceptedOut,
    status=202,
)
def ask_privacy_from_outside(request: Request) -> AcceptedOut:
    """Ask an ISP, or the platform's operator, for one's rights; the answer is the same whoever there is."""
    ask_outside(request, request.body_as(OutsideRequestIn))
    return AcceptedOut()


@endpoint(
    "POST",
    "/v1/privacy-request-confirmations",
    permission=Permission.PUBLIC,
    body=ConfirmationIn,
    status=204,
)
def confirm_privacy_request(request: Request) -> Answer:
    """Confirm by the code from the mail that an address is one's own: the request is taken in."""
    confirm_outside(request, request.body_as(ConfirmationIn))
    return Answer(None)

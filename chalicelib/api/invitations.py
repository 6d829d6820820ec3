"""Invitations to work for the tenant, by mail."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Schema
from chalicelib.api.signups import TOKEN_CHARS_MAX
from chalicelib.api.staff import Areas, DealerId, RightsOut, RoleName, StaffName, StaffOut, rights_of
from chalicelib.domain.emails import EMAIL_CHARS_MAX
from chalicelib.domain.invitations import Invitation
from chalicelib.domain.passwords import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN
from chalicelib.domain.staff import Permission
from chalicelib.usecases import invitations


class InvitationIn(Schema):
    """Who is invited. A collector needs areas, a dealer its ``dealer_id``."""

    email: str = Field(max_length=EMAIL_CHARS_MAX, examples=["bilal@lahore-net.example"])
    role: RoleName
    areas: Areas = Field(default=[], examples=[["Gulberg III"]])
    dealer_id: DealerId = Field(default="", examples=[""])

    def command(self) -> invitations.Invite:
        """Return the use case's command."""
        return invitations.Invite(self.email, self.role, self.areas, self.dealer_id)


class InvitationOut(RightsOut):
    """An invitation that nobody has taken up yet; its code is in the mail alone."""

    invitation_id: str
    email: str
    invited_by: str
    created_at: datetime
    expires_at: datetime
    expired: bool

    @classmethod
    def of(cls, one: Invitation, at: datetime) -> InvitationOut:
        """Render an invitation as of a time."""
        return cls(
            invitation_id=one.invitation_id,
            email=one.email,
            **rights_of(one),
            invited_by=one.invited_by,
            created_at=one.created_at,
            expires_at=one.expires_at,
            expired=one.expired(at=at),
        )


class InvitedOut(Schema):
    """An invitation, and whether its mail was sent."""

    invitation: InvitationOut
    mail_sent: bool = Field(description="Where false, send it again later.")

    @classmethod
    def of(cls, made: invitations.Invited, at: datetime) -> InvitedOut:
        """Render an invitation that was mailed."""
        return cls(invitation=InvitationOut.of(made.invitation, at), mail_sent=made.mail_sent)


class InvitationList(Schema):
    """Every invitation that is open, or has expired and was not withdrawn; oldest first."""

    items: list[InvitationOut]


class AcceptanceIn(Schema):
    """The code from the mail, and what the invited person chooses."""

    token: str = Field(min_length=1, max_length=TOKEN_CHARS_MAX)
    name: StaffName
    password: str = Field(
        min_length=PASSWORD_CHARS_MIN,
        max_length=PASSWORD_CHARS_MAX,
        examples=["three random words"],
        repr=False,
    )


class AcceptanceOut(Schema):
    """The new person, and where they sign in."""

    staff: StaffOut
    subdomain: str
    company: str


@endpoint("GET", "/v1/invitations", permission=Permission.STAFF_READ, answer=InvitationList)
def list_invitations(request: Request) -> InvitationList:
    """List the invitations that nobody has taken up."""
    found = request.store.invitations.all()
    return InvitationList(items=[InvitationOut.of(one, request.now) for one in found])


@endpoint(
    "POST",
    "/v1/invitations",
    permission=Permission.STAFF_WRITE,
    body=InvitationIn,
    answer=InvitedOut,
    status=201,
)
def invite_staff(request: Request) -> InvitedOut:
    """Invite somebody by mail; the code in it works once and for 72 hours."""
    invitation_id = request.services.ids.new(prefix="ivt")
    made = invitations.invite(
        identity=request.services.identity,
        store=request.store,
        principal=request.principal,
        invitation_id=invitation_id,
        command=request.body_as(InvitationIn).command(),
        at=request.now,
        note=request.note("staff.invited", invitation_id),
    )
    return InvitedOut.of(made, request.now)


@endpoint(
    "POST", "/v1/invitations/{invitation_id}/resend", permission=Permission.STAFF_WRITE, answer=InvitedOut
)
def resend_invitation(request: Request) -> InvitedOut:
    """Mail a new code, good for 72 hours more; the one before is worthless."""
    invitation_id = request.path["invitation_id"]
    made = invitations.resend_invitation(
        identity=request.services.identity,
        store=request.store,
        principal=request.principal,
        invitation_id=invitation_id,
        at=request.now,
        note=request.note("staff.invited_again", invitation_id),
    )
    return InvitedOut.of(made, request.now)


@endpoint("DELETE", "/v1/invitations/{invitation_id}", permission=Permission.STAFF_WRITE, status=204)
def withdraw_invitation(request: Request) -> Answer:
    """Withdraw an invitation: its code is worthless at once."""
    invitation_id = request.path["invitation_id"]
    invitations.withdraw_invitation(
        identity=request.services.identity,
        store=request.store,
        invitation_id=invitation_id,
        note=request.note("invitation.withdrawn", invitation_id),
    )
    return Answer(None)


@endpoint(
    "POST",
    "/v1/invitation-acceptances",
    permission=Permission.PUBLIC,
    body=AcceptanceIn,
    answer=AcceptanceOut,
    status=201,
)
def accept_invitation(request: Request) -> AcceptanceOut:
    """Accept an invitation by the code that was mailed, with a name and a password of one's own."""
    body = request.body_as(AcceptanceIn)
    joined = invitations.accept_invitation(
        identity=request.services.identity,
        token=body.token,
        name=body.name,
        password=body.password,
        address=request.address,
        at=request.now,
        request_id=request.request_id,
    )
    tenant, member = joined.tenant, StaffOut.of(joined.member)
    return AcceptanceOut(staff=member, subdomain=tenant.subdomain, company=tenant.company)

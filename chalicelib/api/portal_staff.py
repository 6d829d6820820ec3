"""What staff do about a subscriber's access to the portal."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Schema
from chalicelib.api.signups import AcceptedOut
from chalicelib.domain.staff import Permission
from chalicelib.usecases.portal_passwords import ask_activation
from chalicelib.usecases.portal_sessions import end_portal_sessions


class PortalActivationAskIn(Schema):
    """How the code is sent: to the address, or to the number, on file."""

    channel: Literal["mail", "sms"] = Field(default="mail", examples=["mail"])


@endpoint(
    "POST",
    "/v1/subscribers/{subscriber_id}/portal-activations",
    permission=Permission.SUBSCRIBERS_WRITE,
    body=PortalActivationAskIn,
    answer=AcceptedOut,
    status=202,
)
def send_portal_activation(request: Request) -> AcceptedOut:
    """Send a subscriber the code with which they choose a password for the portal; good for 72 hours."""
    subscriber_id = request.path["subscriber_id"]
    ask_activation(
        portal=request.services.portal,
        store=request.store,
        subscriber_id=subscriber_id,
        channel=request.body_as(PortalActivationAskIn).channel,
        note=request.note("portal.activation_sent", subscriber_id),
    )
    return AcceptedOut()


class PortalEndQuery(Schema):
    """What ends besides the sessions."""

    for_good: bool = Field(
        default=False,
        description="true takes the password off too, and makes worthless what was sent to choose one",
    )


@endpoint(
    "DELETE",
    "/v1/subscribers/{subscriber_id}/portal-sessions",
    permission=Permission.SUBSCRIBERS_WRITE,
    query=PortalEndQuery,
    status=204,
)
def end_subscriber_portal_sessions(request: Request) -> Answer:
    """End all of a subscriber's sessions of the portal at once."""
    subscriber_id = request.path["subscriber_id"]
    end_portal_sessions(
        portal=request.services.portal,
        store=request.store,
        subscriber_id=subscriber_id,
        for_good=request.query_as(PortalEndQuery).for_good,
        note=request.note("portal.sessions_ended", subscriber_id),
    )
    return Answer(None)

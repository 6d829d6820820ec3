"""Staff: who works for the tenant, in which role, held to what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, Patch, Schema
from chalicelib.api.second_factor import ShownAgainIn
from chalicelib.domain.contacts import AREA_CHARS_MAX, DEALER_ID_CHARS_MAX
from chalicelib.domain.invitations import Invitation
from chalicelib.domain.passwords import PASSWORD_CHARS_MAX
from chalicelib.domain.staff import SCOPE_AREAS_MAX, STAFF_NAME_CHARS_MAX, Permission, StaffMember
from chalicelib.usecases import staff, staff_factors

ROLE_CHARS_MAX = 40

StaffName = Annotated[Line, Field(min_length=1, max_length=STAFF_NAME_CHARS_MAX, examples=["Bilal Ahmed"])]
RoleName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=ROLE_CHARS_MAX,
        description="a role that every company has, or the `role_id` of one of its own",
        examples=["collector"],
    ),
]
Areas = Annotated[
    list[Annotated[Line, Field(min_length=1, max_length=AREA_CHARS_MAX, examples=["Gulberg III"])]],
    Field(max_length=SCOPE_AREAS_MAX, description="subscribers of others answer like none"),
]
DealerId = Annotated[
    str, Field(max_length=DEALER_ID_CHARS_MAX, description="the dealer whose customers these are")
]


class RightsOut(Schema):
    """What somebody may do: a role, and the areas or the dealer's customers that they are held to."""

    role: str
    areas: list[str]
    dealer_id: str


def rights_of(held: StaffMember | Invitation) -> dict[str, Any]:
    """Render the fields of ``RightsOut``."""
    return {"role": str(held.role), "areas": list(held.scope.areas), "dealer_id": held.scope.dealer_id}


class StaffOut(RightsOut):
    """A person who works for the tenant."""

    staff_id: str
    name: str
    email: str
    disabled: bool
    erased: bool = Field(description="whether the person left and was erased: nobody's name any more")
    second_factor: bool
    created_at: datetime
    version: int

    @classmethod
    def of(cls, member: StaffMember) -> StaffOut:
        """Render a person."""
        return cls(
            staff_id=member.staff_id,
            name=member.name,
            email=member.email,
            **rights_of(member),
            disabled=member.disabled,
            erased=member.erased,
            second_factor=member.second_factor,
            created_at=member.created_at,
            version=member.version,
        )


class StaffList(ListAnswer):
    """People who work for the tenant, oldest first."""

    items: list[StaffOut]


class StaffPatch(Patch):
    """What changes; a new role begins without areas and dealer unless they are given."""

    name: StaffName | None = None
    role: RoleName | None = None
    areas: Areas | None = None
    dealer_id: DealerId | None = None

    def change(self) -> staff.StaffChange:
        """Return the use case's value."""
        return staff.StaffChange(**self.model_dump(exclude_unset=True))


class OwnershipIn(Schema):
    """The password of who hands the company over."""

    password: str = Field(max_length=PASSWORD_CHARS_MAX, repr=False, examples=["three random words"])


@endpoint("GET", "/v1/staff", permission=Permission.STAFF_READ, query=ListQuery, answer=StaffList)
def list_staff(request: Request) -> StaffList:
    """List staff, oldest first."""
    page = request.store.staff.list(limit=request.query_as(ListQuery).limit, after=request.after)
    return request.listing(StaffList, page, StaffOut.of)


@endpoint("GET", "/v1/staff/{staff_id}", permission=Permission.STAFF_READ, answer=StaffOut)
def get_staff(request: Request) -> StaffOut:
    """Show a person."""
    return StaffOut.of(request.store.staff.get(staff_id=request.path["staff_id"]))


@endpoint(
    "PATCH",
    "/v1/staff/{staff_id}",
    permission=Permission.STAFF_WRITE,
    body=StaffPatch,
    answer=StaffOut,
    if_match=True,
)
def change_staff(request: Request) -> StaffOut:
    """Change a person's name, role, areas or dealer; but for a new name they must sign in again.

    Nobody changes their own rights, or gives or takes more than they have themselves.
    """
    staff_id = request.path["staff_id"]
    member = staff.change_staff(
        identity=request.services.identity,
        store=request.store,
        principal=request.principal,
        staff_id=staff_id,
        change=request.body_as(StaffPatch).change(),
        if_match=request.if_match,
        note=request.note("staff.changed", staff_id),
    )
    return StaffOut.of(member)


@endpoint("POST", "/v1/staff/{staff_id}/disable", permission=Permission.STAFF_WRITE, answer=StaffOut)
def disable_staff(request: Request) -> StaffOut:
    """Let a person sign in no more; their sessions end at once. Disabling twice changes nothing."""
    staff_id = request.path["staff_id"]
    member = staff.disable_staff(
        identity=request.services.identity,
        store=request.store,
        principal=request.principal,
        staff_id=staff_id,
        note=request.note("staff.disabled", staff_id),
    )
    return StaffOut.of(member)


@endpoint("POST", "/v1/staff/{staff_id}/enable", permission=Permission.STAFF_WRITE, answer=StaffOut)
def enable_staff(request: Request) -> StaffOut:
    """Let a person sign in again; enabling twice changes nothing."""
    staff_id = request.path["staff_id"]
    member = staff.enable_staff(
        identity=request.services.identity,
        store=request.store,
        principal=request.principal,
        staff_id=staff_id,
        note=request.note("staff.enabled", staff_id),
    )
    return StaffOut.of(member)


@endpoint(
    "POST",
    "/v1/staff/{staff_id}/ownership",
    permission=Permission.OWNERSHIP_TRANSFER,
    body=OwnershipIn,
    answer=StaffOut,
)
def transfer_ownership(request: Request) -> StaffOut:
    """Hand the company over: the person is its owner, you are an administrator, and both sign in again."""
    staff_id = request.path["staff_id"]
    member = staff.transfer_ownership(
        identity=request.services.identity,
        store=request.store,
        principal=request.principal,
        staff_id=staff_id,
        password=request.body_as(OwnershipIn).password,
        at=request.now,
        note=request.note("ownership.transferred", staff_id),
    )
    return StaffOut.of(member)


@endpoint(
    "POST",
    "/v1/staff/{staff_id}/second-factor/removal",
    permission=Permission.STAFF_WRITE,
    body=ShownAgainIn,
    answer=StaffOut,
)
def take_off_for_staff(request: Request) -> StaffOut:
    """Take off all second factors of who lost theirs: their sessions end, and mails say so.

    The password, and the second factor where there is one, are those of who asks. An owner's is taken
    off by an owner alone, and nobody's own this way.
    """
    staff_id = request.path["staff_id"]
    member = staff_factors.take_off_for(
        identity=request.services.identity,
        store=request.store,
        session=request.own_session,
        staff_id=staff_id,
        again=request.body_as(ShownAgainIn).again(address=request.address),
        at=request.now,
        note=request.note("second_factor.taken_off", staff_id),
    )
    return StaffOut.of(member)

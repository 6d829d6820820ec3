"""Roles: those that every company has, and its own, built from named permissions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from chalicelib.api.routing import Answer, Request, endpoint
from chalicelib.api.schemas import Line, Patch, Schema
from chalicelib.domain.permissions import GRANTABLE, ROLE_PERMISSIONS, Permission
from chalicelib.domain.roles import ROLE_NAME_CHARS_MAX, CustomRole
from chalicelib.usecases import roles

RoleTitle = Annotated[Line, Field(min_length=1, max_length=ROLE_NAME_CHARS_MAX, examples=["Front desk"])]
# Texts over the wire; strict models take no text for an enumeration in Python, but do in JSON.
Permissions = Annotated[
    list[Permission],
    Field(max_length=len(GRANTABLE), examples=[["subscribers:read", "payments:record"]]),
]


class RoleOut(Schema):
    """A role; ``version`` and ``holders`` (how many people have it) are those of the company's own roles."""

    role_id: str
    name: str
    permissions: list[Permission]
    own: bool
    holders: int
    version: int

    @classmethod
    def of(cls, role: CustomRole) -> RoleOut:
        """Render a role of the company's own."""
        return cls(
            role_id=role.role_id,
            name=role.name,
            permissions=sorted(role.permissions),
            own=True,
            holders=role.holders,
            version=role.version,
        )


class RoleList(Schema):
    """The roles that every company has, and then its own, oldest first."""

    items: list[RoleOut]

    @classmethod
    def of(cls, own: Iterable[CustomRole]) -> RoleList:
        """Render the roles."""
        everyones = [
            RoleOut(
                role_id=str(role),
                name=str(role),
                permissions=sorted(granted),
                own=False,
                holders=0,
                version=1,
            )
            for role, granted in ROLE_PERMISSIONS.items()
        ]
        return cls(items=[*everyones, *map(RoleOut.of, own)])


class RoleIn(Schema):
    """A role of the company's own."""

    name: RoleTitle
    permissions: Permissions


class RolePatch(Patch):
    """What changes; the permissions are replaced as a whole."""

    name: RoleTitle | None = None
    permissions: Permissions | None = None

    def change(self) -> roles.RoleChange:
        """Return the use case's value."""
        return roles.RoleChange(self.name, self.permissions)


@endpoint("GET", "/v1/roles", permission=Permission.STAFF_READ, answer=RoleList)
def list_roles(request: Request) -> RoleList:
    """List the roles, with what each may do."""
    return RoleList.of(request.store.roles.all())


@endpoint("POST", "/v1/roles", permission=Permission.STAFF_WRITE, body=RoleIn, answer=RoleOut, status=201)
def create_role(request: Request) -> RoleOut:
    """Make a role of the company's own; it holds nothing that its maker lacks."""
    body, role_id = request.body_as(RoleIn), request.services.ids.new(prefix="rol")
    role = roles.create_role(
        store=request.store,
        principal=request.principal,
        role_id=role_id,
        name=body.name,
        permissions=body.permissions,
        at=request.now,
        note=request.note("role.created", role_id),
    )
    return RoleOut.of(role)


@endpoint("GET", "/v1/roles/{role_id}", permission=Permission.STAFF_READ, answer=RoleOut)
def get_role(request: Request) -> RoleOut:
    """Show a role of the company's own."""
    return RoleOut.of(request.store.roles.get(role_id=request.path["role_id"]))


@endpoint(
    "PATCH",
    "/v1/roles/{role_id}",
    permission=Permission.STAFF_WRITE,
    body=RolePatch,
    answer=RoleOut,
    if_match=True,
)
def change_role(request: Request) -> RoleOut:
    """Change a role of the company's own; who has it must sign in again where its permissions change."""
    role_id = request.path["role_id"]
    role = roles.change_role(
        store=request.store,
        sessions=request.services.sessions,
        principal=request.principal,
        role_id=role_id,
        change=request.body_as(RolePatch).change(),
        if_match=request.if_match,
        note=request.note("role.changed", role_id),
    )
    return RoleOut.of(role)


@endpoint("DELETE", "/v1/roles/{role_id}", permission=Permission.STAFF_WRITE, status=204)
def delete_role(request: Request) -> Answer:
    """Remove a role of the company's own that nobody has and nobody is invited to."""
    role_id = request.path["role_id"]
    note = request.note("role.removed", role_id)
    roles.remove_role(store=request.store, principal=request.principal, role_id=role_id, note=note)
    return Answer(None)

"""Staff of a tenant: people, the role each has, and what of the tenant they are held to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from chalicelib.domain.contacts import area_key, check_area, check_dealer_id
from chalicelib.domain.emails import check_no_link
from chalicelib.domain.errors import Conflict, DomainError, InvalidValue
from chalicelib.domain.permissions import ROLE_PERMISSIONS, WITHIN_SCOPE, Permission, Role

if TYPE_CHECKING:
    from chalicelib.domain.subscribers import Subscriber

__all__ = ["ROLE_PERMISSIONS", "Permission", "Role"]  # where everybody looks for them

STAFF_NAME_CHARS_MAX: Final = 120
STAFF_MAX: Final = 500
SCOPE_AREAS_MAX: Final = 50


class EmailTaken(Conflict):
    """Another person of this tenant has the address."""

    code = "email_taken"


class TooManyStaff(Conflict):
    """The tenant has as many people as it may have."""

    code = "too_many_staff"


class InvalidScope(InvalidValue):
    """The role needs areas or a dealer, or cannot have them."""

    code = "invalid_scope"


class OutsideScope(InvalidValue):
    """A subscriber would be of an area or a dealer that is not one's own."""

    code = "outside_scope"


class RightsExceeded(DomainError):
    """Nobody gives, changes or takes away rights that they do not have themselves."""

    code = "rights_exceeded"


class OwnRecord(Conflict):
    """Nobody changes their own role or disables themselves: somebody else does."""

    code = "own_record"


class LastOwner(Conflict):
    """A tenant always has an owner who can sign in."""

    code = "last_owner"


class PersonErased(Conflict):
    """The person left and was erased: nothing of the record changes any more."""

    code = "person_erased"


@dataclass(frozen=True, slots=True)
class Scope:
    """What of the tenant's subscribers a person is held to: those of the areas, and of the dealer.

    Without either it is all of them. Where both are given, both must fit.
    """

    areas: tuple[str, ...] = ()
    dealer_id: str = ""

    @property
    def everything(self) -> bool:
        """Whether nobody is left out."""
        return not self.areas and not self.dealer_id

    def holds(self, *, area: str, dealer_id: str) -> bool:
        """Whether a subscriber of this area and dealer is within it."""
        if self.areas and area_key(area=area) not in {area_key(area=one) for one in self.areas}:
            return False
        return not self.dealer_id or self.dealer_id == dealer_id


EVERYTHING: Final = Scope()


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A person who works for the tenant; ``password_hash`` is Argon2id in PHC form.

    ``role`` is a ``Role``, or the identifier of a role of the tenant's own. With a
    ``second_factor`` the password alone begins no session.
    """

    staff_id: str
    name: str
    email: str
    role: str
    email_verified: bool
    password_hash: str
    created_at: datetime
    version: int = 1
    scope: Scope = EVERYTHING
    disabled: bool = False
    second_factor: bool = False

    @property
    def active_owner(self) -> bool:
        """Whether the person is an owner who can sign in."""
        return self.role == Role.OWNER and self.email_verified and not self.disabled

    @property
    def erased(self) -> bool:
        """Whether the record is nobody's any more: it has no address."""
        return not self.email


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking: the only source of the tenant in a request.

    ``granted`` are the permissions of a role of the tenant's own, as they were at sign-in: when
    they change, the session ends. ``access_id`` is the access under which platform support is in
    the tenant; its own people have none.
    """

    tenant_id: str
    actor_id: str
    role: str
    granted: frozenset[Permission] | None = None
    scope: Scope = EVERYTHING
    access_id: str = ""

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the person may do: within a scope, nothing that shows or changes the whole tenant."""
        granted = ROLE_PERMISSIONS[Role(self.role)] if self.granted is None else self.granted
        return granted if self.scope.everything else granted & WITHIN_SCOPE

    def may(self, *, permission: Permission) -> bool:
        """Whether the person has the permission."""
        return permission in self.permissions


def check_staff_name(*, name: str, param: str = "name") -> str:
    """Return the name without surrounding blanks, or raise InvalidValue."""
    cleaned = name.strip()
    if not cleaned or len(cleaned) > STAFF_NAME_CHARS_MAX:
        raise InvalidValue(f"a name has 1 to {STAFF_NAME_CHARS_MAX} characters", param=param)
    check_no_link(text=cleaned, param=param)
    return cleaned


def check_scope(*, role: str, areas: Iterable[str], dealer_id: str) -> Scope:
    """Return the scope of somebody with a role, each area once, or raise InvalidValue or InvalidScope.

    A collector has areas, a dealer its own customers; who runs the company has all of it.
    """
    cleaned = [check_area(area=one) for one in areas]
    if not all(cleaned):
        raise InvalidScope("an area has a name", param="areas")
    if len(cleaned) > SCOPE_AREAS_MAX:
        raise InvalidScope(f"a person has at most {SCOPE_AREAS_MAX} areas", param="areas")
    distinct = {area_key(area=one): one for one in cleaned}
    scope = Scope(tuple(distinct.values()), check_dealer_id(dealer_id=dealer_id))
    if role == Role.COLLECTOR and not scope.areas:
        raise InvalidScope("a collector has at least one area", param="areas")
    if role == Role.DEALER and not scope.dealer_id:
        raise InvalidScope("say which dealer's customers are meant", param="dealer_id")
    if role in {Role.OWNER, Role.ADMIN, Role.BILLING, Role.AUDITOR} and not scope.everything:
        raise InvalidScope("this role is for the whole company", param="areas" if areas else "dealer_id")
    return scope


def check_within(*, scope: Scope, subscriber: Subscriber) -> None:
    """Raise OutsideScope where the subscriber is, or would be, none of those that the scope holds."""
    if scope.dealer_id and subscriber.dealer_id != scope.dealer_id:
        raise OutsideScope("this is not a dealer of yours", param="dealer_id")
    if not scope.holds(area=subscriber.area, dealer_id=subscriber.dealer_id):
        raise OutsideScope("this is not an area of yours", param="area")


def is_staff(*, identifier: str) -> bool:
    """Whether an identifier is of somebody who works, or worked, for the ISP."""
    return identifier.startswith("stf_")


def may_grant(*, principal: Principal, permissions: frozenset[Permission]) -> None:
    """Raise RightsExceeded where the permissions are more than the person has."""
    if not permissions <= principal.permissions:
        raise RightsExceeded("this is more than you may do yourself", param="role")


def may_manage(*, principal: Principal, permissions: frozenset[Permission]) -> None:
    """Raise RightsExceeded where the other person, who has the permissions, has more than oneself."""
    if not permissions <= principal.permissions:
        raise RightsExceeded("this person may do more than you")


def not_erased(*, member: StaffMember) -> None:
    """Raise PersonErased where the record is nobody's any more."""
    if member.erased:
        raise PersonErased("this person left and was erased: invite somebody instead")


def only_others(*, principal: Principal, staff_id: str) -> None:
    """Raise OwnRecord where the record is one's own."""
    if principal.actor_id == staff_id:
        raise OwnRecord("somebody else changes your role, your areas, and whether you may sign in")

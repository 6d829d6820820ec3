"""Roles of a tenant's own, built from named permissions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.permissions import GRANTABLE, Permission, Role
from chalicelib.domain.staff import check_staff_name

ROLE_NAME_CHARS_MAX: Final = 60
CUSTOM_ROLES_MAX: Final = 20
# Changing a role ends its holders' sessions, and looks at all of them in one transaction.
ROLE_HOLDERS_MAX: Final = 50


class RoleNameTaken(Conflict):
    """Another role of this tenant has the name."""

    code = "role_name_taken"


class RoleInUse(Conflict):
    """People have the role, or are invited to it: give them another one first."""

    code = "role_in_use"


class TooManyRoles(Conflict):
    """The tenant has as many roles of its own as it may have."""

    code = "too_many_roles"


class TooManyHolders(Conflict):
    """The role has as many people as it may have, or does not exist any more."""

    code = "role_unavailable"


@dataclass(frozen=True, slots=True)
class CustomRole:
    """A role of the tenant's own.

    ``holders`` is how many people have it; ``moves`` counts how often it was given and taken.
    """

    role_id: str
    name: str
    permissions: frozenset[Permission]
    created_at: datetime
    holders: int = 0
    moves: int = 0
    version: int = 1

    @property
    def granted(self) -> frozenset[Permission]:
        """What everybody in the role may do."""
        return self.permissions | {Permission.SELF}


def role_name_key(*, name: str) -> str:
    """Return the form under which role names are compared."""
    return " ".join(name.split()).casefold()


def check_role_name(*, name: str) -> str:
    """Return the name as it is stored, or raise InvalidValue; it is not that of a role of everybody's."""
    cleaned = check_staff_name(name=name)
    if len(cleaned) > ROLE_NAME_CHARS_MAX:
        raise InvalidValue(f"a role's name has at most {ROLE_NAME_CHARS_MAX} characters", param="name")
    if role_name_key(name=cleaned) in set(Role):
        raise InvalidValue("every company has a role of this name", param="name")
    return cleaned


def check_role_permissions(*, permissions: Iterable[Permission]) -> frozenset[Permission]:
    """Return the permissions of a role, or raise InvalidValue for none, or ones that no role may hold."""
    asked = frozenset(permissions)
    if not asked:
        raise InvalidValue("a role has at least one permission", param="permissions")
    if refused := sorted(asked - GRANTABLE):
        raise InvalidValue(f"no role may hold {', '.join(refused)}", param="permissions")
    return asked

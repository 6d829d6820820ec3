"""Roles of a tenant's own in DynamoDB: one item each, and one for each name that is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import NotFound, StaleVersion
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.permissions import Permission
from chalicelib.domain.roles import (
    ROLE_HOLDERS_MAX,
    CustomRole,
    RoleInUse,
    RoleNameTaken,
    TooManyHolders,
    role_name_key,
)
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import (
    ModelWrite,
    TenantsItem,
    check,
    delete,
    from_iso,
    put,
    put_new,
    to_iso,
    update,
)

ROLE: Final = "rol_"
NAME: Final = "NAME#"


class RoleItem(TenantsItem):
    """``<tenant>#ROLES`` / role id; ``permissions`` stand between blanks."""

    name = UnicodeAttribute()
    permissions = UnicodeAttribute()
    created_at = UnicodeAttribute()
    holders = NumberAttribute()
    moves = NumberAttribute()
    version = NumberAttribute()


class RoleNameItem(TenantsItem):
    """``<tenant>#ROLES`` / ``NAME#<folded name>``."""

    role_id = UnicodeAttribute()


class DynamoRoles(OfTenant):
    """A tenant's own roles."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id
        self._pk = keys.roles(tenant_id)

    def get(self, *, role_id: str) -> CustomRole:
        """Return the role, or raise NotFound."""
        absent = NotFound("no such role", param="role_id")
        if not is_id(value=role_id, prefix="rol"):
            raise absent
        try:
            return _role(RoleItem.get(self._pk, role_id, consistent_read=True))
        except DoesNotExist:
            raise absent from None

    def all(self) -> tuple[CustomRole, ...]:
        """Return every role, oldest first."""
        items = RoleItem.query(self._pk, RoleItem.sk.startswith(ROLE), consistent_read=True)
        return tuple(map(_role, items))

    def add(self, *, role: CustomRole) -> Sequence[ModelWrite]:
        """Describe adding a role; refused with RoleNameTaken."""
        return [put_new(self._name(role), refused=_taken()), put_new(self._item(role), refused=_taken())]

    def change(self, *, before: CustomRole, after: CustomRole) -> Sequence[ModelWrite]:
        """Describe a change; refused with StaleVersion, also where the role was given or taken meanwhile."""
        same = (RoleItem.version == before.version) & (RoleItem.moves == before.moves)
        writes = [put(self._item(after), condition=same, refused=_stale())]
        old, new = self._name(before), self._name(after)
        if old.sk != new.sk:
            writes += [delete(old), put_new(new, refused=_taken())]
        return writes

    def remove(self, *, role: CustomRole) -> Sequence[ModelWrite]:
        """Describe removing a role; refused with RoleInUse where somebody has it."""
        unused = RoleItem.holders == 0
        return [
            delete(RoleItem(self._pk, role.role_id), condition=unused, refused=RoleInUse("somebody has it")),
            delete(self._name(role)),
        ]

    def hand(self, *, role_id: str, people: int) -> ModelWrite:
        """Describe that so many more (or fewer) people have a role; refused with TooManyHolders."""
        room = RoleItem.holders <= ROLE_HOLDERS_MAX - people
        return update(
            RoleItem(self._pk, role_id),
            actions=[RoleItem.holders.add(people), RoleItem.moves.add(1)],
            condition=RoleItem.pk.exists() & room,
            refused=TooManyHolders("the role is gone, or has as many people as it may have", param="role"),
        )

    def unmoved(self, *, role: CustomRole) -> ModelWrite:
        """Describe the condition that the role's permissions are as read; refused with StaleVersion."""
        same = RoleItem.version == role.version
        return check(RoleItem, self._pk, role.role_id, condition=same, refused=_stale())

    def _name(self, role: CustomRole) -> RoleNameItem:
        return RoleNameItem(self._pk, f"{NAME}{role_name_key(name=role.name)}", role_id=role.role_id)

    def _item(self, role: CustomRole) -> RoleItem:
        return RoleItem(
            self._pk,
            role.role_id,
            name=role.name,
            permissions=" ".join(sorted(role.permissions)),
            created_at=to_iso(role.created_at),
            holders=role.holders,
            moves=role.moves,
            version=role.version,
        )


def _role(item: RoleItem) -> CustomRole:
    return CustomRole(
        role_id=str(item.sk),
        name=item.name,
        permissions=frozenset(map(Permission, item.permissions.split())),
        created_at=from_iso(item.created_at),
        holders=int(item.holders),
        moves=int(item.moves),
        version=int(item.version),
    )


def _stale() -> StaleVersion:
    return StaleVersion("the role changed, or was given to somebody, since it was read")


def _taken() -> RoleNameTaken:
    return RoleNameTaken("another role has this name", param="name")

"""Invitations in DynamoDB: one item each, the address sealed; their codes are one-time tokens."""

from __future__ import annotations

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.invitations import Invitation
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import (
    ModelWrite,
    TenantsItem,
    delete,
    from_iso,
    nullable,
    put,
    put_new,
    to_iso,
)
from chalicelib.store.sessions import decode_scope, encode_scope

OPERATIONAL = "op"


class InvitationItem(TenantsItem):
    """``<tenant>#INVITED`` / invitation id; ``email`` is sealed."""

    email = BinaryAttribute(legacy_encoding=False)
    role = UnicodeAttribute()
    scope = UnicodeAttribute(null=True)
    invited_by = UnicodeAttribute()
    token_hash = UnicodeAttribute()
    created_at = UnicodeAttribute()
    expires_at = UnicodeAttribute()
    version = NumberAttribute()


class DynamoInvitations(OfTenant):
    """A tenant's invitations."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._pk = keys.invitations(tenant_id)
        self._keys = tenant_keys

    def get(self, *, invitation_id: str) -> Invitation:
        """Return the invitation, or raise NotFound."""
        absent = NotFound("no such invitation", param="invitation_id")
        if not is_id(value=invitation_id, prefix="ivt"):
            raise absent
        try:
            return self._invitation(InvitationItem.get(self._pk, invitation_id, consistent_read=True))
        except DoesNotExist:
            raise absent from None

    def all(self) -> tuple[Invitation, ...]:
        """Return every invitation, oldest first."""
        return tuple(map(self._invitation, InvitationItem.query(self._pk, consistent_read=True)))

    def add(self, *, invitation: Invitation) -> ModelWrite:
        """Describe adding an invitation."""
        return put_new(self._item(invitation), refused=Busy("the identifier was taken"))

    def change(self, *, before: Invitation, after: Invitation) -> ModelWrite:
        """Describe a change; refused with StaleVersion."""
        same = InvitationItem.version == before.version
        return put(self._item(after), condition=same, refused=_stale())

    def remove(self, *, invitation: Invitation) -> ModelWrite:
        """Describe removing an invitation; refused with StaleVersion."""
        item = InvitationItem(self._pk, invitation.invitation_id)
        return delete(item, condition=InvitationItem.version == invitation.version, refused=_stale())

    def _item(self, invitation: Invitation) -> InvitationItem:
        plain, place = invitation.email.encode(), self._place(invitation.invitation_id)
        return InvitationItem(
            self._pk,
            invitation.invitation_id,
            email=self._keys.seal(family=OPERATIONAL, place=place, plain=plain),
            role=str(invitation.role),
            scope=encode_scope(invitation.scope),
            invited_by=invitation.invited_by,
            token_hash=invitation.token_hash,
            created_at=to_iso(invitation.created_at),
            expires_at=to_iso(invitation.expires_at),
            version=invitation.version,
        )

    def _invitation(self, item: InvitationItem) -> Invitation:
        place = self._place(str(item.sk))
        return Invitation(
            invitation_id=str(item.sk),
            email=self._keys.open(family=OPERATIONAL, place=place, sealed=item.email).decode(),
            role=item.role,
            scope=decode_scope(nullable(item.scope)),
            invited_by=item.invited_by,
            token_hash=item.token_hash,
            created_at=from_iso(item.created_at),
            expires_at=from_iso(item.expires_at),
            version=int(item.version),
        )

    def _place(self, invitation_id: str) -> str:
        return f"tenants|{self._pk}|{invitation_id}|email"


def _stale() -> StaleVersion:
    return StaleVersion("the invitation was used, withdrawn or sent again meanwhile")

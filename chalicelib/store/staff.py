"""Staff in DynamoDB: one item by identifier, and its copy by email, for signing in is one read.

Names and addresses are encrypted; an address is found by its blind index. Both items change
in one transaction, so they never differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import orjson
from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.contacts import normal_email
from chalicelib.domain.errors import NotFound, StaleVersion
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.staff import EmailTaken, StaffMember
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import (
    ModelWrite,
    TenantsItem,
    check,
    delete,
    from_iso,
    nullable,
    put,
    put_new,
    to_iso,
)
from chalicelib.store.paging import query_page
from chalicelib.store.sessions import decode_scope, encode_scope

OPERATIONAL = "op"
BY_EMAIL = "STAFF"


class StaffItem(TenantsItem):
    """``<tenant>#STAFF`` / staff id, and ``<tenant>#BIX#staff#<digest>`` / ``STAFF``.

    ``person`` is the sealed JSON of name and email, bound to the key of its own item.
    """

    staff_id = UnicodeAttribute()
    person = BinaryAttribute(legacy_encoding=False)
    role = UnicodeAttribute()
    email_verified = BooleanAttribute()
    password_hash = UnicodeAttribute()
    created_at = UnicodeAttribute()
    version = NumberAttribute()
    scope = UnicodeAttribute(null=True)
    disabled = BooleanAttribute(null=True)
    second_factor = BooleanAttribute(null=True)


class DynamoStaff(OfTenant):
    """A tenant's staff."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys

    def get(self, *, staff_id: str) -> StaffMember:
        """Return the person, or raise NotFound."""
        known = is_id(value=staff_id, prefix="stf")
        member = self._read(keys.staff(self._tenant_id), staff_id) if known else None
        if member is None:
            raise NotFound("no such person", param="staff_id")
        return member

    def find_by_email(self, *, email: str) -> StaffMember | None:
        """Return the person with the address, or None."""
        return self.find_by_digest(digest=self.digest(email=email))

    def digest(self, *, email: str) -> str:
        """Return the blind index of an address."""
        return self._keys.blind(kind="staff", value=normal_email(email=email))

    def find_by_digest(self, *, digest: str) -> StaffMember | None:
        """Return the person with the address of the blind index, or None."""
        return self._read(keys.blind(self._tenant_id, "staff", digest), BY_EMAIL)

    def list(self, *, limit: int, after: str | None) -> Page[StaffMember]:
        """Return a page, oldest first."""
        page = query_page(StaffItem, keys.staff(self._tenant_id), limit=limit, after=after)
        return Page(tuple(map(self.member_of, page.items)), page.after)

    def count(self) -> int:
        """Return how many people there are."""
        return StaffItem.count(keys.staff(self._tenant_id), consistent_read=True)

    def unmoved(self, *, member: StaffMember) -> ModelWrite:
        """Describe the condition that the person is as they were read; refused with StaleVersion."""
        pk, same = keys.staff(self._tenant_id), StaffItem.version == member.version
        return check(StaffItem, pk, member.staff_id, condition=same, refused=_stale())

    def add(self, *, member: StaffMember) -> Sequence[ModelWrite]:
        """Describe adding a person."""
        by_id, by_email = self._items(member)
        return [put_new(by_id, refused=_taken()), put_new(by_email, refused=_taken())]

    def change(self, *, before: StaffMember, after: StaffMember) -> Sequence[ModelWrite]:
        """Describe a change; the version must still be ``before``'s. Who is erased is found by no address."""
        assert not before.erased, "nothing changes of who is erased"
        stale = _stale()
        unmoved = StaffItem.version == before.version
        by_id, by_email = self._items(replace(after, version=before.version + 1))
        writes = [put(by_id, condition=unmoved, refused=stale)]
        old_key = self._email_key(before.email)
        if after.erased:
            return [*writes, delete(StaffItem(old_key, BY_EMAIL))]
        if by_email.pk == old_key:
            return [*writes, put(by_email, condition=unmoved, refused=stale)]
        return [*writes, put_new(by_email, refused=_taken()), delete(StaffItem(old_key, BY_EMAIL))]

    def _email_key(self, email: str) -> str:
        return keys.blind(self._tenant_id, "staff", self.digest(email=email))

    def _items(self, member: StaffMember) -> tuple[StaffItem, StaffItem]:
        return (
            self._item(member, keys.staff(self._tenant_id), member.staff_id),
            self._item(member, self._email_key(member.email), BY_EMAIL),
        )

    def _item(self, member: StaffMember, pk: str, sk: str) -> StaffItem:
        plain = orjson.dumps([member.name, member.email])
        return StaffItem(
            pk,
            sk,
            staff_id=member.staff_id,
            person=self._keys.seal(family=OPERATIONAL, place=_place(pk, sk), plain=plain),
            role=str(member.role),
            email_verified=member.email_verified,
            password_hash=member.password_hash,
            created_at=to_iso(member.created_at),
            version=member.version,
            scope=encode_scope(member.scope),
            disabled=member.disabled or None,
            second_factor=member.second_factor or None,
        )

    def _read(self, pk: str, sk: str) -> StaffMember | None:
        try:
            return self.member_of(StaffItem.get(pk, sk, consistent_read=True))
        except DoesNotExist:
            return None

    def member_of(self, item: StaffItem) -> StaffMember:
        """Read an item."""
        place = _place(item.pk, item.sk)
        name, email = orjson.loads(self._keys.open(family=OPERATIONAL, place=place, sealed=item.person))
        return StaffMember(
            staff_id=item.staff_id,
            name=name,
            email=email,
            role=item.role,
            email_verified=item.email_verified,
            password_hash=item.password_hash,
            created_at=from_iso(item.created_at),
            version=int(item.version),
            scope=decode_scope(nullable(item.scope)),
            disabled=bool(nullable(item.disabled)),
            second_factor=bool(nullable(item.second_factor)),
        )


def _place(pk: str, sk: str) -> str:
    return f"tenants|{pk}|{sk}|person"


def _stale() -> StaleVersion:
    return StaleVersion("the person changed since they were read")


def _taken() -> EmailTaken:
    return EmailTaken("somebody has this address already", param="email")

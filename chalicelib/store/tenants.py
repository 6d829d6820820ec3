"""Tenants: their own record, the platform's list of them, and the subdomains that they hold.

A tenant's record lives with its data; the list keeps a copy in 16 partitions, so that the
planner reads all active tenants by queries, and no partition carries them all.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

import orjson
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.lifecycle import Capability, states_with
from chalicelib.domain.numbering import DocumentKind, NumberFormat
from chalicelib.domain.taxes import TaxBase, TaxComponent, TaxGroup, TaxRow
from chalicelib.domain.tenants import Ending, SubdomainTaken, Tenant, TenantState
from chalicelib.ports.identity import Address
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.acting import OfPlatform, OfTenant
from chalicelib.store.base import (
    Database,
    ModelWrite,
    PlatformItem,
    TenantsItem,
    check,
    delete,
    from_iso,
    put,
    put_new,
    to_iso,
    update,
)
from chalicelib.store.origins import change_origins
from chalicelib.store.paging import query_page

LIST_PARTITIONS: Final = 16
SUBDOMAIN: Final = "SUBDOMAIN"
SIGN_UPS: Final = "SIGNUPS"


class TenantItem(TenantsItem):
    """``<tenant>#T`` / ``PROFILE``; ``data`` is the record in JSON."""

    data = UnicodeAttribute()
    version = NumberAttribute()


class ListedTenantItem(PlatformItem):
    """``TENANTS#<partition>`` / tenant id: a copy of the record without taxes, which planning needs not."""

    data = UnicodeAttribute()
    state = UnicodeAttribute()


class SubdomainItem(PlatformItem):
    """``SUBDOMAIN#<subdomain>`` / ``SUBDOMAIN``; ``held_until`` is there while unverified."""

    tenant_id = UnicodeAttribute()
    state = UnicodeAttribute()
    held_until = UnicodeAttribute(null=True)


class SignUpItem(PlatformItem):
    """``SIGNUPS`` / ``<created at>#<tenant id>``: while nobody confirmed a sign-up.

    ``digest`` is the blind index of the owner's address. An unverified tenant is on no other list.
    """

    subdomain = UnicodeAttribute()
    owner_id = UnicodeAttribute()
    digest = UnicodeAttribute()


class TenantProfiles(OfTenant):
    """One tenant's own record."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def get(self) -> Tenant:
        """Return the record, or raise NotFound."""
        try:
            item = TenantItem.get(keys.tenant(self._tenant_id), keys.PROFILE, consistent_read=True)
        except DoesNotExist:
            raise NotFound("no such tenant") from None
        return decode_tenant(item.data)

    def change(self, *, before: Tenant, after: Tenant) -> Sequence[ModelWrite]:
        """Describe a change; the version must still be ``before``'s."""
        changed = replace(after, version=before.version + 1)
        stale = StaleVersion("the settings changed since they were read")
        record = _record(changed)
        return [
            put(record, condition=TenantItem.version == before.version, refused=stale),
            _listed(changed),
            *change_origins(before=before, after=after),
        ]


def unchanged(*, tenant: Tenant) -> ModelWrite:
    """Describe the condition that the settings are as they were read; refused with Busy."""
    return check(
        TenantItem,
        keys.tenant(tenant.tenant_id),
        keys.PROFILE,
        condition=TenantItem.version == tenant.version,
        refused=Busy("the tenant's settings changed meanwhile; nothing was written, so try again"),
    )


class DynamoRegistry(OfPlatform):
    """The platform's list of tenants and their subdomains."""

    def __init__(self, *, database: Database) -> None:
        self._database = database  # binds the tables

    def find(self, *, subdomain: str) -> Tenant | None:
        """Return the tenant of a subdomain, or None."""
        item = subdomain_item(subdomain=subdomain)
        return None if item is None else TenantProfiles(tenant_id=item.tenant_id).get()

    def locate(self, *, subdomain: str, at: datetime) -> Address | None:
        """Return whose the subdomain is; None where it is free at that time."""
        item = subdomain_item(subdomain=subdomain)
        if item is None or (item.held_until and from_iso(item.held_until) <= at):
            return None
        return Address(tenant_id=item.tenant_id, state=TenantState(item.state))

    def active(self, *, after: str | None, limit: int, turn: int = 0) -> Page[Tenant]:
        """Return a page of the tenants that are billed, without their taxes, partition by partition.

        See ``every``.
        """
        return self.able(capability=Capability.BILL, after=after, limit=limit, turn=turn)

    def able(self, *, capability: Capability, after: str | None, limit: int, turn: int = 0) -> Page[Tenant]:
        """Return a page of the tenants that have a capability; see ``every``."""
        states = states_with(capability=capability)
        return self._listed(after=after, limit=limit, turn=turn, states=states)

    def every(self, *, after: str | None, limit: int, turn: int = 0) -> Page[Tenant]:
        """Return a page of all tenants that were ever active, without their taxes, partition by partition.

        Each turn begins with the next partition; after all of them have been first, each is read
        the other way round, so that nobody always comes after the same others.
        """
        return self._listed(after=after, limit=limit, turn=turn, states=frozenset(TenantState))

    def _listed(
        self, *, after: str | None, limit: int, turn: int, states: frozenset[TenantState]
    ) -> Page[Tenant]:
        found: list[Tenant] = []
        partitions = [(turn + index) % LIST_PARTITIONS for index in range(LIST_PARTITIONS)]
        backwards = turn // LIST_PARTITIONS % 2 == 1
        first, position = _position(after, first=partitions[0])
        begun = partitions.index(first)
        for partition, following in zip(partitions[begun:], [*partitions[begun + 1 :], None], strict=True):
            page = query_page(
                ListedTenantItem,
                _list_key(partition),
                limit=limit - len(found),
                after=position,
                where=lambda item: item.state in states,
                newest_first=backwards,
            )
            found += [decode_tenant(item.data) for item in page.items]
            if page.after is not None:
                return Page(tuple(found), f"{partition:x}#{page.after}")
            if len(found) == limit and following is not None:
                return Page(tuple(found), f"{following:x}#")
            position = None
        return Page(tuple(found))

    def hold(self, *, tenant: Tenant, until: datetime, owner_id: str, digest: str) -> Sequence[ModelWrite]:
        """Describe registering an unverified tenant; activation puts it on the list.

        ``digest`` finds the owner by their address.
        """
        lock = SubdomainItem(
            _subdomain_key(tenant.subdomain),
            SUBDOMAIN,
            tenant_id=tenant.tenant_id,
            state=tenant.state.value,
            held_until=to_iso(until),
        )
        lapsed = SubdomainItem.held_until.exists() & (SubdomainItem.held_until <= to_iso(tenant.created_at))
        free = SubdomainItem.pk.does_not_exist() | lapsed
        record = put_new(_record(tenant), refused=NotFound("the tenant exists already"))
        waiting = SignUpItem(
            SIGN_UPS,
            sign_up_sort(created_at=tenant.created_at, tenant_id=tenant.tenant_id),
            subdomain=tenant.subdomain,
            owner_id=owner_id,
            digest=digest,
        )
        there = put_new(waiting, refused=NotFound("the tenant exists already"))
        return [put(lock, condition=free, refused=_taken()), record, there]

    def hold_longer(self, *, tenant: Tenant, until: datetime) -> ModelWrite:
        """Describe keeping an unverified tenant's subdomain."""
        return self._change_lock(tenant, [SubdomainItem.held_until.set(to_iso(until))])

    def activate(self, *, tenant: Tenant) -> Sequence[ModelWrite]:
        """Describe making the tenant active for good."""
        active = replace(tenant, state=TenantState.ACTIVE)
        actions = [SubdomainItem.held_until.remove(), SubdomainItem.state.set(active.state.value)]
        changes = TenantProfiles(tenant_id=tenant.tenant_id).change(before=tenant, after=active)
        waited = sign_up_sort(created_at=tenant.created_at, tenant_id=tenant.tenant_id)
        return [self._change_lock(tenant, actions), *changes, delete(SignUpItem(SIGN_UPS, waited))]

    def forget(self, *, tenant_id: str, subdomain: str) -> None:
        """Forget the subdomain of a tenant that is gone; where another has it by now, nothing changes."""
        lock = SubdomainItem(_subdomain_key(subdomain), SUBDOMAIN)
        mine = SubdomainItem.tenant_id == tenant_id
        with suppress(SubdomainTaken):
            self._database.commit([delete(lock, condition=mine, refused=_taken())])

    def _change_lock(self, tenant: Tenant, actions: list[Any]) -> ModelWrite:
        lock = SubdomainItem(_subdomain_key(tenant.subdomain), SUBDOMAIN)
        mine = SubdomainItem.tenant_id == tenant.tenant_id
        return update(lock, actions=actions, condition=mine, refused=_taken())


def moved_subdomain(*, before: Tenant, state: TenantState, held_until: datetime | None) -> ModelWrite:
    """Describe that the subdomain says in which state its tenant is, and until when it is held."""
    lock = SubdomainItem(_subdomain_key(before.subdomain), SUBDOMAIN)
    actions: list[Any] = [SubdomainItem.state.set(state.value)]
    if held_until is not None:
        actions.append(SubdomainItem.held_until.set(to_iso(held_until)))
    mine = SubdomainItem.tenant_id == before.tenant_id
    return update(lock, actions=actions, condition=mine, refused=_taken())


def sign_up_sort(*, created_at: datetime, tenant_id: str) -> str:
    """Return the sort key of a sign-up that waits: the oldest come first."""
    return f"{to_iso(created_at)}#{tenant_id}"


def _subdomain_key(subdomain: str) -> str:
    return f"SUBDOMAIN#{subdomain}"


def subdomain_item(*, subdomain: str) -> SubdomainItem | None:
    """Return what holds a subdomain, or None."""
    try:
        return SubdomainItem.get(_subdomain_key(subdomain), SUBDOMAIN, consistent_read=True)
    except DoesNotExist:
        return None


def _taken() -> SubdomainTaken:
    return SubdomainTaken("this subdomain is taken", param="subdomain")


def _list_key(partition: int) -> str:
    return f"TENANTS#{partition:x}"


def _position(after: str | None, *, first: int) -> tuple[int, str | None]:
    partition, _, position = (after or f"{first:x}#").partition("#")
    return int(partition, 16), position or None


def _record(tenant: Tenant) -> TenantItem:
    return TenantItem(
        keys.tenant(tenant.tenant_id), keys.PROFILE, data=encode_tenant(tenant), version=tenant.version
    )


def _listed(tenant: Tenant) -> ModelWrite:
    partition = crc32(tenant.tenant_id.encode()) % LIST_PARTITIONS
    copy = encode_tenant(replace(tenant, tax_groups=()))
    item = ListedTenantItem(_list_key(partition), tenant.tenant_id, data=copy, state=tenant.state.value)
    return put(item, condition=None, refused=StaleVersion("the settings changed since they were read"))


def encode_tenant(tenant: Tenant) -> str:
    """Return the stored JSON."""
    return orjson.dumps(tenant).decode()


def decode_tenant(text: str) -> Tenant:
    """Read what ``encode_tenant`` wrote."""
    stored: dict[str, Any] = orjson.loads(text)
    return Tenant(
        **stored
        | {
            "state": TenantState(stored["state"]),
            "created_at": datetime.fromisoformat(stored["created_at"]),
            "tax_groups": tuple(map(_tax_group, stored["tax_groups"])),
            "number_formats": tuple(map(_number_format, stored.get("number_formats", ()))),
            "allowed_origins": tuple(stored.get("allowed_origins", ())),
            "portal": stored.get("portal", True),
            "portal_sms": stored.get("portal_sms", False),
            "ending": _ending(stored.get("ending")),
        }
    )


def _ending(stored: Mapping[str, Any] | None) -> Ending | None:
    if stored is None:
        return None
    times = ("asked_at", "ends_at", "purge_at", "telling_since")
    read = {name: stored[name] and datetime.fromisoformat(stored[name]) for name in times}
    return Ending(**{**stored, **read})


def _tax_group(stored: Mapping[str, Any]) -> TaxGroup:
    rows = tuple(
        TaxRow(
            starts_on=date.fromisoformat(row["starts_on"]),
            components=tuple(
                TaxComponent(one["code"], one["name"], one["rate_millionths"], TaxBase(one["base"]))
                for one in row["components"]
            ),
            jurisdiction=row.get("jurisdiction", ""),
        )
        for row in stored["rows"]
    )
    return TaxGroup(stored["code"], stored["name"], rows, inclusive=stored.get("inclusive", False))


def _number_format(stored: Mapping[str, Any]) -> NumberFormat:
    return NumberFormat(DocumentKind(stored["kind"]), stored["from_year"], stored["pattern"])

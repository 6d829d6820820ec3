"""Sign-ups that nobody confirmed yet: listed in the order of time, and taken away whole.

``SIGNUPS`` / ``<created at>#<tenant id>`` is there from the sign-up until it is confirmed. An unverified
tenant is on no other list, so that whatever lapsed is found by it, and by no scan.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.audit_ids import floor_id, months_between
from chalicelib.domain.data_map import SIGN_UPS as SIGN_UPS_RULE
from chalicelib.domain.errors import Busy
from chalicelib.domain.tenants import TenantState
from chalicelib.ports.sign_ups import PendingSignUp
from chalicelib.store import keys
from chalicelib.store.acting import ByTenant, OfPlatform
from chalicelib.store.base import Database, ModelWrite, TenantsItem, delete, from_iso, to_iso
from chalicelib.store.tenants import (
    SIGN_UPS,
    SignUpItem,
    SubdomainItem,
    TenantItem,
    decode_tenant,
    sign_up_sort,
    subdomain_item,
)

DELETED_TOGETHER_MAX: Final = 80
SIGN_UPS_PER_READ: Final = 100


def swept(*, sign_up: PendingSignUp) -> ModelWrite:
    """Describe taking a sign-up off the list, once; refused with Busy."""
    item = SignUpItem(SIGN_UPS, sign_up_sort(created_at=sign_up.created_at, tenant_id=sign_up.tenant_id))
    return delete(item, condition=SignUpItem.pk.exists(), refused=Busy("another pass was first"))


class DynamoSignUps(OfPlatform):
    """The list of sign-ups that nobody confirmed yet."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._remains = _Remains(database=database)

    def before(self, *, created_before: datetime) -> Iterator[PendingSignUp]:
        """Yield those that are older than an instant, the oldest first."""
        older = SignUpItem.sk < to_iso(created_before)
        found = SignUpItem.query(SIGN_UPS, older, consistent_read=True, page_size=SIGN_UPS_PER_READ)
        yield from map(_sign_up, found)

    def let_go(self, *, sign_up: PendingSignUp) -> bool:
        """Give its subdomain back where it still has it; return False where it was confirmed after all."""
        item = subdomain_item(subdomain=sign_up.subdomain)
        if item is None or item.tenant_id != sign_up.tenant_id:
            return True  # somebody else signed up with it since
        waiting = TenantState.UNVERIFIED.value
        if item.state != waiting:
            return False
        mine = (SubdomainItem.tenant_id == sign_up.tenant_id) & (SubdomainItem.state == waiting)
        changed = Busy("the sign-up was confirmed meanwhile")
        self._database.commit([delete(SubdomainItem(item.pk, item.sk), condition=mine, refused=changed)])
        return True

    def delete_all(self, *, sign_up: PendingSignUp) -> None:
        """Delete every item of a tenant that did not come to be; raises Busy where it was confirmed."""
        self._remains.delete_all(tenant_id=sign_up.tenant_id, sign_up=sign_up)

    def forget(self, *, sign_up: PendingSignUp) -> None:
        """Take it off the list; absent is fine."""
        with suppress(Busy):
            self._database.commit([swept(sign_up=sign_up)])


class _Remains(ByTenant):
    """What is stored of a tenant that did not come to be."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def delete_all(self, *, tenant_id: str, sign_up: PendingSignUp) -> None:
        """Delete every item, the tenant's own record first: so nobody can confirm it any more."""
        try:
            record = TenantItem.get(keys.tenant(tenant_id), keys.PROFILE, consistent_read=True)
        except DoesNotExist:
            record = None
        changed = Busy("the sign-up was confirmed meanwhile")
        if record is not None:
            if decode_tenant(record.data).state is not TenantState.UNVERIFIED:
                raise changed
            unmoved = TenantItem.version == record.version
            self._database.commit(
                [delete(TenantItem(record.pk, record.sk), condition=unmoved, refused=changed)]
            )
        held: list[ModelWrite] = []
        for item in _items(tenant_id, sign_up):
            held.append(delete(item))
            if len(held) == DELETED_TOGETHER_MAX:
                self._database.commit(held)
                held.clear()
        if held:
            self._database.commit(held)


def _items(tenant_id: str, sign_up: PendingSignUp) -> Iterator[TenantsItem]:
    """Yield the keys of everything that signing up writes for a tenant."""
    # An entry is written in the months between the sign-up and when it lapsed.
    until = floor_id(at=sign_up.created_at + timedelta(days=SIGN_UPS_RULE.days))
    months = months_between(since=floor_id(at=sign_up.created_at), until=until)
    for partition in (
        keys.tenant(tenant_id),
        keys.staff(tenant_id),
        keys.blind(tenant_id, "staff", sign_up.digest),
        keys.billing(tenant_id),
        keys.policy_states(tenant_id, sign_up.owner_id),
        *(keys.audit(tenant_id, month) for month, _, _ in months),
    ):
        for item in TenantsItem.query(partition, consistent_read=True, attributes_to_get=["pk", "sk"]):
            yield TenantsItem(item.pk, item.sk)


def _sign_up(item: Any) -> PendingSignUp:
    created_at, _, tenant_id = item.sk.partition("#")
    return PendingSignUp(tenant_id, item.subdomain, item.owner_id, item.digest, from_iso(created_at))

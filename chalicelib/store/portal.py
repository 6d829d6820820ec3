"""How subscribers sign in to the portal, and whom a login may mean."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.contacts import code_key, normal_email
from chalicelib.domain.errors import StaleVersion
from chalicelib.domain.portal import ACCOUNTS_PER_CONTACT_MAX, PortalAccess, login_number
from chalicelib.store import keys
from chalicelib.store.accounts import OPERATIONAL
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, check, nullable, put
from chalicelib.store.paging import query_page
from chalicelib.store.subscriber_search import BlindItem, Directory, DirectoryItem
from chalicelib.store.subscribers import PersonItem

# A code that no subscriber has: asked for where nobody was found, so that it takes as long.
_NOBODY = "."


class PortalAccessItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``PORTAL``."""

    password_hash = UnicodeAttribute(attr_name="h", null=True)
    version = NumberAttribute(attr_name="v")


class DynamoPortalUsers(OfTenant):
    """How a tenant's subscribers sign in."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._directory = Directory(tenant_id=tenant_id, tenant_keys=tenant_keys)

    def candidates(self, *, login: str) -> tuple[str, ...]:
        """Return whom a login may mean: one by code, else those of an address or number.

        None where there are more than ``ACCOUNTS_PER_CONTACT_MAX``; archived ones are left out. The
        same three round trips whoever there is.
        """
        by_code = self._live([code_key(code=login) or _NOBODY])
        filed = query_page(
            BlindItem, self._contact_key(login), limit=ACCOUNTS_PER_CONTACT_MAX + 1, after=None
        )
        by_contact = self._live([str(item.sk) for item in filed.items] or [_NOBODY])
        if by_code:
            return by_code
        return by_contact if len(filed.items) <= ACCOUNTS_PER_CONTACT_MAX else ()

    def _contact_key(self, login: str) -> str:
        kind = "email" if "@" in login else "phone"
        value = normal_email(email=login) if kind == "email" else login_number(login=login)
        return self._directory.blind_key(kind=kind, value=value)

    def _live(self, sorts: Sequence[str]) -> tuple[str, ...]:
        wanted = [(keys.directory(self._tenant_id), sort) for sort in sorts]
        rows = {str(row.sk): row for row in DirectoryItem.batch_get(wanted, consistent_read=True)}
        return tuple(rows[sort].subscriber_id for sort in sorted(rows) if not rows[sort].archived)

    def access(self, *, subscriber_id: str) -> PortalAccess:
        """Return how somebody signs in: one round trip, whether or not there is such a subscriber."""
        pk = keys.account(self._tenant_id, subscriber_id)
        try:
            item = PortalAccessItem.get(pk, keys.PORTAL_ACCESS, consistent_read=True)
        except DoesNotExist:
            return PortalAccess(subscriber_id)
        return PortalAccess(subscriber_id, nullable(item.password_hash) or "", int(item.version))

    def save(self, *, before: PortalAccess, after: PortalAccess) -> ModelWrite:
        """Describe a change; refused with StaleVersion where the version is not ``before``'s."""
        item = PortalAccessItem(
            keys.account(self._tenant_id, before.subscriber_id),
            keys.PORTAL_ACCESS,
            password_hash=after.password_hash or None,
            version=before.version + 1,
        )
        return put(item, condition=_as_read(before), refused=_stale())

    def unmoved(self, *, access: PortalAccess) -> ModelWrite:
        """Describe the condition that it is as it was read; refused with StaleVersion."""
        pk = keys.account(self._tenant_id, access.subscriber_id)
        return check(PortalAccessItem, pk, keys.PORTAL_ACCESS, condition=_as_read(access), refused=_stale())

    def served(self, *, subscriber_id: str) -> ModelWrite:
        """Describe the condition that the subscriber is not archived; refused with StaleVersion."""
        pk, live = keys.account(self._tenant_id, subscriber_id), PersonItem.archived == False  # noqa: E712
        return check(PersonItem, pk, keys.PERSON, condition=live, refused=_stale())

    def sealed_login(self, *, login: str, challenge_hash: str) -> str:
        """Return a login as a queue may carry it."""
        place = self._login_place(challenge_hash)
        return b64encode(self._keys.seal(family=OPERATIONAL, place=place, plain=login.encode())).decode()

    def opened_login(self, *, sealed: str, challenge_hash: str) -> str:
        """Read what ``sealed_login`` wrote."""
        place = self._login_place(challenge_hash)
        return self._keys.open(family=OPERATIONAL, place=place, sealed=b64decode(sealed)).decode()

    def _login_place(self, challenge_hash: str) -> str:
        return f"queue|{self._tenant_id}|portal-code|{challenge_hash}"

    def code_digest(self, *, code: str, challenge_hash: str) -> str:
        """Return the digest of a code under the tenant's key: six digits alone would be guessed."""
        return self._keys.blind(kind="portal-code", value=f"{challenge_hash}|{code}")

    def sent_to(self, *, address: str) -> str:
        """Return the digest of an address or number in its normal form."""
        return self._keys.blind(kind="portal-sent-to", value=address)


def _as_read(access: PortalAccess) -> Condition:
    if access.version:
        return PortalAccessItem.version == access.version
    return PortalAccessItem.pk.does_not_exist()


def _stale() -> StaleVersion:
    return StaleVersion("the subscriber's access to the portal changed since it was read")

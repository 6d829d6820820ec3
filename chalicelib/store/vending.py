"""Credentials that reach one tenant's items and no others: the second wall behind the repositories.

A function's own role reaches no tenant's items. It takes on the tenant role (STS AssumeRole)
with the tenant as session tag, and that role's policy lets a session use the partition keys
that begin with its tag (``TenantRole`` in ``.chalice/resources.json``). One call a tenant and
container; a warm container asks again shortly before the credentials expire.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.store.acting import acting_tenant
from chalicelib.store.base import REPEAT, StoreUnavailable

SESSION_SECONDS: Final = 3_600  # the longest that a role may have which another role takes on
RENEWED_BEFORE_SECONDS: Final = 300
CACHED_TENANTS_MAX: Final = 500
TENANT_TAG: Final = "tenant"


class TenantRole(Protocol):
    """Gives credentials of one tenant."""

    def credentials(self, *, tenant_id: str) -> ReadOnlyCredentials:
        """Return credentials that last for a while, or raise StoreUnavailable."""


class StsTenantRole:
    """The tenant role, taken on for one tenant at a time and remembered."""

    def __init__(
        self, *, client: Callable[[], Any], role_arn: str, now: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._role_arn = role_arn
        self._now = now
        self._cache: dict[str, tuple[float, ReadOnlyCredentials]] = {}

    def credentials(self, *, tenant_id: str) -> ReadOnlyCredentials:
        """Return the tenant's credentials, asking STS where none are kept or they end soon."""
        kept = self._cache.get(tenant_id)
        if kept is not None and self._now() < kept[0]:
            return kept[1]
        given = self._take_on(tenant_id)
        fresh = ReadOnlyCredentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        renewed_at = given["Expiration"].timestamp() - RENEWED_BEFORE_SECONDS
        self._cache.pop(tenant_id, None)
        if len(self._cache) >= CACHED_TENANTS_MAX:
            # Insertion order is the order of expiry: the first ends first.
            self._cache.pop(next(iter(self._cache)), None)
        self._cache[tenant_id] = (renewed_at, fresh)
        return fresh

    def _take_on(self, tenant_id: str) -> Any:
        try:
            return self._client().assume_role(
                RoleArn=self._role_arn,
                RoleSessionName=tenant_id,
                DurationSeconds=SESSION_SECONDS,
                Tags=[{"Key": TENANT_TAG, "Value": tenant_id}],
            )["Credentials"]
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable(f"the tenant's credentials were not given; {REPEAT}") from error


class ActingCredentials(Credentials):
    """The credentials of whoever is at work when a request is signed: a tenant, or the function itself.

    botocore asks for them once for each request, so one client and its connections serve all
    tenants. Without a role everything is signed as the function.
    """

    def __init__(self, *, own: Credentials, role: TenantRole | None) -> None:
        super().__init__("", "", method="acting")
        self._own = own
        self._role = role

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return what the request of this moment is signed with, or raise StoreUnavailable."""
        tenant_id = acting_tenant()
        if tenant_id is None or self._role is None:
            return self._own.get_frozen_credentials()
        return self._role.credentials(tenant_id=tenant_id)

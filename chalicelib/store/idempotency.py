"""Answers kept for clients' idempotency keys, in the transaction of what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.errors import Conflict
from chalicelib.ports.services import Clock
from chalicelib.ports.store import Idempotency
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, put
from chalicelib.store.shards import shard_of

# The data map's rule ``answers``.
KEPT: Final = timedelta(days=90)


class KeyReused(Conflict):
    """The idempotency key was used for another request body."""

    code = "idempotency_key_reused"


class AlreadyAnswered(Conflict):
    """The same key was used at the same moment: read the kept answer."""

    code = "already_answered"


class IdempotencyItem(TenantsItem):
    """``<tenant>#IDEM#<shard>`` / ``<operation>#<the client's key>``.

    The answer is sealed, and there until ``ttl``.
    """

    request_hash = UnicodeAttribute()
    answer = BinaryAttribute(legacy_encoding=False)
    ttl = NumberAttribute()


class IdempotencyRecords(OfTenant):
    """A tenant's kept answers."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys, clock: Clock) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._clock = clock

    def answered(self, *, idempotency: Idempotency) -> str | None:
        """Return the kept answer, None where the key is new or its answer expired, or raise KeyReused."""
        pk, sk = self._where(idempotency)
        try:
            item = IdempotencyItem.get(pk, sk, consistent_read=True)
        except DoesNotExist:
            return None
        if int(item.ttl) <= self._clock.now().timestamp():
            return None  # the table takes it away within days; nobody sees it meanwhile
        if item.request_hash != idempotency.request_hash:
            raise KeyReused("this Idempotency-Key was used for another request", param="Idempotency-Key")
        return self._keys.open(family="op", place=self._place(pk, sk), sealed=item.answer).decode()

    def remember(self, *, idempotency: Idempotency | None, answer: object) -> Sequence[ModelWrite]:
        """Describe keeping the rendered answer."""
        if idempotency is None:
            return []
        pk, sk = self._where(idempotency)
        plain = idempotency.render(answer).encode()
        sealed = self._keys.seal(family="op", place=self._place(pk, sk), plain=plain)
        now = self._clock.now()
        item = IdempotencyItem(
            pk,
            sk,
            request_hash=idempotency.request_hash,
            answer=sealed,
            ttl=int((now + KEPT).timestamp()),
        )
        free = IdempotencyItem.pk.does_not_exist() | (IdempotencyItem.ttl <= int(now.timestamp()))
        taken = AlreadyAnswered("this request is being answered already")
        return [put(item, condition=free, refused=taken)]

    def _where(self, idempotency: Idempotency) -> tuple[str, str]:
        sk = f"{idempotency.operation}#{idempotency.key}"
        return keys.idempotency(self._tenant_id, shard_of(sk)), sk

    def _place(self, pk: str, sk: str) -> str:
        return f"tenants|{pk}|{sk}|answer"

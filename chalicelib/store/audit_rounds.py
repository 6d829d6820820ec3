"""How far the schedule verified a tenant's audit chain: one item, in a partition of the verifier's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.audit_chain import Position
from chalicelib.domain.audit_rounds import Round
from chalicelib.ports.audit import RoundMoved
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import Database, TenantsItem, nullable, put

ROUND: Final = "ROUND"


class RoundItem(TenantsItem):
    """``<tenant>#VERIFIED`` / ``ROUND``; ``n``, ``link`` and ``through`` are the position, ``told`` marks."""

    begun_on = UnicodeAttribute()
    done_on = UnicodeAttribute(null=True)
    at_end = BooleanAttribute()
    clean = BooleanAttribute()
    told = UnicodeAttribute(null=True)
    n = NumberAttribute(null=True)
    link = BinaryAttribute(legacy_encoding=False, null=True)
    through = UnicodeAttribute(null=True)
    version = NumberAttribute()


class DynamoAuditRounds(OfTenant):
    """How far the schedule verified one tenant's chain."""

    def __init__(self, *, tenant_id: str, database: Database) -> None:
        self._tenant_id = tenant_id
        self._database = database
        self._pk = keys.audit_verified(tenant_id)

    def get(self) -> Round | None:
        """Return how far; None where it never did."""
        try:
            item = RoundItem.get(self._pk, ROUND, consistent_read=True)
        except DoesNotExist:
            return None
        link, done_on = nullable(item.link), nullable(item.done_on)
        return Round(
            begun_on=date.fromisoformat(item.begun_on),
            position=None if link is None else Position(int(item.n), link, item.through),
            done_on=None if done_on is None else date.fromisoformat(done_on),
            at_end=bool(item.at_end),
            clean=bool(item.clean),
            told=tuple((nullable(item.told) or "").split()),
            version=int(item.version),
        )

    def save(self, *, after: Round) -> Round:
        """Note how far, and return it; raise RoundMoved where another did since it was read."""
        position = after.position
        item = RoundItem(
            self._pk,
            ROUND,
            begun_on=after.begun_on.isoformat(),
            done_on=None if after.done_on is None else after.done_on.isoformat(),
            at_end=after.at_end,
            clean=after.clean,
            told=" ".join(after.told) or None,
            n=position.sequence if position else None,
            link=position.link if position else None,
            through=position.until if position else None,
            version=after.version + 1,
        )
        unmoved = RoundItem.version == after.version if after.version else RoundItem.pk.does_not_exist()
        moved = RoundMoved("another verifier is at this chain")
        self._database.commit([put(item, condition=unmoved, refused=moved)])
        return replace(after, version=after.version + 1)

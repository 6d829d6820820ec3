"""The register of breaches in DynamoDB: one item each, all that is said in it sealed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.breaches import Breach, Risk
from chalicelib.domain.data_map import Category
from chalicelib.domain.errors import Busy, NotFound, StaleVersion
from chalicelib.domain.identifiers import is_id
from chalicelib.domain.privacy_requests import Happening
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.accounts import OPERATIONAL
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, from_iso, put, put_new, to_iso
from chalicelib.store.paging import query_page


class BreachItem(TenantsItem):
    """``<tenant>#BREACH`` / breach id."""

    noticed_at = UnicodeAttribute()
    version = NumberAttribute()
    closed = BooleanAttribute()
    told = BinaryAttribute(legacy_encoding=False)


class DynamoBreaches(OfTenant):
    """A tenant's register of breaches."""

    def __init__(self, *, tenant_id: str, tenant_keys: TenantKeys) -> None:
        self._tenant_id = tenant_id
        self._keys = tenant_keys
        self._pk = keys.breaches(tenant_id)

    def get(self, *, breach_id: str) -> Breach:
        """Return the breach, or raise NotFound."""
        absent = NotFound("no such breach", param="breach_id")
        if not is_id(value=breach_id, prefix="brc"):
            raise absent
        try:
            return self._breach(BreachItem.get(self._pk, breach_id, consistent_read=True))
        except DoesNotExist:
            raise absent from None

    def list(self, *, limit: int, after: str | None) -> Page[Breach]:
        """Return a page, the newest first."""
        page = query_page(BreachItem, self._pk, limit=limit, after=after, newest_first=True)
        return Page(tuple(map(self._breach, page.items)), page.after)

    def add(self, *, breach: Breach) -> ModelWrite:
        """Describe adding a breach."""
        return put_new(self._item(breach), refused=Busy("the breach's identifier was taken"))

    def change(self, *, before: Breach, after: Breach) -> ModelWrite:
        """Describe a change; refused with StaleVersion."""
        assert after.version == before.version + 1, "every change counts the version up"
        unmoved = BreachItem.version == before.version
        stale = StaleVersion("the breach changed since it was read")
        return put(self._item(after), condition=unmoved, refused=stale)

    def _item(self, breach: Breach) -> BreachItem:
        told = {
            "window": [to_iso(breach.began_at), to_iso(breach.ended_at)],
            "what": breach.what,
            "categories": [one.value for one in breach.categories],
            "risk": breach.risk.value,
            "actor_ids": breach.actor_ids,
            "subject_ids": breach.subject_ids,
            "authority_told_at": _iso(breach.authority_told_at),
            "persons_told_at": _iso(breach.persons_told_at),
            "closed_at": _iso(breach.closed_at),
            "lessons": breach.lessons,
            "reminded": breach.reminded,
            "history": [[to_iso(one.at), one.by, one.what, one.words] for one in breach.history],
        }
        return BreachItem(
            self._pk,
            breach.breach_id,
            noticed_at=to_iso(breach.noticed_at),
            version=breach.version,
            closed=breach.closed_at is not None,
            told=self._keys.seal(
                family=OPERATIONAL, place=self._place(breach.breach_id), plain=orjson.dumps(told)
            ),
        )

    def _breach(self, item: BreachItem) -> Breach:
        place = self._place(str(item.sk))
        told: dict[str, Any] = orjson.loads(
            self._keys.open(family=OPERATIONAL, place=place, sealed=item.told)
        )
        began_at, ended_at = map(from_iso, told["window"])
        return Breach(
            breach_id=item.sk,
            noticed_at=from_iso(item.noticed_at),
            began_at=began_at,
            ended_at=ended_at,
            what=told["what"],
            categories=tuple(map(Category, told["categories"])),
            risk=Risk(told["risk"]),
            actor_ids=tuple(told["actor_ids"]),
            subject_ids=tuple(told["subject_ids"]),
            version=int(item.version),
            authority_told_at=_instant(told["authority_told_at"]),
            persons_told_at=_instant(told["persons_told_at"]),
            closed_at=_instant(told["closed_at"]),
            lessons=told["lessons"],
            reminded=tuple(told["reminded"]),
            history=tuple(
                Happening(from_iso(at), by, what, words) for at, by, what, words in told["history"]
            ),
        )

    def _place(self, breach_id: str) -> str:
        return f"tenants|{self._pk}|{breach_id}|told"


def _iso(at: datetime | None) -> str | None:
    return to_iso(at) if at else None


def _instant(text: str | None) -> datetime | None:
    return from_iso(text) if text else None

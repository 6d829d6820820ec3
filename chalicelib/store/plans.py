"""A tenant's plan and counts, and the terms of the plans that the operator's tenant sells.

- ``<tenant>#T`` / ``PLAN``: the plan that the tenant is on.
- ``<tenant>#T`` / ``COUNT#<shard>``: how many subscribers came, less those that went, added in the
  very transactions in which they do. Their sum is the number of subscribers that are not archived;
  in shards, so that no item is hot.
- ``<tenant>#PLANS`` / package id: terms of a plan.
- ``<tenant>#A#<ulid>`` / ``USAGE#<yyyy-mm>``: that a month's usage is charged to an account.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

import orjson
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.domain.accounts import AccountStatus
from chalicelib.domain.errors import NotFound, StaleVersion
from chalicelib.domain.plans import Enrolment, PlanLimits, PlanTerms, Tier
from chalicelib.ports.plans import CountedAlready, EnrolledAlready, Standing
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, nullable, put, put_new, update
from chalicelib.store.prepaid import running_accounts
from chalicelib.store.subscriber_search import DirectoryItem
from chalicelib.store.tenants import decode_tenant

PLAN: Final = "PLAN"
COUNT_PREFIX: Final = "COUNT#"
COUNT_SHARDS: Final = 8


class PlanItem(TenantsItem):
    """The plan, a shard of the count, or terms; one query reads the first two and the tenant's record."""

    data = UnicodeAttribute(null=True)
    version = NumberAttribute(null=True)
    counted = NumberAttribute(attr_name="n", null=True)


class DynamoPlans(OfTenant):
    """A tenant's plan and counts."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def standing(self) -> Standing:
        """Return the tenant with its plan and how many subscribers it has: one round trip."""
        pk, all_three = keys.tenant(self._tenant_id), PlanItem.sk.between(COUNT_PREFIX, keys.PROFILE)
        tenant, enrolment, subscribers = None, None, 0
        for item in PlanItem.query(pk, all_three, consistent_read=True):
            if item.sk == keys.PROFILE:
                tenant = decode_tenant(nullable(item.data) or "")
            elif item.sk == PLAN:
                enrolment = _enrolment(item)
            else:
                subscribers += int(nullable(item.counted) or 0)
        if tenant is None:
            raise NotFound("no such tenant")
        return Standing(tenant, enrolment, max(0, subscribers))

    def counted(self, *, more: int, of: str) -> ModelWrite:
        """Describe counting subscribers that come or go."""
        shard = crc32(of.encode()) % COUNT_SHARDS
        item = PlanItem(keys.tenant(self._tenant_id), f"{COUNT_PREFIX}{shard}")
        never = StaleVersion("the count has no condition")
        return update(item, actions=[PlanItem.counted.add(more)], condition=None, refused=never)

    def active_subscribers(self, *, at: datetime) -> int:
        """Count the subscribers in service, page by page of the directory and of what runs out."""
        active = (DirectoryItem.status == AccountStatus.ACTIVE.value) & (DirectoryItem.archived == False)  # noqa: E712 - a condition
        rows = DirectoryItem.query(
            keys.directory(self._tenant_id),
            filter_condition=active,
            attributes_to_get=["pk", "sk", "i"],
        )
        found = {row.subscriber_id for row in rows}
        return len(found | running_accounts(tenant_id=self._tenant_id, at=at))

    def enrol(self, *, before: Enrolment | None, after: Enrolment) -> Sequence[ModelWrite]:
        """Describe putting the tenant on a plan, or a change of that."""
        version = 1 if before is None else before.version + 1
        data = orjson.dumps(replace(after, version=version)).decode()
        item = PlanItem(keys.tenant(self._tenant_id), PLAN, data=data, version=version)
        if before is None:
            return [put_new(item, refused=EnrolledAlready("the tenant is on a plan already"))]
        stale = StaleVersion("the plan changed since it was read")
        return [put(item, condition=PlanItem.version == before.version, refused=stale)]

    def terms(self) -> tuple[PlanTerms, ...]:
        """Return the terms of the plans that this tenant sells."""
        items = PlanItem.query(keys.plans(self._tenant_id), consistent_read=True)
        return tuple(_terms(orjson.loads(nullable(item.data) or "{}")) for item in items)

    def put_terms(self, *, terms: PlanTerms) -> Sequence[ModelWrite]:
        """Describe keeping the terms of a plan."""
        item = PlanItem(keys.plans(self._tenant_id), terms.package_id, data=orjson.dumps(terms).decode())
        return [put(item, condition=None, refused=StaleVersion("the terms have no condition"))]

    def charged(self, *, account_id: str, month: date, active: int) -> ModelWrite:
        """Describe that the usage of a month is charged to an account."""
        pk = keys.account(self._tenant_id, account_id)
        item = PlanItem(pk, f"USAGE#{month:%Y-%m}", counted=active)
        return put_new(item, refused=CountedAlready(f"the usage of {month:%Y-%m} is charged already"))


def _tiers(stored: Sequence[Any]) -> tuple[Tier, ...]:
    return tuple(Tier(one["up_to"], one["price"]) for one in stored)


def _terms(stored: dict[str, Any]) -> PlanTerms:
    limits, tiers = PlanLimits(**stored["limits"]), _tiers(stored["tiers"])
    return PlanTerms(**stored | {"limits": limits, "tiers": tiers})


def _enrolment(item: PlanItem) -> Enrolment:
    stored: dict[str, Any] = orjson.loads(nullable(item.data) or "{}")
    return Enrolment(
        **stored
        | {
            "limits": PlanLimits(**stored["limits"]),
            "tiers": _tiers(stored["tiers"]),
            "starts_on": date.fromisoformat(stored["starts_on"]),
            "counted_to": date.fromisoformat(stored["counted_to"]),
            "paused": tuple(stored.get("paused", ())),
        }
    )

"""Accounts that end: recovery, notices, purge; and legal holds, which the operator sets by an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

import orjson

from chalicelib.adapters.blobs.certificates import S3Vault
from chalicelib.adapters.blobs.erasing import S3FileErasure
from chalicelib.bootstrap import Services
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.lifecycle import Capability
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.deadline import Deadline, deadline
from chalicelib.jobs.holds import renew_each, renew_one
from chalicelib.jobs.sqs import JsonObject
from chalicelib.jobs.tenants import see_to_each, tried
from chalicelib.observability import logger
from chalicelib.store.leftovers import DynamoLeftovers
from chalicelib.store.purges import DynamoPurges
from chalicelib.usecases.ending_ports import EndingPorts
from chalicelib.usecases.endings import advance
from chalicelib.usecases.holding import lift_hold, list_holds, postpone_purge, set_hold
from chalicelib.usecases.kept_books import BooksAsked, read_kept_books

# The pass stops before its function's limit (900 s).
PASS_SECONDS_MAX: Final = 780
# Of that, what is held takes so much at most, and comes first: what ends meanwhile is gone.
RENEWAL_SECONDS_MAX: Final = 390
TROUBLE: Final = "tenant's ending not seen to"
CERTIFICATES_SHOWN_MAX: Final = 100


class InvalidEndingOrder(InvalidValue):
    """The event's ``detail`` is not an order that can be read."""

    code = "invalid_ending_order"


def keep_tenants(services: Services, event: Mapping[str, Any]) -> JsonObject:
    """Renew what is held, and see to tenants whose accounts end; or do what an operator's event asks for.

    ``detail`` has ``tenant_id``, of whom alone is seen to now, or one of ``hold`` (``tenant_id``,
    ``category``, ``reason``), ``lift`` (``tenant_id``, ``hold_id``), ``holds`` (``tenant_id``),
    ``postpone`` (of who is in recovery: ``tenant_id``, ``days``, ``reason``), ``certificates``
    (``after``, or nothing) and ``books`` (of a purged company: ``tenant_id``, ``kind``,
    ``fiscal_year``, ``reason``, and where wanted ``after``). Raises InvalidEndingOrder, what
    setting a hold, postponing or reading books does, or PassIncomplete.
    """
    at, detail, ports = services.clock.now(), event.get("detail") or {}, _ports(services)
    wanted = detail.get("tenant_id") if set(detail) == {"tenant_id"} else None
    if detail and wanted is None:
        return _obey(services, ports, detail, at)
    out_of_time = deadline(seconds=PASS_SECONDS_MAX)
    hurried = deadline(seconds=RENEWAL_SECONDS_MAX)
    renewed = renew_each(services=services, wanted=wanted, at=at, out_of_time=hurried)
    work = _Pass(ports, at, out_of_time, wanted)
    passed = see_to_each(
        services=services,
        at=at,
        # Purges may have taken all the time there is: who is not come to is not in trouble.
        out_of_time=lambda: False,
        capability=Capability.END,
        see_to=work.see_to,
        trouble=TROUBLE,
    )
    failed = [*passed.left, *work.delete()]
    passed = replace(passed, left=tuple(failed))
    if wanted is not None and not work.found and passed.complete:
        raise InvalidEndingOrder("there is no such tenant, or nothing of it is left", param="tenant_id")
    told = {
        "ending": work.ending,
        "unfinished": work.unfinished,
        "tenants_failed": len(passed.left),
        "holds_left": len(renewed.left),
    }
    logger().info("tenants' endings looked at", extra=told)
    renewed.require_complete(what="what is held")
    passed.require_complete(what="endings")
    return told


@dataclass(slots=True)
class _Pass:
    """A pass over the tenants: what it works with, and what it came to."""

    ports: EndingPorts
    at: datetime
    out_of_time: Deadline
    wanted: str | None
    found: bool = False
    ending: int = 0
    unfinished: int = 0
    deleting: list[Tenant] = field(default_factory=list)

    def see_to(self, tenant: Tenant) -> bool:
        """See to all of one tenant but what is to be deleted, which can take hours and is for afterwards."""
        if self.wanted not in {None, tenant.tenant_id}:
            return True
        self.found = True
        if tenant.ending is None:
            return True
        self.ending += 1
        if self.out_of_time():
            self.unfinished += 1
        elif advance(ports=self.ports, tenant=tenant, at=self.at, out_of_time=lambda: True):
            self.deleting.append(tenant)
        return True

    def delete(self) -> list[str]:
        """Go on with purges, which share the time that is left; return those that were in trouble.

        Who is not purged to the end is in none: the next pass goes on, and a purge takes some.
        """
        shares = range(len(self.deleting), 0, -1)
        return [
            one.tenant_id
            for one, among in zip(self.deleting, shares, strict=True)
            if not tried(partial(self._delete, one, among), tenant_id=one.tenant_id, trouble=TROUBLE)
        ]

    def _delete(self, tenant: Tenant, among: int) -> bool:
        mine = self.out_of_time.share(among=among)
        self.unfinished += advance(ports=self.ports, tenant=tenant, at=self.at, out_of_time=mine)
        return True


def _ports(services: Services) -> EndingPorts:
    """Wire what only this job works with, so that no cold start of another function pays for it."""
    return EndingPorts(
        identity=services.identity,
        registry=services.tenants,
        stores=services.stores,
        support=lambda: services.support,
        operator=lambda: services.operator,
        purges=DynamoPurges(database=services.database),
        leftovers=DynamoLeftovers(database=services.database),
        files=S3FileErasure(client=services.s3, bucket=services.settings.files_bucket),
        vault=S3Vault(client=services.s3, bucket=services.settings.anchors_bucket),
        mailer=services.mailer,
    )


def _obey(services: Services, ports: EndingPorts, detail: Mapping[str, Any], at: datetime) -> JsonObject:
    match detail:
        case {"hold": {"tenant_id": str(tenant_id), "category": str(category), "reason": str(reason)}}:
            hold = set_hold(
                stores=services.stores,
                ids=services.ids,
                tenant_id=tenant_id,
                category=category,
                reason=reason,
                at=at,
            )
            told = _logged("hold set", tenant_id, hold_id=hold.hold_id, category=category)
            return {**told, "complete": _renewed(services, tenant_id, at)}
        case {"lift": {"tenant_id": str(tenant_id), "hold_id": str(hold_id)}}:
            lift_hold(stores=services.stores, tenant_id=tenant_id, hold_id=hold_id, at=at)
            return _logged("hold lifted", tenant_id, lifted=hold_id)
        case {"holds": {"tenant_id": str(tenant_id)}}:
            found = list_holds(stores=services.stores, tenant_id=tenant_id)
            return {"holds": [_shown(one.hold_id, one.category, one.reason, one.set_at) for one in found]}
        case {"postpone": {"tenant_id": str(tenant_id), "days": int(days), "reason": str(reason)}}:
            purge_at = postpone_purge(
                stores=services.stores, tenant_id=tenant_id, days=days, reason=reason, at=at
            )
            return _logged("purge postponed", tenant_id, purge_at=purge_at.isoformat())
        case {"certificates": dict(asked)}:
            return _certificates(ports, _after(asked))
        case {
            "books": {
                "tenant_id": str(tenant_id),
                "kind": str(kind),
                "fiscal_year": int(year),
                "reason": str(reason),
                **rest,
            }
        }:
            books = BooksAsked(tenant_id, kind, year, reason, _after(rest))
            return _books(services, books, at)
    raise InvalidEndingOrder(
        "detail has tenant_id, or one of hold, lift, holds, postpone, certificates, books with what it needs"
    )


def _renewed(services: Services, tenant_id: str, at: datetime) -> bool:
    """Renew what is held now; what that had no time for, or failed with, is left to the next pass."""
    out_of_time = deadline(seconds=PASS_SECONDS_MAX)
    return renew_one(services=services, tenant_id=tenant_id, at=at, out_of_time=out_of_time)


def _logged(what: str, tenant_id: str, **told: str) -> JsonObject:
    """Log what was ordered, and return it: a table that is restored to a time before has lost it."""
    logger().info(what, extra={"tenant_id": tenant_id, **told})
    return dict(told)


def _shown(hold_id: str, category: str, reason: str, set_at: datetime) -> JsonObject:
    return {"hold_id": hold_id, "category": category, "reason": reason, "set_at": set_at.isoformat()}


def _after(asked: Mapping[Any, Any]) -> str | None:
    after = asked.get("after")
    if after is not None and not isinstance(after, str):
        raise InvalidEndingOrder("after is where the page before ended", param="after")
    return after


def _certificates(ports: EndingPorts, after: str | None) -> JsonObject:
    page = ports.purges.certificates(limit=CERTIFICATES_SHOWN_MAX, after=after)
    shown = [
        {
            "tenant_id": one.tenant_id,
            "of": one.deletion.value,
            "issued_at": one.issued_at.isoformat(),
            "certificate": one.text,
            "sha256": one.digest,
            "hmac_sha256": one.mac,
        }
        for one in page.items
    ]
    return {"certificates": shown, "after": page.after}


def _books(services: Services, asked: BooksAsked, at: datetime) -> JsonObject:
    page = read_kept_books(stores=services.stores, asked=asked, at=at)
    named = {"tenant_id": asked.tenant_id, "kind": asked.kind, "fiscal_year": asked.fiscal_year}
    logger().info("kept books read", extra={**named, "documents": len(page.items)})
    # Whole, as they are kept: what is asked for them is not known before.
    return {"documents": [orjson.loads(orjson.dumps(one)) for one in page.items], "after": page.after}

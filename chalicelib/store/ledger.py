"""The general ledger in DynamoDB: day totals without a hot item, closed months, statements.

- ``<tenant>#GL#<yyyy-mm>`` / ``<dd>#<shard>``: what the day's documents posted, added up in
  shards by account; ``<dd>#RUN``: what the day's billing run posted, put when it completes. Their
  attributes are ``d:<ledger account>`` and ``c:<ledger account>``, debits and credits.
- ``<tenant>#CLOSED`` / ``<yyyy-mm>``: a month that was closed, with its trial balance.

While a run works, or works again, its totals are those of its shards' progress (``store.runs``),
which its batches write; the item is replaced whole when the run completes anew.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import orjson
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.update import Action

from chalicelib.domain.billing_state import BillingState
from chalicelib.domain.errors import Busy, NotFound
from chalicelib.domain.invoices import Posting
from chalicelib.domain.ledger import (
    Closing,
    DayTotals,
    LedgerRow,
    Turnover,
    added,
    run_turnover,
    turnover_of,
)
from chalicelib.domain.runs import BillingRun
from chalicelib.ports.store import Page
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, from_iso, nullable, put, to_iso, update
from chalicelib.store.billing_state import BillingStateItem
from chalicelib.store.paging import query_page

DAY_SHARDS: Final = 8
RUN: Final = "RUN"
DEBIT: Final = "d:"
CREDIT: Final = "c:"


class DayTotalsItem(TenantsItem):
    """``<tenant>#GL#<yyyy-mm>`` / ``<dd>#<shard>``: its other attributes are named by ledger account."""

    totals: Mapping[str, Turnover] = {}

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> DayTotalsItem:
        """Read an item with whatever accounts it has."""
        item = cls(data["pk"]["S"], data["sk"]["S"])
        parts = []
        for name, value in data.items():
            amount = int(value.get("N", 0))
            if name.startswith(DEBIT):
                parts.append({name.removeprefix(DEBIT): Turnover(debit=amount)})
            elif name.startswith(CREDIT):
                parts.append({name.removeprefix(CREDIT): Turnover(credit=amount)})
        item.totals = added(totals=parts)
        return item


class ClosingItem(TenantsItem):
    """``<tenant>#CLOSED`` / ``<yyyy-mm>``."""

    version = NumberAttribute()
    currency = UnicodeAttribute()
    rows = UnicodeAttribute()
    closed_at = UnicodeAttribute()
    closed_by = UnicodeAttribute()
    opened_at = UnicodeAttribute(null=True)
    opened_by = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)


def day_totals(*, tenant_id: str, account_id: str, on: date, postings: Sequence[Posting]) -> list[ModelWrite]:
    """Describe adding postings to the day's totals; they sum to zero, so the totals do."""
    actions: list[Action] = [
        NumberAttribute(attr_name=name).add(amount)
        for name, amount in sorted(_attributes(turnover_of(postings=postings)).items())
    ]
    if not actions:
        return []
    shard = crc32(account_id.encode()) % DAY_SHARDS
    item = DayTotalsItem(keys.ledger(tenant_id, on), f"{on:%d}#{shard}")
    return [update(item, actions=actions, condition=None, refused=Busy("the day's totals changed"))]


def run_totals(*, tenant_id: str, run: BillingRun) -> list[ModelWrite]:
    """Describe keeping what a run posted in all; a run that completes again replaces it."""
    ledger = run.ledger
    if not ledger:
        return []
    values = _attributes(run_turnover(ledger=ledger))
    actions: list[Action] = []
    for name in sorted(f"{side}{account}" for side in (DEBIT, CREDIT) for account in ledger):
        attribute = NumberAttribute(attr_name=name)
        actions.append(attribute.set(values[name]) if name in values else attribute.remove())
    item = DayTotalsItem(keys.ledger(tenant_id, run.on), f"{run.on:%d}#{RUN}")
    return [update(item, actions=actions, condition=None, refused=Busy("the day's totals changed"))]


def _attributes(totals: Mapping[str, Turnover]) -> dict[str, int]:
    named = {f"{DEBIT}{name}": one.debit for name, one in totals.items() if one.debit}
    return named | {f"{CREDIT}{name}": one.credit for name, one in totals.items() if one.credit}


class DynamoLedger(OfTenant):
    """A tenant's general ledger."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def month(self, *, month: date) -> list[DayTotals]:
        """Return what was posted in a month, by day: one query, whatever the tenant's size."""
        found: dict[tuple[date, bool], list[Mapping[str, Turnover]]] = {}
        for item in DayTotalsItem.query(keys.ledger(self._tenant_id, month), consistent_read=True):
            day, _, shard = item.sk.partition("#")
            found.setdefault((month.replace(day=int(day)), shard == RUN), []).append(item.totals)
        return [DayTotals(on, by_run, added(totals=parts)) for (on, by_run), parts in sorted(found.items())]

    def closing(self, *, month: date) -> Closing:
        """Return a month that was closed, or raise NotFound."""
        try:
            item = ClosingItem.get(keys.closings(self._tenant_id), f"{month:%Y-%m}", consistent_read=True)
        except DoesNotExist:
            raise NotFound("the month was not closed", param="month") from None
        return _closing(item)

    def closings(self, *, limit: int, after: str | None) -> Page[Closing]:
        """Return the months that were ever closed, the newest first."""
        page = query_page(
            ClosingItem, keys.closings(self._tenant_id), limit=limit, after=after, newest_first=True
        )
        return Page(tuple(map(_closing, page.items)), page.after)

    def close(self, *, closing: Closing, before: Closing | None, state: BillingState) -> list[ModelWrite]:
        """Describe closing a month, if billing stays completed through it and it is still the next."""
        moved = Busy("billing or another closing moved meanwhile; nothing was closed, so try again")
        through = closing.last.isoformat()
        completed = BillingStateItem.completed_through >= through
        state_write = update(
            self._state(),
            actions=[BillingStateItem.closed_through.set(through)],
            condition=completed & self._still_closed_through(state),
            refused=moved,
        )
        unmoved = (
            ClosingItem.version == before.version if before is not None else ClosingItem.pk.does_not_exist()
        )
        return [state_write, put(self._item(closing), condition=unmoved, refused=moved)]

    def open(self, *, closing: Closing, through: date | None, state: BillingState) -> list[ModelWrite]:
        """Describe opening a month that is the newest closed one."""
        moved = Busy("another closing moved meanwhile; nothing was opened, so try again")
        closed_through = BillingStateItem.closed_through
        state_write = update(
            self._state(),
            actions=[closed_through.set(through.isoformat()) if through else closed_through.remove()],
            condition=self._still_closed_through(state),
            refused=moved,
        )
        unmoved = ClosingItem.version == closing.version - 1
        return [state_write, put(self._item(closing), condition=unmoved, refused=moved)]

    def _state(self) -> BillingStateItem:
        return BillingStateItem(keys.billing(self._tenant_id), keys.STATE)

    @staticmethod
    def _still_closed_through(state: BillingState) -> Any:
        """Return the condition that no month was closed or opened since the state was read."""
        closed_through = BillingStateItem.closed_through
        if state.closed_through is None:
            return closed_through.does_not_exist()
        return closed_through == state.closed_through.isoformat()

    def _item(self, closing: Closing) -> ClosingItem:
        return ClosingItem(
            keys.closings(self._tenant_id),
            f"{closing.month:%Y-%m}",
            version=closing.version,
            currency=closing.currency,
            rows=orjson.dumps(
                [[row.account, row.opening, row.debit, row.credit] for row in closing.rows]
            ).decode(),
            closed_at=to_iso(closing.closed_at),
            closed_by=closing.closed_by,
            opened_at=to_iso(closing.opened_at) if closing.opened_at else None,
            opened_by=closing.opened_by or None,
            reason=closing.reason or None,
        )


def _closing(item: ClosingItem) -> Closing:
    opened_at = nullable(item.opened_at)
    return Closing(
        month=date.fromisoformat(f"{item.sk}-01"),
        currency=item.currency,
        rows=tuple(LedgerRow(*row) for row in orjson.loads(item.rows)),
        closed_at=from_iso(item.closed_at),
        closed_by=item.closed_by,
        opened_at=from_iso(opened_at) if opened_at else None,
        opened_by=nullable(item.opened_by) or "",
        reason=nullable(item.reason) or "",
        version=int(item.version),
    )

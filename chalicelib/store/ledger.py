"""The ledger's day totals: what was posted to each account of the chart, without a hot item.

``<tenant>#GL#<yyyy-mm>`` / ``<dd>#<shard>`` holds one number an account of the chart, added to
by every document of the day whose subscriber falls into the shard. Billing runs keep their
own totals with their progress (``store.runs``), in the transaction of the invoices.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Sequence
from datetime import date
from typing import Final

from pynamodb.attributes import NumberAttribute
from pynamodb.expressions.update import Action

from chalicelib.domain.errors import Busy
from chalicelib.domain.invoices import Posting
from chalicelib.store import keys
from chalicelib.store.base import ModelWrite, TenantsItem, update

DAY_SHARDS: Final = 8


class DayTotalsItem(TenantsItem):
    """``<tenant>#GL#<yyyy-mm>`` / ``<dd>#<shard>``: its other attributes are named by ledger account."""


def day_totals(*, tenant_id: str, account_id: str, on: date, postings: Sequence[Posting]) -> list[ModelWrite]:
    """Describe adding postings to the day's totals; they sum to zero, so the totals do."""
    totals: dict[str, int] = {}
    for posting in postings:
        totals[posting.account] = totals.get(posting.account, 0) + posting.amount
    actions: list[Action] = [
        NumberAttribute(attr_name=name).add(amount) for name, amount in sorted(totals.items()) if amount
    ]
    if not actions:
        return []
    shard = crc32(account_id.encode()) % DAY_SHARDS
    item = DayTotalsItem(keys.ledger(tenant_id, on), f"{on:%d}#{shard}")
    return [update(item, actions=actions, condition=None, refused=Busy("the day's totals changed"))]

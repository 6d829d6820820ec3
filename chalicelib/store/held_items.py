"""Items that the table's TTL deletes, kept while everything of their tenant is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from pynamodb.exceptions import UpdateError

from chalicelib.domain.holds import ENDS_SOON, moved_on
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.activity import ActivityItem
from chalicelib.store.base import CONDITION_FAILED, TenantsItem
from chalicelib.store.idempotency import IdempotencyItem
from chalicelib.store.imports import KIND as IMPORTS
from chalicelib.store.imports import ReportPageItem
from chalicelib.store.outbox import OutboxItem
from chalicelib.store.shards import SHARDS

# Whatever of the tenants table has an expiry; a test compares them with the data map.
RENEWED: Final[tuple[type[Any], ...]] = (ActivityItem, OutboxItem, ReportPageItem, IdempotencyItem)


class DynamoHeldItems(OfTenant):
    """One tenant's items that expire."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id

    def renew(self, *, at: datetime, out_of_time: Callable[[], bool]) -> bool:
        """Move on each expiry that comes soon; return whether there was time for all of them."""
        soon = int((at + ENDS_SOON).timestamp())
        for model in RENEWED:
            for pk in self._partitions(model, at):
                if out_of_time():
                    return False
                # Read as it may be: one that is not as it was read is left to the next pass.
                expiring = model.query(
                    pk, filter_condition=model.ttl < soon, attributes_to_get=["pk", "sk", "ttl"]
                )
                for item in expiring:
                    if out_of_time():
                        return False
                    _move_on(item, at)
        return True

    def _partitions(self, model: type[Any], at: datetime) -> Iterator[str]:
        mine = self._tenant_id
        if model is ActivityItem:
            yield keys.activity(mine)
        elif model is OutboxItem:
            yield keys.outbox(mine)
        elif model is IdempotencyItem:
            # Each hour begins with another, so that none is always left where there is no time for all.
            turn = at.date().toordinal() * 24 + at.hour
            yield from (keys.idempotency(mine, (turn + shard) % SHARDS) for shard in range(SHARDS))
        else:
            jobs = TenantsItem.query(keys.jobs(mine, IMPORTS), attributes_to_get=["pk", "sk"])
            yield from (keys.jobs(mine, f"{IMPORTS}#{job.sk}") for job in jobs)


def _move_on(item: Any, at: datetime) -> None:
    """Move an expiry on; where the item is gone, or another one by now, leave that."""
    model, read = type(item), int(item.ttl)
    later = moved_on(ends_at=datetime.fromtimestamp(read, UTC), at=at)
    if later is None:
        return
    try:
        item.update(actions=[model.ttl.set(int(later.timestamp()))], condition=model.ttl == read)
    except UpdateError as error:
        if error.cause_response_code != CONDITION_FAILED:
            raise

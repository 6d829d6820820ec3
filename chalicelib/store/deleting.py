"""Deleting items for good, some at a time; whatever is repeated goes on where it stood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pynamodb.expressions.condition import Condition

from chalicelib.store.base import Database, ModelWrite, TenantsItem, delete

DELETES_PER_COMMIT: Final = 50


def delete_items(*, database: Database, items: Sequence[TenantsItem]) -> None:
    """Delete items in their order; one that is named twice is deleted once."""
    distinct = list({(item.pk, item.sk): item for item in items}.values())
    for first in range(0, len(distinct), DELETES_PER_COMMIT):
        writes: list[ModelWrite] = [delete(one) for one in distinct[first : first + DELETES_PER_COMMIT]]
        database.commit(writes)


def delete_partition(*, database: Database, pk: str, sort: Condition | None = None) -> None:
    """Delete all items of a partition, or those of which ``sort`` is true."""
    found: list[TenantsItem] = []
    for item in TenantsItem.query(pk, sort, consistent_read=True, attributes_to_get=["pk", "sk"]):
        found.append(TenantsItem(str(item.pk), str(item.sk)))
        if len(found) == DELETES_PER_COMMIT:
            delete_items(database=database, items=found)
            found = []
    delete_items(database=database, items=found)

"""Pages of a partition, continued by sort key.

The position that a page hands on is the last sort key read. It is not secret within the
tenant, but it is a client's to send back: ``store.cursor`` seals it at the edge.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from pynamodb.expressions.condition import Condition

from chalicelib.ports.store import Page
from chalicelib.store.base import Item

M = TypeVar("M", bound=Item)

# A filtered page reads at most this many items, then hands on its position, perhaps unfilled.
ITEMS_READ_MAX: Final = 5_000


def query_page(
    model: type[M],
    pk: str,
    *,
    limit: int,
    after: str | None,
    sort: Condition | None = None,
    where: Callable[[M], bool] | None = None,
    newest_first: bool = False,
    read_items: int = 1_000,
) -> Page[M]:
    """Return up to ``limit`` items of a partition after a position, strongly consistent.

    With a filter, ``read_items`` are read at a time.
    """
    start: dict[str, Any] | None = {"pk": {"S": pk}, "sk": {"S": after}} if after is not None else None
    read_max = limit + 1 if where is None else ITEMS_READ_MAX
    found = model.query(
        pk,
        range_key_condition=sort,
        scan_index_forward=not newest_first,
        consistent_read=True,
        last_evaluated_key=start,
        limit=read_max,
        page_size=min(read_max, read_items),
    )
    items: list[M] = []
    last, read = after, 0
    for item in found:
        if len(items) == limit:
            return Page(tuple(items), last)
        read += 1
        last = str(item.sk)
        if where is None or where(item):
            items.append(item)
    return Page(tuple(items), last if read == read_max else None)

"""Reading all of a list whose pages are read one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from chalicelib.ports.store import Page

T = TypeVar("T")

ITEMS_PER_READ: Final = 500


def each(*, read: Callable[..., Page[T]], limit: int = ITEMS_PER_READ) -> Iterator[T]:
    """Yield what there is; ``read`` is asked for one page after the other by ``limit`` and ``after``."""
    after: str | None = None
    while True:
        page = read(limit=limit, after=after)
        yield from page.items
        after = page.after
        if after is None:
            return

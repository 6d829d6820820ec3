"""What erasures of subscribers and of staff have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from chalicelib.domain.erasure import without_words
from chalicelib.ports.privacy import Erased
from chalicelib.ports.store import TenantStore, Write

WRITES_PER_COMMIT: Final = 50


def commit_all(*, store: TenantStore, writes: Iterable[Write]) -> None:
    """Make the writes, so many in a transaction."""
    held: list[Write] = []
    for write in writes:
        held.append(write)
        if len(held) == WRITES_PER_COMMIT:
            store.commit(*held)
            held.clear()
    if held:
        store.commit(*held)


def erase_requests(*, store: TenantStore, erased: Erased) -> None:
    """Take what is personal off the person's other requests; that of the erasure still has to tell them."""
    for request in store.privacy.each_of(subject_id=erased.subject_id):
        after = without_words(request=request)
        if request.request_id != erased.request_id and replace(after, version=request.version) != request:
            store.commit(*store.privacy.change(before=request, after=after))

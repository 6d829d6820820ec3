"""Networks that exports were asked for from, kept while everything of their tenant is held.

What is known of them is one item, of which each export takes what is forgotten: so each has an item of its
own here, which nobody asks for, and which goes by itself after the lift.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import orjson

from chalicelib.domain.holds import MOVED_ON, moved_on
from chalicelib.store.acting import OfPlatform
from chalicelib.store.base import Database
from chalicelib.store.networks import EXPORTS, NetworksItem

HELD: Final = "HELD#"


class DynamoHeldNetworks(OfPlatform):
    """Known networks of tenants that are held."""

    def __init__(self, *, database: Database) -> None:
        self._database = database  # binds the tables

    def hold(self, *, tenant_id: str, at: datetime) -> None:
        """Keep each known network beside what is forgotten; what is kept so is moved on before it ends."""
        pk, live = f"NETWORKS#{tenant_id}", int(at.timestamp())
        kept = {
            str(item.sk): item for item in NetworksItem.query(pk, consistent_read=True) if item.ttl > live
        }
        present = kept.pop(EXPORTS, None)
        seen: dict[str, str] = orjson.loads(present.known) if present is not None else {}
        for network, last in seen.items():
            held = kept.pop(f"{HELD}{network}", None)
            known = orjson.dumps({network: last}).decode()
            if held is None or held.known != known or _moved_on(held, at):
                _held(pk, network, known, at).save()
        for sort, held in kept.items():
            if _moved_on(held, at):
                _held(pk, sort.removeprefix(HELD), held.known, at).save()


def _moved_on(item: NetworksItem, at: datetime) -> bool:
    return moved_on(ends_at=datetime.fromtimestamp(int(item.ttl), UTC), at=at) is not None


def _held(pk: str, network: str, known: str, at: datetime) -> NetworksItem:
    return NetworksItem(pk, f"{HELD}{network}", known=known, ttl=int((at + MOVED_ON).timestamp()))

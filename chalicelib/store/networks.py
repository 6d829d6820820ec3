"""Networks that exports were asked for from, in the ephemeral table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import orjson
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from chalicelib.store.acting import OfPlatform
from chalicelib.store.base import Database, EphemeralItem, from_iso, to_iso

EXPORTS = "EXPORTS"


class NetworksItem(EphemeralItem):
    """``NETWORKS#<tenant id>`` / ``EXPORTS``; ``known`` is JSON: network's hash to when it was seen.

    Of who is held there is ``HELD#<network's hash>`` of each besides (``held_networks``).
    """

    known = UnicodeAttribute()
    ttl = NumberAttribute()


class DynamoNetworks(OfPlatform):
    """Known networks of tenants. Of two writers at once the later wins: at worst one is told again."""

    def __init__(self, *, database: Database) -> None:
        self._database = database  # binds the tables

    def known(self, *, tenant_id: str) -> Mapping[str, datetime]:
        """Return each network with when it was last seen."""
        try:
            item = NetworksItem.get(f"NETWORKS#{tenant_id}", EXPORTS, consistent_read=True)
        except DoesNotExist:
            return {}
        return {network: from_iso(seen) for network, seen in orjson.loads(item.known).items()}

    def keep(self, *, tenant_id: str, networks: Mapping[str, datetime], until: datetime) -> None:
        """Keep them until they are of no use any more."""
        known = {network: to_iso(seen) for network, seen in networks.items()}
        NetworksItem(
            f"NETWORKS#{tenant_id}", EXPORTS, known=orjson.dumps(known).decode(), ttl=int(until.timestamp())
        ).save()

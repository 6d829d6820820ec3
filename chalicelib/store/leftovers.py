"""What people and programs of a tenant left in the tables of the platform: sessions, networks.

One-time tokens, codes and counts of attempts name no tenant in their keys. Nothing of a tenant makes new
ones while it is purged. They end by themselves: pay links, which live longest, within the thirty days of
recovery, in which none are made, and others within days.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chalicelib.store.acting import OfPlatform
from chalicelib.store.base import Database, EphemeralItem, ModelWrite, delete, nullable
from chalicelib.store.networks import NetworksItem
from chalicelib.store.sessions import PORTAL, STAFF, PersonItem, SessionItem, person_key, session_key

DELETES_PER_COMMIT: Final = 50


class DynamoLeftovers(OfPlatform):
    """Sessions and networks of any tenant, to be deleted."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def erase_person(self, *, tenant_id: str, actor_id: str) -> None:
        """Delete the sessions and devices of a person, or of a subscriber."""
        pk = person_key(tenant_id, actor_id)
        gone: list[ModelWrite] = []
        for item in PersonItem.query(pk, consistent_read=True):
            token_hash = nullable(item.token_hash)
            if token_hash is not None:
                # Whose kind it is the list does not say.
                gone += [delete(SessionItem(session_key(token_hash), kind)) for kind in (STAFF, PORTAL)]
            gone.append(delete(EphemeralItem(pk, str(item.sk))))
        self._commit(gone)

    def erase_networks(self, *, tenant_id: str) -> None:
        """Forget the networks that exports were asked for from."""
        pk = f"NETWORKS#{tenant_id}"
        found = NetworksItem.query(pk, consistent_read=True, attributes_to_get=["pk", "sk"])
        self._commit([delete(NetworksItem(pk, str(item.sk))) for item in found])

    def _commit(self, gone: Sequence[ModelWrite]) -> None:
        for first in range(0, len(gone), DELETES_PER_COMMIT):
            self._database.commit(gone[first : first + DELETES_PER_COMMIT])

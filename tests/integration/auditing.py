"""One tenant's audit log: written over HTTP, sealed as the schedule does, and tampered with in the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chalicelib.domain.audit_chain import LATE, SETTLE, UNSEALED_SECONDS_MAX, Position
from chalicelib.domain.audit_ids import floor_id
from chalicelib.ports.store import AuditNote
from chalicelib.store import keys
from chalicelib.store.tenant import DynamoTenantStore
from chalicelib.usecases.audit_sealing import Sealed, anchor_head, seal_entries
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.raw import raw_items
from tests.integration.shop import Item, Shop, ok

# By then nothing can come late any more: what is new among the sealed was inserted.
OLD = LATE + timedelta(seconds=UNSEALED_SECONDS_MAX, minutes=5)

ULID_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass
class Auditor:
    """Who keeps and looks at the log of a tenant."""

    tenant: SignedIn
    services: EngineServices

    @property
    def clock(self) -> FakeClock:
        assert isinstance(self.services.clock, FakeClock)
        return self.services.clock

    @property
    def shop(self) -> Shop:
        return Shop(self.tenant, self.services)

    @property
    def store(self) -> DynamoTenantStore:
        return self.services.stores.of(tenant_id=self.tenant.tenant_id)

    def write(self, count: int) -> None:
        """Change something so many times, a second apart."""
        for _ in range(count):
            self.clock.advance(timedelta(seconds=1))
            tenant = ok(self.tenant.api.get("/v1/tenant"))
            headers = {"If-Match": f'"{tenant["version"]}"'}
            changed = {"billing_hour": (tenant["billing_hour"] + 1) % 24}
            ok(self.tenant.api.patch("/v1/tenant", json=changed, headers=headers))

    def seal(
        self, *, later: timedelta = SETTLE * 2, out_of_time: Callable[[], bool] = lambda: False
    ) -> Sealed:
        """Let time pass, and seal what is settled."""
        self.clock.advance(later)
        created_at = self.store.profile().created_at
        return seal_entries(
            log=self.store.audit, created_at=created_at, at=self.clock.now(), out_of_time=out_of_time
        )

    def anchor(self) -> None:
        """Anchor the head."""
        made = anchor_head(
            log=self.store.audit,
            anchors=self.services.anchors,
            tenant_id=self.tenant.tenant_id,
            at=self.clock.now(),
        )
        assert made is not None

    def head(self) -> Position:
        """How far the chain goes."""
        head = self.store.audit.head()
        assert head is not None
        return head

    def verified(self, limit: int = 1_000) -> list[tuple[str, int, str]]:
        """Every fault that the API finds, piece by piece."""
        pieces = self.pieces(limit)
        return [(one["fault"], one["sequence"], one["about"]) for piece in pieces for one in piece["items"]]

    def pieces(self, limit: int = 1_000) -> list[Item]:
        """The pieces of a verification."""
        found: list[Item] = []
        cursor = ""
        while True:
            piece = ok(self.tenant.api.get(f"/v1/audit/verification?limit={limit}{cursor}"))
            found.append(piece)
            if piece["next_cursor"] is None:
                return found
            cursor = f"&cursor={piece['next_cursor']}"

    # -- the table -------------------------------------------------------------------------

    def raw(self) -> list[Any]:
        """The stored entries, in order."""
        return list(raw_items(self.services, f"{self.tenant.tenant_id}#AUD#"))

    def raw_chain(self) -> list[Any]:
        """The records of the chain, in order."""
        items = raw_items(self.services, keys.audit_chain(self.tenant.tenant_id))
        return [item for item in items if item["sk"]["S"].isdigit()]

    def put(self, item: Any) -> None:
        """Write an item as whoever has the table can."""
        self._call("PutItem", {"Item": item})

    def delete(self, item: Any) -> None:
        """Delete an item as whoever has the table can."""
        self._call("DeleteItem", {"Key": {"pk": item["pk"], "sk": item["sk"]}})

    def _call(self, operation: str, body: Any) -> None:
        self.services.wire.call(operation, {"TableName": self.services.settings.tenants_table, **body})

    def insert(self, *, after: Any) -> str:
        """Put an entry right behind another; return its identifier."""
        head = after["sk"]["S"].rstrip(ULID_DIGITS[-1])
        following = ULID_DIGITS[ULID_DIGITS.index(head[-1]) + 1]
        entry_id = f"{head[:-1]}{following}".ljust(len(after["sk"]["S"]), ULID_DIGITS[0])
        self.put({**after, "sk": {"S": entry_id}})
        return entry_id

    def backdated(self, *, before: timedelta) -> str:
        """Commit a change whose identifier was made some time ago."""
        store, now = self.store, self.clock.now()
        self.clock.set(now - before)
        write = store.note(note=AuditNote("system", "test.late", "none", self.clock.now()))
        self.clock.set(now)
        store.commit(write)
        (entry,) = [one for one in self.raw() if one["action"]["S"] == "test.late"]
        assert entry["sk"]["S"] < floor_id(at=now)
        return str(entry["sk"]["S"])

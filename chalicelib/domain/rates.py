"""How many requests may come within a window of time, from whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

REQUESTS_PER_MINUTE_DEFAULT: Final = 600
WINDOW_SECONDS: Final = 60
# People behind one address are several, and a tenant's people and programs more.
ADDRESS_TIMES: Final = 2
TENANT_TIMES: Final = 5
CALLBACKS_TIMES: Final = 10
PAGES_SHARE: Final = 5


@dataclass(frozen=True, slots=True)
class Policy:
    """At most ``most`` requests of one key within a fixed window."""

    name: str
    most: int
    window_seconds: int = WINDOW_SECONDS

    def window(self, *, at: datetime) -> int:
        """Return the number of the window that ``at`` lies in."""
        return int(at.timestamp()) // self.window_seconds

    def left_seconds(self, *, at: datetime) -> int:
        """Return after how many seconds the next window begins: at least one."""
        return self.window_seconds - int(at.timestamp()) % self.window_seconds


@dataclass(frozen=True, slots=True)
class Policies:
    """What one address, one account and one tenant may ask for; and an address in what has its own limit.

    ``callbacks`` are of payment gateways, each of which calls from few addresses for all tenants;
    ``pages`` are public, and opened by people.
    """

    address: Policy
    account: Policy
    tenant: Policy
    callbacks: Policy
    pages: Policy

    @classmethod
    def of(cls, *, per_minute: int) -> Policies:
        """Return the limits where one account may make ``per_minute`` requests a minute."""
        return cls(
            Policy("address", per_minute * ADDRESS_TIMES),
            Policy("account", per_minute),
            Policy("tenant", per_minute * TENANT_TIMES),
            Policy("callbacks", per_minute * CALLBACKS_TIMES),
            Policy("pages", max(1, per_minute // PAGES_SHARE)),
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a limit is left, and for how many seconds."""

    policy: Policy
    remaining: int
    left_seconds: int

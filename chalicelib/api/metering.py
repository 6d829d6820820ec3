"""Limits on requests at the edge, and the headers that tell of them.

``RateLimit`` and ``RateLimit-Policy`` are those of draft-ietf-httpapi-ratelimit-headers-10: of each
policy the quota ``q`` and its window ``w`` in seconds, what remains ``r`` and for how long ``t``.
"""

from __future__ import annotations

from collections.abc import Mapping

from chalice.app import Request as ChaliceRequest

from chalicelib.bootstrap import Services
from chalicelib.domain.permissions import SUBSCRIBER
from chalicelib.domain.rates import Policy, Standing
from chalicelib.domain.staff import Principal
from chalicelib.usecases.rates import RateLimited
from chalicelib.usecases.throttle import client_of


class Meter:
    """Counts one request against its limits, and keeps what is left of them."""

    def __init__(self) -> None:
        self._standings: list[Standing] = []

    def count_address(self, services: Services, raw: ChaliceRequest, policy: str = "address") -> None:
        """Count the request for its network address, or raise RateLimited; ``policy`` names the limit."""
        client = client_of(address=address_of(raw))
        self._take(services, getattr(services.rate_policies, policy), client)

    def count_principal(self, services: Services, principal: Principal) -> None:
        """Count the request for who asks and for their tenant, or raise RateLimited.

        An ISP's subscribers are counted apart, so that they cannot use up what its staff may ask.
        """
        policies = services.rate_policies
        self._take(services, policies.account, f"{principal.tenant_id}|{principal.actor_id}")
        portal = "|portal" if principal.role == SUBSCRIBER else ""
        self._take(services, policies.tenant, f"{principal.tenant_id}{portal}")

    def _take(self, services: Services, policy: Policy, key: str) -> None:
        try:
            standing = services.rates.take(policy=policy, key=key, at=services.clock.now())
        except RateLimited as refused:
            self._standings.append(refused.standing)
            raise
        self._standings.append(standing)

    def headers(self) -> Mapping[str, str]:
        """Return the headers of the limits that the request was counted for."""
        if not self._standings:
            return {}
        quotas = [
            f'"{one.policy.name}";q={one.policy.most};w={one.policy.window_seconds}'
            for one in self._standings
        ]
        left = [f'"{one.policy.name}";r={one.remaining};t={one.left_seconds}' for one in self._standings]
        return {"RateLimit-Policy": ", ".join(quotas), "RateLimit": ", ".join(left)}


def address_of(raw: ChaliceRequest) -> str:
    """Return the caller's network address, which the gateway knows."""
    return str(raw.context.get("identity", {}).get("sourceIp", ""))

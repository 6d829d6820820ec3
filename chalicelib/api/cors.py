"""What a browser is told of pages of other origins (Fetch standard, "CORS protocol").

A page of another origin may read answers of the tenant that allows its origin, by bearer token:
credentials are never allowed, so a cookie of ours is no use to such a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from chalice.app import Request as ChaliceRequest

from chalicelib.bootstrap import Services

PREFLIGHT_SECONDS: Final = 600
_SENT: Final = "Authorization, Content-Type, Idempotency-Key, If-Match"
_READ: Final = "ETag, Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id"


def allowance(raw: ChaliceRequest, services: Services, *, tenant_id: str | None) -> Mapping[str, str]:
    """Return the headers that let the asking page read an answer; none for most."""
    origin = raw.headers.get("origin", "")
    if not origin or origin == services.settings.public_base_url:
        return {}
    if not services.origins.allows(origin=origin, tenant_id=tenant_id, at=services.clock.now()):
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _READ}


def preflight(raw: ChaliceRequest, services: Services, *, allowed: Iterable[str]) -> Mapping[str, str]:
    """Return the headers of the answer to OPTIONS: methods, and what a page may send, where it may at all."""
    methods = ", ".join(sorted(allowed))
    granted = allowance(raw, services, tenant_id=None) if _asks(raw) else {}
    if not granted:
        return {"Allow": methods}
    return {
        "Allow": methods,
        "Access-Control-Allow-Origin": granted["Access-Control-Allow-Origin"],
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": _SENT,
        "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
    }


def _asks(raw: ChaliceRequest) -> bool:
    return bool(raw.headers.get("access-control-request-method"))

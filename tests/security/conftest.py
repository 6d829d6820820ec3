"""The application on the engine, as the integration tests have it."""

from __future__ import annotations

from tests.integration.conftest import (
    api,
    clock,
    engine_services,
    gateway,
    mailbox,
    other_tenant,
    services,
    signed_in,
    tenant,
)

__all__ = [
    "api",
    "clock",
    "engine_services",
    "gateway",
    "mailbox",
    "other_tenant",
    "services",
    "signed_in",
    "tenant",
]

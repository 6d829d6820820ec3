"""The application on the engine, as the integration tests have it, and the ISPs of the generated suites."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.local.gateway import Gateway
from tests.fakes.clock import FakeClock
from tests.integration.conftest import (
    NOW,
    EngineServices,
    api,
    as_at_first,
    clock,
    engine_services,
    gateway,
    mailbox,
    on_engine,
    other_tenant,
    services,
    signed_in,
    tenant,
)
from tests.integration.furnishing import Isp, furnished
from tests.integration.test_foreign_ids_everywhere import described
from tests.security.isps import Scene, Victim, victim_of

__all__ = [
    "api",
    "clock",
    "described",
    "engine_services",
    "gateway",
    "mailbox",
    "on_engine",
    "other_tenant",
    "services",
    "signed_in",
    "tenant",
]


@pytest.fixture(scope="module", autouse=True)
def _as_at_first(empty_tables: None, engine_services: EngineServices) -> None:
    """What other modules' tests have made, or broken, is gone."""
    as_at_first(engine_services)


@pytest.fixture(scope="session")
def present(engine_services: EngineServices) -> EngineServices:
    """The services, with the clock at the present."""
    assert isinstance(engine_services.clock, FakeClock)
    engine_services.clock.set(NOW)
    return engine_services


@pytest.fixture(scope="module")
def victim(gateway: Gateway, present: EngineServices) -> Victim:
    """Another ISP, with everything."""
    return victim_of(gateway, present)


@pytest.fixture(scope="module")
def attacker(gateway: Gateway, present: EngineServices) -> Isp:
    """The attacker's own ISP, with everything, so that each request gets as far as it can."""
    return furnished(gateway, present)


@pytest.fixture
def scene(attacker: Isp, victim: Victim, services: EngineServices, described: dict[str, Any]) -> Scene:
    """Two ISPs, with the clock at the present."""
    return Scene(attacker, victim, services, described)

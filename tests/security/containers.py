"""Other containers of the platform: processes that share its tables and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from chalice.app import Chalice

from chalicelib.api.routes import register
from chalicelib.jobs.keys import keep_keys
from chalicelib.local.gateway import Gateway
from chalicelib.store.base import ModelWrite
from chalicelib.store.wrapped_keys import WrappedKeyItem
from tests.fakes.api_client import ApiClient
from tests.integration.conftest import EngineServices, SignedIn


def another(services: EngineServices, **settings: Any) -> EngineServices:
    """The services of another container, which has seen no key yet; with other settings where given.

    Connections are shared, for making them takes a while; they hold nothing that is asked for here.
    """
    fresh = EngineServices(
        settings=replace(services.settings, **settings),
        clock=services.clock,
        environment=services.environment,
    )
    shared = {"database", "_session", "mailer"} | ({"key_wrapper", "wire"} if not settings else set())
    vars(fresh).update({name: getattr(services, name) for name in shared})
    return fresh


def client_of(services: EngineServices, tenant: SignedIn) -> ApiClient:
    """The tenant's owner at another container."""
    app = Chalice(app_name="isp-billing", configure_logs=False)
    register(app, lambda: services)
    return ApiClient(Gateway(app), caller=tenant.api.caller).bearer(tenant.token)


def order_keys(services: EngineServices, tenant: SignedIn, *families: str) -> None:
    """Replace what was made until now, as an operator's event asks for it."""
    detail: dict[str, object] = {
        "made_before": services.clock.now().isoformat(),
        "tenant_id": tenant.tenant_id,
    }
    if families:
        detail["families"] = list(families)
    keep_keys(services, {"detail": detail})


def stored_keys(tenant: SignedIn) -> dict[str, WrappedKeyItem]:
    """The tenant's wrapped keys by name."""
    return {str(item.sk): item for item in WrappedKeyItem.query(f"{tenant.tenant_id}#KEYS")}


class Killed(BaseException):
    """The process ends here: nothing of ours catches it."""


def killed_at(services: EngineServices, *, commit: int, written: bool) -> EngineServices:
    """A container that dies at its n-th commit, before it is made or after."""
    doomed = another(services)
    inner = services.database.commit
    left = [commit]

    def dying(writes: Sequence[ModelWrite]) -> None:
        left[0] -= 1
        if left[0] == 0:
            if written:
                inner(writes)
            raise Killed
        inner(writes)

    database = copy(services.database)
    database.commit = dying  # type: ignore[method-assign]
    vars(doomed)["database"] = database
    return doomed

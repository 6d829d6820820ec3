"""Every module of endpoints, in the order of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable

from chalice.app import Chalice

from chalicelib.api import (  # noqa: F401 - imported for their endpoints
    billing,
    document,
    exports,
    health,
    imports,
    invoices,
    packages,
    sessions,
    signups,
    subscribers,
    subscriptions,
    tenants,
)
from chalicelib.api.routing import mount
from chalicelib.bootstrap import Services


def register(app: Chalice, services: Callable[[], Services]) -> None:
    """Give the app every route; ``services`` is called when a request comes."""
    mount(app, services)

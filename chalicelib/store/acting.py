"""For which tenant the store is at work: what decides with whose credentials a request goes out.

A repository is built for one tenant; while one of its methods runs, requests to the database
are signed with credentials of that tenant (see ``store.vending``). The tenant never comes from
the keys that are asked for, so a repository that asks for another tenant's is refused by the
database itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from types import FunctionType
from typing import Any, Final

_ACTING: Final[ContextVar[str | None]] = ContextVar("acting_tenant", default=None)


def acting_tenant() -> str | None:
    """Return the tenant at work; None for the platform's own work: registry, sessions, attempts."""
    return _ACTING.get()


@contextmanager
def acting_for(tenant_id: str | None) -> Iterator[None]:
    """Be at work for a tenant, or for none; what was before comes back at the end."""
    token = _ACTING.set(tenant_id)
    try:
        yield
    finally:
        _ACTING.reset(token)


class OfTenant:
    """Base of every repository: its public methods are at work for its own tenant."""

    _tenant_id: str

    def __init_subclass__(cls) -> None:
        _act(cls, lambda self, _: str(self._tenant_id))


class ByTenant:
    """Base of a store that is told the tenant with each call, by the keyword ``tenant_id``."""

    def __init_subclass__(cls) -> None:
        _act(cls, lambda _, named: str(named["tenant_id"]))


class OfPlatform:
    """Base of what belongs to no tenant: its public methods go out as the function itself."""

    def __init_subclass__(cls) -> None:
        _act(cls, lambda _, __: None)


def _act(cls: type, tenant_of: Callable[[Any, dict[str, Any]], str | None]) -> None:
    for name, method in list(vars(cls).items()):
        if isinstance(method, FunctionType) and not name.startswith("_"):
            setattr(cls, name, _acting(method, tenant_of))


def _acting(
    method: FunctionType, tenant_of: Callable[[Any, dict[str, Any]], str | None]
) -> Callable[..., Any]:
    @wraps(method)
    def act(self: Any, *args: Any, **named: Any) -> Any:
        tenant_id = tenant_of(self, named)
        token = _ACTING.set(tenant_id)
        try:
            result = method(self, *args, **named)
        finally:
            _ACTING.reset(token)
        return _stepping(result, tenant_id) if isinstance(result, Iterator) else result

    return act


def _stepping(steps: Iterator[Any], tenant_id: str | None) -> Iterator[Any]:
    """Yield what a lazy answer yields; each page of it is read for the tenant too."""
    while True:
        with acting_for(tenant_id):
            try:
                step = next(steps)
            except StopIteration:
                return
        yield step

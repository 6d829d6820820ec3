"""Clients of AWS's services."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.session import Session

# Clients may be used by many threads at once, but one session makes one at a time.
_MAKING_CLIENTS: Final = Lock()


def made_client(*, session: Session, name: Any, region: str, endpoint_url: str | None, config: Config) -> Any:
    """Return a client of the service of that name; ``endpoint_url`` is None for AWS's own."""
    with _MAKING_CLIENTS:
        return session.create_client(name, region, endpoint_url=endpoint_url, config=config)

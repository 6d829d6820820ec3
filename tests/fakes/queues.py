"""Queues of jobs in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.bootstrap import Services
from chalicelib.ports.services import QueueUnavailable


class AtOnce:
    """A queue whose worker takes each message when it is sent."""

    def __init__(self, services: Services, work: Callable[[Any, Mapping[str, Any]], Any]) -> None:
        self._services = services
        self._work = work

    def send(self, *, message: Mapping[str, object], delay_seconds: int = 0) -> None:
        """Do the work."""
        record = {"messageId": "m", "body": json.dumps(dict(message))}
        self._work(self._services, {"Records": [record]})


class Kept:
    """A queue that nobody takes from."""

    def __init__(self) -> None:
        self.sent: list[Mapping[str, object]] = []

    def send(self, *, message: Mapping[str, object], delay_seconds: int = 0) -> None:
        """Keep the message."""
        self.sent.append(message)


class Away:
    """A queue that does not answer."""

    def send(self, *, message: Mapping[str, object], delay_seconds: int = 0) -> None:
        """Refuse the message."""
        raise QueueUnavailable("the queue did not take the message")

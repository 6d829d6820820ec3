"""The platform's queues, by their addresses in the settings: a part of the services."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalicelib.config import Settings
    from chalicelib.ports.services import JobQueue


class Queues:
    """Queues, each made when first used; over one client."""

    settings: Settings

    def client(self, name: Any) -> Any:
        """Return a client of an AWS service."""
        raise NotImplementedError

    @cached_property
    def _sqs(self) -> Any:
        return self.client("sqs")

    def _queue(self, url: str) -> JobQueue:
        from chalicelib.adapters.queues import SqsQueue

        return SqsQueue(client=self._sqs, url=url)

    @cached_property
    def billing_queue(self) -> JobQueue:
        """Shards of billing runs."""
        return self._queue(self.settings.billing_queue_url)

    @cached_property
    def import_queue(self) -> JobQueue:
        """Imports to work on."""
        return self._queue(self.settings.import_queue_url)

    @cached_property
    def export_queue(self) -> JobQueue:
        """Exports to make."""
        return self._queue(self.settings.export_queue_url)

    @cached_property
    def mail_queue(self) -> JobQueue:
        """Mails to send where the asking must not tell whether there is anybody to send them to."""
        return self._queue(self.settings.mail_queue_url)

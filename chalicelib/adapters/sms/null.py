"""An SMS service that sends nothing: where no sender is configured."""

from __future__ import annotations

from chalicelib.ports.services import TextMessage


class NullTexter:
    """Drops messages, and says so."""

    configured = False

    def send(self, *, message: TextMessage) -> None:
        """Do nothing."""

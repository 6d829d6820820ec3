"""A mail service that sends nothing: for a sender under ``.invalid`` (RFC 2606)."""

from __future__ import annotations

from chalicelib.ports.services import Mail


class NullMailer:
    """Drops mail."""

    def send(self, *, mail: Mail) -> None:
        """Do nothing."""

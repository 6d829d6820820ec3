"""Receipts that are to be mailed, as the store keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.ports.store import Write


class ReceiptMails(Protocol):
    """Receipts whose mail is still to go; one that went is not there any more."""

    def add(self, *, document_id: str, at: datetime) -> Write:
        """Describe that a receipt is to be mailed; asked for twice before it went, it goes once."""

    def claim(self, *, document_id: str, at: datetime, until: datetime) -> datetime | None:
        """Take a receipt's mail until an instant; return since when it is to go.

        None where it went, or another one has it.
        """

    def release(self, *, document_id: str) -> None:
        """Give a mail back that could not be sent."""

    def forget(self, *, document_id: str) -> None:
        """Forget a mail that went, or that is given up."""

    def waiting(self, *, before: datetime, limit: int) -> Sequence[str]:
        """Return receipts that were to be mailed before an instant, and nobody has."""

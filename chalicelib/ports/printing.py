"""Drawing documents on paper."""

from __future__ import annotations

from typing import Protocol

from chalicelib.domain.printed import Printed


class Printer(Protocol):
    """Draws documents."""

    def draw(self, *, document: Printed) -> bytes:
        """Return the document as a PDF of A4 pages; the same document is the same bytes."""

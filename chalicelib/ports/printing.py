"""Drawing documents on paper, and codes on screens."""

from __future__ import annotations

from typing import Protocol

from chalicelib.domain.printed import Printed


class Printer(Protocol):
    """Draws documents."""

    def draw(self, *, document: Printed) -> bytes:
        """Return the document as a PDF of A4 pages; the same document is the same bytes."""

    def qr_code(self, *, text: str, label: str) -> str:
        """Return the QR code of a text as an SVG element, with a label for who cannot see it."""

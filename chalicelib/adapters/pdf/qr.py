"""QR codes as SVG, for pages: a scanner reads them from a screen, light or dark."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel

# What a scanner needs around it (ISO/IEC 18004: four modules).
QUIET: Final = 4
PIXELS: Final = 260


def qr_svg(*, text: str, label: str) -> str:
    """Return the code of a text as an SVG element, black on white; ``label`` is read aloud."""
    code: Any = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(text)
    code.make()
    count = code.getModuleCount()
    dark = "".join(
        f"M{column + QUIET} {row + QUIET}h1v1h-1z"
        for row in range(count)
        for column in range(count)
        if code.isDark(row, column)
    )
    size = count + 2 * QUIET
    return (
        f'<svg role="img" aria-label="{escape(label)}" width="{PIXELS}" height="{PIXELS}" '
        f'viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<rect width="{size}" height="{size}" fill="#fff"/><path fill="#000" d="{dark}"/></svg>'
    )

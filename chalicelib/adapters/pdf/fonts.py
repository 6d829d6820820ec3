"""The typeface of everything that is printed: Latin, and Arabic script as Urdu writes it.

Noto Sans Arabic has both, in two weights; the files beside this module are cut down to the characters
of the two scripts (SIL Open Font License, ``fonts/OFL.txt``). Arabic letters are joined and put in the
order of the eye before they are drawn, for a PDF knows neither. Urdu comes out in Naskh, the hand of
screens and newspapers' tables, not in Nastaliq; marks above and below letters are placed roughly.
Other scripts (Devanagari, Gurmukhi, Chinese) and emoji are not there: each such character is drawn
as a question mark.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Final

from arabic_reshaper import ArabicReshaper
from bidi.algorithm import get_display  # the one that mirrors brackets
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR: Final = "NotoSansArabic-Regular"
BOLD: Final = "NotoSansArabic-Bold"
ELLIPSIS: Final = "\u2026"
_ABSENT: Final = "?"
_FILES: Final = Path(__file__).parent / "fonts"
# Letters that are written from right to left, and digits that go with them.
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_SHAPED_MAX: Final = 1_000


@lru_cache(maxsize=1)
def register() -> frozenset[int]:
    """Make both weights known to reportlab, once a process; return the characters that they have."""
    regular, bold = (TTFont(name, str(_FILES / f"{name}.ttf")) for name in (REGULAR, BOLD))
    pdfmetrics.registerFont(regular)
    pdfmetrics.registerFont(bold)
    return frozenset(regular.face.charToGlyph)


def right_to_left(*, text: str) -> bool:
    """Whether a text reads from the right: its first letter decides (Unicode's rule P2)."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in {"R", "AL"}:
            return True
        if kind == "L":
            return False
    return False


@lru_cache(maxsize=_SHAPED_MAX)
def shaped(*, text: str) -> str:
    """Return a line of text as it is drawn from left to right: letters joined, runs in the eye's order.

    What the typeface has no glyph for becomes a question mark. Cut and measure lines by ``fitted``
    before: what this returns is not to be cut any more.
    """
    known = register()
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        text = str(get_display(_reshaper().reshape(text)))
    return "".join(one if ord(one) in known else _ABSENT for one in text)


def width_of(*, text: str, font: str, size: float) -> float:
    """Return the width in points that a line has when drawn."""
    return float(pdfmetrics.stringWidth(shaped(text=text), font, size))


def fitted(*, text: str, font: str, width: float, size: float, size_min: float) -> tuple[str, float]:
    """Return a line as it is drawn and its size in points, so that it is no wider than ``width``.

    It is drawn smaller down to ``size_min``; what is too long even so is cut and ends with an ellipsis.
    """
    text = " ".join(text.split())
    needed = width_of(text=text, font=font, size=size)
    if needed <= width:
        return shaped(text=text), size
    smaller = size * width / needed
    if smaller >= size_min:
        return shaped(text=text), smaller
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        cut = text[:middle].rstrip() + ELLIPSIS
        if width_of(text=cut, font=font, size=size_min) <= width:
            low = middle
        else:
            high = middle - 1
    return shaped(text=text[:low].rstrip() + ELLIPSIS), size_min


@lru_cache(maxsize=1)
def _reshaper() -> ArabicReshaper:
    return ArabicReshaper({"language": "Urdu"})

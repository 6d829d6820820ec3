"""Cells that a spreadsheet would run: refused where they come in, defused where they go out.

After OWASP, "CSV Injection": a cell that begins with one of these characters may be taken
for a formula, and a formula may send the sheet's contents elsewhere.
"""

from __future__ import annotations

from typing import Final

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
TEXT_MARK: Final = "'"


def is_formula(*, text: str) -> bool:
    """Whether a spreadsheet could take the cell for a formula."""
    return text.startswith(FORMULA_STARTS)


def text_cell(*, text: str) -> str:
    """Return the cell with an apostrophe before what a spreadsheet could run.

    Reversible: a cell that begins with an apostrophe gets one too, so that taking exactly one
    leading apostrophe away gives back every text.
    """
    return TEXT_MARK + text if is_formula(text=text) or text.startswith(TEXT_MARK) else text


def cell_text(*, cell: str) -> str:
    """Return the text that ``text_cell`` made the cell of."""
    return cell.removeprefix(TEXT_MARK)

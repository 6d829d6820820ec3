"""QR codes on pages: another program reads from the drawing what was put in."""

from __future__ import annotations

import re

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from chalicelib.adapters.pdf.qr import qr_svg

RAAST = "00020101021228500032" + "PK36SCBL0000001123456702" * 3 + "5303586540516.495802PK6304ABCD"


def drawn(svg: str, scale: int = 6) -> Image.Image:
    """The drawing as pixels: the white square, and each black module of the path."""
    found = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    assert found is not None
    assert found[1] == found[2]
    image = Image.new("L", (int(found[1]) * scale,) * 2, 255)
    pen = ImageDraw.Draw(image)
    for column, row in re.findall(r"M(\d+) (\d+)h1v1h-1z", svg):
        left, top = int(column) * scale, int(row) * scale
        pen.rectangle((left, top, left + scale - 1, top + scale - 1), fill=0)
    return image


@pytest.mark.parametrize("text", [RAAST, "a", "x" * 400])
def test_what_is_scanned_is_what_was_drawn(text: str) -> None:
    [read] = zxingcpp.read_barcodes(drawn(qr_svg(text=text, label="code")))

    assert read.text == text


def test_a_label_is_no_html() -> None:
    svg = qr_svg(text="a", label='"><script>')

    assert "<script>" not in svg
    assert svg.startswith('<svg role="img"')

from __future__ import annotations

import pytest
from reportlab.pdfbase import pdfmetrics

from chalicelib.adapters.pdf import fonts

URDU = "لاہور نیٹ گھر ہے"
# Every letter that Urdu's alphabet has beyond Arabic's.
LETTERS = "پ ٹ چ ڈ ڑ ژ ک گ ں ہ ھ ی ے ئ ؤ ۓ ۂ ۃ ۔ ، ؟"  # noqa: RUF001 - they are meant


def test_urdu_is_joined_and_reads_from_the_right() -> None:
    drawn = fonts.shaped(text=URDU)

    assert fonts.right_to_left(text=URDU)
    # The first word stands last on the line, in forms that join, and nothing is missing.
    assert drawn[-1] == "\ufefb"  # lam and alif as one
    assert drawn.startswith("\ufbaf\ufba8")  # yeh barree's last form, heh goal's first
    assert "?" not in fonts.shaped(text=LETTERS.replace("؟", ""))


def test_latin_stands_as_it_is_within_urdu() -> None:
    drawn = fonts.shaped(text="گھر Ltd. 2026 ہے")

    assert "Ltd. 2026" in drawn
    assert fonts.shaped(text="Lahore Net (Pvt.) Ltd") == "Lahore Net (Pvt.) Ltd"
    assert not fonts.right_to_left(text="2026 Lahore لاہور")


def test_brackets_open_towards_what_they_hold() -> None:
    drawn = fonts.shaped(text="سروس (نیٹ) گھر")

    assert 0 < drawn.index("(") < drawn.index(")")


def test_what_the_typeface_has_not_is_a_question_mark() -> None:
    assert fonts.shaped(text="naïve 漢 🙂") == "naïve ? ?"


@pytest.mark.parametrize("text", ["W" * 200, "لاہور نیٹ " * 40])
def test_a_long_line_is_drawn_smaller_and_then_cut(text: str) -> None:
    drawn, size = fonts.fitted(text=text, font=fonts.BOLD, width=120, size=14, size_min=7)

    assert size == 7
    assert fonts.ELLIPSIS in drawn
    assert len(drawn) < len(text)
    assert pdfmetrics.stringWidth(drawn, fonts.BOLD, size) <= 120
    once = fonts.fitted(text="a\n b", font=fonts.BOLD, width=120, size=14, size_min=7)
    assert once == ("a b", 14)

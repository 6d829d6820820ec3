"""What a terminal is given."""

from __future__ import annotations

from chalicelib.cli.output import harmless


def test_a_strangers_words_neither_move_the_cursor_nor_turn_the_line_round() -> None:
    assert harmless("a\x1b[2J\u202eb\u2066c\x07") == "a [2J b c "
    assert harmless("سلام، 好 e\u0301") == "سلام، 好 e\u0301"

"""``make drill`` that is ended by Ctrl-C says so in a line."""

from __future__ import annotations

import sys

import pytest

from chalicelib.local import drill


class Interrupted:
    """An engine during whose start Ctrl-C comes."""

    def __init__(self, venv: object) -> None:
        pass

    def __enter__(self) -> None:
        raise KeyboardInterrupt

    def __exit__(self, *_: object) -> None:
        """Nothing was started."""


def test_ctrl_c_is_a_line_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(drill, "Engine", Interrupted)
    monkeypatch.setattr(sys, "argv", ["drill"])

    assert drill.main() == 130

    assert capsys.readouterr().err == "\nisp-billing: the drill was interrupted, and left nothing\n"

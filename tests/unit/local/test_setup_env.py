"""Setting up: what a person at the terminal sees when it is cut short."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from chalicelib.local import setup_env


def test_an_interruption_is_one_line_and_the_shell_s_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "requirements.txt").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(setup_env, "make", interrupted)
    monkeypatch.setattr(sys, "argv", ["setup_env.py", "venv", "requirements.txt"])

    assert setup_env.main() == 130

    told = capsys.readouterr()
    assert told.out == ""
    assert "goes on at the next start" in told.err

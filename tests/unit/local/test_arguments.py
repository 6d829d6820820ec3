"""What `make run` is given wrongly is answered by one line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from chalicelib.local.__main__ import main

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--port", "abc"], "argument --port: 'abc' is no port: a number from 1 to 65535"),
        (["--port", "70000"], "argument --port: '70000' is no port"),
        (["--engine-port", "0"], "argument --engine-port: '0' is no port"),
        (["--no-such"], "unrecognized arguments: --no-such"),
    ],
)
def test_a_wrong_argument_is_one_line(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", *arguments])

    told = capsys.readouterr()
    assert ended.value.code == 2
    assert told.out == ""
    assert told.err.startswith(f"isp-billing: {says}")
    assert "ARGS=--debug" in told.err
    assert told.err.count("\n") == 1


def make(*arguments: str, path: Path) -> tuple[int, list[str]]:
    """Run make with this PATH alone; its exit status, and what it says besides its own last line."""
    found = shutil.which("make")
    assert found is not None
    done = subprocess.run(
        [found, "-C", str(ROOT), "--no-print-directory", *arguments],
        env={"PATH": str(path)},
        check=False,
        capture_output=True,
        text=True,
    )
    return done.returncode, [
        line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("make:")
    ]


def shim(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_python_that_does_not_run_is_one_line(tmp_path: Path) -> None:
    old = shim(tmp_path / "old", "exit 1")
    for given in ("/nosuch", str(old)):
        status, (line,) = make("run", f"PYTHON={given}", path=tmp_path)

        assert status == 2
        assert line.startswith(f"isp-billing: PYTHON={given} does not run, or is no Python 3.11 or newer")


def test_without_any_python_one_line_says_what_to_install(tmp_path: Path) -> None:
    shim(tmp_path / "python3", "exit 127")

    status, (line,) = make("run", path=tmp_path)

    assert status == 2
    assert line.startswith("isp-billing: Python 3.11 or newer with ensurepip is needed: install it")
    assert "PYTHON=<path>" in line

"""The drill and the ending on one machine end well: what operations.md shows is what they print."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.e2e.deployment import ROOT


def test_a_drill_is_sound_and_says_how_old_the_recovery_point_is(engine_venv: Path) -> None:
    drill = [sys.executable, "-m", "chalicelib.local.drill", "--engine-venv", str(engine_venv)]

    done = subprocess.run(drill, cwd=ROOT, check=False, capture_output=True, text=True, timeout=600)

    told = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith(("Re", "Ha")))
    assert done.returncode == 0, done.stdout + done.stderr
    assert told["Result"] == "sound"
    assert told["Hashes"] == "all as backed up"
    assert {"Restored", "Recovery", "Restless"} <= set(told)


def test_an_ending_is_shown_with_its_notices_and_its_certificate(engine_venv: Path) -> None:
    ending = [sys.executable, "-m", "chalicelib.local.drill", "ending", "--engine-venv", str(engine_venv)]

    done = subprocess.run(ending, cwd=ROOT, check=False, capture_output=True, text=True, timeout=600)

    assert done.returncode == 0, done.stdout + done.stderr
    mails = [line for line in done.stdout.splitlines() if line.startswith("Mail")]
    assert [line.split("deleted")[-1] for line in mails if "data is deleted" in line] == [
        " in 30 days", " in 14 days", " in 7 days", " tomorrow", "",
    ]  # fmt: skip
    assert "a change is refused: tenant_in_recovery" in done.stdout
    assert '"certificate": "deletion"' in done.stdout
    assert "50 invoices of" in done.stdout

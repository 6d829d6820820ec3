"""The drill on one machine ends well: what operations.md shows is what it prints."""

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

"""What a cold start costs: the CPU of importing the API handler, and the size of the package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "build" / "package" / "deployment.zip"
REPORT: Final = PACKAGE.with_name("package.json")
IMPORTS: Final = 5
_PROGRAM: Final = "import time; t=time.process_time(); import app; print((time.process_time()-t)*1000)"


def api_import_cpu_ms() -> float | None:
    """Return the median CPU milliseconds of ``import app`` from compiled files of the package.

    `make package` measures them, in a clean interpreter of the version that Lambda runs. Without
    a package the source tree is measured, with compiled files as Python caches them.
    """
    if REPORT.exists():
        return float(json.loads(REPORT.read_text())["api_import_cpu_ms"])
    return _measure(ROOT)


def _measure(folder: Path) -> float:
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); {_PROGRAM}"
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    found = [
        float(
            subprocess.run(
                [sys.executable, "-c", program], env=env, check=True, capture_output=True, text=True
            ).stdout
        )
        for _ in range(IMPORTS + 1)
    ]
    return round(median(found[1:]), 1)


def zip_mib() -> float | None:
    """Return the size of the packaged zip, or None where ``make package`` has not run."""
    return round(PACKAGE.stat().st_size / 2**20, 2) if PACKAGE.exists() else None

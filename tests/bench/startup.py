"""What a cold start costs: the CPU of importing the API handler, and the size of the package."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from statistics import median
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "build" / "package" / "deployment.zip"
IMPORTS: Final = 5
_PROGRAM: Final = "import time; t=time.process_time(); import app; print((time.process_time()-t)*1000)"


def api_import_cpu_ms() -> float | None:
    """Return the median CPU milliseconds of ``import app`` from compiled files of the package.

    The packaged zip is for the production interpreter; where this one differs, its source tree
    is measured instead, with compiled files as Python caches them.
    """
    if _packaged_for_this_python():
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(PACKAGE) as package:
            package.extractall(folder)
            return _measure(Path(folder), isolated=True)
    return _measure(ROOT, isolated=False)


def _measure(folder: Path, *, isolated: bool) -> float:
    flags = ["-I", "-S"] if isolated else []
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); {_PROGRAM}"
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    found = [
        float(
            subprocess.run(
                [sys.executable, *flags, "-c", program], env=env, check=True, capture_output=True, text=True
            ).stdout
        )
        for _ in range(IMPORTS + 1)
    ]
    return round(median(found[1:]), 1)


def _packaged_for_this_python() -> bool:
    marker = PACKAGE.with_name("python-version")
    return (
        PACKAGE.exists()
        and marker.exists()
        and marker.read_text().strip() == f"{sys.version_info[0]}.{sys.version_info[1]}"
    )


def zip_mib() -> float | None:
    """Return the size of the packaged zip, or None where ``make package`` has not run."""
    return round(PACKAGE.stat().st_size / 2**20, 2) if PACKAGE.exists() else None

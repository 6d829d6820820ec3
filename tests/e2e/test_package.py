"""What is deployed: the zip as it ships."""

from __future__ import annotations

import sys
import zipfile
from pathlib import PurePosixPath

from tests.e2e.conftest import PACKAGE


def test_every_module_in_the_zip_is_compiled() -> None:
    names = set(zipfile.ZipFile(PACKAGE / "deployment.zip").namelist())
    modules = [PurePosixPath(name) for name in names if name.endswith(".py")]
    assert PurePosixPath("app.py") in modules

    tag = sys.implementation.cache_tag
    assert [
        str(module)
        for module in sorted(modules)
        if str(module.parent / "__pycache__" / f"{module.stem}.{tag}.pyc") not in names
    ] == []

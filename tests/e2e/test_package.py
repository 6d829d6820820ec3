"""What is deployed: zip and template as they ship."""

from __future__ import annotations

import json
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


def test_the_template_does_not_grow_with_the_routes() -> None:
    text = (PACKAGE / "template.json").read_text()
    api = json.loads(text)["Resources"]["RestAPI"]["Properties"]

    assert list(api["DefinitionBody"]["paths"]) == ["/{proxy+}"]
    assert [(one["ResourcePath"], one["HttpMethod"]) for one in api["MethodSettings"]] == [("/*", "*")]
    # CloudFormation takes a megabyte.
    assert len(text.encode()) < 250_000

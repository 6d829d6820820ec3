"""The package build refuses what would only fail after deployment."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[3] / ".chalice"


def load(name: str) -> ModuleType:
    """Load a script of ``.chalice``, which is no package."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


strip = load("strip")
build = load("build")


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("name", "ships"),
    [
        ("app.py", True),
        ("chalicelib/api/health.py", True),
        ("chalicelib/local/engine.py", False),
        ("chalicelib/cli/main.py", False),
        ("chalice/app.py", True),
        ("botocore/data/endpoints.json", True),
        ("botocore/data/dynamodb/2012-08-10/service-2.json.gz", True),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", False),
        ("pydantic/main.pyi", False),
        ("urllib3/contrib/pyopenssl.py", False),
        ("OpenSSL/crypto.py", True),
        ("stripe/checkout/_session.py", True),
        ("stripe/params/checkout/_session_create_params.py", False),
        ("requests/sessions.py", False),
        ("x/__pycache__/y.cpython-313.pyc", False),
        ("something/tests/test_x.py", False),
        ("pydantic-2.14.3.dist-info/METADATA", True),
        ("pydantic-2.14.3.dist-info/RECORD", False),
        ("cryptography-50.0.2.dist-info/licenses/LICENSE.BSD", True),
        ("chalicelib/adapters/pdf/fonts/NotoSansArabic-Bold.ttf", True),
        ("chalicelib/adapters/pdf/fonts/OFL.txt", True),
        ("reportlab/fonts/Vera.ttf", False),
        ("PIL/_avif.cpython-313-aarch64-linux-gnu.so", False),
        ("pillow.libs/libavif-a883386a.so.16.4.1", False),
        ("pillow.libs/libjpeg-8296d2fa.so.62.4.0", True),
    ],
)
def test_what_ships(name: str, *, ships: bool) -> None:
    assert strip.is_shipped(name) is ships


def test_a_missing_dependency_fails_though_chalice_succeeds(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "sam.json").write_text("{}")
    chalice = script(tmp_path / "python", 'echo "Could not install dependencies: nosuch==1"')
    with pytest.raises(build.BuildError, match="nosuch==1"):
        build.run_chalice(chalice, tmp_path, tmp_path, out)


def test_a_package_without_template_fails_though_chalice_succeeds(tmp_path: Path) -> None:
    with pytest.raises(build.BuildError, match="boom"):
        build.run_chalice(script(tmp_path / "python", "echo boom"), tmp_path, tmp_path, tmp_path / "out")


def test_a_shim_that_does_not_run_is_no_interpreter(tmp_path: Path) -> None:
    assert not build.runs_version(script(tmp_path / "python3.13", "exit 127"))
    assert not build.runs_version(tmp_path / "absent")


def test_without_the_right_python_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "candidates", list)
    with pytest.raises(build.BuildError) as refused:
        build.lambda_target()
    assert "uv python install 3.13" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_queue_events_refer_to_queues_of_the_template() -> None:
    event: dict[str, Any] = {"Queue": {"Fn::Sub": "arn:x:sqs:y:z:ImportQueue"}}
    build.complete_queue_event(event, {"ImportQueue": {"Type": "AWS::SQS::Queue"}})
    assert event["Queue"] == {"Fn::GetAtt": ["ImportQueue", "Arn"]}
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    with pytest.raises(build.BuildError, match="Imports"):
        build.complete_queue_event({"Queue": {"Fn::Sub": "arn:x:sqs:y:z:Imports"}}, {})


def test_equal_trees_make_equal_zips(tmp_path: Path) -> None:
    for name, order in [("a", ["x.py", "b/y.py"]), ("b", ["b/y.py", "x.py"])]:
        for number, file in enumerate(order):
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file)
            os.utime(path, (number, number))
        build.pack(tmp_path / name, tmp_path / f"{name}.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_native_module_for_another_machine_is_refused(tmp_path: Path) -> None:
    for name in ("app.py", "chalicelib/__init__.py", "chalice/app.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    arm64 = build.Target(Path(sys.executable), "3.13", "arm64")
    build.check_tree(tmp_path, arm64)
    (tmp_path / "native.so").write_bytes(b"\x7fELF" + bytes(14) + (62).to_bytes(2, "little"))
    with pytest.raises(build.BuildError, match="not for arm64"):
        build.check_tree(tmp_path, arm64)


def test_a_package_without_the_runtime_is_refused(tmp_path: Path) -> None:
    with pytest.raises(build.BuildError, match=r"app\.py is not in the package"):
        build.check_tree(tmp_path, build.Target(Path(sys.executable), "3.13", "arm64"))


def test_a_module_that_is_not_compiled_is_refused(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("app.py", "chalicelib/api/health.py"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("")
    target = build.local_target()
    build.compile_tree(tree, target)
    build.pack(tree, tmp_path / "compiled.zip")
    build.check_compiled(tmp_path / "compiled.zip", target)

    (tree / "chalicelib/api/new.py").write_text("")
    build.pack(tree, tmp_path / "partly.zip")

    with pytest.raises(build.BuildError, match=r"chalicelib/api/new\.py is not compiled"):
        build.check_compiled(tmp_path / "partly.zip", target)


def test_what_is_compiled_for_another_version_is_not_compiled(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/app.py").write_text("")
    build.compile_tree(tmp_path / "tree", build.local_target())
    build.pack(tmp_path / "tree", tmp_path / "package.zip")

    with pytest.raises(build.BuildError, match=r"app\.py is not compiled"):
        build.check_compiled(tmp_path / "package.zip", build.Target(Path(sys.executable), "2.7", "arm64"))

"""Make the deployable package: ``build/package/template.json`` and ``deployment.zip``.

``chalice package`` merges ``.chalice/resources.json`` into what it generates and fetches the
wheels; what it leaves to be wished is done here. Chalice packages for the interpreter that runs
it, so one of the target version is found first. ``--local`` packages for the running interpreter
and machine instead, for the end-to-end test.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from strip import is_shipped

ROOT = Path(__file__).resolve().parent.parent
TARGET_VERSION = "3.13"
STAGE = "prod"
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can name: builds of the same input are equal
ZIP_UNPACKED_MIB_MAX = 250  # AWS Lambda's own limit
TEMPLATE_BYTES_MAX = 1_000_000  # CloudFormation's limit of templates in S3
IMPORT_RUNS = 5
MACHINES = {"arm64": 183, "x86_64": 62}  # e_machine of an ELF file
# Of glibc as old as Lambda's or older, newest first (python3.13 runs on Amazon Linux 2023, glibc 2.34).
MANYLINUX = ("manylinux_2_34", "manylinux_2_28", "manylinux2014")
# Runtimes before 3.12 run on Amazon Linux 2, glibc 2.26.
MANYLINUX_BEFORE_312 = ("manylinux_2_26", "manylinux_2_24", "manylinux2014")
LAMBDA_ROOT = "/var/task"
SOURCES = ("app.py", "requirements.txt", ".chalice/config.json", ".chalice/resources.json")
PROBE = """
import json, sys, time
sys.path[:0] = sys.argv[1:]
start = time.process_time()
import app
spent = time.process_time() - start
import botocore, chalice
print(json.dumps({"ms": spent * 1000, "from": [m.__file__ for m in (app, botocore, chalice)]}))
"""

JsonObject = dict[str, Any]


class BuildError(Exception):
    """The package could not be made; the message is for people."""


@dataclass(frozen=True)
class Target:
    """What the package is for: an interpreter that runs here, and the machine it will run on."""

    python: Path
    version: str
    architecture: str


def main() -> int:
    """Build, check and report; 1 with a line of explanation when it cannot be done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--local", action="store_true", help="for the running interpreter and machine")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "package")
    options = parser.parse_args()
    try:
        build(options.out.absolute(), local_target() if options.local else lambda_target())
    except BuildError as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    return 0


def build(out: Path, target: Target) -> None:
    """Make ``out/template.json`` and ``out/deployment.zip``."""
    work = out / "work"
    shutil.rmtree(out, ignore_errors=True)
    work.mkdir(parents=True)
    python = packaging_environment(target)
    source = copy_source(work / "source", target)
    wheels = fetch_wheels(python, target, work / "wheels")
    packaged = run_chalice(python, source, wheels, work / "chalice")
    template = json.loads((packaged / "sam.json").read_text())
    complete_template(template)
    tree = unpack(packaged / "deployment.zip", work / "tree")
    check_tree(tree, target)
    compile_tree(tree, target)
    text = json.dumps(template, indent=1, sort_keys=True)
    if len(text) > TEMPLATE_BYTES_MAX:
        raise BuildError(f"the template takes {len(text)} bytes, CloudFormation allows {TEMPLATE_BYTES_MAX}")
    (out / "template.json").write_text(text + "\n")
    pack(tree, out / "deployment.zip")
    check_compiled(out / "deployment.zip", target)
    import_ms = measure_import(tree, target, python, work / "importable")
    size = (out / "deployment.zip").stat().st_size
    print(
        f"package: {out / 'template.json'} for python{target.version} on {target.architecture}, "
        f"zip {size / 2**20:.1f} MiB, import of app {import_ms:.0f} CPU-ms"
    )
    report = {
        "zip_mib": round(size / 2**20, 2),
        "api_import_cpu_ms": round(import_ms, 1),
        "python": target.version,
    }
    (out / "package.json").write_text(json.dumps(report) + "\n")
    shutil.rmtree(work)


def local_target() -> Target:
    """The interpreter and machine this runs on."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    machine = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
    return Target(Path(sys.executable), version, machine)


def lambda_target() -> Target:
    """An interpreter of the version that Lambda runs, from PATH, pyenv or uv."""
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    for candidate in candidates():
        if runs_version(candidate):
            return Target(candidate, TARGET_VERSION, config["lambda_architecture"])
    raise BuildError(
        f"Python {TARGET_VERSION} is needed to package for Lambda: install it with "
        f"`uv python install {TARGET_VERSION}`, `pyenv install {TARGET_VERSION}` or your system's packages"
    )


def candidates() -> Iterator[Path]:
    """Where a Python of the target version may be."""
    if found := shutil.which(f"python{TARGET_VERSION}"):
        yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{TARGET_VERSION}*/bin/python{TARGET_VERSION}"))
    if uv := shutil.which("uv"):
        answer = subprocess.run(
            [uv, "python", "find", TARGET_VERSION], capture_output=True, text=True, check=False
        )
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())


def runs_version(python: Path) -> bool:
    """Whether it starts and is of the target version (a pyenv shim may exist and not run)."""
    code = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return answer.returncode == 0 and answer.stdout.strip() == TARGET_VERSION


def packaging_environment(target: Target) -> Path:
    """A virtual environment of the target with Chalice and what ships; its interpreter."""
    if target.python == Path(sys.executable):
        return target.python
    pins = [
        line
        for line in (ROOT / "chalicelib/local/requirements.txt").read_text().split()
        if "chalice==" in line
    ]
    requirements = (ROOT / "requirements.lock").read_text()
    digest = hashlib.sha256(f"{requirements}{pins}".encode()).hexdigest()
    home = ROOT / "build" / f"venv-{target.version}"
    stamp = home / "stamp"
    if not stamp.exists() or stamp.read_text() != digest:
        print(f"package: setting up Python {target.version} in {home}")
        run([target.python, "-m", "venv", "--clear", home])
        install = [home / "bin/python", "-m", "pip", "install", "-q"]
        run([*install, "--require-hashes", "-r", ROOT / "requirements.lock"])
        run([*install, *pins])
        stamp.write_text(digest)
    return home / "bin" / "python"


def copy_source(copy: Path, target: Target) -> Path:
    """What Chalice is to see: the application and its configuration, nothing else."""
    (copy / ".chalice").mkdir(parents=True)
    policies = [f".chalice/{policy.name}" for policy in (ROOT / ".chalice").glob("policy-*.json")]
    for name in [*SOURCES, *policies]:
        shutil.copy(ROOT / name, copy / name)
    shutil.copytree(
        ROOT / "chalicelib",
        copy / "chalicelib",
        ignore=lambda _, names: {"__pycache__", "local"} & set(names),
    )
    config = json.loads((copy / ".chalice/config.json").read_text())
    config["lambda_architecture"] = target.architecture
    (copy / ".chalice/config.json").write_text(json.dumps(config))
    return copy


def fetch_wheels(python: Path, target: Target, wheels: Path) -> Path:
    """Fetch what ships, each file checked by its hash: Chalice itself would take what the index gives.

    As the runtime of the target wants them, and as this machine does: Chalice asks for both.
    """
    command = [python, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--require-hashes", "-r", ROOT / "requirements.lock", "-d", wheels]
    run(command)
    machine = {"arm64": "aarch64"}.get(target.architecture, target.architecture)
    older = tuple(map(int, target.version.split("."))) < (3, 12)
    manylinux = MANYLINUX_BEFORE_312 if older else MANYLINUX
    platforms = [f"--platform={name}_{machine}" for name in manylinux]
    abi = f"cp{target.version.replace('.', '')}"
    kinds = ["--implementation=cp", *(f"--abi={one}" for one in (abi, "abi3", "none"))]
    run([*command, f"--python-version={target.version}", *platforms, *kinds])
    return wheels


def run_chalice(python: Path, source: Path, wheels: Path, out: Path) -> Path:
    """Run ``chalice package``, which warns and succeeds where a dependency is missing: we do not.

    It takes dependencies from ``wheels`` and from nowhere else.
    """
    command = [python, "-c", "from chalice.cli import main; main()", "package", "--stage", STAGE]
    command += ["--template-format", "json", "--merge-template", ".chalice/resources.json", out]
    environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    output = run(command, cwd=source, env=environment)
    if "Could not install dependencies" in output or not (out / "sam.json").exists():
        raise BuildError(f"chalice could not package the application:\n{output}")
    return out


def run(command: list[Any], **options: Any) -> str:
    """Run a program and return all it says. Raises BuildError when it fails."""
    answer: subprocess.CompletedProcess[str] = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options
    )
    if answer.returncode != 0:
        raise BuildError(f"{Path(command[0]).name} {command[2]!r} failed:\n{answer.stdout}")
    return answer.stdout


def complete_template(template: JsonObject) -> None:
    """Add what Chalice cannot say: queues of this template, and partial batches."""
    resources: JsonObject = template["Resources"]
    for resource in resources.values():
        for event in resource["Properties"].get("Events", {}).values():
            if event["Type"] == "SQS":
                complete_queue_event(event["Properties"], resources)


def complete_queue_event(event: JsonObject, resources: JsonObject) -> None:
    """Chalice names queues by ARN; here the name in app.py is the queue's logical id."""
    name = event["Queue"]["Fn::Sub"].rpartition(":")[2]
    if resources.get(name, {}).get("Type") != "AWS::SQS::Queue":
        raise BuildError(f"app.py listens to the queue {name}, which .chalice/resources.json does not define")
    event["Queue"] = {"Fn::GetAtt": [name, "Arn"]}
    event["FunctionResponseTypes"] = ["ReportBatchItemFailures"]


def unpack(package: Path, tree: Path) -> Path:
    """Extract the files that ship."""
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tree, [name for name in archive.namelist() if is_shipped(name)])
    return tree


def check_tree(tree: Path, target: Target) -> None:
    """Chalice's runtime is there, every native module is for the target, and it fits."""
    for wanted in ("app.py", "chalicelib/__init__.py", "chalice/app.py"):
        if not (tree / wanted).exists():
            raise BuildError(f"{wanted} is not in the package")
    for native in tree.rglob("*.so"):
        machine = int.from_bytes(native.read_bytes()[18:20], "little")
        if machine != MACHINES[target.architecture]:
            raise BuildError(f"{native.relative_to(tree)} is not for {target.architecture}")
    size_mib = sum(path.stat().st_size for path in tree.rglob("*")) / 2**20
    if size_mib > ZIP_UNPACKED_MIB_MAX:
        raise BuildError(
            f"unpacked the package takes {size_mib:.0f} MiB, Lambda allows {ZIP_UNPACKED_MIB_MAX}"
        )


def compile_tree(tree: Path, target: Target) -> None:
    """Compile every module, never checked against its source: a cold start then only loads."""
    command = [target.python, "-m", "compileall", "-q", "-s", tree, "-p", LAMBDA_ROOT]
    run([*command, "--invalidation-mode", "unchecked-hash", tree])


def pack(tree: Path, package: Path) -> None:
    """Write the zip so that equal trees give equal bytes."""
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())


def check_compiled(package: Path, target: Target) -> None:
    """Every module in the zip has its compiled file, or a cold start would compile it each time."""
    tag = f"cpython-{target.version.replace('.', '')}"
    with zipfile.ZipFile(package) as archive:
        names = set(archive.namelist())
    for name in sorted(names):
        module = PurePosixPath(name)
        if module.suffix != ".py":
            continue
        if (module.parent / "__pycache__" / f"{module.stem}.{tag}.pyc").as_posix() not in names:
            raise BuildError(f"{name} is not compiled in the package")


def measure_import(tree: Path, target: Target, python: Path, scratch: Path) -> float:
    """Import ``app`` from the package in a clean interpreter; the median of its CPU time in ms.

    Native modules for another machine do not load here: packages that hold one are then taken
    from the packaging environment, which has the same versions.
    """
    foreign = target.architecture != local_target().architecture
    scratch.mkdir()
    for entry in tree.iterdir():
        if not (foreign and (entry.suffix == ".so" or any(entry.rglob("*.so")))):
            (scratch / entry.name).symlink_to(entry)
    paths = [str(scratch)]
    if foreign:
        paths += [str(path) for path in (python.parent.parent / "lib").glob("python*/site-packages")]
    answers = []
    for _ in range(IMPORT_RUNS):
        command = [target.python, "-I", "-S", "-c", PROBE, *paths]
        answers.append(json.loads(run(command, env={"AWS_DEFAULT_REGION": "us-east-1"}).splitlines()[-1]))
    for path in answers[0]["from"]:
        if not Path(path).is_relative_to(scratch):
            raise BuildError(f"{path} was imported instead of the package's own")
    return statistics.median(float(answer["ms"]) for answer in answers)


if __name__ == "__main__":
    sys.exit(main())

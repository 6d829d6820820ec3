"""Makes a virtual environment from requirement files, when they changed.

Run with the system's Python, before anything is installed, so it uses the standard library
only: ``python setup_env.py VENV REQUIREMENTS...``. It shows progress, keeps pip's output in
``.local/setup-<venv>.log``, and fails with one line that says what to do. One environment can
be made from several sets of files in turn (to run, to test): each set that was installed
leaves a stamp, the hash of the files.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

PYTHON_MIN = (3, 11)
INCLUDE = re.compile(r"-r\s+(\S+)")
REASON = re.compile(r"ERROR: (.+)")
BAR_CHARS = 24
INTERRUPTED = 128 + signal.SIGINT


class SetupError(Exception):
    """One line for people, saying what to do."""

    code = "setup_failed"


def requirement_texts(path: Path) -> list[str]:
    """The text of a requirement file and of those it includes."""
    text = path.read_text(encoding="utf-8")
    texts = [text]
    for line in text.splitlines():
        if found := INCLUDE.match(line):
            texts += requirement_texts(path.parent / found[1])
    return texts


def make(venv: Path, files: list[Path], log: Path) -> None:
    """Create the environment where it is missing, and install what its stamps do not know."""
    texts = [text for path in files for text in requirement_texts(path)]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256("\0".join([version, *texts]).encode()).hexdigest()
    stamp = venv / "stamps" / digest
    if stamp.exists() and _works(venv):
        return
    if not _works(venv):
        shutil.rmtree(venv, ignore_errors=True)
        print(f"Creating {_short(venv)} with Python {version}", flush=True)
        _run([sys.executable, "-m", "venv", str(venv)], log)
    names = {line.split("==")[0] for text in texts for line in text.splitlines() if "==" in line}
    print(f"Installing {len(names)} packages into {_short(venv)}", flush=True)
    _pip_install(venv, files, log, total=len(names))
    stamp.parent.mkdir(exist_ok=True)
    stamp.touch()


def _works(venv: Path) -> bool:
    """Whether it has an interpreter of this very version; the one it was made of may be gone."""
    python = venv / "bin" / "python"
    if not python.exists():
        return False
    check = f"import sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    return subprocess.run([python, "-c", check], check=False, capture_output=True).returncode == 0


def _pip_install(venv: Path, files: list[Path], log: Path, *, total: int) -> None:
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar", "off"]
    for path in files:
        command += ["-r", str(path)]
    seen = 0
    with log.open("a", encoding="utf-8") as file:
        pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert pip.stdout is not None
        for line in pip.stdout:
            file.write(line)
            if line.startswith(("Collecting ", "Requirement already satisfied: ")):
                seen += 1
                _show(seen, total, line)
            elif line.startswith("Installing collected packages"):
                _show(total, total, "installing")
    if sys.stdout.isatty():
        print()
    if pip.wait() != 0:
        raise SetupError(_reason(log))


def _show(seen: int, total: int, line: str) -> None:
    """A bar on a terminal; elsewhere (CI logs) a line now and then."""
    seen = min(seen, total)
    if sys.stdout.isatty():
        bar = "#" * (BAR_CHARS * seen // max(total, 1))
        what = line.removeprefix("Collecting ").split()[0]
        print(f"\r  [{bar:<{BAR_CHARS}}] {seen:>3}/{total} {what:<40.40}", end="", flush=True)
    elif seen % 10 == 0:
        print(f"  {seen}/{total}", flush=True)


def _run(command: list[str], log: Path) -> None:
    with log.open("a", encoding="utf-8") as file:
        if subprocess.run(command, check=False, stdout=file, stderr=file).returncode != 0:
            raise SetupError(_reason(log))


def _reason(log: Path) -> str:
    reasons = REASON.findall(log.read_text(encoding="utf-8"))
    why = reasons[-1] if reasons else "pip failed"
    return f"packages could not be installed ({why}); see {_short(log)}, then try again"


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def main() -> int:
    """Returns the exit status: 0, or 1 after one line on standard error, or 130 after Ctrl-C."""
    if sys.version_info < PYTHON_MIN:
        print("isp-billing: Python 3.11 or newer is needed", file=sys.stderr)
        return 1
    venv, *files = (Path(argument).absolute() for argument in sys.argv[1:])
    local = Path(".local").absolute()
    local.mkdir(exist_ok=True)
    log = local / f"setup-{venv.name.lstrip('.')}.log"
    try:
        with (local / "setup.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once take turns
            make(venv, files, log)
    except SetupError as error:
        print(f"isp-billing: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nisp-billing: setting up was interrupted; it goes on at the next start", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())

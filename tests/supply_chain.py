"""``make security``: known faults of what ships, and what bandit and checkov say of code and template.

Each exception is explained here, and one that excuses nothing any more fails, so that the list
stays as short as it can be. Exit status 1 where anything is found.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
BIN: Final = ROOT / ".local" / "security-venv" / "bin"
# What is written by hand: of the whole template the rest is the routes, which take checkov minutes.
TEMPLATE: Final = ROOT / ".chalice" / "resources.json"
LOCK: Final = ROOT / "requirements.lock"
# Where pip-audit asks; a mirror that has packages but no advisories answers without them.
ADVISORIES: Final = "https://pypi.org/pypi/cryptography/{version}/json"
PROBE_SECONDS: Final = 10

BANDIT: Final[Mapping[str, str]] = {
    "B101": "an assert says what is a bug of ours (style rule 10); Lambda does not run Python with -O",
    "B105": "cli/wording.py: the word for a field, no password",
    "B106": "an empty text where there is no secret: of a factor not put on, of a password taken off",
    "B305": "adapters/payments/easypaisa.py: AES-ECB is what the vendor takes a form with; it hides nothing",
    "B310": "local/: addresses of the engine on this machine, made by the runner; nothing of it ships",
    "B311": "local/demo.py: demo data is drawn by chance, and the same each time; nothing of it ships",
    "B404": "local/, .chalice/: what sets up and packages starts other programs; nothing of it ships",
    "B603": "local/, .chalice/: commands are lists of our own words, without a shell; nothing of it ships",
}
CHECKOV: Final[Mapping[str, str]] = {
    "CKV_AWS_18": "files are reached by addresses signed for 15 minutes, and who asked for one is audited; "
    "access logs would hold people's network addresses beyond their time",
    "CKV_AWS_21": "the files' bucket has no versions, so that what is deleted is gone",
    "CKV_AWS_28": "EphemeralTable holds sessions, codes and counts: nothing worth restoring",
    "CKV_AWS_76": "each request is a line of the function, without people's network addresses",
    "CKV_AWS_115": "queues cap their workers (MaximumConcurrency), the gateway its requests; what is "
    "reserved for one function is taken from all others of the account",
    "CKV_AWS_116": "queues have dead letters of their own; a schedule that failed is made up for by the next",
    "CKV_AWS_117": "functions call AWS's own addresses over TLS, and nothing of theirs lies in a VPC",
    "CKV_AWS_120": "answers are a tenant's and never kept (no-store)",
    "CKV_AWS_173": "variables are names of resources; no secret is among them",
}


def main() -> int:
    """Run all of it, and say what was found and what was excused."""
    found = [*_known_faults(), *_bandit(), *_checkov()]
    for one in found:
        print(f"security: {one}", file=sys.stderr)
    return 1 if found else 0


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


def _known_faults() -> list[str]:
    """Advisories for what ships, by its hashes; skipped, and told, where there are none to ask."""
    if not _advisories_answer():
        print("pip-audit: SKIPPED, for no advisories can be reached from here")
        return []
    done = _run(
        BIN / "pip-audit",
        "--strict",
        "--require-hashes",
        "--disable-pip",
        "-r",
        LOCK,
        "--progress-spinner=off",
    )
    print(f"pip-audit: {(done.stdout or done.stderr).strip().splitlines()[-1]}")
    return [] if done.returncode == 0 else [f"pip-audit: {done.stdout}{done.stderr}"]


def _advisories_answer() -> bool:
    version = next(
        line.split("==")[1].split()[0]
        for line in LOCK.read_text().splitlines()
        if line.startswith("cryptography==")
    )
    try:
        with urllib.request.urlopen(ADVISORIES.format(version=version), timeout=PROBE_SECONDS) as answer:
            return "vulnerabilities" in json.load(answer)
    except (urllib.error.URLError, TimeoutError, ValueError):
        return False


def _bandit() -> list[str]:
    done = _run(BIN / "bandit", "-q", "-f", "json", "-r", "chalicelib", "app.py", ".chalice")
    results = _json(done)["results"]
    told = [
        (one["test_id"], f"{one['filename']}:{one['line_number']} {one['issue_text']}") for one in results
    ]
    return _excused("bandit", told, BANDIT)


def _checkov() -> list[str]:
    done = _run(
        BIN / "checkov", "-f", TEMPLATE, "--framework", "cloudformation", "--skip-download", "-o", "json"
    )
    results = _json(done)["results"]
    assert results["passed_checks"], "checkov read nothing"
    told = [(one["check_id"], f"{one['resource']} {one['check_name']}") for one in results["failed_checks"]]
    return _excused("checkov", told, CHECKOV)


def _json(done: subprocess.CompletedProcess[str]) -> Any:
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise SystemExit(f"security: {done.args[0]} failed:\n{done.stderr}") from None


def _excused(tool: str, told: list[tuple[str, str]], reasons: Mapping[str, str]) -> list[str]:
    """Return what is not excused, and each exception that excuses nothing."""
    left = [f"{tool} {check}: {what}" for check, what in told if check not in reasons]
    needless = sorted(reasons.keys() - {check for check, _ in told})
    print(f"{tool}: {len(told)} findings, {len(told) - len(left)} excused by {len(reasons)} reasons")
    return [*left, *(f"{tool} {check}: the exception excuses nothing any more" for check in needless)]


if __name__ == "__main__":
    sys.exit(main())

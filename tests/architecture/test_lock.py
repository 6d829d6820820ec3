"""What ships is locked by hash: every pin of requirements.txt, and nothing else."""

from __future__ import annotations

import re

from tests.architecture.code import ROOT

PIN = re.compile(r"^([\w.-]+)==([\w.]+)", re.MULTILINE)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def pins(text: str) -> dict[str, str]:
    return {name.lower().replace("_", "-"): version for name, version in PIN.findall(text)}


def test_the_lock_holds_what_is_pinned_and_nothing_else() -> None:
    lock = (ROOT / "requirements.lock").read_text()

    assert pins(lock) == pins((ROOT / "requirements.txt").read_text())


def test_every_pin_has_hashes_and_every_line_is_a_pin_or_a_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text().replace("\\\n", "")
    entries = [line for line in lock.splitlines() if line and not line.startswith("#")]

    assert len(entries) == len(pins(lock))
    for entry in entries:
        name, *rest = entry.split()
        assert PIN.fullmatch(name)
        assert rest
        assert all(HASH.fullmatch(one) for one in rest)


def test_every_requirement_is_an_exact_pin() -> None:
    files = [
        "requirements.txt",
        "tests/requirements.txt",
        "tests/security-requirements.txt",
        "chalicelib/local/requirements.txt",
        "chalicelib/local/engine-requirements.txt",
    ]
    for file in files:
        lines = [line.split("#")[0].strip() for line in (ROOT / file).read_text().splitlines()]
        loose = [line for line in lines if line and not line.startswith("-r ") and "==" not in line]
        assert loose == [], file

"""The command line at the audit log."""

from __future__ import annotations

import csv
import io
import json

from tests.integration.auditing import OLD, Auditor
from tests.integration.cli.conftest import Terminal
from tests.integration.conftest import EngineServices, SignedIn


def test_entries_are_listed_and_written_as_files(user: Terminal, signed_in: SignedIn) -> None:
    assert user.run("packages", "add", "Home", "--price", "1649.00") == 0
    (entry,) = user.json("audit", "list", "--action", "package.created")

    assert entry["address"]
    assert user.run("audit", "list", "--object", entry["object_id"]) == 0
    assert "package.created" in user.out
    assert user.run("audit", "list", "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(user.out)))
    assert user.run("audit", "list", "--jsonl") == 0
    lines = [json.loads(line) for line in user.out.splitlines()]
    assert [row["entry_id"] for row in rows] == [line["entry_id"] for line in lines]
    assert {"tenant.signed_up", "tenant.verified", "package.created"} == {row["action"] for row in rows}
    assert user.run("audit", "list", "--from", "soon") == 1
    assert "(--from)" in user.err


def test_a_log_is_verified(user: Terminal, signed_in: SignedIn, services: EngineServices) -> None:
    auditor = Auditor(signed_in, services)
    auditor.write(2)
    auditor.seal()
    auditor.anchor()
    whole = user.json("audit", "verify")
    services.clock.advance(OLD)  # type: ignore[attr-defined]
    entry = auditor.raw()[2]
    auditor.delete(entry)

    assert (whole["entries"], whole["anchors"], whole["faults"]) == (4, 1, [])
    assert user.run("audit", "verify") == 1
    assert f"{entry['sk']['S']} (sequence 3)" in user.out

"""The command line at the ledger: trial balances, statements, closed months, and audits."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.jobs.billing import work_billing
from chalicelib.store.wire import Json
from tests.fakes.queues import AtOnce
from tests.integration.cli.conftest import MAP, Terminal
from tests.integration.conftest import PASSWORD, EngineServices, SignedIn

TOTAL = sum(100 * n + 50 for n in range(1, 41))


@pytest.fixture
def billed(
    user: Terminal,
    customers: Path,
    services: EngineServices,
    signed_in: SignedIn,
    monkeypatch: pytest.MonkeyPatch,
) -> Terminal:
    """Forty customers, billed today."""
    monkeypatch.setitem(services.__dict__, "billing_queue", AtOnce(services, work_billing))
    now = services.clock.now()
    services.clock.set(now.replace(hour=12))  # type: ignore[attr-defined]
    today = signed_in.store.profile().local_date(at=services.clock.now()).isoformat()
    assert user.run("packages", "add", "Home", "--price", "1649.00") == 0
    assert user.run("import", str(customers), *MAP, "--start", today, "--watch") == 0, user.err
    assert user.run("run", "--watch") == 0, user.err
    return user


def test_a_trial_balance_and_the_days_of_a_month(billed: Terminal, signed_in: SignedIn) -> None:
    trial = billed.json("ledger", "trial-balance")

    rows = {row["account"]: (row["debit"], row["credit"]) for row in trial["rows"]}
    assert rows == {"receivable": (TOTAL, 0), "revenue:recurring": (0, TOTAL)}
    assert billed.run("ledger", "trial-balance") == 0
    assert "receivable" in billed.out
    assert billed.run("ledger", "trial-balance", "--from", "2026-02-01", "--to", "2026-01-01") == 1
    assert "(--to)" in billed.err
    assert billed.run("ledger", "days", trial["last"][:7]) == 0
    assert "revenue:recurring" in billed.out
    assert billed.run("ledger", "days", "soon") == 1
    assert "(MONTH)" in billed.err


def test_a_statement_by_code_and_as_csv(billed: Terminal) -> None:
    code = billed.json("subscribers", "list", "--limit", "1")[0]["code"]

    assert billed.run("ledger", "statement", code) == 0, billed.err
    assert "INV-" in billed.out
    assert "closing balance" in billed.err
    assert billed.run("ledger", "statement", code, "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(billed.out)))
    assert [one["kind"] for one in rows] == ["opening", "INV", "closing"]
    assert rows[1]["balance"] == rows[2]["balance"]


def test_a_month_is_closed_and_opened_again(
    billed: Terminal,
    services: EngineServices,
    signed_in: SignedIn,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    month = billed.json("ledger", "trial-balance")["last"][:7]
    assert billed.run("ledger", "close", month) == 1
    assert "(MONTH) [month_not_over]" in billed.err

    services.clock.set(services.clock.now() + timedelta(days=32))  # type: ignore[attr-defined]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    billed.log_in(url, signed_in)
    assert billed.run("run", "--watch") == 0, billed.err
    assert billed.run("ledger", "close", month) == 0, billed.err
    assert "closed" in billed.out
    assert [one["month"] for one in billed.json("ledger", "closings")] == [month]
    assert billed.run("ledger", "open", month, "--reason", "a test") == 0, billed.err
    assert "a test" in billed.out
    assert billed.json("ledger", "verify")["differences"] == []


def test_an_audit_prints_what_differs(
    billed: Terminal, services: EngineServices, signed_in: SignedIn
) -> None:
    assert billed.run("ledger", "verify") == 0, billed.err
    assert "40" in billed.out

    one = billed.json("subscribers", "list", "--limit", "1")[0]["subscriber_id"]
    change: Json = {
        "TableName": services.settings.tenants_table,
        "Key": {
            "pk": {"S": f"{signed_in.tenant_id}#A#{one.removeprefix('sbr_')}"},
            "sk": {"S": "ACCOUNT"},
        },
        "UpdateExpression": "SET b=:v",
        "ExpressionAttributeValues": {":v": {"N": "1"}},
    }
    services.wire.call("UpdateItem", change)

    assert billed.run("ledger", "verify") == 1
    assert "account_balance" in billed.out
    assert one in billed.out

"""A completed run's line in the log, and the alarm that looks at it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from chalicelib.domain.runs import BillingRun, RunShard, RunState, ShardProgress
from chalicelib.observability import tell_completed
from tests.architecture.code import ROOT

AT = datetime(2026, 11, 9, 3, 0, tzinfo=UTC)


def told(capsys: pytest.CaptureFixture[str], *, quarantined: int) -> dict[str, object]:
    shards = tuple(
        ShardProgress(
            RunShard(first, first + 127),
            done=True,
            looked_at=10,
            billed=7 - quarantined,
            invoices=7 - quarantined,
            net=1_000,
            tax=195,
            quarantined=quarantined,
            skipped={"not_due": 3},
        )
        for first in (0, 128)
    )
    run = BillingRun("run_2026-11-09", date(2026, 11, 9), RunState.COMPLETED, AT, "PKR", shards, AT)
    tell_completed(stage="prod", tenant_id="ten_1", run=run)
    line: dict[str, object] = json.loads(capsys.readouterr().out)
    return line


def test_a_completed_run_is_one_line_with_its_totals(capsys: pytest.CaptureFixture[str]) -> None:
    line = told(capsys, quarantined=1)

    wanted = {
        "message": "billing run completed",
        "level": "WARNING",
        "tenant_id": "ten_1",
        "on": "2026-11-09",
        "looked_at": 20,
        "billed": 12,
        "skipped": {"not_due": 6},
        "quarantined": 2,
        "invoices": 12,
        "total": 2_390,
        "currency": "PKR",
    }
    assert {name: line.get(name) for name in wanted} == wanted
    assert told(capsys, quarantined=0)["level"] == "INFO"


def test_the_alarm_looks_at_the_metric_in_that_line(capsys: pytest.CaptureFixture[str]) -> None:
    """CloudWatch's embedded metric format: the metric and its dimensions are members of the line."""
    line = told(capsys, quarantined=1)
    template = json.loads((ROOT / ".chalice" / "resources.json").read_text())
    alarm = template["Resources"]["BillingQuarantineAlarm"]["Properties"]

    facts = line["_aws"]
    assert isinstance(facts, dict)
    (metric,) = facts["CloudWatchMetrics"]
    assert facts["Timestamp"] == int(AT.timestamp() * 1000)
    assert metric["Namespace"] == alarm["Namespace"]
    assert metric["Metrics"] == [{"Name": alarm["MetricName"], "Unit": "Count"}]
    assert metric["Dimensions"] == [[one["Name"] for one in alarm["Dimensions"]]] == [["Stage"]]
    assert (line["Stage"], line[alarm["MetricName"]]) == ("prod", 2)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
    assert (
        template["Globals"]["Function"]["Environment"]["Variables"]["STAGE"]
        == alarm["Dimensions"][0]["Value"]
    )

"""What the operator reads of a run that the queue's worker completed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from chalicelib.jobs.billing import work_billing
from chalicelib.usecases.billing import plan_tenant
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn


def test_the_worker_that_completes_a_run_logs_its_totals_once(
    services: EngineServices, signed_in: SignedIn, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.set(clock.now() + timedelta(days=1))
    store = signed_in.store
    (task,) = plan_tenant(tenant=store.profile(), store=store, at=clock.now())
    event = {"Records": [{"messageId": "m", "body": json.dumps(task.message())}]}
    capsys.readouterr()

    assert work_billing(services, event) == {"batchItemFailures": []}
    assert work_billing(services, event) == {"batchItemFailures": []}

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (completed,) = [line for line in lines if line["message"] == "billing run completed"]
    assert (completed["tenant_id"], completed["on"]) == (signed_in.tenant_id, task.on.isoformat())
    assert (completed["quarantined"], completed["Stage"]) == (0, services.settings.stage)

"""What the queue's worker does with a run: what the operator reads of it, and where it stops."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from chalicelib.jobs.billing import work_billing
from chalicelib.usecases.billing import plan_tenant
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.endings import Ending
from tests.integration.shop import Shop


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


def test_a_shard_of_a_company_whose_account_has_ended_waits_until_it_is_back(
    services: EngineServices, signed_in: SignedIn, clock: FakeClock
) -> None:
    clock.set(clock.now() + timedelta(hours=20))
    store = signed_in.store
    (task,) = plan_tenant(tenant=store.profile(), store=store, at=clock.now())
    event = {"Records": [{"messageId": "m", "body": json.dumps(task.message())}]}
    ended = Ending(Shop(signed_in, services), services)
    ended.shop.sign_in_again()
    ended.cancel()

    assert work_billing(services, event) == {"batchItemFailures": []}
    assert store.billing_state().completed_through < task.on
    assert plan_tenant(tenant=store.profile(), store=store, at=clock.now()) == []

    assert ended.shop.tenant.api.post("/v1/tenant/recovery").status == 200
    assert work_billing(services, event) == {"batchItemFailures": []}
    assert store.billing_state().completed_through == task.on

"""Exports that come to nothing say so, and another can be asked for."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.crypto.kms import KeysUnavailable
from chalicelib.domain.exports import EXPORT_LOST_AFTER
from chalicelib.domain.jobs import JobState
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.exporting import Exporter


def test_an_export_whose_worker_was_lost_is_seen_as_failed_and_another_can_be_asked_for(
    services: EngineServices, signed_in: SignedIn, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers that end without a word, at the last delivery too: nobody is left to say so."""
    exporter = Exporter(services, signed_in)
    begun = [exporter.ask() for _ in range(3)]
    with monkeypatch.context() as killing:
        killing.setattr(services.blobs, "write", lambda **_: sys.exit("ended by force"))
        for export_id in begun:
            with pytest.raises(SystemExit):
                exporter.work(export_id, receives=5)
    assert signed_in.api.post("/v1/exports").problem == (409, "too_many_exports", None)

    clock.set(clock.now() + EXPORT_LOST_AFTER[JobState.RUNNING] - timedelta(seconds=1))
    assert exporter.show(begun[0])["state"] == "running"
    clock.set(clock.now() + timedelta(seconds=1))

    shown = exporter.show(begun[0])
    assert (shown["state"], shown["failure"]["code"]) == ("failed", "export_lost")
    assert "ask for another" in shown["failure"]["message"]
    assert {one["state"] for one in signed_in.api.get("/v1/exports").json["items"]} == {"failed"}
    refused = signed_in.api.get(f"/v1/exports/{begun[0]}/download")
    assert refused.problem == (409, "export_not_ready", None)
    exporter.run()
    assert exporter.work(begun[0]) == {"batchItemFailures": []}
    assert exporter.show(begun[0])["state"] == "succeeded"


def test_an_export_that_no_worker_came_to_is_seen_as_failed_too(
    services: EngineServices, signed_in: SignedIn, clock: FakeClock
) -> None:
    exporter = Exporter(services, signed_in)
    export_id = exporter.ask()

    clock.set(clock.now() + EXPORT_LOST_AFTER[JobState.QUEUED] - timedelta(seconds=1))
    assert exporter.show(export_id)["state"] == "queued"
    clock.set(clock.now() + timedelta(seconds=1))
    assert exporter.show(export_id)["failure"]["code"] == "export_lost"


def test_a_job_is_marked_as_failed_while_keys_are_away(
    services: EngineServices, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id = Exporter(services, signed_in).ask()
    away = replace(services)  # a worker that starts anew: no keys in memory

    def refuse(**_: object) -> bytes:
        raise KeysUnavailable("the key service does not answer")

    monkeypatch.setattr(away.key_wrapper, "unwrap", refuse)

    answer = Exporter(away, signed_in).work(export_id, receives=5)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    shown = Exporter(services, signed_in).show(export_id)
    assert (shown["state"], shown["failure"]["code"]) == ("failed", "internal_error")


def test_an_export_that_cannot_be_made_is_shown_as_failed(
    services: EngineServices, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = Exporter(services, signed_in)
    export_id = exporter.ask()

    def broken(**_given: Any) -> int:
        raise RuntimeError("the worker broke")

    monkeypatch.setattr(services.blobs, "write", broken)

    assert exporter.work(export_id, receives=4) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert exporter.show(export_id)["state"] == "running"
    assert exporter.work(export_id, receives=5) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert exporter.show(export_id)["failure"]["code"] == "internal_error"
    found = signed_in.api.get(f"/v1/exports/{export_id}/download")
    assert found.problem == (409, "export_not_ready", None)

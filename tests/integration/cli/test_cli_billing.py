"""The command line at rehearsals of billing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.jobs.billing import work_billing
from tests.integration.cli.conftest import MAP, AtOnce, Terminal
from tests.integration.conftest import EngineServices, SignedIn


def dates(services: EngineServices, signed_in: SignedIn) -> tuple[str, str]:
    today = signed_in.store.profile().local_date(at=services.clock.now())
    return today.isoformat(), (today + timedelta(days=2)).isoformat()


def test_a_rehearsal_tells_what_would_be_billed(
    user: Terminal, customers: Path, services: EngineServices, signed_in: SignedIn
) -> None:
    today, through = dates(services, signed_in)
    assert user.run("packages", "add", "Home", "--price", "1649.00") == 0
    assert user.run("import", str(customers), *MAP, "--start", today, "--watch") == 0, user.err

    assert user.run("billing", "rehearse", "--through", through) == 0, user.err

    assert "40 invoices" in user.out
    assert "Home" in user.out
    found = user.json("billing", "rehearse", "--through", through)
    assert found["invoices"] == 40
    assert found["total"]["amount"] == sum(100 * n + 50 for n in range(1, 41))
    assert user.json("runs", "list") == []


def test_a_date_that_is_billed_is_refused_with_the_option_named(
    user: Terminal, services: EngineServices, signed_in: SignedIn
) -> None:
    assert user.run("billing", "rehearse", "--through", "2020-01-01") == 1
    assert "(--through) [nothing_to_rehearse]" in user.err
    assert user.run("billing", "rehearse", "--through", "soon") == 1
    assert "(--through)" in user.err


def test_what_is_too_large_at_once_is_rehearsed_as_a_job(
    user: Terminal,
    customers: Path,
    services: EngineServices,
    signed_in: SignedIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The request has no time at all; the worker has."""
    today, through = dates(services, signed_in)
    assert user.run("packages", "add", "Home", "--price", "1649.00") == 0
    assert user.run("import", str(customers), *MAP, "--start", today, "--watch") == 0, user.err
    monkeypatch.setattr("chalicelib.api.rehearsals.SECONDS_MAX", -1)
    monkeypatch.setitem(services.__dict__, "billing_queue", AtOnce(services, work_billing))

    assert user.run("billing", "rehearse", "--through", through) == 0, user.err

    assert "in the background" in user.err
    assert "Home" in user.out

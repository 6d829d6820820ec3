"""The command line at billing runs and rehearsals of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from chalicelib.cli import isp_commands
from chalicelib.jobs.billing import work_billing
from tests.fakes.queues import AtOnce
from tests.integration.cli.conftest import MAP, Terminal
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.importing import HEADER


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


def new_customers(user: Terminal, tmp_path: Path, *codes: str, starts_on: str) -> None:
    """Import customers at 100.00 each who start on a date."""
    file = tmp_path / f"{codes[0]}.csv"
    rows = [f"{code},Ali Raza,,Home,100.00" for code in codes]
    file.write_text("\n".join([HEADER, *rows, ""]))
    assert user.run("import", str(file), *MAP, "--start", starts_on, "--watch") == 0, user.err


def test_a_run_tells_what_it_issued_and_not_what_the_day_had(
    user: Terminal,
    tmp_path: Path,
    services: EngineServices,
    signed_in: SignedIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(services.__dict__, "billing_queue", AtOnce(services, work_billing))
    today, _ = dates(services, signed_in)
    assert user.run("packages", "add", "Home", "--price", "1649.00") == 0
    new_customers(user, tmp_path, "A-1", "A-2", starts_on=today)

    assert user.run("run", "--watch") == 0, user.err
    assert f"issued 2 invoices over 200.00 PKR; {today} has 2 invoices" in user.err
    assert user.run("run", "--watch") == 0, user.err
    assert f"nothing was due: every day through {today} is billed" in user.err
    new_customers(user, tmp_path, "A-3", starts_on=today)
    assert user.run("run") == 0, user.err
    assert f"issued 1 invoice over 100.00 PKR; {today} has 3 invoices" in user.err
    assert user.run("run") == 0, user.err
    assert "nothing was due" in user.err


def test_who_looks_on_at_a_run_sees_what_it_has_issued_so_far(
    user: Terminal,
    tmp_path: Path,
    services: EngineServices,
    signed_in: SignedIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second run of the day is done by a worker while the first look is shown."""
    monkeypatch.setitem(services.__dict__, "billing_queue", AtOnce(services, work_billing))
    today, _ = dates(services, signed_in)
    assert user.run("packages", "add", "Home", "--price", "1649.00") == 0
    new_customers(user, tmp_path, "A-1", "A-2", starts_on=today)
    assert user.run("run") == 0, user.err
    new_customers(user, tmp_path, "A-3", starts_on=today)
    sent: list[Mapping[str, object]] = []
    waiting = SimpleNamespace(send=lambda *, message: sent.append(message))
    monkeypatch.setitem(services.__dict__, "billing_queue", waiting)
    told = isp_commands._told_billing

    def tell_and_work(state: Mapping[str, object]) -> str:
        if sent:
            AtOnce(services, work_billing).send(message=sent.pop())
        return told(state)

    monkeypatch.setattr(isp_commands, "_told_billing", tell_and_work)

    assert user.run("run", "--watch") == 0, user.err

    assert f"billing {today}: 0 invoices so far" in user.err
    assert f"issued 1 invoice over 100.00 PKR; {today} has 3 invoices" in user.err

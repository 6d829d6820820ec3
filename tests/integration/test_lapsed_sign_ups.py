"""Of a sign-up that nobody confirms nothing is kept, whatever ends the work midway; others are left alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from chalicelib.bootstrap import Services
from chalicelib.jobs.retention import keep_retention
from chalicelib.store.base import PlatformItem
from chalicelib.store.tenants import SUBDOMAIN, SignUpItem, SubdomainItem
from chalicelib.store.wrapped_keys import WrappedKeyItem
from chalicelib.usecases.lapsed_sign_ups import Sweep, sweep_sign_ups
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import (
    PASSWORD,
    EngineServices,
    SignedIn,
    fresh_subdomain,
    mailed_token,
    sign_up_and_in,
    sign_up_body,
)
from tests.integration.crashing import Crash, Crashed, CrashingServices
from tests.integration.raw import raw_items
from tests.integration.shop import created, ok
from tests.integration.staffing import Company
from tests.integration.supporting import desk_of

LAPSED = timedelta(days=8, seconds=1)


@pytest.fixture
def subdomain() -> str:
    return fresh_subdomain()


@pytest.fixture
def tenant_id(api: ApiClient, subdomain: str) -> str:
    """A tenant that nobody confirmed."""
    found: str = created(api.post("/v1/signups", json=sign_up_body(subdomain)))["tenant"]["tenant_id"]
    return found


def kept(services: Services, tenant_id: str) -> list[str]:
    """The keys of everything that is of a tenant, in all tables that last."""
    assert services.database is not None
    locks = [one for one in PlatformItem.scan() if one.sk == SUBDOMAIN]
    return [
        *(item["pk"]["S"] for item in raw_items(services, f"{tenant_id}#")),
        *(one.pk for one in PlatformItem.scan() if tenant_id in one.sk),
        *(one.pk for one in locks if SubdomainItem.get(one.pk, one.sk).tenant_id == tenant_id),
        *(one.pk for one in WrappedKeyItem.scan() if one.pk.startswith(tenant_id)),
    ]


def swept(services: Services) -> int | None:
    sweep = Sweep(
        sign_ups=services.sign_ups,
        destroy_keys=lambda tenant_id: services.stores.discard(tenant_id=tenant_id),
        report=None,
        on=services.clock.now().date(),
    )
    return sweep_sign_ups(sweep=sweep, at=services.clock.now(), out_of_time=lambda: False)


def test_nothing_is_kept_of_who_never_came_and_the_operator_sees_how_many(
    api: ApiClient, services: EngineServices, clock: FakeClock, tenant_id: str, subdomain: str
) -> None:
    token = mailed_token(services, f"owner@{subdomain}.example")
    operator = sign_up_and_in(api, services)
    ours = desk_of(services, operator).services
    of_operator = kept(services, operator.tenant_id)
    assert [one.sk.partition("#")[2] for one in SignUpItem.query("SIGNUPS")].count(operator.tenant_id) == 0
    clock.advance(LAPSED - timedelta(minutes=1))
    keep_retention(ours, {})
    assert len(kept(services, tenant_id)) > 6

    clock.advance(timedelta(minutes=1))
    keep_retention(ours, {})

    assert kept(services, tenant_id) == []
    assert set(of_operator) <= set(kept(services, operator.tenant_id))
    code = {"token": token, "password": PASSWORD}
    assert api.post("/v1/signups/verify", json=code).code == "token_not_valid"
    owner = Company(operator, services, api).sign_in(operator.email)
    [day] = ok(owner.get("/v1/retention/reports"))["items"]
    assert day["counts"] == {"sign_ups": 1}
    assert sign_up_and_in(api, services, subdomain=subdomain).api.get("/v1/me").status == 200


def test_who_took_the_subdomain_since_keeps_it(
    api: ApiClient, services: EngineServices, clock: FakeClock, tenant_id: str, subdomain: str
) -> None:
    clock.advance(timedelta(days=3))
    second: SignedIn = sign_up_and_in(api, services, subdomain=subdomain)
    theirs = kept(services, second.tenant_id)
    clock.advance(timedelta(days=30))

    assert swept(services) == 1

    assert kept(services, tenant_id) == []
    assert kept(services, second.tenant_id) == theirs


def confirmed(services: EngineServices, subdomain: str) -> None:
    """The list still has a sign-up that was confirmed: an item that should not be there."""
    lock = SubdomainItem.get(f"SUBDOMAIN#{subdomain}", SUBDOMAIN)
    lock.update(actions=[SubdomainItem.held_until.remove(), SubdomainItem.state.set("active")])


def cancelled(services: EngineServices, subdomain: str) -> None:
    """As before, and the subdomain is held for a time, as that of an account that ended is."""
    lock = SubdomainItem.get(f"SUBDOMAIN#{subdomain}", SUBDOMAIN)
    store = services.stores.of(tenant_id=lock.tenant_id)
    store.commit(*services.tenants.activate(tenant=store.profile()))
    lock.refresh()
    lock.update(actions=[SubdomainItem.held_until.set("2041-05-16T00:00:00.000000Z")])


@pytest.mark.parametrize("wrong", [confirmed, cancelled])
def test_a_tenant_that_is_active_is_never_taken_away(
    services: EngineServices,
    clock: FakeClock,
    tenant_id: str,
    subdomain: str,
    wrong: Callable[[EngineServices, str], None],
) -> None:
    [listed] = [one for one in SignUpItem.query("SIGNUPS") if tenant_id in one.sk]
    wrong(services, subdomain)
    listed.save()
    had = len(list(raw_items(services, f"{tenant_id}#")))
    clock.advance(LAPSED)

    swept(services)

    assert len(list(raw_items(services, f"{tenant_id}#"))) == had
    assert SubdomainItem.get(f"SUBDOMAIN#{subdomain}", SUBDOMAIN).tenant_id == tenant_id
    assert [one for one in WrappedKeyItem.scan() if one.pk.startswith(tenant_id)]


def test_a_sweep_that_ends_anywhere_is_finished_by_the_next(
    services: EngineServices, clock: FakeClock, tenant_id: str
) -> None:
    clock.advance(LAPSED)
    crash = Crash(at=1, after=False)
    ending = CrashingServices(
        settings=services.settings, clock=clock, environment=services.environment, crash=crash
    )
    ends = 0
    while ends < 50:
        crash.at, crash.after = crash.commits + 1, not crash.after
        try:
            swept(ending)
        except Crashed:
            ends += 1
            continue
        break

    assert 4 <= ends < 50
    assert kept(services, tenant_id) == []

"""The whole application on the engine, in this process: services, API client, tenants.

``api`` talks to the app through the same gateway as ``make run``. ``signed_in`` is a fresh
tenant whose owner is signed in; tests share the engine, so each works with its own.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

import pytest
from chalice.app import Chalice

from chalicelib.adapters.clock import SystemClock
from chalicelib.api.routes import register
from chalicelib.bootstrap import Services
from chalicelib.config import JOB_PATIENCE, RUN_PATIENCE, Settings
from chalicelib.crypto.passwords import Argon2Passwords
from chalicelib.domain.devices import device_of
from chalicelib.jobs.mails import send_mails
from chalicelib.local.gateway import Gateway
from chalicelib.store.tenant import DynamoTenantStore
from chalicelib.usecases.sessions import begin_session
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.fakes.queues import AtOnce
from tests.fakes.services import InMemoryMailer, InMemoryTexter
from tests.wall import WalledServices

# Where the tests' clock stands: the same on every day and at every hour that they run. It is far
# ahead, because the engine deletes what has expired by the machine's clock.
NOW = datetime(2041, 5, 15, 6, 0, tzinfo=UTC)
PASSWORD = "a lantern under the stairs"
# Those that are in force at the tests' time: owners accept them as they sign up.
TERMS = "2026-11-26"


@dataclass(frozen=True)
class EngineServices(WalledServices):
    """The real services behind the wall, but for the clock, the mail and the price of a password."""

    environment: dict[str, str] = field(default_factory=dict)

    @cached_property
    def mailer(self) -> InMemoryMailer:
        """Mail that tests can read."""
        return InMemoryMailer()

    @cached_property
    def texter(self) -> InMemoryTexter:
        """SMS that tests can read."""
        return InMemoryTexter()

    @cached_property
    def mail_queue(self) -> AtOnce:
        """Mails that are sent when they are asked for."""
        return AtOnce(self, send_mails)

    @cached_property
    def passwords(self) -> Argon2Passwords:
        """Hashes that take a millisecond: the real cost is a matter of the unit tests."""
        return Argon2Passwords(memory_kib=64, passes=1)


@dataclass(frozen=True)
class SignedIn:
    """A tenant and its owner; ``api`` acts as the owner by bearer token."""

    tenant_id: str
    subdomain: str
    email: str
    password: str
    token: str
    csrf_token: str
    api: ApiClient
    store: DynamoTenantStore


@pytest.fixture(scope="session")
def engine_services(stack_env: dict[str, str]) -> EngineServices:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ[name] = stack_env[name]
    return EngineServices(settings=Settings.from_env(stack_env), clock=FakeClock(NOW), environment=stack_env)


@pytest.fixture(scope="module", autouse=True)
def _as_at_first(empty_tables: None, engine_services: EngineServices) -> None:
    """What other modules' tests have made, or broken, is gone."""
    as_at_first(engine_services)


@pytest.fixture(scope="session")
def gateway(engine_services: EngineServices) -> Gateway:
    app = Chalice(app_name="isp-billing", configure_logs=False)
    register(app, lambda: engine_services)
    return Gateway(app)


@pytest.fixture
def services(engine_services: EngineServices) -> EngineServices:
    """The services, with the clock at ``NOW`` and an empty mailbox."""
    return as_at_first(engine_services)


def as_at_first(services: EngineServices) -> EngineServices:
    """The services with the clock at ``NOW``, and a mailbox that is empty and works."""
    assert isinstance(services.clock, FakeClock)
    services.clock.set(NOW)
    services.mailer.sent.clear()
    services.mailer.broken = False
    services.texter.sent.clear()
    return services


@pytest.fixture
def clock(services: EngineServices) -> FakeClock:
    """The clock of the services and of every request."""
    assert isinstance(services.clock, FakeClock)
    return services.clock


@pytest.fixture
def mailbox(services: EngineServices) -> InMemoryMailer:
    """The mail that was sent."""
    return services.mailer


@pytest.fixture
def api(gateway: Gateway, services: EngineServices) -> ApiClient:
    """A client that is not signed in, at a network address of its own."""
    return ApiClient(gateway, caller=fresh_caller())


@pytest.fixture
def signed_in(api: ApiClient, services: EngineServices) -> SignedIn:
    """A fresh tenant, its owner signed in."""
    return sign_up_and_in(api, services)


@pytest.fixture
def other_tenant(api: ApiClient, services: EngineServices) -> SignedIn:
    """Another fresh tenant, its owner signed in."""
    return sign_up_and_in(api, services)


@pytest.fixture
def tenant(signed_in: SignedIn) -> SignedIn:
    """The same as ``signed_in``, for tests that read better with it."""
    return signed_in


def sign_up_body(subdomain: str, **changes: object) -> dict[str, object]:
    """The body of a sign-up."""
    owner = {"name": "Ayesha Khan", "email": f"owner@{subdomain}.example", "password": PASSWORD}
    return {
        "company": "Lahore Net",
        "subdomain": subdomain,
        "owner": owner,
        "country": "PK",
        "currency": "PKR",
        "time_zone": "Asia/Karachi",
        "fiscal_year_start_month": 7,
        "terms_version": TERMS,
        **changes,
    }


def fresh_caller() -> str:
    """A network address that no other test has: clients are counted by their /64."""
    return f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::7"


def fresh_subdomain() -> str:
    """A subdomain that no other test has."""
    return f"t{secrets.token_hex(4)}x{secrets.token_hex(4)}"  # no digits enough for a card number


def mailed_token(services: EngineServices, email: str, *, prefix: str = "svt_") -> str:
    """The code in the newest mail to an address: of a sign-up, unless ``prefix`` says of what."""
    text = services.mailer.last_to(email).text
    return next(word for word in text.split() if word.startswith(prefix))


def sign_up_and_in(
    api: ApiClient, services: EngineServices, *, subdomain: str | None = None, **changes: object
) -> SignedIn:
    """Sign up a tenant over HTTP and verify its owner; their session is begun without asking over HTTP."""
    subdomain = subdomain or fresh_subdomain()
    email = f"owner@{subdomain}.example"
    created = api.post("/v1/signups", json=sign_up_body(subdomain, **changes))
    assert created.status == 201, created.text
    code = {"token": mailed_token(services, email), "password": PASSWORD}
    verified = api.post("/v1/signups/verify", json=code)
    assert verified.status == 200, verified.text
    tenant_id = created.json["tenant"]["tenant_id"]
    store = services.stores.of(tenant_id=tenant_id)
    owner = store.staff.find_by_email(email=email)
    assert owner is not None
    begun = begin_session(
        identity=services.identity,
        store=store,
        member=owner,
        at=services.clock.now(),
        device=device_of(user_agent="", address=api.caller),
    )
    return SignedIn(
        tenant_id=tenant_id,
        subdomain=subdomain,
        email=email,
        password=PASSWORD,
        token=begun.token,
        csrf_token=begun.csrf_token,
        api=api.bearer(begun.token),
        store=store,
    )


@pytest.fixture(scope="module")
def on_engine(stack_env: dict[str, str]) -> Services:
    """The services on the engine by the real clock: what a worker has."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ[name] = stack_env[name]
    return WalledServices(
        settings=Settings.from_env(stack_env),
        clock=SystemClock(),
        patience=JOB_PATIENCE,
        wire_patience=RUN_PATIENCE,
    )

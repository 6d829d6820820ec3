"""Signing in and staying signed in, without a database."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chalicelib.crypto.tokens import RandomTokens
from chalicelib.crypto.totp import TotpAuthenticator
from chalicelib.domain.errors import StaleVersion
from chalicelib.domain.staff import Principal, Role, StaffMember
from chalicelib.domain.tenants import TenantState
from chalicelib.ports.identity import Address, TooManyAttempts
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.sessions import (
    SESSIONS_PER_PERSON_MAX,
    EmailNotVerified,
    FactorAsked,
    LoggedIn,
    WrongCredentials,
    log_in,
    log_out,
    resume,
)
from tests.fakes.clock import FakeClock
from tests.fakes.identity import InMemoryAttempts, InMemorySessions
from tests.fakes.services import FakeIds, InMemoryMailer, PlainPasswords
from tests.fakes.store import MemoryWrite

START = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
PASSWORD = "three random words"


class OneTenant:
    """A registry and the store of one tenant with one person."""

    def __init__(self, *, state: TenantState = TenantState.ACTIVE, verified: bool = True) -> None:
        self.state = state
        self.owner = StaffMember(
            staff_id="stf_1",
            name="Ayesha",
            email="ayesha@example.com",
            role=Role.OWNER,
            email_verified=verified,
            password_hash=f"plain:{PASSWORD}",
            created_at=START,
        )

    def locate(self, *, subdomain: str, at: datetime) -> Address | None:
        return Address(tenant_id="ten_1", state=self.state) if subdomain == "lahore" else None

    def of(self, *, tenant_id: str) -> OneTenant:
        assert tenant_id == "ten_1"
        return self

    @property
    def staff(self) -> OneTenant:
        return self

    @property
    def tenant_id(self) -> str:
        return "ten_1"

    def profile(self) -> SimpleNamespace:
        return SimpleNamespace(company="Lahore Net", mfa_required=False, state=TenantState.ACTIVE)

    def unmoved(self, *, member: StaffMember) -> MemoryWrite:
        return MemoryWrite(lambda: member == self.owner, lambda: None, StaleVersion("changed"))

    def commit(self, *writes: MemoryWrite) -> None:
        for write in writes:
            if not write.holds():
                raise write.refused
        for write in writes:
            write.apply()

    def find_by_email(self, *, email: str) -> StaffMember | None:
        return self.owner if email == self.owner.email else None


class World:
    """What signing in works with, and a clock."""

    def __init__(self, tenant: OneTenant | None = None) -> None:
        self.clock = FakeClock(START)
        self.sessions = InMemorySessions()
        self.passwords = PlainPasswords()
        one = cast(Any, tenant or OneTenant())
        self.identity = Identity(
            registry=one,
            stores=one,
            sessions=self.sessions,
            one_time_tokens=cast(Any, None),
            attempts=InMemoryAttempts(),
            tokens=RandomTokens(),
            passwords=self.passwords,
            authenticator=TotpAuthenticator(),
            passkeys=cast(Any, None),
            ids=FakeIds(),
            mailer=InMemoryMailer(),
            pages_url="https://api.example",
        )

    def log_in(self, **changes: str) -> LoggedIn:
        begun = self.try_log_in(**changes)
        assert isinstance(begun, LoggedIn)
        return begun

    def try_log_in(self, **changes: str) -> LoggedIn | FactorAsked:
        given = {
            "subdomain": "lahore",
            "email": "ayesha@example.com",
            "password": PASSWORD,
            "address": "203.0.113.7",
        }
        return log_in(identity=self.identity, at=self.clock.now(), **(given | changes))


def test_signing_in_starts_a_session_of_the_person() -> None:
    world = World()

    logged_in = world.log_in()

    assert logged_in.session.principal == Principal(tenant_id="ten_1", actor_id="stf_1", role=Role.OWNER)
    assert list(world.sessions.kept) == [logged_in.session.token_hash]
    assert logged_in.token not in str(world.sessions.kept)
    assert logged_in.csrf_token not in str(world.sessions.kept)


@pytest.mark.parametrize(
    "wrong", [{"subdomain": "karachi"}, {"email": "nobody@example.com"}, {"password": "something else"}]
)
def test_the_same_work_is_done_whatever_is_wrong(wrong: dict[str, str]) -> None:
    world = World()

    with pytest.raises(WrongCredentials):
        world.log_in(**wrong)

    assert world.passwords.checked == 1
    assert not world.sessions.kept


def test_an_address_that_is_not_verified_is_told_after_the_right_password_only() -> None:
    world = World(OneTenant(verified=False))

    with pytest.raises(WrongCredentials):
        world.log_in(password="something else")
    with pytest.raises(EmailNotVerified):
        world.log_in()
    assert not world.sessions.kept


def test_nobody_signs_in_to_a_closed_tenant() -> None:
    with pytest.raises(WrongCredentials):
        World(OneTenant(state=TenantState.PURGING)).log_in()


def test_after_ten_failures_even_the_right_password_waits_at_that_address_only() -> None:
    world = World()
    for _ in range(10):
        with pytest.raises(WrongCredentials):
            world.log_in(password="something else")

    with pytest.raises(TooManyAttempts) as refused:
        world.log_in()
    assert 0 < refused.value.retry_after <= 900
    world.log_in(address="198.51.100.1")
    world.clock.advance(timedelta(seconds=refused.value.retry_after))
    world.log_in()
    assert len(world.sessions.kept) == 2


def test_of_sixty_wrong_passwords_at_once_ten_are_checked() -> None:
    world = World()

    def guess(number: int) -> str:
        try:
            world.log_in(password=f"guess number {number}")
        except (WrongCredentials, TooManyAttempts) as refused:
            return refused.code
        raise AssertionError("a wrong password was taken")

    with ThreadPoolExecutor(30) as pool:
        answers = Counter(pool.map(guess, range(60)))

    assert answers == {"wrong_credentials": 10, "too_many_attempts": 50}
    assert world.passwords.checked == 10


def test_a_right_password_does_not_count_as_a_failure() -> None:
    world = World()
    for _ in range(30):
        world.log_in()
    for _ in range(9):
        with pytest.raises(WrongCredentials):
            world.log_in(password="something else")

    world.log_in()


def test_one_client_signs_in_a_hundred_times_in_a_window_whatever_the_account() -> None:
    world = World()
    for number in range(100):
        with pytest.raises(WrongCredentials):
            world.log_in(email=f"somebody{number}@example.com", address=f"2001:db8::{number:x}")

    with pytest.raises(TooManyAttempts):
        world.log_in(address="2001:db8::ffff")
    world.log_in(address="2001:db8:0:1::1")


def test_using_a_session_extends_it_at_most_every_five_minutes() -> None:
    world = World()
    token_hash = world.log_in().session.token_hash

    for _ in range(60):
        world.clock.advance(timedelta(minutes=1))
        assert resume(sessions=world.sessions, token_hash=token_hash, at=world.clock.now())

    assert world.sessions.extended == 12


def test_a_session_is_not_extended_beyond_its_life() -> None:
    world = World()
    token_hash = world.log_in().session.token_hash

    while session := resume(sessions=world.sessions, token_hash=token_hash, at=world.clock.now()):
        assert session.idle_expires_at <= session.expires_at
        world.clock.advance(timedelta(hours=6))

    assert world.clock.now() - START == timedelta(days=7)


def test_a_session_that_was_ended_is_not_resumed() -> None:
    world = World()
    session = world.log_in().session

    log_out(sessions=world.sessions, session=session)

    assert resume(sessions=world.sessions, token_hash=session.token_hash, at=world.clock.now()) is None


def test_a_disabled_person_is_told_no_more_than_a_wrong_password() -> None:
    tenant = OneTenant()
    tenant.owner = replace(tenant.owner, disabled=True)

    with pytest.raises(WrongCredentials):
        World(tenant).log_in()


def test_of_many_sessions_the_oldest_end() -> None:
    world = World()
    first = world.log_in().session
    for _ in range(SESSIONS_PER_PERSON_MAX):
        world.clock.advance(timedelta(seconds=1))
        world.log_in()
    last = world.log_in().session

    assert len(world.sessions.kept) == SESSIONS_PER_PERSON_MAX
    assert first.token_hash not in world.sessions.kept
    assert last.token_hash in world.sessions.kept

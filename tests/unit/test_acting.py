"""Whose credentials a request goes out with: decided by the repository at work, never by its keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from chalicelib.store.acting import ByTenant, OfPlatform, OfTenant, acting_for, acting_tenant
from chalicelib.store.base import StoreUnavailable
from chalicelib.store.vending import (
    CACHED_TENANTS_MAX,
    RENEWED_BEFORE_SECONDS,
    SESSION_SECONDS,
    ActingCredentials,
    StsTenantRole,
)

START = datetime(2026, 11, 1, tzinfo=UTC)


class Repository(OfTenant):
    def __init__(self, tenant_id: str, other: Repository | None = None) -> None:
        self._tenant_id = tenant_id
        self._other = other

    def now(self) -> str | None:
        return acting_tenant()

    def around(self) -> list[str | None]:
        assert self._other is not None
        return [acting_tenant(), self._other.now(), acting_tenant()]

    def lazily(self) -> Iterator[str | None]:
        for _ in range(2):
            yield acting_tenant()

    def fail(self) -> None:
        raise LookupError


class Inherited(Repository):
    def more(self) -> str | None:
        return acting_tenant()


class Nobodys(OfPlatform):
    def now(self) -> str | None:
        return acting_tenant()


class Told(ByTenant):
    def now(self, *, tenant_id: str) -> str | None:
        return acting_tenant()


def test_a_repository_acts_for_its_own_tenant_while_it_works() -> None:
    assert acting_tenant() is None
    assert (Repository("ten_1").now(), Inherited("ten_2").more(), Inherited("ten_3").now()) == (
        "ten_1",
        "ten_2",
        "ten_3",
    )
    assert Told().now(tenant_id="ten_4") == "ten_4"
    assert acting_tenant() is None


def test_one_repository_within_another_each_acts_for_its_own() -> None:
    assert Repository("ten_1", Repository("ten_2")).around() == ["ten_1", "ten_2", "ten_1"]


def test_what_is_read_lazily_is_read_for_the_tenant_and_between_for_whoever_asks() -> None:
    first, second = Repository("ten_1").lazily(), Repository("ten_2").lazily()

    with acting_for("ten_3"):
        seen = [step for pair in zip(first, second, strict=True) for step in (*pair, acting_tenant())]

    assert seen == ["ten_1", "ten_2", "ten_3"] * 2


def test_what_belongs_to_no_tenant_is_asked_for_by_the_function_itself() -> None:
    with acting_for("ten_1"):
        assert Nobodys().now() is None
        assert acting_tenant() == "ten_1"


def test_a_failure_leaves_nobody_at_work() -> None:
    with pytest.raises(LookupError):
        Repository("ten_1").fail()

    assert acting_tenant() is None


class FakeSts:
    """Gives credentials for an hour of its own clock, or refuses."""

    def __init__(self) -> None:
        self.now = START
        self.asked: list[dict[str, Any]] = []
        self.away = False

    def time(self) -> float:
        return self.now.timestamp()

    def assume_role(self, **asked: Any) -> dict[str, Any]:
        if self.away:
            raise ClientError({"Error": {"Code": "Throttling", "Message": "slow down"}}, "AssumeRole")
        self.asked.append(asked)
        expires = self.now + timedelta(seconds=asked["DurationSeconds"])
        name = f"{asked['Tags'][0]['Value']}/{len(self.asked)}"
        given = {"AccessKeyId": name, "SecretAccessKey": "s", "SessionToken": "t", "Expiration": expires}
        return {"Credentials": given}


@pytest.fixture
def sts() -> FakeSts:
    return FakeSts()


@pytest.fixture
def role(sts: FakeSts) -> StsTenantRole:
    return StsTenantRole(client=lambda: sts, role_arn="arn:role", now=sts.time)


def test_sts_is_asked_once_a_tenant_with_the_tenant_as_tag(sts: FakeSts, role: StsTenantRole) -> None:
    given = [role.credentials(tenant_id=one).access_key for one in ("ten_1", "ten_2", "ten_1")]

    assert given == ["ten_1/1", "ten_2/2", "ten_1/1"]
    assert sts.asked[0] == {
        "RoleArn": "arn:role",
        "RoleSessionName": "ten_1",
        "DurationSeconds": SESSION_SECONDS,
        "Tags": [{"Key": "tenant", "Value": "ten_1"}],
    }


def test_credentials_are_renewed_before_they_end(sts: FakeSts, role: StsTenantRole) -> None:
    assert role.credentials(tenant_id="ten_1").access_key == "ten_1/1"

    sts.now += timedelta(seconds=SESSION_SECONDS - RENEWED_BEFORE_SECONDS - 1)
    assert role.credentials(tenant_id="ten_1").access_key == "ten_1/1"

    sts.now += timedelta(seconds=1)
    assert role.credentials(tenant_id="ten_1").access_key == "ten_1/2"


def test_a_container_remembers_a_bounded_number_of_tenants(sts: FakeSts, role: StsTenantRole) -> None:
    for index in range(CACHED_TENANTS_MAX + 1):
        role.credentials(tenant_id=f"ten_{index}")

    role.credentials(tenant_id=f"ten_{CACHED_TENANTS_MAX}")
    assert len(sts.asked) == CACHED_TENANTS_MAX + 1
    role.credentials(tenant_id="ten_0")
    assert len(sts.asked) == CACHED_TENANTS_MAX + 2


def test_credentials_that_are_not_given_are_an_outage(sts: FakeSts, role: StsTenantRole) -> None:
    sts.away = True

    with pytest.raises(StoreUnavailable):
        role.credentials(tenant_id="ten_1")


def test_a_request_is_signed_for_the_tenant_at_work_or_by_the_function(role: StsTenantRole) -> None:
    credentials = ActingCredentials(own=Credentials("own", "s"), role=role)

    def signer() -> str | None:
        frozen = credentials.get_frozen_credentials()
        return frozen.access_key

    assert signer() == "own"
    with acting_for("ten_1"):
        assert signer() == "ten_1/1"


def test_without_a_role_the_function_signs_everything() -> None:
    credentials = ActingCredentials(own=Credentials("own", "s"), role=None)

    with acting_for("ten_1"):
        assert credentials.get_frozen_credentials().access_key == "own"

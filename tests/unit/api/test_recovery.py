"""What an owner's session may do while the company is in recovery, of every operation that there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib.api.errors import NotSignedIn, status_of
from chalicelib.api.recovery import ALLOWED, check_read_only
from chalicelib.api.routes import every_endpoint
from chalicelib.domain.lifecycle import EndingMoment, TenantInRecovery, cancelled
from chalicelib.domain.permissions import ROLE_PERMISSIONS, Role
from chalicelib.domain.tenants import Tenant, TenantState

AT = datetime(2041, 5, 15, 6, 0, tzinfo=UTC)
TENANT = Tenant("ten_1", "Lahore Net", "ravi", "PK", "PKR", "Asia/Karachi", 7, TenantState.ACTIVE, AT)
IN_RECOVERY = cancelled(tenant=TENANT, moment=EndingMoment.NOW, confirm="ravi", at=AT)
OWNERS = [one for one in every_endpoint() if one.permission in ROLE_PERMISSIONS[Role.OWNER]]


def test_whatever_is_not_looking_exporting_recovering_or_ones_own_is_refused() -> None:
    changing = [one for one in OWNERS if one.method != "GET"]
    for one in changing:
        if one.operation_id in ALLOWED:
            check_read_only(tenant=IN_RECOVERY, operation=one)
        else:
            with pytest.raises(TenantInRecovery):
                check_read_only(tenant=IN_RECOVERY, operation=one)

    assert len(changing) - len(ALLOWED) > 60


def test_everything_may_be_looked_at() -> None:
    for one in OWNERS:
        if one.method == "GET":
            check_read_only(tenant=IN_RECOVERY, operation=one)


def test_every_operation_that_is_allowed_exists() -> None:
    assert {one.operation_id for one in OWNERS} >= ALLOWED


@pytest.mark.parametrize("state", [TenantState.PURGING, TenantState.PURGED, TenantState.SHREDDED])
def test_after_recovery_the_session_is_over(state: TenantState) -> None:
    for one in OWNERS:
        with pytest.raises(NotSignedIn):
            check_read_only(tenant=replace(IN_RECOVERY, state=state), operation=one)


def test_a_company_that_is_back_does_everything_again() -> None:
    for one in OWNERS:
        check_read_only(tenant=TENANT, operation=one)


def test_the_refusal_says_what_is_possible() -> None:
    (one,) = [one for one in OWNERS if one.operation_id == "create_subscriber"]
    with pytest.raises(TenantInRecovery) as refused:
        check_read_only(tenant=IN_RECOVERY, operation=one)

    assert status_of(refused.value) == 403
    assert "POST /v1/tenant/recovery" in refused.value.message
    assert "POST /v1/exports" in refused.value.message

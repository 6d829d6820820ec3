"""When who worked for an ISP may be erased, and what is left of their record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib.domain.erasure import HoldsCash, OnHold, StillEmployed, check_left, without_name
from chalicelib.domain.staff import LastOwner, Role, Scope, StaffMember

GONE = StaffMember(
    staff_id="stf_01JD0000000000000000000000",
    name="Bilal Ahmed",
    email="bilal@lahore-net.example",
    role=Role.COLLECTOR,
    email_verified=True,
    password_hash="$argon2id$...",
    created_at=datetime(2040, 1, 1, tzinfo=UTC),
    scope=Scope(areas=("Gulberg",)),
    disabled=True,
    second_factor=True,
)


@pytest.mark.parametrize(
    ("disabled", "only_owner", "cash", "hold", "refused"),
    [
        (True, False, 0, "", None),
        (False, False, 0, "", StillEmployed),
        (False, True, 0, "", LastOwner),
        (True, False, 5, "", HoldsCash),
        (True, False, -5, "", HoldsCash),
        (True, False, 0, "court order", OnHold),
    ],
)
def test_who_left_and_holds_nothing_may_be_erased(
    disabled: bool,  # noqa: FBT001
    only_owner: bool,  # noqa: FBT001
    cash: int,
    hold: str,
    refused: type[Exception] | None,
) -> None:
    member = replace(GONE, disabled=disabled)
    if refused is None:
        check_left(member=member, only_owner=only_owner, cash=cash, hold=hold)
        return
    with pytest.raises(refused):
        check_left(member=member, only_owner=only_owner, cash=cash, hold=hold)


def test_of_a_record_the_identifier_the_role_and_the_day_of_joining_stay() -> None:
    left = without_name(member=GONE)

    assert (left.staff_id, left.role, left.created_at) == (GONE.staff_id, Role.COLLECTOR, GONE.created_at)
    assert left.erased
    assert (left.name, left.email, left.password_hash, left.scope) == ("", "", "", Scope())
    assert left.disabled
    # A role of the company's own would count as somebody's for ever.
    assert without_name(member=replace(GONE, role="rol_01JD0000000000000000000000")).role == Role.AUDITOR

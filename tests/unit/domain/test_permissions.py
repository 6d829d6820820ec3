"""The matrix of roles and permissions, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.domain.permissions import (
    GRANTABLE,
    MATRIX,
    ROLE_PERMISSIONS,
    WITHIN_SCOPE,
    Permission,
    Role,
    permissions_page,
)
from chalicelib.domain.staff import (
    InvalidScope,
    Principal,
    RightsExceeded,
    Scope,
    check_scope,
    may_grant,
)

PAGE = Path(__file__).parents[3] / "docs" / "permissions.md"
LETTERS = "OABSCDR"


def test_the_page_is_that_of_the_matrix() -> None:
    assert PAGE.read_text(encoding="utf-8") == permissions_page(), "run `make permissions`"


def test_every_permission_has_one_row_and_every_role_a_letter() -> None:
    assert [permission for permission, _, _ in MATRIX] == [one for one in Permission if one != "public"]
    for permission, row, _ in MATRIX:
        assert [letter in {".", own} for letter, own in zip(row.split(), LETTERS, strict=True)] == [
            True
        ] * len(Role), permission


def test_the_owner_may_everything_and_nobody_else_hands_the_company_over() -> None:
    assert ROLE_PERMISSIONS[Role.OWNER] == set(Permission) - {Permission.PUBLIC, Permission.PORTAL_SELF}
    holders = {role for role, granted in ROLE_PERMISSIONS.items() if Permission.OWNERSHIP_TRANSFER in granted}
    assert holders == {Role.OWNER}
    assert Permission.OWNERSHIP_TRANSFER not in GRANTABLE


def test_who_is_held_to_a_scope_may_nothing_of_the_whole_company() -> None:
    everything = frozenset(Permission)
    held = Principal("ten_1", "stf_1", "rol_1", granted=everything, scope=Scope(areas=("Gulberg",)))

    assert held.permissions == WITHIN_SCOPE
    assert not [one for one in WITHIN_SCOPE if one.partition(":")[0] in {"tenant", "staff", "exports"}]
    for role in (Role.COLLECTOR, Role.DEALER):
        assert ROLE_PERMISSIONS[role] <= WITHIN_SCOPE


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        (Scope(), True),
        (Scope(areas=("Gulberg  III",)), True),
        (Scope(areas=("Model Town", "GULBERG iii")), True),
        (Scope(areas=("Model Town",)), False),
        (Scope(dealer_id="DLR-7"), True),
        (Scope(dealer_id="DLR-8"), False),
        (Scope(areas=("Gulberg III",), dealer_id="DLR-8"), False),
        (Scope(areas=("Model Town",), dealer_id="DLR-7"), False),
    ],
)
def test_a_scope_holds_what_fits_all_of_it(scope: Scope, *, held: bool) -> None:
    assert scope.holds(area="gulberg iii", dealer_id="DLR-7") is held


def test_areas_are_kept_once() -> None:
    scope = check_scope(role="collector", areas=["Gulberg III", " gulberg  iii "], dealer_id="")

    assert len(scope.areas) == 1


@pytest.mark.parametrize(
    ("role", "areas", "dealer_id"),
    [
        ("collector", [], ""),
        ("collector", ["  "], ""),
        ("dealer", [], ""),
        ("owner", ["Gulberg"], ""),
        ("auditor", [], "DLR-7"),
        ("support", [f"Area {number}" for number in range(51)], ""),
    ],
)
def test_a_scope_that_does_not_go_with_the_role(role: str, areas: list[str], dealer_id: str) -> None:
    with pytest.raises(InvalidScope):
        check_scope(role=role, areas=areas, dealer_id=dealer_id)


def test_nobody_grants_what_they_lack() -> None:
    admin = Principal("ten_1", "stf_1", Role.ADMIN)

    may_grant(principal=admin, permissions=ROLE_PERMISSIONS[Role.BILLING])
    with pytest.raises(RightsExceeded):
        may_grant(principal=admin, permissions=ROLE_PERMISSIONS[Role.OWNER])

"""Roles of a company's own, built from named permissions."""

from __future__ import annotations

import pytest

from chalicelib.domain.roles import CUSTOM_ROLES_MAX
from chalicelib.store.base import Database
from tests.fakes.api_client import ApiClient, Reply
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.shop import created, if_match, ok
from tests.integration.staffing import CHOSEN, Company, Person, permissions_of

NOBODY = (401, "not_signed_in", None)


@pytest.fixture
def company(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Company:
    return Company(signed_in, services, api)


def test_a_role_grants_what_it_names(company: Company) -> None:
    role = company.role("subscribers:read", "payments:record")

    person = company.join(role["role_id"])

    assert permissions_of(person.api) == ["payments:record", "self", "subscribers:read"]
    assert person.api.get("/v1/subscribers").status == 200
    assert person.api.get("/v1/packages").problem == (403, "permission_denied", None)
    assert "as Front desk" in company.services.mailer.last_to(person.email).text
    assert ok(company.owner.get(f"/v1/roles/{role['role_id']}"))["holders"] == 1


def test_roles_are_listed_after_those_that_everybody_has(company: Company) -> None:
    role = company.role("subscribers:read")

    listed = ok(company.owner.get("/v1/roles"))["items"]

    assert [one["role_id"] for one in listed] == [
        *["owner", "admin", "billing", "support", "collector", "dealer", "auditor"],
        role["role_id"],
    ]
    assert [one["own"] for one in listed] == [False] * 7 + [True]


def test_a_session_is_dead_when_what_its_role_may_do_changes(company: Company) -> None:
    role = company.role("subscribers:read", "packages:read")
    people = [company.join(role["role_id"]) for _ in range(2)]

    changed = ok(change(company, role["role_id"], permissions=["subscribers:read"]))

    assert changed["permissions"] == ["subscribers:read"]
    assert [one.api.get("/v1/me").problem for one in people] == [NOBODY] * 2
    assert permissions_of(company.sign_in(people[0].email, CHOSEN)) == ["self", "subscribers:read"]
    assert "role.changed" in company.audited()


def test_a_new_name_of_a_role_ends_no_session(company: Company) -> None:
    role = company.role("subscribers:read")
    person = company.join(role["role_id"])

    ok(change(company, role["role_id"], name="Counter"))

    assert person.api.get("/v1/me").status == 200
    company.role("subscribers:read", name="Front desk")  # the name is free again


def test_who_signs_in_while_the_role_changes_never_keeps_what_it_was(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = company.role("subscribers:read", "packages:read")
    person = company.join(role["role_id"])
    began = sign_in_before_commit(company, person, monkeypatch, nth=2)

    ok(change(company, role["role_id"], permissions=["subscribers:read"]))

    assert began[0].get("/v1/me").problem == NOBODY


def sign_in_before_commit(
    company: Company, person: Person, monkeypatch: pytest.MonkeyPatch, *, nth: int
) -> list[ApiClient]:
    """Let the person sign in after their sessions ended, before the role is changed."""
    commit, began, commits = Database.commit, list[ApiClient](), [0]

    def commit_late(database: Database, writes: object) -> None:
        commits[0] += 1
        if commits[0] == nth:
            monkeypatch.setattr(Database, "commit", commit)
            began.append(company.sign_in(person.email, CHOSEN))
        commit(database, writes)  # type: ignore[arg-type]

    monkeypatch.setattr(Database, "commit", commit_late)
    return began


def test_a_role_in_use_is_not_removed(company: Company) -> None:
    role = company.role("subscribers:read")
    path = f"/v1/roles/{role['role_id']}"
    invitation = created(company.invite(role["role_id"]))["invitation"]

    invited = company.owner.delete(path)
    company.owner.delete(f"/v1/invitations/{invitation['invitation_id']}")
    person = company.join(role["role_id"])
    held = company.owner.delete(path)
    ok(company.change(person.staff_id, role="support"))
    removed = company.owner.delete(path)

    assert invited.problem == held.problem == (409, "role_in_use", None)
    assert removed.status == 204
    assert company.owner.get(path).status == 404
    assert "role.removed" in company.audited()


def test_a_role_holds_nothing_that_its_maker_lacks(company: Company) -> None:
    helper = company.role("staff:read", "staff:write", "subscribers:read", name="Personnel")
    person = company.join(helper["role_id"])
    strong = company.role("staff:write", "billing:run", name="Strong")
    body = {"name": "More", "permissions": ["subscribers:read", "billing:run"]}

    assert person.api.post("/v1/roles", json=body).problem == (403, "rights_exceeded", "role")
    own = person.api.patch(
        f"/v1/roles/{helper['role_id']}",
        json={"permissions": ["staff:write", "billing:run"]},
        headers={"If-Match": '"1"'},
    )
    assert own.code == "rights_exceeded"
    weakened = person.api.patch(
        f"/v1/roles/{strong['role_id']}", json={"permissions": ["staff:write"]}, headers={"If-Match": '"1"'}
    )
    assert weakened.code == "rights_exceeded"
    assert person.api.delete(f"/v1/roles/{strong['role_id']}").code == "rights_exceeded"
    assert company.invite(strong["role_id"], by=person.api).code == "rights_exceeded"
    weaker = {"name": "Less", "permissions": ["subscribers:read"]}
    assert person.api.post("/v1/roles", json=weaker).status == 201


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"permissions": []}, (422, "invalid_value", "permissions")),
        ({"permissions": ["ownership:transfer"]}, (422, "invalid_value", "permissions")),
        ({"permissions": ["public"]}, (422, "invalid_value", "permissions")),
        ({"permissions": ["everything"]}, (422, "invalid_value", "permissions.0")),
        ({"name": " Owner "}, (422, "invalid_value", "name")),
        ({"name": "front  DESK"}, (409, "role_name_taken", "name")),
    ],
)
def test_what_is_no_role(company: Company, body: dict[str, object], problem: tuple[int, str, str]) -> None:
    company.role("subscribers:read")
    role = {"name": "Another", "permissions": ["subscribers:read"], **body}

    assert company.owner.post("/v1/roles", json=role).problem == problem


def test_a_company_has_so_many_roles_of_its_own(company: Company) -> None:
    for number in range(CUSTOM_ROLES_MAX):
        company.role("subscribers:read", name=f"Role {number}")

    one_more = {"name": "One more", "permissions": ["subscribers:read"]}

    assert company.owner.post("/v1/roles", json=one_more).code == "too_many_roles"


def change(company: Company, role_id: str, **changes: object) -> Reply:
    """Ask for a change of a role as it is now."""
    path = f"/v1/roles/{role_id}"
    return company.owner.patch(path, json=changes, headers=if_match(ok(company.owner.get(path))))

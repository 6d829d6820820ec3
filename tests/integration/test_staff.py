"""Staff: roles given and taken, disabling, owners, and sessions that end with it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.crypto.tokens import token_hash
from chalicelib.domain.staff import Role
from chalicelib.store.base import Database
from chalicelib.store.sessions import SessionItem
from chalicelib.usecases.sessions import SESSIONS_PER_PERSON_MAX
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.shop import created, if_match, ok
from tests.integration.staffing import CHOSEN, Company, permissions_of

NOBODY = (401, "not_signed_in", None)


@pytest.fixture
def company(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Company:
    return Company(signed_in, services, api)


def test_a_session_is_dead_at_the_first_request_after_disabling(company: Company) -> None:
    person = company.join("billing")
    elsewhere = company.sign_in(person.email, CHOSEN)

    disabled = ok(company.owner.post(f"/v1/staff/{person.staff_id}/disable"))

    assert disabled["disabled"]
    assert person.api.get("/v1/me").problem == NOBODY
    assert elsewhere.get("/v1/me").problem == NOBODY
    assert company.try_to_sign_in(person.email, CHOSEN).problem == (401, "wrong_credentials", None)
    assert "staff.disabled" in company.audited()


def test_who_is_enabled_again_signs_in_and_has_no_old_session(company: Company) -> None:
    person = company.join("billing")
    ok(company.owner.post(f"/v1/staff/{person.staff_id}/disable"))

    ok(company.owner.post(f"/v1/staff/{person.staff_id}/enable"))

    assert person.api.get("/v1/me").problem == NOBODY
    assert company.sign_in(person.email, CHOSEN).get("/v1/me").status == 200


def test_a_session_is_dead_at_the_first_request_after_a_new_role(company: Company) -> None:
    person = company.join("admin")

    changed = ok(company.change(person.staff_id, role="auditor"))

    assert changed["role"] == "auditor"
    assert person.api.patch("/v1/tenant", json={"billing_hour": 9}, headers={"If-Match": '"2"'}).status == 401
    assert "tenant:write" not in permissions_of(company.sign_in(person.email, CHOSEN))


def test_a_new_name_ends_no_session(company: Company) -> None:
    person = company.join("billing")

    ok(company.change(person.staff_id, name="Bilal A. Khan"))

    assert ok(person.api.get("/v1/me"))["staff"]["name"] == "Bilal A. Khan"


def test_who_signs_in_while_their_role_changes_never_keeps_the_old_one(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = company.join("admin")
    commit = Database.commit
    began: list[ApiClient] = []

    def commit_late(database: Database, writes: object) -> None:
        """Somebody signs in after the sessions were read, before the change is committed."""
        monkeypatch.setattr(Database, "commit", commit)
        began.append(company.sign_in(person.email, CHOSEN))
        commit(database, writes)  # type: ignore[arg-type]

    headers = if_match(company.member(person.staff_id))
    monkeypatch.setattr(Database, "commit", commit_late)
    ok(company.owner.patch(f"/v1/staff/{person.staff_id}", json={"role": "auditor"}, headers=headers))

    assert began[0].get("/v1/me").problem == NOBODY


def test_a_role_that_changes_while_somebody_signs_in_begins_no_session(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = company.join("admin")
    commit, headers = Database.commit, if_match(company.member(person.staff_id))

    def commit_late(database: Database, writes: object) -> None:
        """The role changes after the person was read, before the session is committed."""
        monkeypatch.setattr(Database, "commit", commit)
        ok(company.owner.patch(f"/v1/staff/{person.staff_id}", json={"role": "auditor"}, headers=headers))
        commit(database, writes)  # type: ignore[arg-type]

    monkeypatch.setattr(Database, "commit", commit_late)
    refused = company.try_to_sign_in(person.email, CHOSEN)

    assert refused.problem == (503, "busy", None)
    assert "tenant:write" not in permissions_of(company.sign_in(person.email, CHOSEN))


def test_all_of_the_most_sessions_end_at_once(company: Company, clock: FakeClock) -> None:
    person = company.join("billing")
    clock.advance(timedelta(seconds=1))
    sessions = [company.sign_in(person.email, CHOSEN) for _ in range(SESSIONS_PER_PERSON_MAX)]
    assert person.api.get("/v1/me").problem == NOBODY  # the oldest ended for the newest
    assert all(one.get("/v1/me").status == 200 for one in sessions)

    ok(company.owner.post(f"/v1/staff/{person.staff_id}/disable"))

    assert all(one.get("/v1/me").problem == NOBODY for one in sessions)


def test_nobody_changes_their_own_rights(company: Company) -> None:
    admin = company.join("admin")

    asked: list[dict[str, object]] = [{"role": "owner"}, {"role": "admin"}, {"areas": []}, {"dealer_id": ""}]
    for changes in asked:
        assert company.change(admin.staff_id, by=admin.api, **changes).code == "own_record"
    assert admin.api.post(f"/v1/staff/{admin.staff_id}/disable").code == "own_record"
    assert ok(company.change(admin.staff_id, by=admin.api, name="Me Myself"))["role"] == "admin"


def test_nobody_changes_who_may_do_more(company: Company) -> None:
    admin, owner_id = company.join("admin"), ok(company.owner.get("/v1/me"))["staff"]["staff_id"]
    other = company.join("support")
    before = company.member(owner_id)

    for changes in ({"role": "auditor"}, {"name": "Nobody"}):
        assert company.change(owner_id, by=admin.api, **changes).problem == (403, "rights_exceeded", None)
    assert admin.api.post(f"/v1/staff/{owner_id}/disable").code == "rights_exceeded"
    assert company.change(other.staff_id, by=admin.api, role="owner").code == "rights_exceeded"
    assert company.member(owner_id) == before


def test_a_role_is_given_by_the_version_that_was_read(company: Company) -> None:
    person = company.join("support")
    read = company.member(person.staff_id)
    ok(company.change(person.staff_id, name="Another"))

    path = f"/v1/staff/{person.staff_id}"
    stale = company.owner.patch(path, json={"role": "admin"}, headers=if_match(read))

    assert stale.problem == (412, "stale_version", "If-Match")
    assert company.owner.patch(path, json={"role": "admin"}).status == 428
    assert company.member(person.staff_id)["role"] == "support"


def test_of_two_owners_who_disable_each_other_at_once_one_is_left(company: Company) -> None:
    first, second = ok(company.owner.get("/v1/me"))["staff"]["staff_id"], company.join("owner")

    with ThreadPoolExecutor(2) as pool:
        replies = list(
            pool.map(
                lambda one: one[0].post(f"/v1/staff/{one[1]}/disable"),
                [(company.owner, second.staff_id), (second.api, first)],
            )
        )

    assert min(one.status for one in replies) == 200
    owners = [
        one
        for one in company.tenant.store.staff.list(limit=10, after=None).items
        if one.role == Role.OWNER and not one.disabled
    ]
    assert len(owners) == 1


def test_the_last_owner_stays_one(company: Company) -> None:
    owner, store = company.member(ok(company.owner.get("/v1/me"))["staff"]["staff_id"]), company.tenant.store
    second = company.join("owner")
    kept = store.staff.get(staff_id=owner["staff_id"])
    # The first cannot sign in: the second is the last who can.
    store.commit(*store.staff.change(before=kept, after=replace(kept, disabled=True)))

    refused = company.owner.post(f"/v1/staff/{second.staff_id}/disable")
    demoted = company.owner.patch(
        f"/v1/staff/{second.staff_id}", json={"role": "admin"}, headers={"If-Match": '"1"'}
    )

    assert refused.problem == (409, "last_owner", None)
    assert demoted.problem == (409, "last_owner", None)
    assert second.api.get("/v1/me").status == 200


def test_the_company_is_handed_over_with_the_password(company: Company) -> None:
    heir, me = company.join("billing"), ok(company.owner.get("/v1/me"))["staff"]["staff_id"]

    path = f"/v1/staff/{heir.staff_id}/ownership"
    wrong = company.owner.post(path, json={"password": "not my password"})
    given = ok(company.owner.post(path, json={"password": company.tenant.password}))

    assert wrong.problem == (422, "wrong_password", "password")
    assert given["role"] == "owner"
    assert company.owner.get("/v1/me").problem == NOBODY
    assert heir.api.get("/v1/me").problem == NOBODY
    now = company.sign_in(heir.email, CHOSEN)
    assert "ownership:transfer" in permissions_of(now)
    assert ok(now.get(f"/v1/staff/{me}"))["role"] == "admin"
    assert "ownership.transferred" in company.audited()


def test_the_company_is_handed_to_who_can_sign_in(company: Company) -> None:
    heir = company.join("billing")
    ok(company.owner.post(f"/v1/staff/{heir.staff_id}/disable"))

    me = ok(company.owner.get("/v1/me"))["staff"]["staff_id"]
    body = {"password": company.tenant.password}

    assert company.owner.post(f"/v1/staff/{heir.staff_id}/ownership", json=body).code == "not_active"
    assert company.owner.post(f"/v1/staff/{me}/ownership", json=body).code == "own_record"


def test_passwords_asked_again_cannot_be_guessed(company: Company) -> None:
    heir, wrong = company.join("billing"), {"password": "not my password"}

    answers = [
        company.owner.post(f"/v1/staff/{heir.staff_id}/ownership", json=wrong).status for _ in range(12)
    ]

    assert answers == [422] * 10 + [429] * 2


def test_a_session_that_nobody_could_end_is_none(company: Company) -> None:
    """As those were that began before sessions were listed by person."""
    item = SessionItem.get(f"SESSION#{token_hash(company.tenant.token)}", "SESSION")
    item.update(actions=[SessionItem.session_id.remove()])

    assert company.owner.get("/v1/me").problem == NOBODY


def test_an_expired_session_leaves_the_list(company: Company, clock: FakeClock) -> None:
    person = company.join("billing")
    clock.advance(timedelta(days=8))

    company.sign_in(person.email, CHOSEN)

    sessions = company.services.sessions
    listed = sessions.of_person(tenant_id=company.tenant.tenant_id, staff_id=person.staff_id).listed
    assert len(listed) == 1


def test_staff_of_others_is_not_listed(company: Company, other_tenant: SignedIn) -> None:
    company.join("billing")

    assert len(ok(other_tenant.api.get("/v1/staff"))["items"]) == 1


def test_staff_is_listed_page_by_page(company: Company) -> None:
    for _ in range(2):
        company.join("support")

    first = ok(company.owner.get("/v1/staff?limit=2"))
    rest = ok(company.owner.get(f"/v1/staff?limit=2&cursor={first['next_cursor']}"))

    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)


def test_a_disabled_owner_is_no_owner_who_can_sign_in(company: Company) -> None:
    created(company.invite("owner"))

    assert len(ok(company.owner.get("/v1/staff"))["items"]) == 1

"""Inviting people by mail, over HTTP, on the engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from chalicelib.store.tokens import OneTimeItem
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.raw import raw_items
from tests.integration.shop import created, ok
from tests.integration.staffing import CHOSEN, Company, permissions_of

WORTHLESS = (422, "token_not_valid", "token")


@pytest.fixture
def company(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Company:
    return Company(signed_in, services, api)


def test_who_is_invited_chooses_a_name_and_a_password_and_signs_in(company: Company) -> None:
    made = created(company.invite("billing"))
    email = made["invitation"]["email"]

    joined = created(company.accept(company.code(email)))

    assert made["mail_sent"]
    assert joined["subdomain"] == company.tenant.subdomain
    assert (joined["staff"]["name"], joined["staff"]["role"]) == ("Bilal Ahmed", "billing")
    me = ok(company.sign_in(email, CHOSEN).get("/v1/me"))
    assert me["staff"]["email"] == email
    assert "billing:run" in me["permissions"]
    assert "tenant:write" not in me["permissions"]
    listed = {one["email"] for one in ok(company.owner.get("/v1/staff"))["items"]}
    assert listed == {company.tenant.email, email}
    assert ok(company.owner.get("/v1/invitations"))["items"] == []
    assert company.audited() >= {"staff.invited", "staff.joined"}


def test_the_mail_says_who_invites_to_what(company: Company) -> None:
    email = created(company.invite("auditor"))["invitation"]["email"]

    text = company.services.mailer.last_to(email).text

    assert "Lahore Net invites you" in text
    assert "as auditor" in text
    assert "72 hours" in text


def test_a_code_works_once(company: Company) -> None:
    code = company.code(created(company.invite("support"))["invitation"]["email"])
    created(company.accept(code))

    assert company.accept(code).problem == WORTHLESS


def test_of_many_who_use_a_code_at_once_one_joins(company: Company) -> None:
    code = company.code(created(company.invite("support"))["invitation"]["email"])

    with ThreadPoolExecutor(5) as pool:
        replies = list(pool.map(lambda _: company.accept(code), range(5)))

    assert sorted(one.status for one in replies) == [201, 422, 422, 422, 422]
    assert len(ok(company.owner.get("/v1/staff"))["items"]) == 2


def test_a_code_is_good_for_72_hours(company: Company, clock: FakeClock) -> None:
    code = company.code(created(company.invite("support"))["invitation"]["email"])
    late = company.code(created(company.invite("support"))["invitation"]["email"])

    clock.advance(timedelta(hours=71, minutes=59))
    assert company.accept(code).status == 201
    clock.advance(timedelta(minutes=1))
    assert company.accept(late).problem == WORTHLESS


def test_sending_again_makes_the_code_before_worthless(company: Company, clock: FakeClock) -> None:
    invitation = created(company.invite("support"))["invitation"]
    first = company.code(invitation["email"])
    clock.advance(timedelta(hours=80))
    owner = company.sign_in(company.tenant.email)
    assert ok(owner.get("/v1/invitations"))["items"][0]["expired"]

    again = ok(owner.post(f"/v1/invitations/{invitation['invitation_id']}/resend"))

    assert not again["invitation"]["expired"]
    assert company.accept(first).problem == WORTHLESS
    assert company.accept(company.code(invitation["email"])).status == 201
    assert "staff.invited_again" in company.audited()


def test_a_withdrawn_invitation_is_worthless(company: Company) -> None:
    invitation = created(company.invite("support"))["invitation"]

    withdrawn = company.owner.delete(f"/v1/invitations/{invitation['invitation_id']}")

    assert withdrawn.status == 204
    assert company.accept(company.code(invitation["email"])).problem == WORTHLESS
    assert ok(company.owner.get("/v1/invitations"))["items"] == []
    assert "invitation.withdrawn" in company.audited()


def test_an_invitation_by_who_may_not_invite_any_more_is_worthless(company: Company) -> None:
    admin = company.join("admin")
    code = company.code(created(company.invite("support", by=admin.api))["invitation"]["email"])

    ok(company.owner.post(f"/v1/staff/{admin.staff_id}/disable"))

    assert company.accept(code).problem == WORTHLESS


def test_codes_and_addresses_are_not_stored_in_the_clear(company: Company) -> None:
    email = created(company.invite("support"))["invitation"]["email"]
    code = company.code(email)

    stored = [str(item.attribute_values) for item in OneTimeItem.scan()]
    stored += [str(item) for item in raw_items(company.services, company.tenant.tenant_id)]

    assert not [one for one in stored if code in one or email in one]


def test_an_address_is_invited_once_and_joins_once(company: Company) -> None:
    person = company.join("support")
    invited = created(company.invite("support"))["invitation"]["email"]

    assert company.invite("support", email=invited.upper()).problem == (409, "already_invited", "email")
    assert company.invite("support", email=person.email).problem == (409, "email_taken", "email")


def test_nobody_invites_to_more_than_they_may_do(company: Company) -> None:
    admin = company.join("admin")

    assert company.invite("owner", by=admin.api).problem == (403, "rights_exceeded", "role")
    assert company.invite("admin", by=admin.api).status == 201


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"role": "king"}, (422, "unknown_role", "role")),
        ({"role": "rol_01JD0000000000000000000000"}, (422, "unknown_role", "role")),
        ({"role": "collector"}, (422, "invalid_scope", "areas")),
        ({"role": "dealer"}, (422, "invalid_scope", "dealer_id")),
        ({"role": "admin", "areas": ["Gulberg"]}, (422, "invalid_scope", "areas")),
        ({"role": "support", "email": "nobody"}, (422, "invalid_email", "email")),
    ],
)
def test_what_cannot_be_invited(
    company: Company, body: dict[str, object], problem: tuple[int, str, str]
) -> None:
    assert company.invite(**{"role": "support", **body}).problem == problem  # type: ignore[arg-type]


def test_a_weak_password_is_refused_and_the_code_stays_good(company: Company) -> None:
    code = company.code(created(company.invite("support"))["invitation"]["email"])

    assert company.accept(code, password="password1234").status == 422
    assert company.accept(code).status == 201


def test_an_invitation_stands_without_its_mail(company: Company) -> None:
    company.services.mailer.broken = True
    made = created(company.invite("support"))
    company.services.mailer.broken = False

    again = ok(company.owner.post(f"/v1/invitations/{made['invitation']['invitation_id']}/resend"))

    assert (made["mail_sent"], again["mail_sent"]) == (False, True)


def test_guessing_codes_is_slowed_down(company: Company) -> None:
    answers = [company.accept(f"ivt_{number}").status for number in range(12)]

    assert answers == [422] * 10 + [429] * 2


def test_permissions_are_those_of_the_role(company: Company) -> None:
    assert permissions_of(company.join("dealer", dealer_id="DLR-7").api) == [
        "invoices:read",
        "packages:read",
        "payments:read",
        "payments:record",
        "self",
        "subscribers:read",
        "subscribers:write",
        "wallet:spend",
    ]

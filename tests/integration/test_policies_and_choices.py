"""Staff and subscribers choose for themselves; staff are told of new policies once, and accept the terms."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from chalicelib.domain.consent_texts import current_text
from chalicelib.domain.policies import Document, Library
from chalicelib.jobs.policies import tell_of_policies
from chalicelib.jobs.tenants import PassIncomplete
from chalicelib.store.consents import ConsentItem
from chalicelib.usecases.policies import Telling, mail_notices
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn, sign_up_and_in
from tests.integration.crashing import Crash, Crashed, CrashingServices
from tests.integration.policing import announced, policy
from tests.integration.portal_user import with_portal
from tests.integration.shop import Shop, ok, package_body
from tests.integration.staffing import CHOSEN, Company

TEXT = current_text().version
TOMORROW = "2041-05-16"


@dataclass
class Person:
    """Somebody who is signed in, and the path under which they are themselves."""

    api: ApiClient
    path: str

    def choose(self, *agreed: str) -> Reply:
        return self.api.put(f"{self.path}/consent", json={"agreed": agreed, "text": TEXT})

    def count(self, **headers: str) -> bool:
        api = self.api.with_headers(**headers)
        return bool(ok(api.post(f"{self.path}/activity", json={"pages": ["invoices"]}))["counted"])


@pytest.fixture
def owner(signed_in: SignedIn) -> Person:
    return Person(signed_in.api, "/v1/me")


@pytest.fixture
def company(signed_in: SignedIn, services: EngineServices, api: ApiClient) -> Company:
    return Company(signed_in, services, api)


def totals(tenant: SignedIn) -> dict[str, int]:
    shown = ok(tenant.api.get("/v1/activity/summary"))["items"]
    return {f"{one['area']} {one['name']}": one["times"] for one in shown}


def mails(services: EngineServices) -> list[str]:
    return sorted(one.to for one in services.mailer.sent if one.subject.startswith("A new version"))


# -- choices -----------------------------------------------------------------------------------


def test_nobody_is_counted_who_did_not_agree_and_what_they_take_back_ends_at_once(
    owner: Person, signed_in: SignedIn, services: EngineServices, clock: FakeClock
) -> None:
    subscriber = Shop(signed_in, services).subscriber()["subscriber_id"]
    customer = Person(with_portal(signed_in, services, subscriber).api, "/v1/portal/me")
    for person, area in ((owner, "console"), (customer, "portal")):
        assert ok(person.api.get(f"{person.path}/consent"))["asked"] is True
        assert person.count() is False
        assert ok(person.choose("analytics"))["allowed"] == ["essential", "analytics"]
        assert person.count() is True
        assert person.count(Sec_GPC="1") is False
        clock.advance(timedelta(seconds=1))
        assert ok(person.choose())["allowed"] == ["essential"]
        assert person.count() is False
        assert totals(signed_in)[f"{area} invoices"] == 1

    proof = ok(owner.api.get("/v1/me/consent"))["history"]
    assert [one["agreed"] for one in proof] == [[], ["analytics"]]
    assert proof[0]["previous"] == proof[1]["consent_id"]
    entries = ok(signed_in.api.get("/v1/audit"))["items"]
    chosen = [one["details"]["agreed"] for one in entries if one["action"] == "consent.chosen"]
    assert sorted(chosen) == [[], [], ["analytics"], ["analytics"]]


def test_totals_are_gone_after_ninety_days(
    owner: Person, signed_in: SignedIn, company: Company, clock: FakeClock
) -> None:
    owner.choose("analytics")
    owner.count()
    store, day = signed_in.store, clock.now().date()

    clock.advance(timedelta(days=90))

    assert len(store.activity.totals(since=day, until=day)) == 1  # the table's TTL is late
    later = company.sign_in(signed_in.email)
    assert ok(later.get("/v1/activity/summary?days=90"))["items"] == []
    assert later.get("/v1/activity/summary?days=91").status == 422


def test_a_choice_is_refused_that_was_not_offered_or_not_read(owner: Person, signed_in: SignedIn) -> None:
    put = owner.api.put
    for body, problem in (
        ({"agreed": ["analytics"], "text": "20200101-00000000"}, (422, "consent_text_outdated", "text")),
        ({"agreed": ["everything"], "text": TEXT}, (422, "invalid_value", "agreed.0")),
        ({"agreed": ["analytics"]}, (422, "missing_field", "text")),
    ):
        assert put("/v1/me/consent", json=body).problem == problem
    refused = owner.api.put("/v1/consents/current", json={"agreed": ["product_mail"], "text": TEXT})
    assert refused.problem == (422, "consent_not_offered", "agreed")
    assert owner.api.post("/v1/me/activity", json={"pages": ["/secret?x=1"]}).status == 422
    assert list(ConsentItem.query(f"{signed_in.tenant_id}#CONSENT#{owner_id(owner)}")) == []


def owner_id(owner: Person) -> str:
    return str(ok(owner.api.get("/v1/me"))["staff"]["staff_id"])


def test_of_two_choices_at_once_one_comes_after_the_other_or_is_refused(
    owner: Person, signed_in: SignedIn
) -> None:
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(owner.choose, ["analytics", "functional"] * 2))

    assert {one.status for one in replies} <= {200, 503}
    proof = ok(owner.api.get("/v1/me/consent"))["history"]
    by_id = {one["consent_id"]: one["previous"] for one in proof}
    heads = set(by_id) - set(by_id.values())
    assert len(heads) == 1
    assert [one for one in by_id.values() if one is None] == [None]


# -- policies ----------------------------------------------------------------------------------


def test_staff_see_what_is_new_until_they_have_seen_or_accepted_it(
    api: ApiClient, services: EngineServices
) -> None:
    # Signed up by a program that named no terms.
    owner = Person(sign_up_and_in(api, services, terms_version=None).api, "/v1/me")
    (terms,) = ok(owner.api.get("/v1/me/policy-notices"))["items"]
    assert (terms["version"]["document"], terms["accept"]) == ("terms", True)
    accepting, seeing = "/v1/policies/terms/acceptances", "/v1/policies/terms/dismissals"
    assert owner.api.post(accepting, json={"version": "2020-01-01"}).problem == (404, "not_found", None)
    assert owner.api.post("/v1/policies/other/acceptances", json={"version": "x"}).status == 404
    seen = {"version": "2026-11-26"}
    refused = owner.api.post("/v1/policies/privacy/acceptances", json=seen)
    assert refused.problem == (422, "nothing_to_accept", "kind")

    assert owner.api.post(seeing, json=seen).status == 204
    assert ok(owner.api.get("/v1/me/policy-notices"))["items"] == [terms]
    assert owner.api.post(accepting, json=seen).status == 201

    assert ok(owner.api.get("/v1/me/policy-notices"))["items"] == []
    entries = ok(owner.api.get("/v1/audit"))["items"]
    assert {"policy.accepted", "policy.seen"} <= {one["action"] for one in entries}


def test_everybody_is_mailed_a_significant_change_once_and_sees_it_until_they_have_seen_it(
    signed_in: SignedIn, services: EngineServices, company: Company, clock: FakeClock
) -> None:
    colleague = company.join("billing")
    with announced(services, policy(on="2026-11-26"), policy(on=TOMORROW)):
        tell_of_policies(services, {})
        tell_of_policies(services, {})
        newcomer = company.join("support")  # before it is in force: told too
        tell_of_policies(services, {})
        clock.advance(timedelta(days=2))
        tell_of_policies(services, {})
        told = signed_in.store.policy_states.told()
        again = company.sign_in(signed_in.email)
        company.tenant = replace(signed_in, api=again)
        company.join("auditor")
        tell_of_policies(services, {})
        notices = ok(again.get("/v1/me/policy-notices"))["items"]

    ours = [one for one in mails(services) if signed_in.subdomain in one]
    assert ours == sorted([signed_in.email, colleague.email, newcomer.email])
    text = services.mailer.last_to(colleague.email).text
    pages = services.settings.api_base_url or services.settings.public_base_url
    assert f"{pages}/policies/privacy/{TOMORROW}" in text
    assert (Document.PRIVACY, TOMORROW) in told
    assert ("privacy", TOMORROW) in {
        (one["version"]["document"], one["version"]["version"]) for one in notices
    }


def test_a_small_change_is_mailed_to_who_agreed_to_that_and_not_to_who_took_it_back(
    signed_in: SignedIn, services: EngineServices, company: Company
) -> None:
    willing, unwilling = company.join("billing"), company.join("support")
    for person, choices in ((willing, [["product_mail"]]), (unwilling, [["product_mail"], []])):
        for one in choices:
            ok(Person(person.api, "/v1/me").choose(*one))

    with announced(services, policy(on="2026-11-26"), policy(on=TOMORROW, significant=False)):
        tell_of_policies(services, {})

    assert [one for one in mails(services) if signed_in.subdomain in one] == [willing.email]


def test_what_the_mail_service_did_not_take_is_sent_by_the_next_pass(
    signed_in: SignedIn, services: EngineServices
) -> None:
    with announced(services, policy(on="2026-11-26"), policy(on=TOMORROW)):
        services.mailer.broken = True
        with pytest.raises(PassIncomplete):
            tell_of_policies(services, {})
        services.mailer.broken = False
        tell_of_policies(services, {})

    assert mails(services).count(signed_in.email) == 1


def test_an_owner_who_does_not_accept_in_time_changes_nothing_and_nobody_else_is_stopped(
    signed_in: SignedIn, services: EngineServices, company: Company, clock: FakeClock
) -> None:
    admin = company.join("admin")
    subscriber = Shop(signed_in, services).subscriber()["subscriber_id"]
    asking = policy(document=Document.TERMS, on=TOMORROW, accept=True)

    def add(api: ApiClient) -> Reply:
        return api.post("/v1/packages", json=package_body())

    with announced(services, policy(document=Document.TERMS, on="2026-11-26", accept=True), asking):
        clock.advance(timedelta(days=30))
        in_time = company.sign_in(signed_in.email)
        (notice,) = ok(in_time.get("/v1/me/policy-notices"))["items"]
        assert (notice["accept"], notice["stops_at"]) == (True, "2041-06-15T00:00:00Z")
        assert add(in_time).status == 201
        clock.advance(timedelta(days=2))
        late, theirs = company.sign_in(signed_in.email), company.sign_in(admin.email, CHOSEN)
        customer = with_portal(signed_in, services, subscriber).api

        assert add(late).problem == (403, "terms_not_accepted", None)
        ok(late.get("/v1/subscribers"))
        ok(late.post("/v1/subscriber-searches", json={"text": "nobody@mail.example"}))
        assert late.post("/v1/exports", json={}).status == 202
        ok(late.put("/v1/me/consent", json={"agreed": [], "text": TEXT}))
        assert add(theirs).status == 201
        assert {one["stops_at"] for one in ok(theirs.get("/v1/me/policy-notices"))["items"]} == {None}
        ok(customer.put("/v1/portal/me/consent", json={"agreed": [], "text": TEXT}))
        tell_of_policies(services, {})

        accepted = late.post("/v1/policies/terms/acceptances", json={"version": TOMORROW})
        assert accepted.status == 201
        assert add(late).status == 201
        assert ok(late.get("/v1/me/policy-notices"))["items"] == []
        assert late.delete("/v1/sessions/current").status == 204


def tell(services: EngineServices, tenant: SignedIn, telling: Telling, library: Library) -> None:
    store = services.stores.of(tenant_id=tenant.tenant_id)
    mail_notices(store=store, library=library, telling=telling, out_of_time=lambda: False)


@pytest.mark.parametrize("after", [False, True])
def test_whoever_is_ended_at_a_commit_nobody_is_mailed_twice_and_everybody_is_told(
    signed_in: SignedIn,
    services: EngineServices,
    company: Company,
    clock: FakeClock,
    after: bool,  # noqa: FBT001
) -> None:
    colleague = company.join("billing")
    # Two commits note that what is in force is told, the third claims a mail.
    ending = CrashingServices(
        settings=services.settings,
        clock=clock,
        environment=services.environment,
        crash=Crash(at=3, after=after),
    )
    with announced(services, policy(on="2026-11-26"), policy(on=TOMORROW)):
        telling = Telling(services.mailer, "https://isp.example", clock.now())
        with pytest.raises(Crashed):
            tell(ending, signed_in, telling, services.site.policies)
        tell(services, signed_in, telling, services.site.policies)
        notices = [ok(one.get("/v1/me/policy-notices"))["items"] for one in (signed_in.api, colleague.api)]

    sent = mails(services)
    # Ended between a claim and its mail, that mail is never sent: the notice stands.
    assert (len(sent), len(set(sent))) == ((1, 1) if after else (2, 2))
    for shown in notices:
        assert TOMORROW in {one["version"]["version"] for one in shown}

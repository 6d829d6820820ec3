"""Objections and consents that are taken back by request: what stops, and what goes on for a ground."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from html import escape

import pytest

from chalicelib.domain.data_map import Purpose
from chalicelib.jobs.exports import work_exports
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.fakes.queues import AtOnce
from tests.fakes.services import InMemoryMailer
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.privacy_desk import REQUESTS, Desk, complete, portal_of, taken_in, unzipped
from tests.integration.shop import created, ok

SECURITY, BILLING, ANALYSIS = Purpose.SECURITY.value, Purpose.BILLING.value, Purpose.ANALYSIS.value


@pytest.fixture
def desk(services: EngineServices, signed_in: SignedIn) -> Iterator[Desk]:
    """A tenant whose files and erasures are made when they are asked for."""
    vars(services)["export_queue"] = AtOnce(services, work_exports)
    yield Desk(signed_in, services)
    del vars(services)["export_queue"]


def test_an_objection_stops_what_it_can_and_is_told_the_ground_of_what_goes_on(
    desk: Desk, mailbox: InMemoryMailer, api: ApiClient
) -> None:
    person = desk.subscriber(name="Zainab", email="zainab@mail.example")
    portal, choice, own = portal_of(desk, person), "/v1/portal/me/consent", "/v1/portal/privacy-requests"
    ok(portal.put(choice, json={"agreed": ["analytics"], "text": ok(portal.get(choice))["text"]}))
    request = created(portal.post(own, json={"kind": "objection", "purposes": [SECURITY, ANALYSIS]}))
    refusal = f"{REQUESTS}/{request['privacy_request_id']}/refusal"
    assert desk.tenant.api.post(refusal, json={"reason": "no"}).problem == (409, "must_stop", None)
    assert request["outcomes"] == []

    ok(complete(desk, request))

    (told,) = ok(portal.get(own))["items"]
    security, analysis = told["outcomes"]
    assert (told["state"], ok(portal.get(choice))["allowed"]) == ("done", ["essential"])
    assert (analysis["purpose"], analysis["stopped"], analysis["ground"]) == (ANALYSIS, True, "")
    assert (security["stopped"], security["basis"]) == (False, "legitimate interest (f)")
    stops, _, goes_on = mailbox.last_to("zainab@mail.example").text.partition("For others it goes on")
    assert ANALYSIS in stops
    assert SECURITY not in stops
    assert security["ground"] in goes_on
    assert "you may complain" in goes_on
    assert escape(security["ground"][1:], quote=False) in api.get("/privacy").text


def test_an_objection_to_what_goes_on_is_refused_with_the_ground(desk: Desk, mailbox: InMemoryMailer) -> None:
    person = desk.subscriber(name="Zainab", email="zainab@mail.example")
    by_completion = taken_in(desk, person, "objection", purposes=[SECURITY])
    ok(complete(desk, by_completion, words="your letter was read"))
    mails = [mailbox.last_to("zainab@mail.example").text]
    by_refusal = taken_in(desk, person, "withdrawal", purposes=[BILLING])
    refusal = f"{REQUESTS}/{by_refusal['privacy_request_id']}/refusal"
    ok(desk.tenant.api.post(refusal, json={"reason": "you have a line with us"}))
    mails.append(mailbox.last_to("zainab@mail.example").text)

    for request, mail, words in zip(
        (by_completion, by_refusal), mails, ("your letter was read", "you have a line with us"), strict=True
    ):
        evidence = ok(desk.tenant.api.get(f"{REQUESTS}/{request['privacy_request_id']}/evidence"))["request"]
        (outcome,) = evidence["outcomes"]
        assert (evidence["state"], outcome["stopped"], evidence["reason"]) == ("refused", False, words)
        assert outcome["ground"]
        assert outcome["ground"] in evidence["told"][-1]["text"]
        assert evidence["told"][-1]["text"] == mail
        assert words in mail


def test_a_consent_that_is_withdrawn_by_request_is_gone_at_once_and_can_be_given_again(
    desk: Desk, clock: FakeClock
) -> None:
    person = desk.subscriber(name="Zainab")
    portal, choice = portal_of(desk, person), "/v1/portal/me/consent"
    agreed = {"agreed": ["functional", "analytics"], "text": ok(portal.get(choice))["text"]}
    ok(portal.put(choice, json=agreed))
    request = taken_in(desk, person, "withdrawal", purposes=[ANALYSIS])

    ok(complete(desk, request))

    assert ok(portal.get(choice))["allowed"] == ["essential", "functional"]
    clock.advance(timedelta(seconds=1))
    ok(portal.put(choice, json=agreed))
    assert "analytics" in ok(portal.get(choice))["allowed"]
    own = created(portal.post("/v1/portal/privacy-requests", json={"kind": "access"}))
    download = f"/v1/portal/privacy-requests/{own['privacy_request_id']}/download"
    choices = unzipped(ok(portal.get(download))["url"])["consents.jsonl"].splitlines()
    told = sorted((json.loads(one)["how"], json.loads(one)["agreed"]) for one in choices)
    both = ["analytics", "functional"]
    assert told == [("api", both), ("api", both), ("privacy_request", ["functional"])]
    ok(complete(desk, taken_in(desk, person, "deletion")))
    assert desk.tenant.store.consents.history(subject_id=person["subscriber_id"], limit=9) == ()

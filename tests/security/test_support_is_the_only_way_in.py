"""The operator's people have no way into another company but break-glass."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chalicelib.api.routing import Endpoint
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.staffing import Person
from tests.integration.supporting import Desk, Inside, desk_of
from tests.integration.test_foreign_ids_everywhere import ABSENT, SHARED, body_of, required_query
from tests.security.isps import GUARDED, Scene, everything, listening, spoofed

# Of these the path is looked up with whoever asks, and says nothing of the company in it.
MAKING = {"put_tax_group"}
HEADERS = {"If-Match": '"1"', "Idempotency-Key": "the-operators"}


@pytest.fixture
def desk(services: EngineServices, signed_in: SignedIn) -> Desk:
    return desk_of(services, signed_in)


@pytest.fixture
def person(desk: Desk) -> Person:
    return desk.person()


def naming() -> list[Endpoint]:
    return [
        one
        for one in GUARDED
        if set(re.findall(r"\{(\w+)\}", one.path)) - SHARED and one.operation_id not in MAKING
    ]


def test_the_operators_own_session_finds_nothing_of_another_company(
    desk: Desk, person: Person, scene: Scene
) -> None:
    victim = scene.victim
    before = victim.isp.stored()

    for one in naming():
        answers = []
        for ids in (ABSENT, {**ABSENT, **victim.isp.ids_for(one)}):
            target = one.path.format_map(ids) + required_query(one)
            body: Any = body_of(one, scene.described, victim.isp) if one.body else None
            with listening(desk.services) as heard:
                reply = person.api.request(one.method, target, json=body, headers=HEADERS)
            assert reply.status in {403, 404, 409, 422}, (one.operation_id, reply.text)
            assert victim.seen_in(everything(reply), sent=list(ids.values())) == []
            assert victim.seen_in(heard.text(), sent=list(ids.values())) == []
            answers.append(reply)
        assert answers[0].status == answers[1].status, one.operation_id
        assert answers[0].code == answers[1].code, one.operation_id
    assert len(naming()) > 60
    assert victim.isp.stored() == before


def test_headers_do_not_lead_in_either(desk: Desk, person: Person, scene: Scene) -> None:
    for name, value in spoofed(scene.victim).items():
        reply = person.api.get("/v1/tenant", headers={name: value})
        assert reply.status >= 400 or reply.json["subdomain"] == desk.company.tenant.subdomain
        assert scene.victim.seen_in(everything(reply)) == []


def test_an_access_to_one_company_is_none_to_another(desk: Desk, person: Person, scene: Scene) -> None:
    victim = scene.victim
    inside: Inside = desk.enter(desk.isp(), person.api, write=True)
    before = victim.isp.stored()

    for one in naming():
        ids = {**ABSENT, **victim.isp.ids_for(one)}
        body: Any = body_of(one, scene.described, victim.isp) if one.body else None
        target = one.path.format_map(ids) + required_query(one)
        reply = inside.api.request(one.method, target, json=body, headers=HEADERS)
        assert reply.status in {403, 404, 422}, (one.operation_id, reply.text)
        assert victim.seen_in(everything(reply), sent=list(ids.values())) == []
    assert victim.isp.stored() == before

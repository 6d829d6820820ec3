"""Two ISPs in one process, by the same keys, without a session and by forged links: kept apart."""

from __future__ import annotations

import re
import secrets
import urllib.error
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.api.routing import Endpoint
from tests.counts import Count
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.furnishing import Isp
from tests.integration.importing import http_put
from tests.integration.shop import created
from tests.integration.test_foreign_ids_everywhere import ABSENT, SHARED, body_of, required_query, send
from tests.security.isps import (
    GUARDED,
    KEYED,
    NAMING,
    READS,
    Scene,
    Victim,
    as_client,
    everything,
    listening,
    named_in_path,
    own,
    said,
    sampled,
    spoofed,
    timeless,
)

pytestmark = pytest.mark.usefixtures("services")  # the clock at the present

# -- idempotency keys ------------------------------------------------------------------------


@pytest.mark.parametrize("one", KEYED, ids=lambda one: one.operation_id)
def test_two_tenants_may_use_the_same_idempotency_key(one: Endpoint, scene: Scene, count: Count) -> None:
    attacker, victim = scene.attacker, scene.victim
    key = {"Idempotency-Key": secrets.token_hex(8), "If-Match": '"1"'}

    def ask(isp: Isp) -> Reply:
        target = one.path.format_map(isp.ids_for(one)) + required_query(one)
        body = body_of(one, scene.described, isp)
        return isp.shop.tenant.api.request(one.method, target, json=body, headers=key)

    theirs = ask(victim.isp)
    before = victim.isp.stored()
    with listening(scene.services) as heard:
        mine = ask(attacker)

    assert "Idempotent-Replayed" not in mine.headers, mine.text
    assert mine.status < 500, mine.text
    assert mine.status < 300 or mine.code != "idempotency_key_reused"
    assert victim.seen_in(everything(mine)) == []
    assert victim.seen_in(heard.text()) == []
    assert victim.isp.stored() == before
    if theirs.status < 300:  # the key was kept, and is the victim's own
        assert ask(victim.isp).headers["Idempotent-Replayed"] == "true"
        count("isolation, idempotency keys kept by the other", 1)
    count("isolation, idempotency keys", 1)


# -- one process for both --------------------------------------------------------------------


@pytest.mark.parametrize("one", sampled(READS, start=2), ids=lambda one: one.operation_id)
def test_a_warm_process_that_serves_both_keeps_them_apart(one: Endpoint, scene: Scene, count: Count) -> None:
    attacker, victim = scene.attacker, scene.victim
    attackers = {attacker.shop.tenant.tenant_id, attacker.shop.tenant.subdomain, *attacker.prepaid.values()}
    attackers |= {value for kind, value in attacker.ids.items() if kind not in SHARED}
    answers = []
    for turn in range(3):
        with listening(scene.services) as heard:
            mine = own(attacker, one, None)
        theirs = own(victim.isp, one, None)

        answers.append((timeless(said(mine)), timeless(said(theirs))))
        assert answers[turn] == answers[0]
        assert victim.seen_in(everything(mine)) == []
        assert victim.seen_in(heard.text()) == []
        assert [word for word in attackers if word in everything(theirs)] == []
    count("isolation, turns of two tenants", 6)


# -- no tenant at all ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ended(attacker: Isp) -> ApiClient:
    """A client whose session was ended."""
    mine = attacker.shop.tenant
    credentials = {"subdomain": mine.subdomain, "email": mine.email, "password": mine.password}
    client = mine.api.bearer(created(mine.api.post("/v1/sessions", json=credentials))["token"])
    assert client.delete("/v1/sessions/current").status == 204
    return client


@pytest.mark.parametrize("one", sampled(GUARDED, start=3), ids=lambda one: one.operation_id)
def test_without_a_session_there_is_nothing_and_nobody(
    one: Endpoint, scene: Scene, ended: ApiClient, clock: FakeClock, count: Count
) -> None:
    victim = scene.victim
    body = body_of(one, scene.described, victim.isp)
    nobody = ApiClient(ended.gateway)
    clients = [nobody, nobody.bearer("svs_not_a_token"), ended, nobody.bearer("x" * 5_000)]
    clients += [nobody.with_headers(**{"X-Tenant-Id": victim.isp.shop.tenant.tenant_id})]
    before = victim.isp.stored()
    absent = Isp(victim.isp.shop, {**victim.isp.ids, **ABSENT}, {})
    with listening(scene.services) as heard:
        for client in clients:
            answers = [as_client(isp, client, one, body) for isp in (victim.isp, absent)]
            assert answers[0].problem[:2] == (401, "not_signed_in"), answers[0].text
            assert said(answers[0]) == said(answers[1])
            assert victim.seen_in(everything(answers[0])) == []
        # A session that was forgotten for months.
        clock.set(clock.now() + timedelta(days=120))
        late = as_client(victim.isp, victim.isp.shop.tenant.api, one, body)
        assert late.problem[:2] == (401, "not_signed_in"), late.text
    assert victim.seen_in(heard.text()) == []
    assert victim.isp.stored() == before
    count("isolation, no session", 2 * len(clients) + 1)


# -- links to files --------------------------------------------------------------------------


def test_a_signed_link_is_good_for_ones_own_file_alone(attacker: Isp, victim: Victim) -> None:
    mine, theirs = attacker.shop.tenant.tenant_id, victim.isp.shop.tenant.tenant_id
    asked = created(
        attacker.shop.tenant.api.post("/v1/imports", json={"file_name": "x.csv", "size_bytes": 3})
    )
    url, headers = asked["upload"]["url"], asked["upload"]["headers"]
    assert mine in url
    assert theirs not in url

    for forged in (
        url.replace(mine, theirs),
        url.replace(mine, theirs).replace(asked["import_id"], victim.isp.ids["import_id"]),
        url.replace(asked["import_id"], victim.isp.ids["import_id"]),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            http_put(forged, b"a,b", headers)
        assert refused.value.code == 403
        refused.value.close()
    assert http_put(url, b"a,b", headers) == 200


# -- a request that is both ------------------------------------------------------------------


@pytest.mark.parametrize("one", sampled(NAMING, start=4), ids=lambda one: one.operation_id)
def test_a_foreign_path_with_foreign_headers_and_key_is_like_none(
    one: Endpoint, scene: Scene, count: Count
) -> None:
    attacker, victim = scene.attacker, scene.victim
    kinds = named_in_path(one)
    client = attacker.shop.tenant.api
    spoofing = replace(client, headers={**client.headers, **spoofed(victim)})
    disguised = Isp(_disguised(attacker, spoofing), attacker.ids, attacker.prepaid)
    body, before = body_of(one, scene.described, attacker), victim.isp.stored()
    foreign = {kind: victim.isp.ids_for(one)[kind] for kind in kinds}
    with listening(scene.services) as heard:
        reply = send(disguised, one, {**attacker.ids_for(one), **foreign}, body)
    plain = send(attacker, one, {**attacker.ids_for(one), **{kind: ABSENT[kind] for kind in kinds}}, body)

    answers = [reply.text, plain.text]
    for kind in kinds:
        answers = [text.replace(foreign[kind], "*").replace(ABSENT[kind], "*") for text in answers]
    assert (reply.status, _without_id(answers[0])) == (plain.status, _without_id(answers[1]))
    assert victim.seen_in(everything(reply), sent=list(foreign.values())) == []
    assert victim.seen_in(heard.text()) == []
    assert victim.isp.stored() == before
    count("isolation, paths with headers", len(kinds))


def _disguised(isp: Isp, client: ApiClient) -> Any:
    shop = replace(isp.shop)
    shop.tenant = replace(isp.shop.tenant, api=client)
    return shop


def _without_id(text: str) -> str:
    return re.sub(r'"request_id": ?"[^"]*"', "", text)

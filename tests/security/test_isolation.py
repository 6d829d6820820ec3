"""Every operation, attacked with another ISP's names from every side: nothing of it is seen or changed.

The operations and their parameters are read from the declared endpoints. Identifiers in paths and
bodies are tried in tests/integration/test_foreign_ids_everywhere.py; here is what else a request
is made of. ``test_every_operation_has_cases`` fails for an operation or parameter that none covers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.api.routing import Endpoint
from chalicelib.store.cursor import seal_cursor
from tests.counts import Count
from tests.fakes.api_client import Reply
from tests.integration.furnishing import Isp
from tests.integration.test_foreign_ids_everywhere import (
    ABSENT,
    BODIES,
    ENDPOINTS,
    SHARED,
    named_in,
    required_query,
    told,
)
from tests.security.isps import (
    GUARDED,
    LISTS,
    READS,
    Scene,
    Victim,
    as_client,
    everything,
    listening,
    own,
    said,
    sampled,
    signed_in_again,
    spoofed,
    timeless,
)
from tests.security.test_mass_assignment import valid_body

pytestmark = pytest.mark.usefixtures("services")  # the clock at the present


# Parameters of queries that name something, and what of the victim's is tried.
ASKED_FOR: dict[str, Callable[[Victim], list[tuple[str, str]]]] = {
    "package_id": lambda v: [(ABSENT["package_id"], v.isp.ids["package_id"])],
    "object_id": lambda v: [
        (ABSENT[kind], v.isp.ids[kind]) for kind in ("subscriber_id", "package_id", "invoice_id", "role_id")
    ],
    "actor_id": lambda v: [(ABSENT["staff_id"], v.isp.ids["staff_id"])],
    "dealer_id": lambda v: [(ABSENT["staff_id"], v.isp.ids["staff_id"])],
    "text": lambda v: [("nobody", v.words["name"]), ("nobody", v.words["code"])],
    "area": lambda v: [("nowhere", v.words["area"])],
}
# Parameters that say which part of one's own, or how.
HARMLESS = set(
    "action archived before category days first fiscal_year for_good format idle_days kind last month "
    "oldest_first on order".split()
) | {
    "cursor",  # has tests of its own
    "limit",
    "since",
    "state",
    "status",
    "through",
    "ready",
    "waiting",
    "result",
}
# Public operations: nobody is signed in, and whose they are is said by what is tried.
PUBLIC = {
    "hear_biller": "a callback's token and signature; tests/integration/test_gateway_collections.py",
    "hear_gateway": "the same",
    "hear_gateway_by_query": "the same",
    "pay_by_page": "a link that was sent; tests/integration/test_pay_pages.py",
    "press_sandbox_button": "an order that is sealed; tests/integration/test_pay_pages.py",
    "show_pay_page": "a link that was sent; tests/integration/test_pay_pages.py",
    "show_sandbox_page": "an order that is sealed; tests/integration/test_pay_pages.py",
    "activate_portal_access": "a code that was sent; tests/integration/test_portal_passwords.py",
    "ask_portal_code": "answers alike for everybody; tests/integration/test_portal_codes.py",
    "choose_portal_account": "a token of the code's step; tests/integration/test_portal_codes.py",
    "complete_portal_code": "a code that was sent; tests/integration/test_portal_codes.py",
    "portal_log_in": "names the tenant with its password; tests/integration/test_portal.py",
    "ask_privacy_by_page": "answers alike for everybody; tests/integration/test_public_site.py",
    "ask_privacy_from_outside": "answers alike for everybody; tests/integration/test_privacy_requests.py",
    "confirm_privacy_by_page": "a code that was mailed; tests/integration/test_public_site.py",
    "confirm_privacy_request": "a code that was mailed; tests/integration/test_privacy_requests.py",
    "accept_invitation": "a code that was mailed; tests/integration/test_invitations.py",
    "ask_passkey_log_in": "answers alike for everybody; tests/integration/test_passkey_log_in.py",
    "ask_password_reset": "answers alike for everybody; tests/integration/test_passwords.py",
    "ask_second_step_passkey": "a token of the password's step; tests/integration/test_passkey_steps.py",
    "check_health": "knows no tenant",
    "choose_cookies": "a visitor's own cookie; tests/integration/test_public_site.py",
    "count_visitor_activity": "a visitor's own cookie; tests/integration/test_public_site.py",
    "get_policy_version": "knows no tenant",
    "get_visitor_consent": "a visitor's own cookie; tests/integration/test_public_site.py",
    "list_consent_texts": "knows no tenant",
    "list_policies": "knows no tenant",
    "put_visitor_consent": "a visitor's own cookie; tests/integration/test_public_site.py",
    "show_cookie_page": "knows no tenant",
    "show_policy_version": "knows no tenant",
    "show_privacy": "knows no tenant",
    "show_privacy_confirmation_page": "knows no tenant",
    "show_privacy_request_page": "knows no tenant",
    "show_sign_up_page": "knows no tenant",
    "show_terms": "knows no tenant",
    "show_verify_page": "knows no tenant",
    "sign_up_by_page": "makes a tenant",
    "verify_by_page": "a code that was mailed; tests/integration/test_public_site.py",
    "complete_log_in": "a token of the password's step; tests/integration/test_second_factor.py",
    "complete_password_reset": "a code that was mailed; tests/integration/test_passwords.py",
    "get_openapi": "knows no tenant",
    "log_in_with_passkey": "names the tenant with its passkey; tests/integration/test_passkey_log_in.py",
    "log_in": "names the tenant with its password; tests/integration/test_sessions.py",
    "resend_sign_up_mail": "answers alike for everybody; tests/integration/test_sign_up_mails.py",
    "sign_up": "makes a tenant",
    "verify_sign_up": "a code that was mailed; tests/integration/test_signing_up.py",
}


# -- nothing is left out ---------------------------------------------------------------------


def test_every_operation_has_cases(described: dict[str, Any]) -> None:
    assert {one.operation_id for one in ENDPOINTS if one.public} == set(PUBLIC)
    for one in ENDPOINTS:
        asked = set(one.query.model_fields if one.query else ())
        assert asked <= set(ASKED_FOR) | HARMLESS, f"say what {asked} of {one.operation_id} names"
        named = set(re.findall(r"\{(\w+)\}", one.path))
        assert named <= set(ABSENT), f"say in ABSENT what {named} of {one.operation_id} names"
    assert [one for one in LISTS if one.public] == []


def test_the_counts_of_identifiers_in_paths_and_bodies(described: dict[str, Any], count: Count) -> None:
    in_paths = [name for one in GUARDED for name in re.findall(r"\{(\w+)\}", one.path) if name not in SHARED]
    in_bodies = [where for one in BODIES for where in named_in(one, described)]
    assert len(in_paths) > 70
    assert len(in_bodies) > 10
    count("isolation, identifiers in paths", len(in_paths))
    count("isolation, identifiers in bodies", len(in_bodies))


def test_the_victim_itself_sees_what_nobody_else_may(victim: Victim, described: dict[str, Any]) -> None:
    told_to_it = "".join(own(victim.isp, one, None).text for one in READS)
    person = f"/v1/subscribers/sbr_{victim.words['person']}"
    for path in (person, f"{person}/invoices", f"{person}/documents", "/v1/tenant"):
        told_to_it += victim.isp.shop.tenant.api.get(path).text

    seen = {one for one in victim.canaries if one in told_to_it}

    assert len(seen) >= len(victim.canaries) - 3, victim.canaries - seen


# -- headers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("one", sampled(ENDPOINTS), ids=lambda one: one.operation_id)
def test_headers_that_name_another_tenant_say_nothing(one: Endpoint, scene: Scene, count: Count) -> None:
    attacker, victim = scene.attacker, scene.victim
    body = valid_body(one, scene.described, attacker) if one.body else None
    before, headers = victim.isp.stored(), spoofed(victim)
    client = attacker.shop.tenant.api
    with listening(scene.services) as heard:
        # One after the other for reads, which can be compared; all at once for what changes.
        rounds = [{name: value} for name, value in headers.items()] if one.method == "GET" else [headers]
        plain = said(as_client(attacker, client, one, body)) if one.method == "GET" else None
        for extra in rounds:
            reply = as_client(attacker, replace(client, headers={**client.headers, **extra}), one, body)

            assert reply.status < 500, (extra, reply.text)
            assert victim.seen_in(everything(reply)) == [], extra
            assert plain is None or timeless(said(reply)) == timeless(plain), extra
    assert victim.seen_in(heard.text()) == []
    assert victim.isp.stored() == before
    signed_in_again(attacker)
    count("isolation, headers", len(rounds) if one.method == "GET" else len(headers))


# -- queries and cursors ---------------------------------------------------------------------


@pytest.mark.parametrize("one", sampled(GUARDED, start=1), ids=lambda one: one.operation_id)
def test_a_query_that_names_another_tenant_is_refused(
    one: Endpoint, attacker: Isp, victim: Victim, count: Count
) -> None:
    theirs = victim.isp.shop.tenant
    names = {"tenant_id": theirs.tenant_id, "tenant": theirs.subdomain, "subdomain": theirs.subdomain}
    for name, value in names.items():
        target = one.path.format_map(attacker.ids_for(one))
        reply = attacker.shop.tenant.api.request(one.method, f"{target}?{name}={value}")
        assert reply.problem == (422, "unknown_field", name), reply.text
        assert victim.seen_in(everything(reply)) == []
    count("isolation, queries", len(names))


@pytest.mark.parametrize(
    ("one", "name"),
    [(one, name) for one in ENDPOINTS if one.query for name in one.query.model_fields if name in ASKED_FOR],
    ids=lambda part: part if isinstance(part, str) else part.operation_id,
)
def test_what_a_query_asks_for_of_another_tenant_is_like_none(
    one: Endpoint, name: str, attacker: Isp, victim: Victim, count: Count
) -> None:
    target = one.path.format_map(attacker.ids_for(one))
    pairs = ASKED_FOR[name](victim)
    for absent, foreign in pairs:
        answers = []
        for value in (absent, foreign):
            reply = attacker.shop.tenant.api.get(f"{target}?{name}={quote(value)}")
            answers.append(told(reply, value))
            assert victim.seen_in(everything(reply), sent=[value]) == []
        assert answers[0] == answers[1], (absent, foreign)
    count("isolation, queries", len(pairs))


@pytest.mark.parametrize("name", ["text", "area", "dealer_id", "package_id"])
def test_what_a_search_asks_for_of_another_tenant_is_like_none(
    name: str, attacker: Isp, victim: Victim, count: Count
) -> None:
    api, pairs = attacker.shop.tenant.api, ASKED_FOR[name](victim)
    for pair in pairs:
        for value in pair:
            reply = api.post("/v1/subscriber-searches", json={name: value, "archived": True})
            assert (reply.status, reply.json) == (200, {"items": [], "next_cursor": None}), value
    count("isolation, searches by body", len(pairs))


@pytest.mark.parametrize("one", LISTS, ids=lambda one: one.operation_id)
def test_a_cursor_of_another_tenant_is_no_cursor(
    one: Endpoint, attacker: Isp, victim: Victim, count: Count
) -> None:
    api = attacker.shop.tenant.api
    target = one.path.format_map(attacker.ids_for(one)) + required_query(one)
    target += "&" if "?" in target else "?"

    def ask(cursor: str | None) -> Reply:
        return api.get(f"{target}cursor={cursor}")

    foreign = {
        seal_cursor(keys=victim.isp.shop.tenant.store.keys, query=fingerprint(one, isp), position="x")
        for isp in (attacker, victim.isp)
    }
    made_up = ask("bm90IG9uZQ")
    # A position of one's own is taken: what is refused is whose it is.
    own_keys = attacker.shop.tenant.store.keys
    mine = ask(seal_cursor(keys=own_keys, query=fingerprint(one, attacker), position="x"))
    assert mine.status >= 500 or mine.json.get("code") != "invalid_cursor", mine.text

    for cursor in foreign:
        reply = ask(cursor)
        assert reply.problem == (422, "invalid_cursor", "cursor"), reply.text
        assert said(reply) == said(made_up)
    count("isolation, cursors", len(foreign))


def fingerprint(one: Endpoint, isp: Isp) -> str:
    """What a cursor of a list is sealed for (``api.request``)."""
    assert one.query is not None
    given = dict(part.split("=") for part in required_query(one).removeprefix("?").split("&") if part)
    filters = one.query.model_validate_strings(given).model_dump(mode="json", exclude={"cursor", "limit"})
    named = {name: isp.ids_for(one)[name] for name in re.findall(r"\{(\w+)\}", one.path)}
    return json.dumps([one.operation_id, named, filters], sort_keys=True)

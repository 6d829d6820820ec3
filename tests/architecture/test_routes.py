"""Every route declares who may use it, and its path leads to it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from chalicelib.api.matching import Matcher
from chalicelib.api.mounting import EVERY_PATH
from chalicelib.api.route_table import ROUTES
from chalicelib.api.routes import by_path, every_endpoint
from chalicelib.api.site import leads_back
from chalicelib.domain.staff import Permission
from chalicelib.local.front_door import is_of_the_app

ENDPOINTS = every_endpoint()

# The platform's public pages with addresses that people type.
SITE = {"/privacy", "/privacy/request", "/privacy/request/confirm", "/terms", "/cookies", "/signup"}
# Adding one here is a decision: it answers anybody.
PUBLIC = {
    ("GET", "/cookies"),
    ("GET", "/pay/{token}"),
    ("GET", "/policies/{kind}/{date}"),
    ("GET", "/privacy"),
    ("GET", "/privacy/request"),
    ("GET", "/privacy/request/confirm"),
    ("GET", "/sandbox-pay/{callback_key}/{reference}"),
    ("GET", "/signup"),
    ("GET", "/signup/verify"),
    ("GET", "/terms"),
    ("GET", "/v1/consents/current"),
    ("GET", "/v1/consents/texts"),
    ("GET", "/v1/gateway-callbacks/{callback_key}"),
    ("GET", "/v1/health"),
    ("GET", "/v1/openapi.json"),
    ("GET", "/v1/policies"),
    ("GET", "/v1/policies/{kind}/versions/{date}"),
    ("POST", "/cookies"),
    ("POST", "/pay/{token}"),
    ("POST", "/sandbox-pay/{callback_key}/{reference}"),
    ("POST", "/v1/gateway-callbacks/{callback_key}"),
    ("POST", "/v1/gateway-callbacks/{callback_key}/{tail}"),
    ("POST", "/privacy/request"),
    ("POST", "/privacy/request/confirm"),
    ("POST", "/signup"),
    ("POST", "/signup/verify"),
    ("POST", "/v1/activity"),
    ("POST", "/v1/invitation-acceptances"),
    ("POST", "/v1/passkey-challenges"),
    ("POST", "/v1/passkey-sessions"),
    ("POST", "/v1/password-reset-completions"),
    ("POST", "/v1/password-resets"),
    ("POST", "/v1/portal/account-choices"),
    ("POST", "/v1/portal/activations"),
    ("POST", "/v1/portal/code-completions"),
    ("POST", "/v1/portal/codes"),
    ("POST", "/v1/portal/sessions"),
    ("POST", "/v1/session-completion-challenges"),
    ("POST", "/v1/session-completions"),
    ("POST", "/v1/privacy-request-confirmations"),
    ("POST", "/v1/privacy-requests"),
    ("POST", "/v1/sessions"),
    ("POST", "/v1/signups"),
    ("POST", "/v1/signups/resend"),
    ("POST", "/v1/signups/verify"),
    ("PUT", "/v1/consents/current"),
}


def registered() -> list[tuple[str, str]]:
    import app

    app.app  # noqa: B018 - importing it has registered every route
    return [(one.method, one.path) for one in ENDPOINTS]


def differing_parameters(paths: Iterable[str]) -> list[str]:
    """Sibling paths that name the parameter at the same place differently: for OpenAPI those are one path."""
    names: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        parts = path.split("/")
        for place, part in enumerate(parts):
            if part.startswith("{"):
                names[re.sub(r"\{[^}]*\}", "{}", "/".join(parts[:place]))].add(part)
    return [f"{parent}: {sorted(found)}" for parent, found in names.items() if len(found) > 1]


def test_every_route_declares_a_permission() -> None:
    assert registered()
    declared: list[object] = [one.permission for one in ENDPOINTS]
    assert all(isinstance(permission, Permission) for permission in declared)


def test_only_the_named_routes_are_public() -> None:
    registered()
    assert {(one.method, one.path) for one in ENDPOINTS if one.public} <= PUBLIC


# What an owner may do who has not accepted the terms, beside reading and what is about themselves.
WITHOUT_TERMS = {
    ("DELETE", "/v1/tenant/cancellation"),
    ("POST", "/v1/tenant/cancellation"),
    ("POST", "/v1/tenant/recovery"),
    ("DELETE", "/v1/support-accesses/{access_id}"),
    ("POST", "/v1/billing/rehearsals"),
    ("POST", "/v1/exports"),
    ("POST", "/v1/subscriber-searches"),
    ("POST", "/v1/subscribers/{subscriber_id}/invoice-previews"),
    ("POST", "/v1/subscriptions/{subscription_id}/package-change-quotes"),
}


def test_without_the_terms_an_owner_reads_exports_and_ends_the_account() -> None:
    open_to_them = {(one.method, one.path) for one in ENDPOINTS if one.without_terms}

    assert open_to_them == WITHOUT_TERMS


def test_api_gateway_knows_one_path_and_hands_on_every_method() -> None:
    import app

    assert {path: set(methods) for path, methods in app.app.routes.items()} == {
        EVERY_PATH: {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    }


def test_every_route_of_the_app_is_an_endpoint() -> None:
    assert {f"{method} {path}" for method, path in registered()} == set(ROUTES)


def test_no_route_is_in_the_shadow_of_another() -> None:
    matcher = Matcher(by_path())

    for path in by_path():
        names = [part for part in path.split("/") if part.startswith("{")]
        match = matcher.match(path)
        assert match is not None, path
        assert (match.route, list(match.parameters.values())) == (path, names)


def test_operations_are_unique() -> None:
    routes = registered()
    assert len(routes) == len(set(routes))
    assert len({one.operation_id for one in ENDPOINTS}) == len(ENDPOINTS)


def test_sibling_paths_use_the_same_parameter_name() -> None:
    assert differing_parameters(path for _, path in registered()) == []


def test_paths_are_versioned_and_lower_case() -> None:
    # Pages that people open are not of a version.
    form = r"/(v1|pay|sandbox-pay|policies|signup)(/([a-z0-9.-]+|\{[a-z_]+\}))+"
    odd = [path for _, path in registered() if path not in SITE and not re.fullmatch(form, path)]
    assert odd == []


def test_on_one_machine_every_path_leads_to_the_app() -> None:
    assert [path for _, path in registered() if not is_of_the_app(path)] == []


def test_a_choice_in_the_banner_leads_back_to_the_page_that_it_was_made_on() -> None:
    pages = [path for method, path in PUBLIC if method == "GET" and path in SITE | {"/signup/verify"}]
    shown = ["/policies/privacy/2026-11-26", *pages]

    assert [path for path in shown if not leads_back(path)] == ["/cookies"], "it is where choices are made"


def test_a_differing_parameter_is_found() -> None:
    assert differing_parameters(["/v1/a/{id}", "/v1/a/{a_id}/b"])
    assert differing_parameters(["/v1/a/{x}/b/{y}", "/v1/a/{x}/b/{z}"])
    assert not differing_parameters(["/v1/a/{id}", "/v1/a/{id}/b", "/v1/c/{c_id}"])

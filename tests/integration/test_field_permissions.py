"""Fields that need more than their route: who may sell may not give money away."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.api.routes import every_endpoint
from chalicelib.domain.staff import ROLE_PERMISSIONS, Permission, Role
from tests.fakes.api_client import ApiClient
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.shop import Shop, if_match, ok
from tests.integration.test_tenant_settings import session_as

GUARDED = [one for one in every_endpoint() if one.field_permissions]


@pytest.fixture
def shop(services: EngineServices, signed_in: SignedIn) -> Shop:
    return Shop(signed_in, services)


def test_what_moves_money_is_guarded_field_by_field() -> None:
    declared = {(one.operation_id, name) for one in GUARDED for name in one.field_permissions}

    assert declared >= {
        ("create_subscription", "waive_fees"),
        ("create_subscription", "price_override"),
        ("change_subscription", "must_pay_override"),
        ("change_subscription", "refund"),
        ("change_subscription", "price_override"),
        ("give_discount", "code"),
        ("complete_privacy_request", "despite_debt"),
    }
    for one in GUARDED:
        assert set(one.field_permissions) <= set(one.body.model_fields if one.body else ()), one.path


@pytest.mark.parametrize(
    "given",
    [
        {"price_override": {"amount": 0, "currency": "PKR"}},
        {"refund": "full"},
        {"must_pay_override": "a friend"},
    ],
)
def test_support_changes_states_and_gives_nothing_away(
    shop: Shop, api: ApiClient, services: EngineServices, signed_in: SignedIn, given: dict[str, Any]
) -> None:
    [field] = given
    assert not {Permission.INVOICES_WRITE, Permission.FEES_WAIVE} & ROLE_PERMISSIONS[Role.SUPPORT]
    sold = shop.subscribe(shop.subscriber(), shop.package())
    path = f"/v1/subscriptions/{sold['subscription_id']}"
    support = api.bearer(session_as(services, signed_in, Role.SUPPORT))

    refused = support.patch(path, json={"state": "paused", **given}, headers=if_match(sold))

    assert refused.problem == (403, "permission_denied", field)
    assert ok(support.get(path)) == sold
    ok(support.patch(path, json={"state": "paused"}, headers=if_match(sold)))

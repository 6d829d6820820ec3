"""Legal holds, and other orders about accounts that end, which the operator gives by an event."""

from __future__ import annotations

import json

import pytest

from chalicelib.domain.errors import NotFound
from chalicelib.jobs.endings import InvalidEndingOrder
from chalicelib.local.gateway import Gateway
from chalicelib.usecases.holding import TooLateToHold
from tests.integration.conftest import EngineServices
from tests.integration.endings import DAY, Ending, actions, little


@pytest.fixture
def small(gateway: Gateway, services: EngineServices) -> Ending:
    """A company with a subscriber, who has an invoice."""
    return little(gateway, services)


def test_nothing_is_purged_while_it_is_held(small: Ending) -> None:
    held = small.order(hold={"tenant_id": small.tenant_id, "category": "billing", "reason": "a lawsuit"})
    small.cancel()
    before = small.shop.items("A#")
    small.keep(100 * DAY)

    assert (small.state, small.shop.items("A#")) == ("recovery", before)
    (shown,) = small.order(holds={"tenant_id": small.tenant_id})["holds"]
    assert (shown["hold_id"], shown["reason"]) == (held["hold_id"], "a lawsuit")
    assert b"a lawsuit" not in json.dumps(small.shop.items("HOLD")).encode()
    assert "hold.set" in actions(small, "2041-05")
    small.order(lift={"tenant_id": small.tenant_id, "hold_id": held["hold_id"]})
    for _ in range(2):  # the last notice was not given while it was held
        small.keep(DAY)
    assert small.state == "purging"
    with pytest.raises(TooLateToHold):
        small.order(hold={"tenant_id": small.tenant_id, "category": "billing", "reason": "too late"})


NO_ORDERS: list[tuple[dict[str, object], str]] = [
    ({"hold": {"tenant_id": "ten_1"}}, "invalid_ending_order"),
    ({"holds": {"tenant_id": 7}}, "invalid_ending_order"),
    ({"forget": {}}, "invalid_ending_order"),
    ({"certificates": {"after": 7}}, "invalid_ending_order"),
    ({"hold": {"tenant_id": "ten_1", "category": "billing", "reason": "x"}}, "not_found"),
    ({"lift": {"tenant_id": "ten_1", "hold_id": "hld_1"}}, "not_found"),
]


def test_an_order_that_cannot_be_read_or_names_nobody_fails(small: Ending) -> None:
    for detail, code in NO_ORDERS:
        with pytest.raises((InvalidEndingOrder, NotFound)) as refused:
            small.order(**detail)
        assert refused.value.code == code, detail

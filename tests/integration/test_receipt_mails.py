"""Receipts whose mail waits: lost messages, payments that announce none, and mails that cannot go."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch
from uuid import uuid4

import pytest

from chalicelib.jobs.gateway_collections import keep_collections
from tests.fakes.queues import Kept
from tests.fakes.services import InMemoryMailer
from tests.integration.conftest import NOW, EngineServices, SignedIn
from tests.integration.counter import Counter, pkr
from tests.integration.shop import Shop, if_match, ok


@pytest.fixture
def counter(services: EngineServices, signed_in: SignedIn) -> Counter:
    return Counter(Shop(signed_in, services))


def test_a_receipt_that_nobody_announced_is_mailed_by_the_schedule_and_one_that_fails_stops_no_other(
    counter: Counter, services: EngineServices, mailbox: InMemoryMailer
) -> None:
    shop, api = counter.shop, counter.shop.tenant.api
    match = if_match(ok(api.get(counter.path)))
    ok(api.patch(counter.path, json={"email": "ali@raza.example"}, headers=match))
    ok(api.patch("/v1/tenant", json={"receipt_mails": True}, headers=if_match(ok(api.get("/v1/tenant")))))
    subscriber_id, store = counter.subscriber["subscriber_id"], shop.tenant.store
    mailbox.sent.clear()
    lost = "rcp_00000000000000000000000000-20410515-0"  # the record of it cannot be read
    store.commit(store.money.receipt_mails.add(document_id=lost, at=NOW))
    receipt = {
        "receipt_id": str(uuid4()),
        "subscriber_id": subscriber_id,
        "amount": pkr(700),
        "taken_at": NOW.isoformat(),
    }
    with patch.dict(vars(services), mail_queue=Kept()):
        [given] = ok(api.post("/v1/field-receipts", json={"receipts": [receipt]}))["items"]
    keep_collections(services, {})
    assert mailbox.sent == []

    for _ in range(2):
        services.clock.advance(timedelta(minutes=6))  # type: ignore[attr-defined]
        keep_collections(services, {})

    assert [one.subject for one in mailbox.sent] == [f"Receipt {given['number']}"]
    far = services.clock.now() + timedelta(days=1)
    assert store.money.receipt_mails.waiting(before=far, limit=9) == [lost]
    services.clock.set(far)  # type: ignore[attr-defined]
    keep_collections(services, {})
    assert store.money.receipt_mails.waiting(before=far + timedelta(days=1), limit=9) == []

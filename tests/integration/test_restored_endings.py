"""What becomes of a purged company whose tables were restored to a time before its purge."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.local.gateway import Gateway
from tests.fixtures_engine import EngineHandle
from tests.integration.conftest import EngineServices
from tests.integration.endings import DAY, HOUR, Ending, bills_name, little, restored, visitor
from tests.integration.gatewaying import Till


@pytest.fixture
def small(gateway: Gateway, services: EngineServices) -> Ending:
    """A company with a subscriber, who has an invoice."""
    return little(gateway, services)


@pytest.mark.parametrize("days", [1, 29], ids=["a-notice-was-due", "all-were-given"])
def test_who_is_there_again_by_every_table_is_deleted_again_and_nobody_is_asked(
    small: Ending, engine: EngineHandle, services: EngineServices, gateway: Gateway, days: int
) -> None:
    """Its keys stay destroyed: no pass may wait for people whose names it cannot read."""
    till = Till.open(small.shop, visitor(gateway))
    _, found = till.invoice_and_collection()
    small.cancel()
    small.keep(days * DAY)
    client, table = engine.client("dynamodb"), services.settings.platform_table

    def listed() -> list[dict[str, Any]]:
        found = client.scan(TableName=table)["Items"]
        return [one for one in found if small.tenant_id in str(one)]

    before, rows = small.shop.items(), listed()
    small.keep((29 - days) * DAY)
    small.keep(DAY)
    small.purge()
    for one in listed():
        client.delete_item(TableName=table, Key={name: one[name] for name in ("pk", "sk")})
    for one in rows:
        client.put_item(TableName=table, Item=one)
    restored(engine, services, before)
    assert small.state == "recovery"
    told = len(services.mailer.sent)

    for _ in range(2):
        small.keep(HOUR)

    assert (small.state, len(small.certificates())) == ("purged", 1)
    # The address that its gateway called is a digest that nobody can make again, and leads to nobody.
    assert till.send(till.told(found)).status == 404
    assert {pk.split("#")[1] for pk in (one["pk"]["S"] for one in small.shop.items())} >= {"A", "AUD"}
    assert (bills_name(small), len(services.mailer.sent)) == ({"Ali Raza"}, told)

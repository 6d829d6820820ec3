"""What people write about people, in every place where they may."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.domain.data_map import Category
from tests.integration.conftest import EngineServices
from tests.integration.counter import line, pkr
from tests.integration.field import send
from tests.integration.portal_user import Front
from tests.integration.shop import Item, Shop, created, if_match, ok
from tests.integration.staffing import Company as Office
from tests.integration.voucher_desk import VoucherDesk
from tests.simulation.tenant_world import World


def write_everywhere(world: World, shop: Shop, person: Item) -> None:
    """Let a company's people write of a subscriber wherever there is room for words."""
    word = world.canaries.word
    _of_the_subscriber(shop, person, word)
    _of_money(shop, person, word)
    _of_others(shop, word)
    _sign_in(world.services, world, shop, person)


def _of_the_subscriber(shop: Shop, person: Item, word: str) -> None:
    api, path = shop.tenant.api, f"/v1/subscribers/{person['subscriber_id']}"
    changed = {"note": f"{word} has a dog", "address": f"{word} moved to Multan"}
    person = ok(api.patch(path, json=changed, headers=if_match(ok(api.get(path)))))
    back = {"note": "", "address": f"Near {word}"}
    ok(api.patch(path, json=back, headers=if_match(person)))


def _of_money(shop: Shop, person: Item, word: str) -> None:
    """Invoices that are credited and whose fee is waived, a payment that bounces, a till, an expense."""
    api, path = shop.tenant.api, f"/v1/subscribers/{person['subscriber_id']}"
    invoice = created(send(api, f"{path}/invoices", {"lines": [line(9_000)], "note": f"for {word}"}))
    of_invoice = f"/v1/invoices/{invoice['invoice_id']}"
    rule = created(api.post("/v1/late-fee-rules", json={"name": "Late", "grace_days": 5, "amount": 100}))
    ok(api.post(f"{of_invoice}/late-fees/{rule['rule_id']}/waive", json={"reason": f"{word} was abroad"}))
    created(send(api, f"{of_invoice}/credit-notes", {"reason": "error", "note": f"{word} complained"}))
    paid = created(
        send(api, f"{path}/payments", {"amount": pkr(700), "channel": "cash", "note": f"from {word}"})
    )
    created(send(api, f"/v1/documents/{paid['document_id']}/reversal", {"reason": f"{word} took it back"}))
    till = created(api.post("/v1/funds", json={"name": "Till", "channel": "cash"}))["fund_id"]
    send(api, f"/v1/funds/{till}/closings", {"counted": pkr(-10), "reason": f"{word} had no change"})
    spent = {
        "category": "rent",
        "amount": pkr(5),
        "payee": f"{word.title()} & Sons",
        "note": f"{word} owns it",
    }
    created(send(api, "/v1/expenses", spent))


def _of_others(shop: Shop, word: str) -> None:
    """A dealer, vouchers, and a breach."""
    api, now = shop.tenant.api, shop.services.clock.now()
    created(api.post("/v1/dealers", json={"code": "DLR-1", "name": f"{word.title()} Mobile"}))
    VoucherDesk(shop).batch(1, note=f"{word} sells them")
    breach = {
        "noticed_at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "began_at": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        "ended_at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "what": f"{word} lost a laptop",
        "categories": [Category.IDENTITY.value],
    }
    created(api.post("/v1/breaches", json=breach))


def _sign_in(services: EngineServices, world: World, shop: Shop, person: Item) -> None:
    """Somebody new on the staff, and the subscriber in the portal by password and by code."""
    office = Office(shop.tenant, services, world.visitor())
    invited = created(office.invite("support"))["invitation"]["email"]
    created(office.accept(office.code(invited), name=f"{world.canaries.word.title()} Helper"))
    front = Front(shop, services, world.visitor())
    front.invite(person)
    assert front.activate(front.activation(person["email"])).status == 204
    created(front.log_in(person["code"]))
    front.challenge(person["email"])

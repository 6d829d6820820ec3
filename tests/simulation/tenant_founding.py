"""What a simulated company has before anything ends: people in every place where they can be."""

from __future__ import annotations

import csv
import io
import secrets
from datetime import timedelta

from chalicelib.adapters.payments import sandbox
from tests.integration.conftest import fresh_subdomain, sign_up_and_in
from tests.integration.counter import line, pkr
from tests.integration.gatewaying import SECRET
from tests.integration.importing import Importer
from tests.integration.portal_user import with_portal
from tests.integration.rights import plant_words
from tests.integration.shop import Item, Shop, created, if_match, ok
from tests.simulation.tenant_plans import Plan
from tests.simulation.tenant_words import write_everywhere
from tests.simulation.tenant_world import World

COLUMNS = ("name", "email", "phone", "address", "national_id", "tax_id", "note")
SHORTENED_DAYS = 90
# One company of so many writes wherever there is room for words.
WRITING = 3


def company_name(word: str, number: int) -> str:
    """What a company is called: nowhere else, and no person's."""
    return f"{word[::-1]} {number} Net"


def founded(world: World, plan: Plan) -> Shop:
    """Sign a company up, and let it work: two people come over the API, the third in a file."""
    word, subdomain = world.canaries.word, fresh_subdomain()
    owner = {
        "name": f"{word.title()} Owner {plan.number}",
        "email": f"owner@{subdomain}.example",
        "password": "a lantern under the stairs",
    }
    changes = {"time_zone": plan.zone, "fiscal_year_start_month": plan.fiscal_month, "owner": owner}
    tenant = sign_up_and_in(
        world.visitor(),
        world.services,
        subdomain=subdomain,
        company=company_name(word, plan.number),
        **changes,
    )
    shop = Shop(tenant, world.services)
    api = tenant.api
    settings = {"receipt_mails": True, "allowed_origins": [f"https://{subdomain}.example"]}
    ok(api.patch("/v1/tenant", json=settings, headers=if_match(ok(api.get("/v1/tenant")))))
    if plan.shortens:
        rules = ok(api.get("/v1/retention"))
        ok(api.put("/v1/retention/jobs", json={"days": SHORTENED_DAYS}, headers=if_match(rules)))
    package = shop.package(name="Home")
    first, second, third = (world.canaries.person(number) for number in plan.numbers)
    people = [_person(shop, one) for one in (first, second)]
    _bills(shop, people[0], package, word)
    _programs(shop, word, subdomain)
    plant_words(shop, people[1]["subscriber_id"], word)
    if plan.number % WRITING == 0:
        write_everywhere(world, shop, people[0])
    shop.tenant = with_portal(tenant, world.services, people[0]["subscriber_id"])
    ok(shop.tenant.api.get("/v1/portal/me"))
    _imports(shop, third, package)
    _refused(shop, first)
    return shop


def _person(shop: Shop, person: Item) -> Item:
    key = {"Idempotency-Key": secrets.token_hex(8)}
    body = {"code": f"C-{secrets.token_hex(5)}", **person}
    return created(shop.tenant.api.post("/v1/subscribers", json=body, headers=key))


def _bills(shop: Shop, person: Item, package: Item, word: str) -> None:
    """Bill by a run and by hand, and take a payment, of which a receipt is mailed."""
    shop.subscribe(person, package)
    shop.bill(shop.services.clock.now() + timedelta(days=1))
    billed(shop, person, note=f"{word} asked for it")
    words = {"reference": f"cheque of {word}", "note": f"{word} was ill"}
    _post(shop, person, "payments", {"amount": pkr(5_000), "channel": "cash", **words})


def billed(shop: Shop, person: Item, **changes: object) -> Item:
    """Give a person an invoice by hand."""
    return _post(shop, person, "invoices", {"lines": [line(50_000)], **changes})


def _post(shop: Shop, person: Item, what: str, body: Item) -> Item:
    path, key = f"/v1/subscribers/{person['subscriber_id']}/{what}", {"Idempotency-Key": secrets.token_hex(8)}
    return created(shop.tenant.api.post(path, json=body, headers=key))


def _programs(shop: Shop, word: str, subdomain: str) -> None:
    """Let a program in, a payment gateway, and somebody new."""
    api = shop.tenant.api
    created(api.post("/v1/api-keys", json={"name": "Till", "permissions": ["payments:record"]}))
    ok(
        api.put(
            "/v1/gateways/sandbox",
            json={"enabled": True, "secrets": {sandbox.SECRET: SECRET}},
        )
    )
    guest = {"email": f"{word}.guest@{subdomain}.example", "role": "support"}
    created(api.post("/v1/invitations", json=guest))


def _imports(shop: Shop, person: Item, package: Item) -> None:
    """Import a person; a second row is refused, and kept with its words."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["id", *COLUMNS, "plan"])
    for code, plan in (("I-1", package["name"]), ("I-2", "no such plan")):
        rows.writerow([code, *(person[column] for column in COLUMNS), plan])
    mapping = {
        "columns": {"code": "id", "package": "plan", **{column: column for column in COLUMNS}},
        "defaults": {"start_date": shop.services.clock.now().date().isoformat()},
    }
    importer = Importer(shop.services, shop.tenant)
    import_id = importer.upload(text.getvalue().encode())
    ok(importer.map(import_id, mapping))
    assert importer.start(import_id).status == 202
    assert importer.show(import_id)["state"] == "succeeded"


def exported(shop: Shop) -> str:
    """Have an export made; return its identifier."""
    asked = shop.tenant.api.post("/v1/exports")
    assert asked.status == 202, asked.text
    export_id = str(asked.json["export_id"])
    assert ok(shop.tenant.api.get(f"/v1/exports/{export_id}"))["state"] == "succeeded"
    return export_id


def _refused(shop: Shop, person: Item) -> None:
    """Ask for what is refused: all of that is logged."""
    api = shop.tenant.api
    ok(api.post("/v1/subscriber-searches", json={"text": person["email"]}))
    assert api.post("/v1/subscribers", json={**person, "code": "", "name": 7}).status == 422
    assert api.get(f"/v1/subscribers/{person['email']}").status == 404

"""Taxes by place, certificate and date, rounding, and number formats: over HTTP, on the engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.documents import Entry
from chalicelib.store.audit import AuditItem
from chalicelib.usecases.posting import Books
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.exporting import Exporter
from tests.integration.shop import Item, Shop, if_match, ok
from tests.integration.test_posting import pay, posted

# Noon in Karachi: the day's run is due. The fiscal year 2027 goes from July 2026 to June 2027.
NOON = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
SALES_TAX = {"code": "sales_tax", "name": "Sales tax", "rate_millionths": 195_000}
INCOME_TAX = {
    "code": "ait",
    "name": "Advance income tax",
    "rate_millionths": 150_000,
    "base": "net_plus_previous",
}
JULY: Item = {"starts_on": "2026-07-01", "components": [SALES_TAX, INCOME_TAX]}
SINDH: Item = {"starts_on": "2026-07-01", "jurisdiction": "PK-SD", "components": [SALES_TAX]}


@pytest.fixture
def shop(services: EngineServices, clock: FakeClock, api: ApiClient) -> Shop:
    """1 December 2026, and the tenant signed up today."""
    clock.set(NOON)
    return Shop(sign_up_and_in(api, services), services)


def settings(shop: Shop) -> Item:
    return ok(shop.tenant.api.get("/v1/tenant"))


def try_to_set(shop: Shop, **changes: object) -> Reply:
    return shop.tenant.api.patch("/v1/tenant", json=changes, headers=if_match(settings(shop)))


def try_to_tax(shop: Shop, *rows: Item, **changes: object) -> Reply:
    body = {"name": "Internet", "rows": list(rows), **changes}
    return shop.tenant.api.put("/v1/tenant/tax-groups/internet", json=body, headers=if_match(settings(shop)))


def tax_of(shop: Shop, subscriber: Item) -> Item:
    return ok(shop.tenant.api.get(f"/v1/subscribers/{subscriber['subscriber_id']}/tax"))


def try_to_tax_subscriber(shop: Shop, subscriber: Item, **body: object) -> Reply:
    path = f"/v1/subscribers/{subscriber['subscriber_id']}/tax"
    return shop.tenant.api.put(path, json=body, headers=if_match(tax_of(shop, subscriber)))


def exemption(**changes: object) -> dict[str, Any]:
    return {"code": "ait", "certificate": "EX-77", "starts_on": "2026-07-01", **changes}


def billed(shop: Shop, *, price: int = 164_900, **subscriber: object) -> Item:
    """Sell a taxed package for a month from today, bill it, and return the invoice."""
    buyer = shop.subscriber(**subscriber)
    shop.subscribe(buyer, shop.package(price={"amount": price, "currency": "PKR"}, tax_group="internet"))
    shop.bill(shop.services.clock.now())
    return shop.invoices(buyer)[-1]


def amounts(invoice: Item) -> dict[str, int]:
    return {tax["code"]: tax["amount"] for line in invoice["lines"] for tax in line["taxes"]}


# -- taxes ---------------------------------------------------------------------------------


def test_pakistans_taxes_are_told_on_the_line(shop: Shop) -> None:
    ok(try_to_tax(shop, JULY))

    invoice = billed(shop)

    assert (invoice["total"]["amount"], amounts(invoice)) == (226_614, {"sales_tax": 32_156, "ait": 29_558})
    [line] = invoice["lines"]
    assert line["calculation"] == [
        "price of edition 1",
        "the whole period of 31 days",
        "tax row internet from 2026-07-01 for every place",
        "sales_tax 19.5 % of the net: 321.56",
        "ait 15 % of the net and the taxes before it: 295.58",
    ]
    assert line["trace"] == ["e1", "t:internet:2026-07-01:"]
    assert (line["kind"], line["quantity"], line["discount"], line["edition"]) == ("recurring", 1, 0, 1)


def test_a_price_that_contains_its_taxes_is_what_is_to_be_paid(shop: Shop) -> None:
    vat = {"code": "vat", "name": "VAT", "rate_millionths": 200_000}
    put = ok(try_to_tax(shop, {"starts_on": "2026-07-01", "components": [vat]}, inclusive=True))

    invoice = billed(shop, price=12_000)

    assert put["tax_groups"][0]["inclusive"] is True
    assert (invoice["net"]["amount"], invoice["tax"]["amount"], invoice["total"]["amount"]) == (
        10_000,
        2_000,
        12_000,
    )
    assert "taxes are contained in the price" in invoice["lines"][0]["calculation"]


def test_where_a_subscriber_is_and_its_certificate_decide_its_taxes_from_then_on(
    shop: Shop, clock: FakeClock
) -> None:
    ok(try_to_tax(shop, JULY, {**SINDH, "components": [SALES_TAX, INCOME_TAX]}))
    subscriber = shop.subscriber()
    sold = shop.package(price={"amount": 164_900, "currency": "PKR"}, tax_group="internet")
    shop.subscribe(subscriber, sold)
    shop.bill(NOON)
    issued = shop.invoices(subscriber)

    kept = ok(
        try_to_tax_subscriber(
            shop, subscriber, jurisdiction="PK-SD", exemptions=[exemption(ends_on="2027-07-01")]
        )
    )
    shop.subscribe(subscriber, sold)
    clock.set(NOON + timedelta(days=1))
    shop.sign_in_again()
    shop.bill(clock.now())

    assert tax_of(shop, subscriber) | {"version": kept["version"]} == kept
    assert kept["exemptions"] == [exemption(ends_on="2027-07-01")]
    invoices = {one["number"]: one for one in shop.invoices(subscriber)}
    assert invoices[issued[0]["number"]] == issued[0]
    [after] = [one for number, one in invoices.items() if number != issued[0]["number"]]
    assert amounts(after) == {"sales_tax": 32_156}
    assert after["lines"][0]["calculation"][2:4] == [
        "tax row internet from 2026-07-01 for PK-SD",
        "no ait: exemption certificate EX-77",
    ]


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"jurisdiction": "pk-sd"}, "invalid_tax_group", "jurisdiction"),
        ({"jurisdiction": "P" * 41}, "invalid_value", "jurisdiction"),
        ({"exemptions": [exemption(code="nobodys")]}, "unknown_tax", "exemptions.0.code"),
        ({"exemptions": [exemption(code="A B")]}, "invalid_tax_group", "exemptions.0.code"),
        ({"exemptions": [exemption(certificate=" ")]}, "invalid_value", "exemptions.0.certificate"),
        ({"exemptions": [exemption(certificate="x" * 61)]}, "invalid_value", "exemptions.0.certificate"),
        ({"exemptions": [exemption(ends_on="2026-07-01")]}, "invalid_exemption", "exemptions.0.ends_on"),
        ({"exemptions": [exemption(), exemption()]}, "invalid_exemption", "exemptions.1.starts_on"),
        ({"exemptions": [exemption()] * 11}, "invalid_value", "exemptions"),
        ({"exemption": []}, "unknown_field", "exemption"),
    ],
)
def test_a_malformed_tax_profile_is_refused_and_changes_nothing(
    shop: Shop, body: dict[str, Any], code: str, param: str
) -> None:
    ok(try_to_tax(shop, JULY))
    subscriber = shop.subscriber()
    before = tax_of(shop, subscriber)

    assert try_to_tax_subscriber(shop, subscriber, **body).problem == (422, code, param)
    assert tax_of(shop, subscriber) == before


def test_a_tax_profile_is_guarded_by_its_version_and_audited(shop: Shop, services: EngineServices) -> None:
    ok(try_to_tax(shop, JULY))
    subscriber = shop.subscriber()
    path, read = f"/v1/subscribers/{subscriber['subscriber_id']}/tax", tax_of(shop, subscriber)
    body = {"exemptions": [exemption()]}
    first = shop.tenant.api.put(path, json=body, headers=if_match(read))
    stale = shop.tenant.api.put(path, json={}, headers=if_match(read))

    assert (first.status, first.headers["ETag"]) == (200, f'"{read["version"] + 1}"')
    assert stale.problem == (412, "stale_version", "If-Match")
    assert shop.tenant.api.put(path, json=body).problem == (428, "precondition_required", "If-Match")
    assert tax_of(shop, subscriber)["exemptions"] == [exemption(ends_on=None)]
    month = services.clock.now().strftime("%Y-%m")
    entries = [
        one
        for one in AuditItem.query(f"{shop.tenant.tenant_id}#AUD#{month}")
        if one.action == "subscriber.tax_put"
    ]
    assert [one.object_id for one in entries] == [subscriber["subscriber_id"]]


def test_nobody_is_taxed_who_is_not_there(shop: Shop) -> None:
    path = "/v1/subscribers/sbr_01JD0000000000000000000000/tax"

    assert shop.tenant.api.get(path).problem == (404, "not_found", "subscriber_id")
    assert shop.tenant.api.put(path, json={}, headers={"If-Match": '"1"'}).problem == (
        404,
        "not_found",
        "subscriber_id",
    )


def test_before_the_first_invoice_every_row_may_be_mended(shop: Shop, clock: FakeClock) -> None:
    ok(try_to_tax(shop, JULY))
    shop.bill(clock.now())

    mended = ok(try_to_tax(shop, SINDH, inclusive=True))

    assert [row["jurisdiction"] for row in mended["tax_groups"][0]["rows"]] == ["PK-SD"]


def test_what_is_billed_keeps_its_rates_and_what_is_not_may_change(shop: Shop, clock: FakeClock) -> None:
    planned = {"starts_on": "2027-07-01", "components": []}
    ok(try_to_tax(shop, JULY, planned))
    billed(shop)
    today, tomorrow = str(clock.now().date()), str(clock.now().date() + timedelta(days=1))
    before = settings(shop)

    for rows, changes, param in (
        ([{**JULY, "components": [SALES_TAX]}, planned], {}, "rows.0.components"),
        ([planned], {}, "rows"),
        ([JULY, {**planned, "starts_on": today}], {}, "rows.1.starts_on"),
        ([JULY, planned, SINDH], {}, "rows.2.starts_on"),
        ([JULY, planned], {"inclusive": True}, "inclusive"),
    ):
        assert try_to_tax(shop, *rows, **changes).problem == (409, "tax_row_in_force", param)
    assert settings(shop) == before

    changed = ok(try_to_tax(shop, JULY, {**planned, "starts_on": tomorrow}, {**SINDH, "starts_on": tomorrow}))
    assert [row["starts_on"] for row in changed["tax_groups"][0]["rows"]] == [
        "2026-07-01",
        tomorrow,
        tomorrow,
    ]


# -- settings ------------------------------------------------------------------------------


def test_a_total_is_rounded_to_the_rupee_by_a_line_of_its_own(shop: Shop) -> None:
    ok(try_to_tax(shop, JULY))
    ok(try_to_set(shop, round_to=100))

    invoice = billed(shop)

    assert (invoice["total"]["amount"], invoice["open"]["amount"]) == (226_600, 226_600)
    rounding = invoice["lines"][-1]
    assert (rounding["kind"], rounding["total"]) == ("rounding", -14)
    assert (rounding["subscription_id"], rounding["package_id"], rounding["edition"]) == (None, None, None)
    assert rounding["calculation"] == ["rounded to a multiple of 1.00"]
    postings = {one["account"]: one["amount"] for one in invoice["postings"]}
    assert postings["rounding"] == 14
    assert sum(postings.values()) == 0
    subscriber = ok(shop.tenant.api.get(f"/v1/subscribers/{invoice['subscriber_id']}"))
    assert subscriber["balance"]["amount"] == 226_600


@pytest.mark.parametrize(("consolidated", "invoices"), [(True, 1), (False, 2)])
def test_what_is_owed_on_one_day_is_one_invoice_or_one_each(
    shop: Shop, *, consolidated: bool, invoices: int
) -> None:
    ok(try_to_set(shop, consolidated=consolidated))
    subscriber, package = shop.subscriber(), shop.package()
    shop.subscribe(subscriber, package)
    shop.subscribe(subscriber, package)

    shop.bill(NOON)

    found = shop.invoices(subscriber)
    assert len(found) == invoices
    assert sum(len(one["lines"]) for one in found) == 2


def test_an_invoice_is_overdue_the_day_after_its_last_day_to_pay(shop: Shop, clock: FakeClock) -> None:
    ok(try_to_tax(shop, JULY))
    invoice = billed(shop)
    path = f"/v1/invoices/{invoice['invoice_id']}"

    def overdue(on: date) -> tuple[bool, bool]:
        clock.set(datetime(on.year, on.month, on.day, 7, tzinfo=UTC))
        shop.sign_in_again()
        [listed] = ok(shop.tenant.api.get("/v1/invoices?fiscal_year=2027"))["items"]
        return ok(shop.tenant.api.get(path))["overdue"], listed["overdue"]

    last = date.fromisoformat(invoice["due_on"])
    settled = [invoice[name]["amount"] for name in ("paid", "credited", "written_off", "open")]
    assert settled == [0, 0, 0, 226_614]
    assert overdue(last) == (False, False)
    assert overdue(last + timedelta(days=1)) == (True, True)


# -- numbers -------------------------------------------------------------------------------


def formats(tenant: Item, kind: str) -> list[tuple[int | None, str]]:
    return [
        (one["from_fiscal_year"], one["format"]) for one in tenant["number_formats"] if one["kind"] == kind
    ]


def test_a_format_set_before_the_years_first_invoice_numbers_it(shop: Shop, services: EngineServices) -> None:
    ok(try_to_tax(shop, JULY))
    changed = ok(try_to_set(shop, number_formats={"INV": "LHR/{fy_short}/{seq:04}", "CRN": "C{fy}-{seq}"}))

    invoice = billed(shop)

    assert formats(changed, "INV") == [(None, "INV-{fy}-{seq:06}"), (2027, "LHR/{fy_short}/{seq:04}")]
    assert formats(changed, "CRN") == [(None, "CRN-{fy}-{seq:06}"), (2027, "C{fy}-{seq}")]
    assert invoice["number"] == "LHR/27/0001"
    assert ok(shop.tenant.api.get("/v1/invoices"))["items"][0]["number"] == "LHR/27/0001"
    _, archive = Exporter(services, shop.tenant).run()
    assert b'"number":"LHR/27/0001"' in archive.read("invoices.jsonl")
    assert b'"number":"LHR/27/0001"' in archive.read("invoice_lines.jsonl")


def test_a_format_set_after_it_holds_from_the_next_fiscal_year_and_numbers_never_change(
    shop: Shop, clock: FakeClock
) -> None:
    ok(try_to_tax(shop, JULY))
    invoice = billed(shop)

    changed = ok(try_to_set(shop, number_formats={"INV": "LHR/{fy_short}/{seq:04}"}))

    assert formats(changed, "INV")[-1] == (2028, "LHR/{fy_short}/{seq:04}")
    assert ok(shop.tenant.api.get(f"/v1/invoices/{invoice['invoice_id']}"))["number"] == "INV-2027-000001"
    clock.set(datetime(2027, 7, 1, 7, tzinfo=UTC))
    shop.sign_in_again()
    shop.bill(clock.now())
    numbers = [
        one["number"]
        for one in ok(shop.tenant.api.get(f"/v1/subscribers/{invoice['subscriber_id']}/invoices"))["items"]
    ]
    assert numbers == ["LHR/28/0001", *(f"INV-2027-{number:06d}" for number in range(7, 0, -1))]


def test_of_formats_set_at_once_one_is_kept(shop: Shop) -> None:
    version = if_match(settings(shop))

    def change(letter: str) -> int:
        body = {"number_formats": {"INV": f"{letter}-{{fy}}-{{seq}}"}}
        return shop.tenant.api.patch("/v1/tenant", json=body, headers=version).status

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(change, "ABCD"))

    assert statuses == [200, 412, 412, 412]
    assert len(formats(settings(shop), "INV")) == 2


def test_a_format_set_while_the_years_first_receipt_is_made_numbers_it(
    shop: Shop, services: EngineServices
) -> None:
    """What the receipt is called when it is made is what it is called for ever."""
    subscriber_id = shop.subscriber()["subscriber_id"]
    tries = []

    def pay_while_settings_change(books: Books) -> Entry:
        tries.append(books)
        if len(tries) == 1:
            ok(try_to_set(shop, number_formats={"RCP": "R/{fy}/{seq}"}))
        return pay(books, 1_000)

    made = posted(shop, services, subscriber_id, pay_while_settings_change).documents[0]

    store = services.stores.of(tenant_id=shop.tenant.tenant_id)
    read = store.documents.get(document_id=made.document_id)
    assert (len(tries), made.number, read.number) == (2, "R/2027/1", "R/2027/1")

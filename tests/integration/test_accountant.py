"""An accountant's recomputation: bills, corrections and payments against arithmetic of the test's own.

The golden book has its figures written out for one year of one ISP; this is about other kinds of
taxes and zones, and about the days and orders that break books.
"""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.accountant import (
    GERMANY,
    LOS_ANGELES,
    PAKISTAN,
    PAKISTAN_FEBRUARY,
    TELEPHONE,
    Isp,
    Ledger,
    Line,
    half_up,
    shared,
    taxed,
    total_of,
)
from tests.integration.books_check import check_books
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.counter import Counter, line, pkr
from tests.integration.shop import Item, Shop, created


def isp_of(
    api: ApiClient, services: EngineServices, clock: FakeClock, *, at: datetime, books: Ledger, **terms: str
) -> Isp:
    """Sign up an ISP at an instant; a German one's fiscal year begins in April, another's in July."""
    clock.set(at)
    month = 4 if terms.get("country") == "DE" else 7
    tenant = sign_up_and_in(api, services, subdomain=None, fiscal_year_start_month=month, **terms)
    return Isp(Shop(tenant, services), books)


# -- the day's work --------------------------------------------------------------------------


def sell_everything(isp: Isp) -> None:
    """31 January: the catalogue, and a subscriber for each of its terms."""
    isp.group("internet", ("2027-07-01", "", PAKISTAN), ("2028-02-15", "", PAKISTAN_FEBRUARY))
    isp.group("telephone", ("2027-07-01", "", TELEPHONE))
    isp.settings(round_to=100)
    bundle = [
        {"name": "Internet", "weight": 2, "tax_group": "internet"},
        {"name": "Telephone", "weight": 1, "tax_group": "telephone"},
    ]
    phases = [{"name": "Intro", "periods": 1, "price": pkr(99_999)}]
    for name, price, terms in (
        ("Home", 164_900, {"tax_group": "internet"}),
        ("Intro", 310_000, {"tax_group": "internet", "phases": phases, "deposit": pkr(200_000)}),
        ("Addon", 33_333, {"tax_group": "internet", "kind": "addon"}),
        ("Duo", 250_001, {"bundle": bundle}),
        ("Arrears", 299_999, {"tax_group": "internet", "timing": "arrears"}),
    ):
        isp.packages[name] = isp.shop.package(name=name, price=pkr(price), **terms)
    for who, name in (("plain", "Home"), ("exempt", "Home"), ("phase", "Intro"), ("off", "Home"),
                      ("addon", "Home"), ("duo", "Duo"), ("short", "Home"), ("free", "Home"),
                      ("late", "Arrears")):  # fmt: skip
        isp.sell(who, name, **({"anchor_day": 10} if who == "short" else {}))
    isp.sell("addon", "Addon", parent_id=isp.sold["addon/Home"]["subscription_id"])
    exemption = {"code": "sales_tax", "certificate": "EX-1", "starts_on": "2028-01-01"}
    isp.put(f"{isp.of('exempt')}/tax", {"exemptions": [exemption]})
    for who, discount in (
        ("off", {"code": "TENTH", "share_millionths": 100_000}),
        ("off", {"code": "FIFTY", "amount": 5_000}),
        ("free", {"code": "ALL", "share_millionths": 1_000_000, "periods": 1}),
    ):
        isp.post(f"/v1/subscriptions/{isp.sold[f'{who}/Home']['subscription_id']}/discounts", discount)


def january(isp: Isp, books: Ledger) -> tuple[int, int]:
    """The bills of the 31st; return what the plain one and the one with an add-on come to."""
    # A payment before any invoice.
    isp.pay("duo", 100_000)()
    books.move("duo", "2028-01-31", "RCP", cash__cash=100_000, credit=-100_000)

    isp.go_to("2028-01-31")
    on = "2028-01-31"
    home = taxed("recurring", 164_900, PAKISTAN)
    plain = books.bill("plain", on, home)
    books.bill("exempt", on, taxed("recurring", 164_900, PAKISTAN, "sales_tax"))
    books.bill("phase", on, taxed("recurring", 99_999, PAKISTAN), ("deposit", 200_000, {}))
    books.bill("off", on, taxed("recurring", 164_900 - 16_490 - 5_000, PAKISTAN))
    addon = books.bill("addon", on, home, taxed("recurring", 33_333, PAKISTAN))
    two, one = shared(250_001, [2, 1])
    books.bill("duo", on, taxed("recurring", two, PAKISTAN), taxed("recurring", one, TELEPHONE))
    # 31 January to 10 February: the last 10 of the 31 days from 10 January on.
    before = half_up(Fraction(164_900 * 21, 31))
    books.bill("short", on, taxed("recurring", 164_900 - before, PAKISTAN))
    books.bill("free", on, taxed("recurring", 0, PAKISTAN))
    return plain, addon


def payments(isp: Isp, books: Ledger, plain: int) -> None:
    """One in part, and one of too much."""
    # Part of the invoice, then more than the rest: the next invoice takes the credit.
    isp.wait_until("2028-02-03")
    isp.pay("plain", 100_000)()
    books.move("plain", "2028-02-03", "RCP", cash__cash=100_000, receivable=-100_000)
    isp.wait_until("2028-02-04")
    isp.pay("plain", 200_000, "bank_transfer")()
    rest = plain - 100_000
    books.move(
        "plain", "2028-02-04", "RCP", cash__bank_transfer=200_000, receivable=-rest, credit=rest - 200_000
    )


def credit_notes(isp: Isp, books: Ledger, addon: int) -> None:
    """Twice of a partly paid invoice, and the whole of an unpaid one."""
    # Two credit notes of a partly paid invoice: each in proportion to what is left of the line.
    isp.pay("addon", addon - 20_000)()
    books.move("addon", "2028-02-04", "RCP", cash__cash=addon - 20_000, receivable=20_000 - addon)
    (invoice,) = isp.invoices("addon")
    home = taxed("recurring", 164_900, PAKISTAN)
    left = [home[1], *home[2].values()]
    for amount, still_open in ((30_000, 20_000), (11_111, 0)):
        isp.post(
            f"/v1/invoices/{invoice['invoice_id']}/credit-notes",
            {"reason": "outage", "lines": [{"line": 0, "amount": amount}]},
        )
        parts = shared(amount, left)
        left = [had - part for had, part in zip(left, parts, strict=True)]
        postings = {
            "revenue__recurring": parts[0],
            "tax__sales_tax": parts[1],
            "tax__ait": parts[2],
            "receivable": -min(amount, still_open),
            "credit": min(amount, still_open) - amount,
        }
        books.move("addon", "2028-02-04", "CRN", **postings)
    # A whole one of an unpaid invoice: nothing is left of it.
    (invoice,) = isp.invoices("exempt")
    isp.post(f"/v1/invoices/{invoice['invoice_id']}/credit-notes", {"reason": "error"})
    whole = taxed("recurring", 164_900, PAKISTAN, "sales_tax")
    due = half_up(Fraction(total_of([whole]), 100)) * 100
    books.move(
        "exempt", "2028-02-04", "CRN",
        revenue__recurring=whole[1], tax__ait=whole[2]["ait"], rounding=due - total_of([whole]),
        receivable=-due,
    )  # fmt: skip


def february(isp: Isp, books: Ledger) -> None:
    """The bills of the 10th, and of the 29th at the new rate."""
    isp.go_to("2028-02-10")
    books.bill("short", "2028-02-10", taxed("recurring", 164_900, PAKISTAN))
    isp.go_to("2028-02-29")
    two, one = shared(250_001, [2, 1])
    # Billed after the change of the rate, whatever days of the period were before it.
    on, home = "2028-02-29", taxed("recurring", 164_900, PAKISTAN_FEBRUARY)
    books.bill("plain", on, home)
    books.bill("exempt", on, taxed("recurring", 164_900, PAKISTAN_FEBRUARY, "sales_tax"))
    books.bill("phase", on, taxed("recurring", 310_000, PAKISTAN_FEBRUARY))
    books.bill("off", on, taxed("recurring", 164_900 - 16_490 - 5_000, PAKISTAN_FEBRUARY))
    books.bill("addon", on, home, taxed("recurring", 33_333, PAKISTAN_FEBRUARY))
    books.bill("duo", on, taxed("recurring", two, PAKISTAN_FEBRUARY), taxed("recurring", one, TELEPHONE))
    books.bill("free", on, home)
    books.bill("late", on, taxed("recurring", 299_999, PAKISTAN_FEBRUARY))


def test_a_leap_february_in_pakistan_is_what_an_accountant_makes_of_it(
    api: ApiClient, services: EngineServices, clock: FakeClock
) -> None:
    books = Ledger(round_to=100)
    isp = isp_of(api, services, clock, at=datetime(2028, 1, 31, 5, tzinfo=UTC), books=books)
    sell_everything(isp)
    plain, addon = january(isp, books)
    payments(isp, books, plain)
    credit_notes(isp, books, addon)
    february(isp, books)
    isp.check("2028-01-01", "2028-02-29")

    isp.go_to("2028-03-01")
    closed = created(isp.shop.tenant.api.post("/v1/ledger/closings", json={"month": "2028-01"}))
    assert sum(row["closing"] for row in closed["rows"]) == 0
    assert isp.send("/v1/ledger/closings", {"month": "2028-02"}).status == 201
    isp.check("2028-01-01", "2028-03-01")


def test_stacked_taxes_of_a_city_and_the_state_around_it(
    api: ApiClient, services: EngineServices, clock: FakeClock
) -> None:
    books = Ledger()
    terms = {"country": "US", "currency": "USD", "time_zone": "America/Los_Angeles"}
    isp = isp_of(api, services, clock, at=datetime(2028, 3, 11, 20, tzinfo=UTC), books=books, **terms)
    rows = [("2028-01-01", "US-CA-LA", LOS_ANGELES), ("2028-01-01", "US-CA", LOS_ANGELES[:1])]
    isp.group("internet", *rows)
    price = {"amount": 7_995, "currency": "USD"}
    isp.packages["Home"] = isp.shop.package(name="Home", price=price, tax_group="internet", cycle="day")
    for who, place in (("city", "US-CA-LA"), ("state", "US-CA-SF")):
        isp.people[who] = isp.shop.subscriber(name=who)
        isp.put(f"{isp.of(who)}/tax", {"jurisdiction": place})
        isp.sell(who, "Home")
    # Clocks go forward on 12 March: each date is billed once.
    isp.go_to("2028-03-13", 20)
    for on in ("2028-03-11", "2028-03-12", "2028-03-13"):
        books.bill("city", on, taxed("recurring", 7_995, LOS_ANGELES))
        books.bill("state", on, taxed("recurring", 7_995, LOS_ANGELES[:1]))
    isp.check("2028-03-01", "2028-03-31")


def test_vat_in_the_price_over_a_month_without_runs_clocks_and_a_fiscal_year(
    api: ApiClient, services: EngineServices, clock: FakeClock
) -> None:
    books = Ledger()
    terms = {"country": "DE", "currency": "EUR", "time_zone": "Europe/Berlin"}
    isp = isp_of(api, services, clock, at=datetime(2027, 3, 1, 9, tzinfo=UTC), books=books, **terms)
    isp.group("internet", ("2027-01-01", "", GERMANY), inclusive=True)
    euro = {"amount": 3_999, "currency": "EUR"}
    isp.packages["Month"] = isp.shop.package(name="Month", price=euro, tax_group="internet")
    isp.packages["Week"] = isp.shop.package(name="Week", price=euro, tax_group="internet", cycle="week")
    isp.sell("month", "Month", starts_on="2027-03-01", anchor_day=31)
    isp.sell("week", "Week", starts_on="2027-03-01", anchor_day=7)

    isp.go_to("2027-04-02")

    def contained(gross: int) -> Line:
        vat = half_up(Fraction(gross * 19, 119))
        return "recurring", gross - vat, {"vat": vat}

    # 1 to 31 March: the last 30 of 31 days from 28 February on.
    first = 3_999 - half_up(Fraction(3_999 * 1, 31))
    books.bill("month", "2027-03-01", contained(first), fiscal_year=2027)
    books.bill("month", "2027-03-31", contained(3_999), fiscal_year=2027)
    books.bill("week", "2027-03-01", contained(3_999 - half_up(Fraction(3_999, 7))), fiscal_year=2027)
    for on in ("07", "14", "21", "28"):  # the clocks change on the 28th
        books.bill("week", f"2027-03-{on}", contained(3_999), fiscal_year=2027)
    isp.check("2027-03-01", "2027-04-02")
    isp.go_to("2027-04-04")
    books.bill("week", "2027-04-04", contained(3_999), fiscal_year=2028)
    isp.check("2027-03-01", "2027-04-04")


# -- orders that break books -----------------------------------------------------------------


@pytest.fixture
def counter(services: EngineServices, clock: FakeClock, api: ApiClient) -> Counter:
    """1 December 2026, at noon in Karachi."""
    clock.set(datetime(2026, 12, 1, 7, tzinfo=UTC))
    return Counter(Shop(sign_up_and_in(api, services), services))


def write_off(counter: Counter, invoice: Item, **changes: object) -> Item:
    path = f"/v1/invoices/{invoice['invoice_id']}/write-offs"
    return created(counter.send(path, {"reason": "uncollectible", **changes}))


def test_after_a_write_off_nothing_is_given_back_that_was_not_paid(counter: Counter) -> None:
    invoice = counter.invoice(line(1_000))
    counter.pay(400)
    write_off(counter, invoice)

    assert counter.send("refunds", {"amount": pkr(1), "channel": "cash"}).status == 409
    counter.credit(invoice, lines=[{"line": 0, "amount": 400}], refund={"channel": "cash"})
    assert counter.try_to_credit(invoice).status == 409
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_a_deposit_that_was_written_off_unpaid_is_not_given_back(counter: Counter) -> None:
    invoice = counter.invoice(line(2_000, kind="deposit"))
    write_off(counter, invoice)

    refused = counter.send("refunds", {"amount": pkr(2_000), "channel": "cash", "source": "deposit"})

    assert refused.problem == (409, "insufficient_deposit", "amount")
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_what_is_lost_of_a_bill_with_a_deposit_is_taken_from_the_deposit_first(counter: Counter) -> None:
    invoice = counter.invoice(line(2_000, kind="deposit"), line(1_000))
    counter.pay(500)
    write_off(counter, invoice, amount=pkr(300))
    assert counter.day_totals()["deposits"] == -1_700
    write_off(counter, invoice)

    # 500 of the service's 1,000 is paid, and nothing of the deposit.
    assert (counter.day_totals().get("deposits", 0), counter.day_totals()["write_off"]) == (0, 500)
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_a_payment_reversed_after_its_credit_was_spent_and_its_invoice_written_off(counter: Counter) -> None:
    first = counter.invoice(line(1_000))
    cheque = counter.pay(1_500, channel="cheque")
    second = counter.invoice(line(800))
    write_off(counter, second)

    created(counter.reverse(cheque))

    assert counter.now(first)["open"] == pkr(1_000)
    assert counter.now(second)["open"] == pkr(500)
    assert counter.books() == {"balance": 1_500, "credit": 0, "deposits": 0}


def test_a_payment_reversed_after_its_invoice_was_credited(counter: Counter) -> None:
    invoice = counter.invoice(line(1_000))
    cheque = counter.pay(1_000, channel="cheque")
    counter.credit(invoice)
    later = counter.invoice(line(700))

    created(counter.reverse(cheque))

    # 1,700 billed, 1,000 credited, nothing paid: the first is void, the other open.
    assert counter.books() == {"balance": 700, "credit": 0, "deposits": 0}
    assert [(one["state"], one["open"]) for one in map(counter.now, (invoice, later))] == [
        ("void", pkr(0)),
        ("open", pkr(700)),
    ]


def test_a_payment_goes_to_an_invoice_before_the_debit_note_of_its_day(counter: Counter) -> None:
    counter.invoice(line(10))
    invoice = counter.invoice(line(1_000))
    path = f"/v1/invoices/{invoice['invoice_id']}/debit-notes"
    note = created(counter.send(path, {"lines": [line(200)]}))

    counter.pay(1_011)

    assert [counter.now(one)["open"] for one in (invoice, note)] == [pkr(0), pkr(199)]


def test_sold_billed_and_cancelled_on_one_day(counter: Counter) -> None:
    shop = counter.shop
    package = shop.package(tax_group=None, refund="by_day", price=pkr(310_001))
    sold = shop.subscribe(counter.subscriber, package)
    shop.bill(shop.services.clock.now())
    shop.change(sold, state="terminated")

    (invoice,) = counter.get("invoices")["items"]
    assert (invoice["total"], invoice["open"], invoice["state"]) == (pkr(310_001), pkr(0), "void")
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}


def test_an_invoice_of_nothing_is_paid_and_cannot_be_settled(counter: Counter) -> None:
    shop = counter.shop
    counter.tax()
    sold = shop.subscribe(counter.subscriber, shop.package(tax_group="internet"))
    body = {"code": "ALL", "share_millionths": 1_000_000}
    created(counter.send(f"/v1/subscriptions/{sold['subscription_id']}/discounts", body))
    shop.bill(shop.services.clock.now())

    (invoice,) = counter.get("invoices")["items"]
    assert (invoice["total"], invoice["state"]) == (pkr(0), "paid")
    assert counter.try_to_credit(invoice).status == 409
    assert counter.send(f"/v1/invoices/{invoice['invoice_id']}/write-offs", {"reason": "other"}).status == 409
    receipt = counter.pay(500)
    assert receipt["settled"] == []
    assert counter.books() == {"balance": -500, "credit": 500, "deposits": 0}
    check_books(shop.services, shop.tenant.tenant_id)


def test_a_debit_note_and_a_late_fee_are_credited_and_written_off(counter: Counter) -> None:
    counter.tax()
    invoice = counter.invoice(line(10_001, tax_group="internet"))
    where = f"/v1/invoices/{invoice['invoice_id']}/debit-notes"
    fee = line(333, kind="late_fee", tax_group="internet")
    note = created(counter.send(where, {"lines": [line(250), fee]}))
    # 333: 64.935, 65; 398 x 0.15 = 59.7, 60.
    assert note["total"] == pkr(250 + 333 + 65 + 60)
    counter.pay(
        total_of([taxed("", 10_001, PAKISTAN)]) + 100,
        allocations=[
            {"invoice_id": invoice["invoice_id"], "amount": invoice["total"]},
            {"invoice_id": note["invoice_id"], "amount": pkr(100)},
        ],
    )
    counter.credit(note, lines=[{"line": 1}])
    write_off(counter, note)
    # 708 less 100 paid, 458 credited.
    assert counter.now(note)["written_off"] == pkr(150)
    assert counter.books() == {"balance": 0, "credit": 0, "deposits": 0}

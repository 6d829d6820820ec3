"""The year of the golden book, July 2026 to June 2027: who buys, pays, pauses and leaves.

What it comes to is in ``golden_year_figures``, computed by hand.
"""

from __future__ import annotations

from typing import Final

from tests.integration.golden_isp import GoldenIsp, pkr, tax, tax_row
from tests.integration.shop import Item, ok

# Sindh has a tax of its own in the place of the sales tax; in the tribal districts none is charged.
PROVINCES: Final = (
    {
        "starts_on": "2026-07-01",
        "jurisdiction": "PK-SD",
        "components": [tax("sst", 130_000), tax("ait", 150_000, "net_plus_previous")],
    },
    {"starts_on": "2026-07-01", "jurisdiction": "PK-KP-TD", "components": []},
)


def open_business(isp: GoldenIsp) -> None:
    """The first night: taxes, the catalogue, and fees."""
    isp.taxes(tax_row("2026-07-01", 195_000), *PROVINCES)
    for name, price, terms in (
        ("Home 20", 164_900, {"tax_group": "internet"}),
        ("Home 50", 300_000, {"tax_group": "internet"}),
        ("Office", 1_000_000, {"tax_group": "internet", "timing": "arrears"}),
        ("Static IP", 50_000, {"kind": "addon"}),
        ("Night", 300_000, {"timing": "arrears"}),
        ("Basic", 100_000, {}),
        ("Prepaid 20", 164_900, {"tax_group": "internet", "kind": "prepaid"}),
        (
            "Fiber",
            310_000,
            {
                "tax_group": "internet",
                "phases": [{"name": "Intro", "periods": 2, "price": pkr(200_000)}],
                "activation_fee": pkr(100_000),
                "deposit": pkr(200_000),
            },
        ),
    ):
        isp.packages[name] = isp.shop.package(name=name, price=pkr(price), **terms)
    rule = {"name": "Late fee", "grace_days": 5, "share_millionths": 20_000, "tax_group": "internet"}
    isp.rule = isp.post("/v1/late-fee-rules", rule)
    isp.put("/v1/reconnect-fee", {"amount": 50_000, "tax_group": "internet"})


def ayesha(isp: GoldenIsp) -> None:
    """A year of Home 20: paid in part, too much, late; with an outage, a debit note, a new tax rate."""
    isp.on("07-01", lambda: isp.sell("Ayesha", "Home 20"))
    isp.on("07-05", isp.pay("Ayesha", 226_614))
    isp.on("08-05", isp.pay("Ayesha", 100_000))
    isp.on("08-13", isp.pay("Ayesha", 126_614, "bank_transfer"))
    isp.on("09-03", isp.pay("Ayesha", 500_000))
    isp.on("11-06", isp.pay("Ayesha", 179_842))
    outage = {"reason": "outage", "lines": [{"line": 0, "amount": 50_000}]}
    isp.on("11-10", isp.correct("Ayesha", "11-01", "credit-notes", outage))
    isp.on("12-05", isp.pay("Ayesha", 176_614))
    cable = {"description": "Cable", "unit_price": pkr(20_000), "tax_group": "internet"}
    isp.on("12-15", isp.correct("Ayesha", "12-01", "debit-notes", {"lines": [cable]}))
    isp.on("12-20", isp.pay("Ayesha", 27_485))
    for month in ("01", "02", "03", "04", "05"):
        isp.on(f"{month}-05", isp.pay("Ayesha", 223_800, "bank_transfer"))
    isp.on("06-05", isp.pay("Ayesha", 100_000))


def bilal(isp: GoldenIsp) -> None:
    """Fiber from the 31st: an introductory price, activation fee and deposit, which comes back."""
    isp.on("07-31", lambda: isp.sell("Bilal", "Fiber"))
    isp.on("08-06", isp.pay("Bilal", 612_275, "bank_transfer"))
    isp.on("09-05", isp.pay("Bilal", 274_850))
    isp.on("10-06", isp.pay("Bilal", 426_018))
    isp.on("10-15", isp.change("Bilal/Fiber", state="terminated", ends_on="2026-10-31"))
    isp.on("11-02", isp.give_back("Bilal", 200_000, "deposit"))


def chaman(isp: GoldenIsp) -> None:
    """A company in arrears with an add-on and an exemption; a cheque bounces, the end is written off."""
    isp.on("09-16", lambda: isp.sell("Chaman", "Office", anchor_day=1))
    certificate = {"code": "ait", "certificate": "EX-2026-0077"}
    exemption = {**certificate, "starts_on": "2026-10-01", "ends_on": "2027-01-01"}
    isp.on("09-20", lambda: isp.put(f"{isp.of('Chaman')}/tax", {"exemptions": [exemption]}))
    isp.on(
        "10-01",
        lambda: isp.sell("Chaman", "Static IP", parent_id=isp.sold["Chaman/Office"]["subscription_id"]),
    )
    isp.on("10-07", isp.pay("Chaman", 647_500, "bank_transfer"))
    cheque: list[Item] = []
    isp.on("11-07", lambda: cheque.append(isp.pay("Chaman", 1_245_000, "cheque")()))  # type: ignore[arg-type]
    bounced = {"reason": "the cheque bounced"}
    isp.on("11-12", lambda: isp.post(f"/v1/documents/{cheque[0]['document_id']}/reversal", bounced))
    isp.on("11-13", isp.pay("Chaman", 1_245_000, "bank_transfer"))
    isp.on("11-15", isp.change("Chaman/Office", price_override=pkr(900_000)))
    isp.on("12-07", isp.pay("Chaman", 1_125_500, "bank_transfer"))
    isp.on("12-16", isp.change("Chaman/Office", state="terminated"))
    given_up = {"reason": "uncollectible"}
    isp.on("02-15", isp.correct("Chaman", "12-16", "write-offs", given_up))
    isp.on("02-15", isp.correct("Chaman", "12-29", "write-offs", given_up))


def dawood(isp: GoldenIsp) -> None:
    """Arrears from the 10th with a pause: what was served is billed, the pause is not."""
    isp.on("08-10", lambda: isp.sell("Dawood", "Night"))
    isp.on("09-12", isp.pay("Dawood", 300_000))
    isp.on("09-25", isp.change("Dawood/Night", state="paused"))
    isp.on("09-30", isp.pay("Dawood", 150_000))
    isp.on("10-20", isp.change("Dawood/Night", state="active"))
    isp.on("11-10", isp.change("Dawood/Night", state="terminated"))
    isp.on("11-15", isp.pay("Dawood", 203_226))


def erum(isp: GoldenIsp) -> None:
    """Unpaid: a late fee, suspended, not restored before the fee is paid, a reconnect fee."""
    isp.on("09-05", lambda: isp.sell("Erum", "Basic"))
    isp.on("09-20", isp.change("Erum/Basic", state="suspended"))

    def refused() -> None:
        sold = isp.get(f"/v1/subscriptions/{isp.sold['Erum/Basic']['subscription_id']}")
        reply = isp.shop.try_to_change(sold, state="active")
        assert (reply.status, reply.json["code"]) == (409, "must_pay")
        assert isp.get(f"{isp.of('Erum')}/must-pay")["total"] == pkr(2_749)

    isp.on("10-01", refused, isp.pay("Erum", 102_749), isp.change("Erum/Basic", state="active"))
    isp.on("10-06", isp.pay("Erum", 168_713))
    isp.on("10-20", isp.change("Erum/Basic", state="terminated", ends_on="2026-11-05"))


def farah(isp: GoldenIsp) -> None:
    """An invoice by hand, paid in part, its late fee waived, a part given up, and paid too much."""

    def router() -> None:
        isp.people["Farah"] = isp.shop.subscriber(name="Farah")
        lines = [
            {"description": "Router", "unit_price": pkr(150_000), "quantity": 2, "tax_group": "internet"},
            {"description": "Visit", "unit_price": pkr(75_050)},
        ]
        isp.post(f"{isp.of('Farah')}/invoices", {"lines": lines, "due_on": "2027-03-20"})

    def waive() -> None:
        (invoice,) = isp.invoices("Farah")
        path = f"/v1/invoices/{invoice['invoice_id']}/late-fees/{isp.rule['rule_id']}/waive"
        assert ok(isp.send(path, {"reason": "the router was late too"}))["state"] == "waived"

    isp.on("03-10", router)
    isp.on("03-18", isp.pay("Farah", 200_000))
    isp.on("03-25", waive)
    part = {"reason": "goodwill", "amount": pkr(82_200)}
    isp.on("04-02", isp.correct("Farah", "03-10", "write-offs", part))
    isp.on("04-05", isp.pay("Farah", 300_000))
    isp.on("04-10", isp.give_back("Farah", 100_000, "credit"))


def ghazala(isp: GoldenIsp) -> None:
    """Up by the day, down at the period's end, and gone with the paid days given back."""
    isp.on("11-01", lambda: isp.sell("Ghazala", "Home 20"))
    isp.on("11-03", isp.pay("Ghazala", 226_614))
    isp.on("11-16", isp.repackage("Ghazala/Home 20", "Home 50", effective="now"))
    isp.on("11-20", isp.pay("Ghazala", 92_831))
    isp.on("12-05", isp.pay("Ghazala", 412_275, "bank_transfer"))
    isp.on("12-10", isp.repackage("Ghazala/Home 50", "Home 20", effective="period_end"))
    isp.on("01-05", isp.pay("Ghazala", 223_800))
    leaving = {"state": "terminated", "refund": "by_day", "refund_reason": "moved to where we are not"}
    isp.on("01-11", isp.change("Ghazala/Home 20", **leaving))
    isp.on("01-12", isp.give_back("Ghazala", 151_585, "credit"))


def hamza(isp: GoldenIsp) -> None:
    """Paid in advance and paused: the days of the pause come back as credit."""
    isp.on("02-05", lambda: isp.sell("Hamza", "Basic"))
    isp.on("02-06", isp.pay("Hamza", 100_000))
    isp.on("02-10", isp.change("Hamza/Basic", state="paused"))
    isp.on("02-20", isp.change("Hamza/Basic", state="active"))
    isp.on("03-08", isp.pay("Hamza", 64_286))
    isp.on("03-20", isp.change("Hamza/Basic", state="terminated", ends_on="2027-04-05"))


def imran(isp: GoldenIsp) -> None:
    """Prepaid: two months from the wallet, a third that it does not hold, the rest given back."""

    def register() -> None:
        isp.people["Imran"] = isp.shop.subscriber(name="Imran")
        isp.pay("Imran", 500_000)()
        recharge()

    def recharge() -> None:
        isp.post(f"{isp.of('Imran')}/recharges", bought())

    def refused() -> None:
        assert isp.send(f"{isp.of('Imran')}/recharges", bought()).status == 409
        (line,) = isp.get(f"{isp.of('Imran')}/prepaid")["items"]
        assert line["expires_at"] == "2027-04-10T01:00:00+05:00"

    def bought() -> Item:
        return {"package_id": isp.packages["Prepaid 20"]["package_id"]}

    isp.on("02-10", register)
    isp.on("02-20", recharge)
    isp.on("03-30", refused)
    isp.on("04-15", isp.give_back("Imran", 52_400, "credit"))


def jamila(isp: GoldenIsp) -> None:
    """A coupon for two bills, a lasting discount beside it, and the end of the year."""
    quarter = {"code": "EID25", "share_millionths": 250_000, "periods": 2, "redemptions_max": 1}

    def sell() -> None:
        isp.post("/v1/coupons", quarter)
        isp.sell("Jamila", "Home 20", coupon="eid25")

    def loyal() -> None:
        path = f"/v1/subscriptions/{isp.sold['Jamila/Home 20']['subscription_id']}/discounts"
        assert isp.send(path, {"coupon": "EID25"}).status == 409
        isp.post(path, {"code": "LOYAL", "amount": 10_000})

    isp.on("04-01", sell)
    isp.on("04-05", isp.pay("Jamila", 167_800))
    isp.on("04-20", loyal)
    isp.on("05-05", isp.pay("Jamila", 154_300))
    isp.on("06-05", isp.pay("Jamila", 210_200))
    isp.on("06-10", isp.change("Jamila/Home 20", state="terminated", ends_on="2027-07-01"))


def plan_year(isp: GoldenIsp) -> None:
    """Everything that happens, and new rules on the first of January."""
    isp.on("07-01", lambda: open_business(isp))
    for story in (ayesha, bilal, chaman, dawood, erum, farah, ghazala, hamza, imran, jamila):
        story(isp)
    rows = (tax_row("2026-07-01", 195_000), tax_row("2027-01-01", 180_000))
    isp.on("12-20", lambda: isp.taxes(*rows, *PROVINCES))
    isp.on("01-01", lambda: isp.settings(round_to=100))

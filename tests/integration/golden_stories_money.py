"""Deposits set off, fees capped and of a package's own, losses, and the books' own days.

The figures of each story are beside it, computed by hand; amounts are paisa.
"""

from __future__ import annotations

from typing import Final

from tests.integration.golden_figures import Q1, Q2, Q3, Q4, Figures, R, entries
from tests.integration.golden_isp import GoldenIsp, pkr
from tests.integration.shop import Item, if_match, ok

# -- Vaqar: a deposit that pays the last bill ------------------------------------------------

VAQAR: Final = Figures(
    bills=[
        ("08-15", [(R, 60_000, 0, 0), ("deposit", 150_000, 0, 0)], 210_000, 0),
        ("09-15", [(R, 60_000, 0, 0)], 60_000, 0),
    ],
    statement=entries("""
        08-15 INV 210_000, 08-18 RCP -210_000, 09-15 INV 60_000, 09-20 JRN -60_000, 10-16 RFD 0
    """),
    ledger={
        Q1: {"cash:cash": 210_000, "revenue:recurring": -120_000, "deposits": -(150_000 - 60_000)},
        Q2: {"cash:cash": -90_000, "deposits": 90_000},
    },
)


def vaqar(isp: GoldenIsp) -> None:
    """The deposit is set off against what is open, and the rest given back."""

    def sell() -> None:
        isp.packages["Rental"] = isp.shop.package(name="Rental", price=pkr(60_000), deposit=pkr(150_000))
        isp.sell("Vaqar", "Rental")

    def set_off() -> None:
        isp.post(f"{isp.of('Vaqar')}/allocations", {"source": "deposit"})
        refund = {"amount": pkr(90_001), "channel": "cash", "source": "deposit"}
        assert isp.send(f"{isp.of('Vaqar')}/refunds", refund).status == 409

    isp.on("08-15", sell)
    isp.on("08-18", isp.pay("Vaqar", 210_000))
    isp.on("09-20", set_off)
    isp.on("10-01", isp.end("Vaqar/Rental", "10-15"))
    isp.on("10-16", isp.give_back("Vaqar", 90_000, "deposit"))


# -- Wahid: one late fee waived, the other capped --------------------------------------------

WAHID: Final = Figures(
    bills=[
        ("10-01", [("one_time", 6_000_000, 0, 0)], 6_000_000, 0),
        # Due on the 10th and ten days' grace: 10 % would be 6,000.00, and 3,000.00 is the most.
        ("10-21", [("late_fee", 300_000, 0, 0)], 300_000, 0),
    ],
    statement=entries("10-01 INV 6_000_000, 10-21 INV 300_000, 10-25 RCP -6_300_000"),
    ledger={
        Q2: {
            "cash:bank_transfer": 6_300_000,
            "revenue:one_time": -6_000_000,
            "revenue:late_fee": -300_000,
        }
    },
)


def wahid(isp: GoldenIsp) -> None:
    """A large invoice by hand, paid after the grace of both rules; the second is ended then."""
    rule = {"name": "Collection", "grace_days": 10, "share_millionths": 100_000, "cap": 300_000}
    second: list[Item] = []

    def add_rule() -> None:
        second.append(isp.post("/v1/late-fee-rules", {**rule, "minimum_open": 5_000_000}))

    def end_rule() -> None:
        path = f"/v1/late-fee-rules/{second[0]['rule_id']}"
        ok(isp.shop.tenant.api.patch(path, json={"active": False}, headers=if_match(second[0])))

    def waive() -> None:
        (invoice,) = isp.invoices("Wahid")
        path = f"/v1/invoices/{invoice['invoice_id']}/late-fees/{isp.rule['rule_id']}/waive"
        assert ok(isp.send(path, {"reason": "the first time"}))["state"] == "waived"

    cabling = {"description": "Cabling", "unit_price": pkr(6_000_000)}
    isp.on("10-01", add_rule, isp.by_hand("Wahid", "10-10", cabling))
    isp.on("10-15", waive)
    isp.on("10-25", isp.pay("Wahid", 6_300_000, "bank_transfer"), end_rule)


# -- Xenia: restored before anything was paid ------------------------------------------------

XENIA: Final = Figures(
    bills=[
        ("02-01", [(R, 70_000, 0, 0)], 70_000, 0),
        # 2 % of 700.00: 14.00; x 0.18 = 2.52; 16.52 x 0.15 = 2.478: 19.00.
        ("02-14", [("late_fee", 1_400, 252, 248)], 1_900, 0),
        # The package's own 200.00: 36.00; 236.00 x 0.15 = 35.40: 271.40, and 0.40 less.
        ("02-20", [("reconnect_fee", 20_000, 3_600, 3_540), ("rounding", -40, 0, 0)], 27_100, 0),
    ],
    statement=entries("02-01 INV 70_000, 02-14 INV 1_900, 02-20 INV 27_100, 02-22 RCP -99_000"),
    ledger={
        Q3: {
            "cash:cash": 70_000 + 1_900 + 27_100,
            "revenue:recurring": -70_000,
            "revenue:late_fee": -1_400,
            "revenue:reconnect_fee": -20_000,
            "tax:sales_tax": -(252 + 3_600),
            "tax:ait": -(248 + 3_540),
            "rounding": 40,
        }
    },
)


def xenia(isp: GoldenIsp) -> None:
    """Suspended, and restored for a reason though the late fee is unpaid."""

    def sell() -> None:
        isp.packages["Clinic"] = isp.shop.package(name="Clinic", price=pkr(70_000))
        own = [{"package_id": isp.packages["Clinic"]["package_id"], "amount": 20_000}]
        isp.put("/v1/reconnect-fee", {"amount": 50_000, "packages": own, "tax_group": "internet"})
        isp.sell("Xenia", "Clinic")

    isp.on("02-01", sell)
    isp.on("02-15", isp.change("Xenia/Clinic", state="suspended"))
    why = "a doctor on call"
    isp.on("02-20", isp.change("Xenia/Clinic", state="active", must_pay_override=why))
    isp.on("02-22", isp.pay("Xenia", 99_000))
    isp.on("02-25", isp.end("Xenia/Clinic", "03-01"))


# -- Yasir: a cheque that bounces after its credit was spent and the rest was written off ----

YASIR: Final = Figures(
    bills=[
        ("04-01", [("one_time", 100_000, 0, 0)], 100_000, 0),
        ("04-03", [("one_time", 80_000, 0, 0)], 80_000, 0),
    ],
    # The second is 500.00 paid and 300.00 lost; then 1,000.00 and 500.00 are open again.
    statement=entries("""
        04-01 INV 100_000, 04-02 RCP -150_000, 04-03 INV 80_000, 04-04 JRN -30_000,
        04-10 JRN 150_000, 04-12 RCP -150_000
    """),
    ledger={
        Q4: {
            "cash:cash": 150_000,
            "revenue:one_time": -180_000,
            "write_off": 30_000,
        }
    },
)


def yasir(isp: GoldenIsp) -> None:
    """What was written off stays so; what the cheque paid is owed again."""
    cheque: list[Item] = []

    def visit(amount: int) -> Item:
        return {"description": "Visit", "unit_price": pkr(amount)}

    def bounced() -> None:
        path = f"/v1/documents/{cheque[0]['document_id']}/reversal"
        isp.post(path, {"reason": "the cheque bounced"})
        found = [(one["open"]["amount"], one["written_off"]["amount"]) for one in isp.invoices("Yasir")]
        assert found == [(100_000, 0), (50_000, 30_000)]

    isp.on("04-01", isp.by_hand("Yasir", "06-30", visit(100_000)))
    isp.on("04-02", lambda: cheque.append(isp.pay("Yasir", 150_000, "cheque")()))  # type: ignore[arg-type]
    isp.on("04-03", isp.by_hand("Yasir", "06-30", visit(80_000)))
    isp.on("04-04", isp.correct("Yasir", "04-03", "write-offs", {"reason": "uncollectible"}))
    isp.on("04-10", bounced)
    isp.on("04-12", isp.pay("Yasir", 150_000))


# -- Zahid: gone within the first days, nothing paid -----------------------------------------

ZAHID: Final = Figures(
    bills=[("11-05", [(R, 90_000, 0, 0)], 90_000, 0)],
    credited=[(R, 90_000, 0, 0)],
    statement=entries("11-05 INV 90_000, 11-10 CRN -90_000"),
)


def zahid(isp: GoldenIsp) -> None:
    """A package that gives the whole period back: its unpaid invoice is void."""

    def sell() -> None:
        isp.packages["Flexi"] = isp.shop.package(name="Flexi", price=pkr(90_000), refund="full")
        isp.sell("Zahid", "Flexi")

    def void() -> None:
        isp.change("Zahid/Flexi", state="terminated")()
        (invoice,) = isp.invoices("Zahid")
        assert invoice["state"] == "void"

    isp.on("11-05", sell)
    isp.on("11-10", void)


# -- the books' own days ---------------------------------------------------------------------


def july_is_closed(isp: GoldenIsp) -> None:
    """An hour after July; while clocks farther west are the ISP's, nothing is posted into it."""

    def close() -> None:
        isp.post("/v1/ledger/closings", {"month": "2026-07"})
        isp.settings(time_zone="Europe/London")  # nine in the evening of 31 July
        refused = isp.send(f"{isp.of('Ayesha')}/payments", {"amount": pkr(1), "channel": "cash"})
        assert (refused.status, refused.json["code"]) == (409, "period_closed")
        isp.settings(time_zone="Asia/Karachi")

    isp.on("08-01", close)


def june_is_rehearsed(isp: GoldenIsp) -> None:
    """The night before: Ayesha's 2,238.00 and Jamila's 2,102.00, and nobody's else."""

    def rehearse() -> None:
        found = isp.get("/v1/billing/rehearsal?through=2027-06-01")
        assert [(one["date"], one["count"], one["total"]) for one in found["by_date"]] == [
            ("2027-06-01", 2, pkr(223_800 + 210_200))
        ]
        # 1,649.00 and 1,549.00; the taxes of both, 296.82, 291.87, 278.82, 274.17, are of the charge.
        (home,) = (one for one in found["by_package"] if one["kind"] == R)
        assert (home["count"], home["net"]) == (2, pkr(164_900 + 154_900))
        assert home["tax"] == pkr(29_682 + 29_187 + 27_882 + 27_417)
        assert found["quarantined"] == []
        (following,) = isp.get(f"{isp.of('Ayesha')}/next-invoices?on=2027-06-01")["invoices"]
        assert following["total"] == pkr(223_800)

    isp.on("05-31", rehearse)


FIGURES: Final = {"Vaqar": VAQAR, "Wahid": WAHID, "Xenia": XENIA, "Yasir": YASIR, "Zahid": ZAHID}


def plan(isp: GoldenIsp) -> None:
    """What happens in these stories."""
    for story in (vaqar, wahid, xenia, yasir, zahid, july_is_closed, june_is_rehearsed):
        story(isp)

"""What packages are: cycles from a day to a year, editions, phases.

The figures of each story are beside it, computed by hand; amounts are paisa.
"""

from __future__ import annotations

from typing import Final

from tests.integration.golden_figures import Q1, Q2, Q3, Q4, Figures, R, entries, paid_alike
from tests.integration.golden_isp import GoldenIsp, pkr
from tests.integration.shop import if_match, ok

# -- Qasim: cycles from a day to a year, on one account --------------------------------------

_QUARTER, _TWO_MONTHS = (R, 450_000, 0, 0), (R, 2 * 90_000, 0, 0)
QASIM: Final = Figures(
    bills=[
        ("07-15", [_QUARTER, (R, 1_200_000, 0, 0)], 1_650_000, 0),
        ("08-31", [_TWO_MONTHS], 180_000, 0),
        *paid_alike("09-10 09-11 09-12", [(R, 5_000, 0, 0)], 5_000),
        ("10-15", [_QUARTER], 450_000, 0),
        # Every second month on the 31st, or the last.
        ("10-31", [_TWO_MONTHS], 180_000, 0),
        ("12-31", [_TWO_MONTHS], 180_000, 0),
        # The half-year is billed when it is over.
        ("01-15", [_QUARTER, (R, 600_000, 0, 0)], 1_050_000, 0),
        ("02-28", [_TWO_MONTHS], 180_000, 0),
        ("04-15", [_QUARTER], 450_000, 0),
        ("04-30", [_TWO_MONTHS], 180_000, 0),
        ("06-30", [_TWO_MONTHS], 180_000, 0),
    ],
    # 30,000.00 in July lasts until 15 January, when 7,050.00 is missing; 3,050.00 is left in June.
    statement=entries("""
        07-15 INV 1_650_000, 07-20 RCP -3_000_000, 08-31 INV 180_000, 09-10 INV 5_000, 09-11 INV 5_000,
        09-12 INV 5_000, 10-15 INV 450_000, 10-31 INV 180_000, 12-31 INV 180_000, 01-15 INV 1_050_000,
        01-20 RCP -2_000_000, 02-28 INV 180_000, 04-15 INV 450_000, 04-30 INV 180_000, 06-30 INV 180_000
    """),
    ledger={
        Q1: {
            "cash:bank_transfer": 3_000_000,
            "revenue:recurring": -(1_650_000 + 180_000 + 15_000),
            "credit": -(3_000_000 - 1_845_000),
        },
        Q2: {"revenue:recurring": -(450_000 + 2 * 180_000), "credit": 810_000},
        Q3: {
            "cash:bank_transfer": 2_000_000,
            "revenue:recurring": -(1_050_000 + 180_000),
            "credit": -(2_000_000 - 1_230_000),
        },
        Q4: {"revenue:recurring": -(450_000 + 2 * 180_000), "credit": 810_000},
    },
)


def qasim(isp: GoldenIsp) -> None:
    """A quarter and a year ahead, a half-year in arrears, every two months two of one, and three days."""

    def sell(name: str, price: int, **terms: object) -> None:
        sold = {key: terms.pop(key) for key in ("quantity",) if key in terms}
        isp.packages[name] = isp.shop.package(name=name, price=pkr(price), **terms)
        isp.sell("Qasim", name, **sold)

    isp.on(
        "07-15",
        lambda: sell("Quarter", 450_000, cycle="quarter"),
        lambda: sell("Year", 1_200_000, cycle="year"),
        lambda: sell("Half-year", 600_000, cycle="half_year", timing="arrears"),
    )
    isp.on("07-20", isp.pay("Qasim", 3_000_000, "bank_transfer"))
    every_two = {"unit": "month", "count": 2}
    isp.on("08-31", lambda: sell("Two months", 90_000, cycle=every_two, quantity=2))
    isp.on("09-10", lambda: sell("Day", 5_000, cycle="day"), isp.end("Qasim/Day", "09-13"))
    isp.on("01-20", isp.pay("Qasim", 2_000_000, "bank_transfer"))


# -- Rabia and Saad: editions, and a bill that is set aside for a day ------------------------

RABIA: Final = Figures(
    bills=[
        *paid_alike("07-10 08-10 09-10 10-10 11-10 12-10", [(R, 80_000, 0, 0)], 80_000),
        *paid_alike("01-10 02-10 03-10 04-10", [(R, 100_000, 0, 0)], 100_000),
        # Set aside on the 10th.
        ("05-11", [(R, 100_000, 0, 0)], 100_000, 0),
    ],
    statement=entries("""
        07-10 INV 80_000, 07-12 RCP -480_000, 08-10 INV 80_000, 09-10 INV 80_000, 10-10 INV 80_000,
        11-10 INV 80_000, 12-10 INV 80_000, 01-10 INV 100_000, 01-12 RCP -500_000, 02-10 INV 100_000,
        03-10 INV 100_000, 04-10 INV 100_000, 05-11 INV 100_000
    """),
    ledger={
        Q1: {"cash:cash": 480_000, "revenue:recurring": -240_000, "credit": -240_000},
        Q2: {"revenue:recurring": -240_000, "credit": 240_000},
        Q3: {"cash:cash": 500_000, "revenue:recurring": -300_000, "credit": -200_000},
        Q4: {"revenue:recurring": -200_000, "credit": 200_000},
    },
)
SAAD: Final = Figures(
    bills=[
        ("11-10", [(R, 90_000, 0, 0)], 90_000, 0),
        ("12-10", [(R, 90_000, 0, 0)], 90_000, 0),
        ("01-10", [(R, 100_000, 0, 0)], 100_000, 0),
    ],
    statement=entries("""
        11-10 INV 90_000, 11-12 RCP -180_000, 12-10 INV 90_000, 01-10 INV 100_000, 01-12 RCP -100_000
    """),
    ledger={
        Q2: {"cash:cash": 180_000, "revenue:recurring": -180_000},
        Q3: {"cash:cash": 100_000, "revenue:recurring": -100_000},
    },
)


def rabia_and_saad(isp: GoldenIsp) -> None:
    """A price that rises for new subscribers, one of whom waits for it two days, then for all."""

    def sell() -> None:
        isp.packages["Classic"] = isp.shop.package(name="Classic", price=pkr(80_000))
        isp.sell("Rabia", "Classic")

    def dearer(price: int, **terms: object) -> None:
        path = f"/v1/packages/{isp.packages['Classic']['package_id']}"
        body = {"price": pkr(price), **terms}
        ok(isp.shop.tenant.api.patch(path, json=body, headers=if_match(isp.get(path))))

    def retry() -> None:
        path = "/v1/billing/runs/2027-05-10/quarantined"
        (aside,) = isp.get(path)["items"]
        assert aside["code"] == "safety_bound"
        isp.settings(invoice_limit=0)
        assert isp.send(f"{path}/retry", {}).json["retried"] == 1

    isp.on("07-10", sell)
    isp.on("07-12", isp.pay("Rabia", 480_000))
    isp.on("10-05", lambda: dearer(90_000))
    isp.on("11-08", lambda: isp.sell("Saad", "Classic", state="pending", anchor_day=10))
    isp.on("11-10", isp.change("Saad/Classic", state="active"))
    isp.on("11-12", isp.pay("Saad", 180_000))
    isp.on("12-01", lambda: dearer(100_000, moves_existing_on="2027-01-01"))
    isp.on("01-12", isp.pay("Rabia", 500_000), isp.pay("Saad", 100_000))
    isp.on("01-20", isp.end("Saad/Classic", "02-10"))
    isp.on("05-10", lambda: isp.settings(invoice_limit=99_999))
    isp.on("05-11", retry)
    isp.on("05-20", isp.end("Rabia/Classic", "06-10"))


# -- Tariq: a month on trial, two at the price of a welcome ----------------------------------

TARIQ: Final = Figures(
    bills=[
        ("10-20", [(R, 0, 0, 0)], 0, 0),
        ("11-20", [(R, 100_000, 0, 0)], 100_000, 0),
        ("12-20", [(R, 100_000, 0, 0)], 100_000, 0),
        ("01-20", [(R, 150_000, 0, 0)], 150_000, 0),
    ],
    statement=entries("""
        10-20 INV 0, 11-20 INV 100_000, 11-22 RCP -100_000, 12-20 INV 100_000, 12-22 RCP -100_000,
        01-20 INV 150_000, 01-22 RCP -150_000
    """),
    ledger={
        Q2: {"cash:cash": 200_000, "revenue:recurring": -200_000},
        Q3: {"cash:cash": 150_000, "revenue:recurring": -150_000},
    },
)


def tariq(isp: GoldenIsp) -> None:
    """Four periods, in three phases."""

    def sell() -> None:
        phases = [
            {"name": "Trial", "periods": 1, "price": pkr(0)},
            {"name": "Welcome", "periods": 2, "price": pkr(100_000)},
        ]
        isp.packages["Starter"] = isp.shop.package(name="Starter", price=pkr(150_000), phases=phases)
        isp.sell("Tariq", "Starter")

    isp.on("10-20", sell)
    for on, amount in (("11-22", 100_000), ("12-22", 100_000), ("01-22", 150_000)):
        isp.on(on, isp.pay("Tariq", amount))
    isp.on("01-25", isp.end("Tariq/Starter", "02-20"))


FIGURES: Final = {"Qasim": QASIM, "Rabia": RABIA, "Saad": SAAD, "Tariq": TARIQ}


def plan(isp: GoldenIsp) -> None:
    """What happens in these stories."""
    for story in (qasim, rabia_and_saad, tariq):
        story(isp)

"""Service that is paused at a share of the price, or changed without proration, in full, and on a date.

The figures of each story are beside it, computed by hand; amounts are paisa.
"""

from __future__ import annotations

from typing import Final

from tests.integration.golden_figures import HOME_20, HOME_50, Q2, Figures, R, entries
from tests.integration.golden_isp import GoldenIsp, pkr

# -- Nadia: away for twenty days, at a fifth of the price ------------------------------------

NADIA: Final = Figures(
    bills=[
        ("11-01", [HOME_50], 412_275, 0),
        # A fifth: 600.00; 117.00; 717.00 x 0.15 = 107.55.
        ("12-01", [(R, 60_000, 11_700, 10_755)], 82_455, 0),
        # Back on the 11th: December less ten of its 31 days (967.7419), 2,032.26; x 0.195 = 396.2907;
        # 2,428.55 x 0.15 = 364.2825.
        ("12-11", [(R, 203_226, 39_629, 36_428)], 279_283, 0),
    ],
    credited=[
        # Ten of November's 30 days, four fifths of them.
        (R, 80_000, 15_600, 14_340),
        # 21 of 31 days at the fifth: each whole less ten days (193.548, 37.742, 34.694).
        (R, 40_645, 7_926, 7_286),
    ],
    # The notes' 1,657.97 pay of the last invoice, 1,134.86 is paid in cash.
    statement=entries("""
        11-01 INV 412_275, 11-05 RCP -412_275, 12-01 INV 82_455, 12-05 RCP -82_455,
        12-11 INV 279_283, 12-11 CRN -109_940, 12-11 CRN -55_857, 12-15 RCP -113_486
    """),
    ledger={
        Q2: {
            "cash:bank_transfer": 412_275 + 82_455,
            "cash:cash": 279_283 - 109_940 - 55_857,
            "revenue:recurring": -(300_000 + 60_000 - 80_000 - 40_645 + 203_226),
            "tax:sales_tax": -(58_500 + 11_700 - 15_600 - 7_926 + 39_629),
            "tax:ait": -(53_775 + 10_755 - 14_340 - 7_286 + 36_428),
        }
    },
)


def nadia(isp: GoldenIsp) -> None:
    """Paused over a bill, and back in the middle of what it paid for."""

    def sell() -> None:
        terms = {"tax_group": "internet", "pause_share": 200_000}
        isp.packages["Standby"] = isp.shop.package(name="Standby", price=pkr(300_000), **terms)
        isp.sell("Nadia", "Standby")

    isp.on("11-01", sell)
    isp.on("11-05", isp.pay("Nadia", 412_275, "bank_transfer"))
    isp.on("11-21", isp.change("Nadia/Standby", state="paused"))
    isp.on("12-05", isp.pay("Nadia", 82_455, "bank_transfer"))
    isp.on("12-11", isp.change("Nadia/Standby", state="active"))
    isp.on("12-15", isp.pay("Nadia", 113_486))
    isp.on("12-20", isp.end("Nadia/Standby", "01-01"))


# -- Parveen: three changes of package --------------------------------------------------------

PARVEEN: Final = Figures(
    bills=[
        ("10-01", [HOME_20], 226_614, 0),
        # Changed on 11 October without proration: the new price begins with the next bill.
        ("11-01", [HOME_50], 412_275, 0),
        # Changed on 11 November in full.
        ("11-11", [HOME_20], 226_614, 0),
        # 15 of 31 days of 1,649.00: 797.903; x 0.195 = 155.5905; 953.49 x 0.15 = 143.0235.
        ("12-01", [(R, 79_790, 15_559, 14_302)], 109_651, 0),
        # 3,000.00 less 15 of 31 days (1,451.613): 1,548.39; x 0.195 = 301.936; 1,850.33 x 0.15 = 277.5495.
        ("12-16", [(R, 154_839, 30_194, 27_755)], 212_788, 0),
    ],
    credited=[HOME_50],
    # 4,122.75 given back pays 2,266.14, 1,096.51 and 760.10 of the last.
    statement=entries("""
        10-01 INV 226_614, 10-04 RCP -226_614, 11-01 INV 412_275, 11-04 RCP -412_275,
        11-11 INV 226_614, 11-11 CRN -412_275, 12-01 INV 109_651, 12-16 INV 212_788, 12-18 RCP -136_778
    """),
    ledger={
        Q2: {
            "cash:cash": 226_614 + 412_275 + 136_778,
            "revenue:recurring": -(164_900 + 164_900 + 79_790 + 154_839),
            "tax:sales_tax": -(32_156 + 32_156 + 15_559 + 30_194),
            "tax:ait": -(29_558 + 29_558 + 14_302 + 27_755),
        }
    },
)


def parveen(isp: GoldenIsp) -> None:
    """Up without proration, down in full, up on a date ahead by the day."""
    isp.on("10-01", lambda: isp.sell("Parveen", "Home 20"))
    isp.on("10-04", isp.pay("Parveen", 226_614))
    isp.on("10-11", isp.repackage("Parveen/Home 20", "Home 50", effective="now", proration="none"))
    isp.on("11-04", isp.pay("Parveen", 412_275))
    isp.on("11-11", isp.repackage("Parveen/Home 50", "Home 20", effective="now", proration="full"))
    isp.on("11-20", isp.repackage("Parveen/Home 20", "Home 50", effective="2026-12-16"))
    isp.on("12-18", isp.pay("Parveen", 136_778))
    isp.on("12-20", isp.end("Parveen/Home 50", "01-01"))


FIGURES: Final = {"Nadia": NADIA, "Parveen": PARVEEN}


def plan(isp: GoldenIsp) -> None:
    """What happens in these stories."""
    for story in (nadia, parveen):
        story(isp)

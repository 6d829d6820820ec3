"""What taxes are charged: of a bundle's parts, of a place, with a certificate, within the price.

The figures of each story are beside it, computed by hand; amounts are paisa.
"""

from __future__ import annotations

from typing import Final

from tests.integration.golden_figures import Q1, Q2, Figures, Line, R, entries, paid_alike
from tests.integration.golden_isp import GoldenIsp, pkr, tax

# -- Kiran: internet and telephone in one price, each with taxes of its own ------------------

# 2,500.01 by weight 2 and 1: 1,666.673 and 833.336; the odd paisa goes to the larger remainder.
# 1,666.67 x 0.195 = 325.00065; 1,991.67 x 0.15 = 298.7505. 833.34 x 0.17 = 141.6678.
_DUO: Final[list[Line]] = [(R, 166_667, 32_500, 29_875), (R, 83_334, 0, 0, ("levy", 14_167))]
KIRAN: Final = Figures(
    bills=paid_alike("08-20 09-20", _DUO, 326_543),
    statement=entries("08-20 INV 326_543, 08-25 RCP -326_543, 09-20 INV 326_543, 09-25 RCP -326_543"),
    ledger={
        Q1: {
            "cash:bank_transfer": 2 * 326_543,
            "revenue:recurring": -2 * 250_001,
            "tax:sales_tax": -2 * 32_500,
            "tax:ait": -2 * 29_875,
            "tax:levy": -2 * 14_167,
        }
    },
)


def kiran(isp: GoldenIsp) -> None:
    """Two months of a bundle."""

    def sell() -> None:
        isp.taxes({"starts_on": "2026-07-01", "components": [tax("levy", 170_000)]}, group="telephone")
        parts = [
            {"name": "Internet", "weight": 2, "tax_group": "internet"},
            {"name": "Telephone", "weight": 1, "tax_group": "telephone"},
        ]
        isp.packages["Duo"] = isp.shop.package(name="Duo", price=pkr(250_001), bundle=parts)
        isp.sell("Kiran", "Duo")

    isp.on("08-20", sell)
    isp.on("08-25", isp.pay("Kiran", 326_543, "bank_transfer"))
    isp.on("09-25", isp.pay("Kiran", 326_543, "bank_transfer"))
    isp.on("10-01", isp.end("Kiran/Duo", "10-20"))


# -- Laila and Murad: customers of provinces -------------------------------------------------

# The province's 13 % of 1,649.00: 214.37; 1,863.37 x 0.15 = 279.5055. Exempt from it: 1,649.00 x 0.15.
LAILA: Final = Figures(
    bills=[
        ("10-01", [(R, 164_900, 0, 27_951, ("sst", 21_437))], 214_288, 0),
        ("11-01", [(R, 164_900, 0, 24_735)], 189_635, 0),
        ("12-01", [(R, 164_900, 0, 27_951, ("sst", 21_437))], 214_288, 0),
    ],
    statement=entries("""
        10-01 INV 214_288, 10-04 RCP -214_288, 11-01 INV 189_635, 11-04 RCP -189_635,
        12-01 INV 214_288, 12-04 RCP -214_288
    """),
    ledger={
        Q2: {
            "cash:cash": 214_288 + 189_635 + 214_288,
            "revenue:recurring": -3 * 164_900,
            "tax:ait": -(27_951 + 24_735 + 27_951),
            "tax:sst": -2 * 21_437,
        }
    },
)
# A district whose rate is nothing.
MURAD: Final = Figures(
    bills=[("12-01", [(R, 164_900, 0, 0)], 164_900, 0)],
    statement=entries("12-01 INV 164_900, 12-04 RCP -164_900"),
    ledger={Q2: {"cash:cash": 164_900, "revenue:recurring": -164_900}},
)


def laila(isp: GoldenIsp) -> None:
    """In Karachi by the rates of Sindh, for November with a certificate against the province's tax."""
    certificate = {"code": "sst", "certificate": "SD-771", "starts_on": "2026-11-01", "ends_on": "2026-12-01"}

    def sell() -> None:
        isp.sell("Laila", "Home 20")
        place = {"jurisdiction": "PK-SD-KHI", "exemptions": [certificate]}
        isp.put(f"{isp.of('Laila')}/tax", place)

    def told() -> None:
        ((line,),) = (one["lines"] for one in isp.invoices("Laila", "11-01"))
        assert line["calculation"][2:] == [
            "tax row internet from 2026-07-01 for PK-SD",
            "no sst: exemption certificate SD-771",
            "ait 15 % of the net and the taxes before it: 247.35",
        ]

    isp.on("10-01", sell)
    isp.on("11-04", told)
    for on, amount in (("10-04", 214_288), ("11-04", 189_635), ("12-04", 214_288)):
        isp.on(on, isp.pay("Laila", amount))
    isp.on("12-05", isp.end("Laila/Home 20", "01-01"))


def murad(isp: GoldenIsp) -> None:
    """A month where no tax is charged."""

    def sell() -> None:
        isp.sell("Murad", "Home 20")
        isp.put(f"{isp.of('Murad')}/tax", {"jurisdiction": "PK-KP-TD"})

    isp.on("12-01", sell)
    isp.on("12-04", isp.pay("Murad", 164_900))
    isp.on("12-05", isp.end("Murad/Home 20", "01-01"))


# -- Omar: by the week, with the taxes in the price -------------------------------------------

# 1,000.00 contains 15 of 115: 130.4348; 130.43 by 10 and 5: 86.953 and 43.477. Wednesday to Sunday is
# the week less its first three days: 1,000.00 - 428.57 = 571.43; 74.5343; 74.53: 49.687 and 24.843.
_WEEK: Final[Line] = (R, 86_957, 0, 0, ("vat", 8_695), ("cess", 4_348))
OMAR: Final = Figures(
    bills=[
        ("09-02", [(R, 49_690, 0, 0, ("vat", 4_969), ("cess", 2_484))], 57_143, 0),
        *paid_alike("09-06 09-13 09-20 09-27", [_WEEK], 100_000),
    ],
    statement=entries("""
        09-02 INV 57_143, 09-04 RCP -457_143,
        09-06 INV 100_000, 09-13 INV 100_000, 09-20 INV 100_000, 09-27 INV 100_000
    """),
    ledger={
        Q1: {
            "cash:cash": 457_143,
            "revenue:recurring": -(49_690 + 4 * 86_957),
            "tax:vat": -(4_969 + 4 * 8_695),
            "tax:cess": -(2_484 + 4 * 4_348),
        }
    },
)


def omar(isp: GoldenIsp) -> None:
    """A hotspot from a Wednesday on, its weeks from Sunday, paid ahead."""

    def sell() -> None:
        row = {"starts_on": "2026-07-01", "components": [tax("vat", 100_000), tax("cess", 50_000)]}
        isp.taxes(row, group="hotspot", inclusive=True)
        terms = {"cycle": "week", "tax_group": "hotspot"}
        isp.packages["Hotspot"] = isp.shop.package(name="Hotspot", price=pkr(100_000), **terms)
        isp.sell("Omar", "Hotspot", anchor_day=7)

    isp.on("09-02", sell)
    isp.on("09-04", isp.pay("Omar", 457_143))
    isp.on("09-28", isp.end("Omar/Hotspot", "10-04"))


FIGURES: Final = {"Kiran": KIRAN, "Laila": LAILA, "Murad": MURAD, "Omar": OMAR}


def plan(isp: GoldenIsp) -> None:
    """What happens in these stories."""
    for story in (kiran, laila, murad, omar):
        story(isp)

"""The golden book: one year of one ISP, to the paisa, against figures computed by hand.

Every figure here was worked out on paper from the rules and the year in ``golden_year``; the
arithmetic is beside it. Amounts are paisa. Sales tax is 19.5 % of the charge, from 2027 on 18 %,
and advance income tax 15 % of charge and sales tax; each is rounded half up. From 2027 on
invoices are rounded to the rupee.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import pytest

from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.books_check import check_books
from tests.integration.conftest import EngineServices, sign_up_and_in
from tests.integration.golden_isp import FIRST, LAST, NIGHT, GoldenIsp, day, instant
from tests.integration.golden_year import plan_year
from tests.integration.shop import Item, Shop

# kind, net, sales tax, advance income tax
Line = tuple[str, int, int, int]
R: Final = "recurring"

# 1,649.00: x 0.195 = 321.555, 321.56; (1,649.00 + 321.56) x 0.15 = 295.584, 295.58: 2,266.14.
HOME_20: Final[Line] = (R, 164_900, 32_156, 29_558)
# x 0.18 = 296.82; 1,945.82 x 0.15 = 291.873, 291.87: 2,237.69, and 0.31 to the rupee: 2,238.00.
HOME_20_2027: Final[list[Line]] = [(R, 164_900, 29_682, 29_187), ("rounding", 31, 0, 0)]
# 2,000.00: 390.00; 2,390.00 x 0.15 = 358.50: 2,748.50.
INTRO: Final[Line] = (R, 200_000, 39_000, 35_850)
STATIC_IP: Final[Line] = (R, 50_000, 0, 0)

# issued on, lines, total, what is open at the year's end
Bill = tuple[str, list[Line], int, int]

INVOICES: Final[dict[str, list[Bill]]] = {
    "Ayesha": [
        *((f"{month}-01", [HOME_20], 226_614, 0) for month in ("07", "08", "09", "10", "11", "12")),
        # The cable, by debit note: 200.00; 39.00; 239.00 x 0.15 = 35.85.
        ("12-15", [("one_time", 20_000, 3_900, 3_585)], 27_485, 0),
        *((f"{month}-01", HOME_20_2027, 223_800, 0) for month in ("01", "02", "03", "04", "05")),
        # Rs 1,000.00 of 2,238.00 paid.
        ("06-01", HOME_20_2027, 223_800, 123_800),
        # Due on 8 June and five days' grace: on the 14th 2 % of 1,238.00 = 24.76; x 0.18 = 4.4568,
        # 4.46; 29.22 x 0.15 = 4.383, 4.38: 33.60, and 0.40 to the rupee.
        ("06-14", [("late_fee", 2_476, 446, 438), ("rounding", 40, 0, 0)], 3_400, 3_400),
        # The next fiscal year's first.
        ("07-01", HOME_20_2027, 223_800, 223_800),
    ],
    "Bilal": [
        # Activation 1,000.00: 195.00; 1,195.00 x 0.15 = 179.25. 2,748.50 + 1,374.25 + 2,000.00.
        ("07-31", [INTRO, ("activation", 100_000, 19_500, 17_925), ("deposit", 200_000, 0, 0)], 612_275, 0),
        ("08-31", [INTRO], 274_850, 0),
        # 3,100.00: 604.50; 3,704.50 x 0.15 = 555.675, 555.68.
        ("09-30", [(R, 310_000, 60_450, 55_568)], 426_018, 0),
    ],
    "Chaman": [
        # 15 of September's 30 days of 10,000.00, exempt from the income tax: 5,000.00 + 975.00; 500.00.
        ("10-01", [(R, 500_000, 97_500, 0), STATIC_IP], 647_500, 0),
        ("11-01", [(R, 1_000_000, 195_000, 0), STATIC_IP], 1_245_000, 0),
        # The price of its own, 9,000.00: 1,755.00.
        ("12-01", [(R, 900_000, 175_500, 0), STATIC_IP], 1_125_500, 0),
        # 15 of December's 31 days: 135,000.00 / 31 = 4,354.838, 4,354.84; x 0.195 = 849.1938.
        ("12-16", [(R, 435_484, 84_919, 0)], 520_403, 0),
        # Due on the 23rd; on the 29th 2 % of 5,204.03 = 104.0806; x 0.195 = 20.2956.
        ("12-29", [("late_fee", 10_408, 2_030, 0)], 12_438, 0),
    ],
    "Dawood": [
        ("09-10", [(R, 300_000, 0, 0)], 300_000, 0),
        # 10 to 25 September: 15 of the 30 days to 10 October.
        ("09-25", [(R, 150_000, 0, 0)], 150_000, 0),
        # 20 October to 10 November, the last 21 of 31 days: all, less 10 days (967.7419).
        ("11-10", [(R, 203_226, 0, 0)], 203_226, 0),
    ],
    "Erum": [
        ("09-05", [(R, 100_000, 0, 0)], 100_000, 0),
        # Due on the 12th; on the 18th 2 % of 1,000.00 = 20.00; 3.90; 23.90 x 0.15 = 3.585, 3.59.
        ("09-18", [("late_fee", 2_000, 390, 359)], 2_749, 0),
        # Restored: 500.00; 97.50; 597.50 x 0.15 = 89.625, 89.63.
        ("10-01", [("reconnect_fee", 50_000, 9_750, 8_963)], 68_713, 0),
        ("10-05", [(R, 100_000, 0, 0)], 100_000, 0),
    ],
    "Farah": [
        # 2 routers 3,000.00: 540.00; 3,540.00 x 0.15 = 531.00; visit 750.50: 4,821.50, rounded 4,822.00.
        (
            "03-10",
            [("one_time", 300_000, 54_000, 53_100), ("one_time", 75_050, 0, 0), ("rounding", 50, 0, 0)],
            482_200,
            0,
        ),
    ],
    "Ghazala": [
        ("11-01", [HOME_20], 226_614, 0),
        # 15 of 30 days of 3,000.00: 292.50; 1,792.50 x 0.15 = 268.875, 268.88.
        ("11-16", [(R, 150_000, 29_250, 26_888)], 206_138, 0),
        # 585.00; 3,585.00 x 0.15 = 537.75.
        ("12-01", [(R, 300_000, 58_500, 53_775)], 412_275, 0),
        ("01-01", HOME_20_2027, 223_800, 0),
    ],
    "Hamza": [
        ("02-05", [(R, 100_000, 0, 0)], 100_000, 0),
        ("03-05", [(R, 100_000, 0, 0)], 100_000, 0),
    ],
    "Jamila": [
        # A quarter off, 412.25: 1,236.75; 222.615, 222.62; 1,459.37 x 0.15 = 218.9055: 1,678.28, -0.28.
        ("04-01", [(R, 123_675, 22_262, 21_891), ("rounding", -28, 0, 0)], 167_800, 0),
        # And 100.00: 1,136.75; 204.615, 204.62; 1,341.37 x 0.15 = 201.2055: 1,542.58, +0.42.
        ("05-01", [(R, 113_675, 20_462, 20_121), ("rounding", 42, 0, 0)], 154_300, 0),
        # 100.00 alone: 1,549.00; 278.82; 1,827.82 x 0.15 = 274.173: 2,101.99, +0.01.
        ("06-01", [(R, 154_900, 27_882, 27_417), ("rounding", 1, 0, 0)], 210_200, 0),
    ],
    "Imran": [
        ("02-10", [("recharge", 164_900, 29_682, 29_187), ("rounding", 31, 0, 0)], 223_800, 0),
        ("02-20", [("recharge", 164_900, 29_682, 29_187), ("rounding", 31, 0, 0)], 223_800, 0),
    ],
}

# The credit notes: net, sales tax, advance income tax of their lines.
CREDITED: Final[dict[str, list[tuple[int, int, int]]]] = {
    # 500.00 of 2,266.14 by largest remainder: 363.834…, 70.948…, 65.216…: the odd two paisa go to the
    # taxes, whose remainders (.88, .66) are the largest.
    "Ayesha": [(36_383, 7_095, 6_522)],
    # 15 of 30 days of each part; 21 of 31: each whole less ten days (531.935, 95.748, 94.152).
    "Ghazala": [(82_450, 16_078, 14_779), (111_706, 20_107, 19_772)],
    # 10 of 28 days: 15 days (535.714) less 5 (178.571).
    "Hamza": [(35_714, 0, 0)],
}

# Statements: who, from, to; date, kind, amount, balance.
STATEMENTS: Final[dict[tuple[str, str, str], list[tuple[str, str, int, int]]]] = {
    ("Chaman", "07-01", "06-30"): [
        ("10-01", "INV", 647_500, 647_500),
        ("10-07", "RCP", -647_500, 0),
        ("11-01", "INV", 1_245_000, 1_245_000),
        ("11-07", "RCP", -1_245_000, 0),
        ("11-12", "JRN", 1_245_000, 1_245_000),
        ("11-13", "RCP", -1_245_000, 0),
        ("12-01", "INV", 1_125_500, 1_125_500),
        ("12-07", "RCP", -1_125_500, 0),
        ("12-16", "INV", 520_403, 520_403),
        ("12-29", "INV", 12_438, 532_841),
        ("02-15", "JRN", -520_403, 12_438),
        ("02-15", "JRN", -12_438, 0),
    ],
    ("Ghazala", "07-01", "06-30"): [
        ("11-01", "INV", 226_614, 226_614),
        ("11-03", "RCP", -226_614, 0),
        ("11-16", "INV", 206_138, 206_138),
        ("11-16", "CRN", -113_307, 92_831),
        ("11-20", "RCP", -92_831, 0),
        ("12-01", "INV", 412_275, 412_275),
        ("12-05", "RCP", -412_275, 0),
        ("01-01", "INV", 223_800, 223_800),
        ("01-05", "RCP", -223_800, 0),
        ("01-11", "CRN", -151_585, -151_585),
        ("01-12", "RFD", 151_585, 0),
    ],
    ("Ayesha", "06-01", "06-30"): [
        ("06-01", "INV", 223_800, 223_800),
        ("06-05", "RCP", -100_000, 123_800),
        ("06-14", "INV", 3_400, 127_200),
    ],
}

# Debits less credits by the end of each quarter; accounts that stand at nothing are left out.
TRIAL: Final[dict[date, dict[str, int]]] = {
    date(2026, 9, 30): {
        # Bilal's 4,260.18, Erum's 1,000.00 and 27.49.
        "receivable": 528_767,
        # Ayesha's 5,000.00 less September's 2,266.14.
        "credit": -273_386,
        "deposits": -200_000,
        # 226,614 + 100,000 + 500,000 + 274,850 + 300,000 + 150,000.
        "cash:cash": 1_551_464,
        # 126,614 + 612,275.
        "cash:bank_transfer": 738_889,
        "revenue:activation": -100_000,
        "revenue:late_fee": -2_000,
        # 3 x 164,900; 200,000 + 200,000 + 310,000; 300,000 + 150,000; 100,000.
        "revenue:recurring": -1_754_700,
        # 3 x 32,156; 39,000 + 19,500 + 39,000 + 60,450; 390.
        "tax:sales_tax": -254_808,
        # 3 x 29,558; 35,850 + 17,925 + 35,850 + 55,568; 359.
        "tax:ait": -234_226,
    },
    date(2026, 12, 31): {
        # Chaman's 5,204.03 and 124.38.
        "receivable": 532_841,
        # + 179,842 + 176,614 + 27,485; 426,018 - 200,000; 203,226; 102,749 + 168,713; 226,614 + 92,831.
        "cash:cash": 2_955_556,
        # + 647,500 + 1,245,000 + 1,125,500; 412,275.
        "cash:bank_transfer": 4_169_164,
        "revenue:activation": -100_000,
        "revenue:late_fee": -12_408,
        "revenue:one_time": -20_000,
        "revenue:reconnect_fee": -50_000,
        # + 3 x 164,900 - 36,383; 550,000 + 1,050,000 + 950,000 + 435,484; 203,226; 100,000;
        # 164,900 - 82,450 + 150,000 + 300,000.
        "revenue:recurring": -6_034_177,
        # + 3 x 32,156 - 7,095 + 3,900; 97,500 + 195,000 + 175,500 + 84,919 + 2,030; 9,750;
        # 32,156 - 16,078 + 29,250 + 58,500.
        "tax:sales_tax": -1_016_608,
        # + 3 x 29,558 - 6,522 + 3,585; 8,963; 29,558 - 14,779 + 26,888 + 53,775.
        "tax:ait": -424_368,
    },
    date(2027, 3, 31): {
        # Farah's 4,822.00 less 2,000.00.
        "receivable": 282_200,
        # Imran's 5,000.00 less 2 x 2,238.00.
        "credit": -52_400,
        # + 200,000; 223,800 - 151,585; 100,000 + 64,286; 500,000.
        "cash:cash": 3_892_057,
        # + 3 x 223,800.
        "cash:bank_transfer": 4_840_564,
        "revenue:activation": -100_000,
        "revenue:late_fee": -12_408,
        # + 300,000 + 75,050.
        "revenue:one_time": -395_050,
        # 2 x 164,900.
        "revenue:recharge": -329_800,
        "revenue:reconnect_fee": -50_000,
        # + 3 x 164,900; 164,900 - 111,706; 100,000 - 35,714 + 100,000.
        "revenue:recurring": -6_746_357,
        # 6 x 31 + 50.
        "rounding": -236,
        # + 3 x 29,682; 54,000; 29,682 - 20,107; 2 x 29,682.
        "tax:sales_tax": -1_228_593,
        # + 3 x 29,187; 53,100; 29,187 - 19,772; 2 x 29,187.
        "tax:ait": -632_818,
        # 520,403 + 12,438.
        "write_off": 532_841,
    },
    date(2027, 6, 30): {
        # Ayesha's 1,238.00 and 34.00.
        "receivable": 127_200,
        # + 300,000 - 100,000; 100,000; - 52,400; 167,800 + 154,300 + 210,200.
        "cash:cash": 4_671_957,
        # + 2 x 223,800.
        "cash:bank_transfer": 5_288_164,
        "revenue:activation": -100_000,
        "revenue:late_fee": -14_884,
        "revenue:one_time": -395_050,
        "revenue:recharge": -329_800,
        "revenue:reconnect_fee": -50_000,
        # + 3 x 164,900; 123,675 + 113,675 + 154,900.
        "revenue:recurring": -7_633_307,
        # + 3 x 31 + 40; - 28 + 42 + 1.
        "rounding": -384,
        # + 3 x 29,682 + 446; 22,262 + 20,462 + 27,882.
        "tax:sales_tax": -1_388_691,
        # + 3 x 29,187 + 438; 21,891 + 20,121 + 27,417.
        "tax:ait": -790_246,
        # + 82,200.
        "write_off": 615_041,
    },
}


@pytest.fixture
def isp(api: ApiClient, services: EngineServices, clock: FakeClock) -> GoldenIsp:
    """An ISP that signs up in the first night."""
    clock.set(instant(FIRST, NIGHT))
    return GoldenIsp(Shop(sign_up_and_in(api, services), services))


def test_a_year_of_one_isp_to_the_paisa(isp: GoldenIsp, services: EngineServices) -> None:
    plan_year(isp)
    isp.live()

    for who, expected in INVOICES.items():
        assert billed(isp, who) == expected, who
    for who in INVOICES:
        assert credited(isp, who) == CREDITED.get(who, []), who
    assert_numbers_without_gaps(isp)
    for (who, since, until), lines in STATEMENTS.items():
        assert stated(isp, who, since, until) == lines, who
    first = FIRST
    for last, expected_ledger in TRIAL.items():
        assert trial(isp, first, last) == expected_ledger, last
        first = last + timedelta(days=1)
    check_books(services, isp.shop.tenant.tenant_id)


def billed(isp: GoldenIsp, who: str) -> list[Bill]:
    """Somebody's invoices and debit notes as the API shows them."""
    found: list[Bill] = []
    for one in isp.invoices(who):
        lines = [_line(line) for line in one["lines"]]
        issued = date.fromisoformat(one["issued_on"])
        found.append((f"{issued:%m-%d}", lines, one["total"]["amount"], one["open"]["amount"]))
        assert issued == day(f"{issued:%m-%d}") or issued == LAST
    return found


def _line(line: Item) -> Line:
    taxes = {tax["code"]: tax["amount"] for tax in line["taxes"]}
    return line["kind"], line["net"], taxes.pop("sales_tax", 0), taxes.pop("ait", 0)


def credited(isp: GoldenIsp, who: str) -> list[tuple[int, int, int]]:
    """The lines of somebody's credit notes, the oldest first."""
    notes = isp.get(f"{isp.of(who)}/documents?kind=credit_note&limit=200")["items"]
    return [_line(line)[1:] for note in reversed(notes) for line in note["lines"]]


def trial(isp: GoldenIsp, first: date, last: date) -> dict[str, int]:
    """The balances at the end of a period, which sum to zero."""
    found = isp.get(f"/v1/ledger/trial-balance?from={first}&to={last}")
    rows = found["rows"]
    assert found["balanced"]
    assert found["debit"] == found["credit"]
    assert sum(row["closing"] for row in rows) == 0
    assert all(row["opening"] + row["debit"] - row["credit"] == row["closing"] for row in rows)
    return {row["account"]: row["closing"] for row in rows if row["closing"]}


def stated(isp: GoldenIsp, who: str, first: str, last: str) -> list[tuple[str, str, int, int]]:
    """Somebody's statement: date, kind, amount and balance after it; it begins with nothing owed."""
    found = isp.get(f"{isp.of(who)}/statement?from={day(first)}&to={day(last)}")
    assert found["opening"]["amount"] == 0
    lines = found["lines"]
    assert found["closing"] == (lines[-1]["balance"] if lines else found["opening"])
    return [
        (one["issued_on"][5:], one["kind"], one["amount"]["amount"], one["balance"]["amount"])
        for one in lines
    ]


def assert_numbers_without_gaps(isp: GoldenIsp) -> None:
    """Each fiscal year's invoices are numbered 1, 2, 3 … in the order of their dates."""
    issued = sum(len(found) for found in INVOICES.values())
    for year, count in ((2027, issued - 2), (2028, 1)):  # without the debit note
        page = isp.get(f"/v1/invoices?fiscal_year={year}&limit=200")["items"]
        assert [one["number"] for one in page] == [
            f"INV-{year}-{number:06}" for number in range(1, count + 1)
        ]
        assert [one["issued_on"] for one in page] == sorted(one["issued_on"] for one in page)
    (note,) = isp.get("/v1/debit-notes?fiscal_year=2027")["items"]
    assert note["number"] == "DBN-2027-000001"

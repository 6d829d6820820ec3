"""The figures of the stories in ``golden_year``, computed by hand; the arithmetic is beside each."""

from __future__ import annotations

from datetime import date
from typing import Final

from tests.integration.golden_figures import (
    HOME_20,
    HOME_20_2027,
    HOME_50,
    Q1,
    Q2,
    Q3,
    Q4,
    Balances,
    Bill,
    Entry,
    Figures,
    Line,
    R,
    entries,
)

# 2,000.00: 390.00; 2,390.00 x 0.15 = 358.50: 2,748.50.
INTRO: Final[Line] = (R, 200_000, 39_000, 35_850)
STATIC_IP: Final[Line] = (R, 50_000, 0, 0)

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
        ("12-01", [HOME_50], 412_275, 0),
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

# The lines of credit notes.
CREDITED: Final[dict[str, list[Line]]] = {
    # 500.00 of 2,266.14 by largest remainder: 363.834…, 70.948…, 65.216…: the odd two paisa go to the
    # taxes, whose remainders (.88, .66) are the largest.
    "Ayesha": [(R, 36_383, 7_095, 6_522)],
    # 15 of 30 days of each part; 21 of 31: each whole less ten days (531.935, 95.748, 94.152).
    "Ghazala": [(R, 82_450, 16_078, 14_779), (R, 111_706, 20_107, 19_772)],
    # 10 of 28 days: 15 days (535.714) less 5 (178.571).
    "Hamza": [(R, 35_714, 0, 0)],
}

# Statements through 30 June, each a document of the day and what it moves.
STATEMENTS: Final[dict[str, list[Entry]]] = {
    # 2,266.14 is paid 126,614 late; of 5,000.00 in September 2,733.86 is left, of that 467.72 in November.
    "Ayesha": entries("""
        07-01 INV 226_614, 07-05 RCP -226_614, 08-01 INV 226_614, 08-05 RCP -100_000, 08-13 RCP -126_614,
        09-01 INV 226_614, 09-03 RCP -500_000, 10-01 INV 226_614, 11-01 INV 226_614, 11-06 RCP -179_842,
        11-10 CRN -50_000, 12-01 INV 226_614, 12-05 RCP -176_614, 12-15 DBN 27_485, 12-20 RCP -27_485,
        01-01 INV 223_800, 01-05 RCP -223_800, 02-01 INV 223_800, 02-05 RCP -223_800,
        03-01 INV 223_800, 03-05 RCP -223_800, 04-01 INV 223_800, 04-05 RCP -223_800,
        05-01 INV 223_800, 05-05 RCP -223_800, 06-01 INV 223_800, 06-05 RCP -100_000, 06-14 INV 3_400
    """),
    # The deposit that is given back was not owed by anybody: it moves nothing here.
    "Bilal": entries("""
        07-31 INV 612_275, 08-06 RCP -612_275, 08-31 INV 274_850, 09-05 RCP -274_850,
        09-30 INV 426_018, 10-06 RCP -426_018, 11-02 RFD 0
    """),
    "Chaman": entries("""
        10-01 INV 647_500, 10-07 RCP -647_500, 11-01 INV 1_245_000, 11-07 RCP -1_245_000,
        11-12 JRN 1_245_000, 11-13 RCP -1_245_000, 12-01 INV 1_125_500, 12-07 RCP -1_125_500,
        12-16 INV 520_403, 12-29 INV 12_438, 02-15 JRN -520_403, 02-15 JRN -12_438
    """),
    "Dawood": entries("""
        09-10 INV 300_000, 09-12 RCP -300_000, 09-25 INV 150_000, 09-30 RCP -150_000,
        11-10 INV 203_226, 11-15 RCP -203_226
    """),
    "Erum": entries("""
        09-05 INV 100_000, 09-18 INV 2_749, 10-01 INV 68_713, 10-01 RCP -102_749,
        10-05 INV 100_000, 10-06 RCP -168_713
    """),
    "Farah": entries("""
        03-10 INV 482_200, 03-18 RCP -200_000, 04-02 JRN -82_200, 04-05 RCP -300_000, 04-10 RFD 100_000
    """),
    "Ghazala": entries("""
        11-01 INV 226_614, 11-03 RCP -226_614, 11-16 INV 206_138, 11-16 CRN -113_307, 11-20 RCP -92_831,
        12-01 INV 412_275, 12-05 RCP -412_275, 01-01 INV 223_800, 01-05 RCP -223_800,
        01-11 CRN -151_585, 01-12 RFD 151_585
    """),
    "Hamza": entries("""
        02-05 INV 100_000, 02-06 RCP -100_000, 02-20 CRN -35_714, 03-05 INV 100_000, 03-08 RCP -64_286
    """),
    "Imran": entries("""
        02-10 INV 223_800, 02-10 RCP -500_000, 02-20 INV 223_800, 04-15 RFD 52_400
    """),
    "Jamila": entries("""
        04-01 INV 167_800, 04-05 RCP -167_800, 05-01 INV 154_300, 05-05 RCP -154_300,
        06-01 INV 210_200, 06-05 RCP -210_200
    """),
}

# Debits less credits of these stories by the end of each quarter; what stands at nothing is left out.
TRIAL: Final[dict[date, Balances]] = {
    Q1: {
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
    Q2: {
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
    Q3: {
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
    Q4: {
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

FIGURES: Final = {
    who: Figures(bills, STATEMENTS[who], credited=CREDITED.get(who, [])) for who, bills in INVOICES.items()
}

"""The form of the golden book's figures: what one subscriber's year comes to, written out by hand.

Amounts are paisa. Sales tax is 19.5 % of the charge, from 2027 on 18 %, and advance income tax 15 %
of charge and sales tax; each is rounded half up. From 2027 on invoices are rounded to the rupee.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Final

# kind, net, sales tax, advance income tax, then other taxes by their code
Line = tuple[str, int, int, int, *tuple[tuple[str, int], ...]]
# issued on, lines, total, what is open at the year's end
Bill = tuple[str, list[Line], int, int]
# date, kind, by how much it moves what is owed
Entry = tuple[str, str, int]
# ledger account, debits less credits
Balances = dict[str, int]

R: Final = "recurring"
# The last days of the year's quarters.
Q1, Q2, Q3, Q4 = date(2026, 9, 30), date(2026, 12, 31), date(2027, 3, 31), date(2027, 6, 30)

# 1,649.00: x 0.195 = 321.555, 321.56; (1,649.00 + 321.56) x 0.15 = 295.584, 295.58: 2,266.14.
HOME_20: Final[Line] = (R, 164_900, 32_156, 29_558)
# x 0.18 = 296.82; 1,945.82 x 0.15 = 291.873, 291.87: 2,237.69, and 0.31 to the rupee: 2,238.00.
HOME_20_2027: Final[list[Line]] = [(R, 164_900, 29_682, 29_187), ("rounding", 31, 0, 0)]
# 3,000.00: 585.00; 3,585.00 x 0.15 = 537.75: 4,122.75.
HOME_50: Final[Line] = (R, 300_000, 58_500, 53_775)


@dataclass(frozen=True)
class Figures:
    """One subscriber: invoices and debit notes, lines of credit notes, statement, ledger.

    The statement is that of the year until 30 June, the ledger what each quarter adds to each account.
    """

    bills: list[Bill]
    statement: list[Entry]
    ledger: dict[date, Balances] = field(default_factory=dict)
    credited: list[Line] = field(default_factory=list)


def paid_alike(days: str, lines: list[Line], total: int) -> list[Bill]:
    """Return the same invoice on several days, written as ``09-06 09-13``, nothing of it open."""
    return [(on, lines, total, 0) for on in days.split()]


def entries(text: str) -> list[Entry]:
    """Read a statement written as ``07-01 INV 226_614, 07-05 RCP -226_614``."""
    found = []
    for one in text.split(","):
        on, kind, amount = one.split()
        found.append((on, kind, int(amount)))
    return found

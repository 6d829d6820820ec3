"""What the API shows of an ISP's books, in the form of the golden book's figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from itertools import accumulate

from tests.integration.golden_figures import Balances, Bill, Entry, Line
from tests.integration.golden_isp import LAST, GoldenIsp, day
from tests.integration.shop import Item


def billed(isp: GoldenIsp, who: str) -> list[Bill]:
    """Somebody's invoices and debit notes."""
    found: list[Bill] = []
    for one in isp.invoices(who):
        lines = [_line(line) for line in one["lines"]]
        issued = date.fromisoformat(one["issued_on"])
        found.append((f"{issued:%m-%d}", lines, one["total"]["amount"], one["open"]["amount"]))
        assert issued == day(f"{issued:%m-%d}") or issued == LAST
    return found


def _line(line: Item) -> Line:
    taxes = {tax["code"]: tax["amount"] for tax in line["taxes"]}
    sales_tax, ait = taxes.pop("sales_tax", 0), taxes.pop("ait", 0)
    return line["kind"], line["net"], sales_tax, ait, *taxes.items()


def credited(isp: GoldenIsp, who: str) -> list[Line]:
    """The lines of somebody's credit notes, the oldest first."""
    notes = isp.get(f"{isp.of(who)}/documents?kind=credit_note&limit=200")["items"]
    return [_line(line) for note in reversed(notes) for line in note["lines"]]


def stated(isp: GoldenIsp, who: str, first: date, last: date) -> list[Entry]:
    """Somebody's statement, which begins with nothing owed, and has the balance after each line."""
    found = isp.get(f"{isp.of(who)}/statement?from={first}&to={last}")
    lines = found["lines"]
    amounts = [one["amount"]["amount"] for one in lines]
    assert found["opening"]["amount"] == 0
    assert [one["balance"]["amount"] for one in lines] == list(accumulate(amounts))
    assert found["closing"]["amount"] == sum(amounts)
    return [(one["issued_on"][5:], one["kind"], one["amount"]["amount"]) for one in lines]


def trial(isp: GoldenIsp, first: date, last: date) -> Balances:
    """The balances at the end of a period, which sum to zero."""
    found = isp.get(f"/v1/ledger/trial-balance?from={first}&to={last}")
    rows = found["rows"]
    assert found["balanced"]
    assert found["debit"] == found["credit"]
    assert sum(row["closing"] for row in rows) == 0
    assert all(row["opening"] + row["debit"] - row["credit"] == row["closing"] for row in rows)
    return {row["account"]: row["closing"] for row in rows if row["closing"]}


def summed(*balances: Balances) -> Balances:
    """Balances added up, account by account; accounts that come to nothing are left out."""
    total: Counter[str] = Counter()
    for one in balances:
        total.update(one)
    return {account: amount for account, amount in total.items() if amount}


_LISTS = {
    "INV": "/v1/invoices?",
    "DBN": "/v1/debit-notes?",
    "CRN": "/v1/documents?kind=credit_note&",
    "RCP": "/v1/documents?kind=receipt&",
    "RFD": "/v1/documents?kind=refund&",
    "JRN": "/v1/documents?kind=journal&",
}


def assert_numbers_without_gaps(isp: GoldenIsp, year: int, statements: Iterable[list[Entry]]) -> None:
    """A fiscal year's documents of each kind are numbered 1, 2, 3 … in the order of their dates."""
    expected = Counter(kind for statement in statements for _, kind, _ in statement)
    for kind, path in _LISTS.items():
        page = isp.get(f"{path}fiscal_year={year}&limit=200")["items"]
        ordered = sorted(page, key=lambda one: one["number"])
        assert [one["number"] for one in ordered] == [
            f"{kind}-{year}-{number:06}" for number in range(1, expected[kind] + 1)
        ], kind
        issued = [one["issued_on"] for one in ordered]
        assert issued == sorted(issued), kind

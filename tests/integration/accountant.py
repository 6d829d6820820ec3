"""The books as an accountant would keep them beside the product's, and an ISP to compare them with.

``Ledger`` knows fractions, dates and tax rows, and nothing of the product; amounts are minor units.
"""

from __future__ import annotations

from collections import Counter as Count
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from math import floor

from tests.fakes.clock import FakeClock
from tests.integration.books_check import check_books
from tests.integration.golden_isp import GoldenIsp
from tests.integration.shop import Item, Shop

# code, rate in millionths, whether it is on the taxes before it, too
Rate = tuple[str, int, bool]
Line = tuple[str, int, dict[str, int]]

PAKISTAN: list[Rate] = [("sales_tax", 195_000, False), ("ait", 150_000, True)]
PAKISTAN_FEBRUARY: list[Rate] = [("sales_tax", 180_000, False), ("ait", 150_000, True)]
TELEPHONE: list[Rate] = [("sales_tax", 195_000, False)]
LOS_ANGELES: list[Rate] = [("state", 62_500, False), ("county", 13_750, False), ("city", 95_000, True)]
GERMANY: list[Rate] = [("vat", 190_000, False)]


# -- arithmetic ------------------------------------------------------------------------------


def half_up(exact: Fraction) -> int:
    """Round to a minor unit, halves away from zero."""
    return floor(exact + Fraction(1, 2)) if exact >= 0 else -floor(-exact + Fraction(1, 2))


def shared(amount: int, weights: list[int]) -> list[int]:
    """Largest remainder, the earliest first where remainders are equal."""
    exact = [Fraction(amount * weight, sum(weights)) for weight in weights]
    parts = [floor(one) for one in exact]
    by_remainder = sorted(range(len(parts)), key=lambda place: parts[place] - exact[place])
    for place in by_remainder[: amount - sum(parts)]:
        parts[place] += 1
    return parts


def taxed(kind: str, net: int, rates: list[Rate], *exempt: str) -> Line:
    """Return a line of a kind and its taxes, but for those that the customer is exempt from."""
    taxes: dict[str, int] = {}
    for code, rate, stacked in rates:
        if code not in exempt:
            base = net + sum(taxes.values()) if stacked else net
            taxes[code] = half_up(Fraction(base * rate, 1_000_000))
    return kind, net, taxes


def total_of(lines: list[Line]) -> int:
    """Return what lines come to with their taxes."""
    return sum(net + sum(taxes.values()) for _, net, taxes in lines)


class Ledger:
    """The books as they ought to be."""

    def __init__(self, round_to: int = 1) -> None:
        self.round_to = round_to
        self.accounts: Count[str] = Count()
        self.credit: Count[str] = Count()
        self.statements: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
        self.bills: dict[str, list[tuple[str, list[Line]]]] = defaultdict(list)
        self.numbers: Count[tuple[str, int]] = Count()

    def book(self, who: str, on: str, kind: str, amount: int, fiscal_year: int) -> None:
        """Put a document into the statement and the count of its series."""
        self.statements[who].append((on, kind, amount))
        self.numbers[kind, fiscal_year] += 1

    def bill(self, who: str, on: str, *lines: Line, kind: str = "INV", fiscal_year: int = 2028) -> int:
        """Issue an invoice, rounded, paid from credit as far as that goes; return its total."""
        all_lines = list(lines)
        total = total_of(all_lines)
        off = half_up(Fraction(total, self.round_to)) * self.round_to - total
        if off:
            all_lines.append(("rounding", off, {}))
        total += off
        for what, net, taxes in all_lines:
            name = {"rounding": "rounding", "deposit": "deposits"}.get(what, f"revenue:{what}")
            self.accounts[name] -= net
            for code, tax in taxes.items():
                self.accounts[f"tax:{code}"] -= tax
        spent = min(self.credit[who], total)
        self.credit[who] -= spent
        self.accounts["credit"] += spent
        self.accounts["receivable"] += total - spent
        self.bills[who].append((on, all_lines))
        self.book(who, on, kind, total, fiscal_year)
        return total

    def move(self, who: str, on: str, kind: str, fiscal_year: int = 2028, **postings: int) -> None:
        """A document by its postings, ``__`` for a colon; what the subscriber owes is its amount."""
        assert sum(postings.values()) == 0
        for name, amount in postings.items():
            self.accounts[name.replace("__", ":")] += amount
        self.credit[who] -= postings.get("credit", 0)
        owed = postings.get("receivable", 0) + postings.get("credit", 0)
        self.book(who, on, kind, owed, fiscal_year)


# -- an ISP ----------------------------------------------------------------------------------


class Isp(GoldenIsp):
    """An ISP whose clock is set by hour and date (UTC), and its books beside it."""

    def __init__(self, shop: Shop, ledger: Ledger) -> None:
        super().__init__(shop)
        self.ledger = ledger

    def go_to(self, on: str, hour: int = 12) -> None:
        """Let it be an hour (UTC) of a date, staff signed in, and all due bills made."""
        self.wait_until(on, hour)
        self.shop.bill(self.shop.services.clock.now())

    def wait_until(self, on: str, hour: int = 12) -> None:
        """Let it be an hour (UTC) of a date, staff signed in, without a run."""
        clock = self.shop.services.clock
        assert isinstance(clock, FakeClock)
        at = date.fromisoformat(on)
        clock.set(datetime(at.year, at.month, at.day, hour, tzinfo=UTC))
        self.shop.sign_in_again()

    def group(self, code: str, *rows: tuple[str, str, list[Rate]], inclusive: bool = False) -> None:
        """Set a tax group by rows of first day, place and rates."""
        rows_in = [
            {
                "starts_on": starts_on,
                "jurisdiction": place,
                "components": [
                    {
                        "code": name,
                        "name": name,
                        "rate_millionths": rate,
                        "base": "net_plus_previous" if stacked else "net",
                    }
                    for name, rate, stacked in rates
                ],
            }
            for starts_on, place, rates in rows
        ]
        body = {"name": code, "rows": rows_in, "inclusive": inclusive}
        self.put(f"/v1/tenant/tax-groups/{code}", body, read="/v1/tenant")

    def check(self, first: str, last: str) -> None:
        """Compare every line, tax, total, statement, balance, number and ledger account."""
        for who, bills in self.ledger.bills.items():
            found = [
                (one["issued_on"], [shown(each) for each in one["lines"]])
                for one in self.get(f"{self.of(who)}/invoices?limit=200")["items"]
            ]
            assert sorted(found, key=str) == sorted(bills, key=str), who
        for who, lines in self.ledger.statements.items():
            told = self.get(f"{self.of(who)}/statement?from={first}&to={last}")
            seen = [(one["issued_on"], one["kind"], one["amount"]["amount"]) for one in told["lines"]]
            assert sorted(seen) == sorted(lines), who
            owed = sum(amount for *_, amount in lines)
            assert told["closing"]["amount"] == owed, who
            assert self.get(self.of(who))["balance"]["amount"] == owed, who
        trial = self.get(f"/v1/ledger/trial-balance?from={first}&to={last}")
        rows = {row["account"]: row["closing"] for row in trial["rows"] if row["closing"]}
        assert rows == {name: amount for name, amount in self.ledger.accounts.items() if amount}
        assert trial["balanced"]
        for (kind, year), count in self.ledger.numbers.items():
            assert sorted(self.numbers(kind, year)) == [
                f"{kind}-{year}-{number:06}" for number in range(1, count + 1)
            ]
        check_books(self.shop.services, self.shop.tenant.tenant_id)

    def numbers(self, kind: str, year: int) -> Iterator[str]:
        """Return the numbers of a series as lists show them."""
        if kind == "INV":
            path = f"/v1/invoices?fiscal_year={year}&limit=200"
        elif kind == "DBN":
            path = f"/v1/debit-notes?fiscal_year={year}&limit=200"
        else:
            name = {"CRN": "credit_note", "RCP": "receipt", "RFD": "refund", "JRN": "journal"}[kind]
            path = f"/v1/documents?kind={name}&fiscal_year={year}&limit=200"
        return (one["number"] for one in self.get(path)["items"])


def shown(one: Item) -> Line:
    """Return a line as the API shows it."""
    return one["kind"], one["net"], {tax["code"]: tax["amount"] for tax in one["taxes"]}

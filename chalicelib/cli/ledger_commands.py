"""ledger trial-balance, days, statement, closings, close, open, verify."""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from chalicelib.cli.client import CliError
from chalicelib.cli.context import Context
from chalicelib.cli.isp_commands import subscriber_id
from chalicelib.cli.listing import add_limit, show_list
from chalicelib.cli.output import money
from chalicelib.cli.wording import CLOSING, LEDGER, STATEMENT
from chalicelib.domain.books_audit import compare_totals
from chalicelib.domain.money import format_minor

PIECE_ACCOUNTS: Final = 200
PIECE_NUMBERS: Final = 2_000
DIFFERENCES_SHOWN: Final = 100


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    ledger = commands.add_parser("ledger", help="trial balances, statements, closed months, audits")
    actions = ledger.add_subparsers(metavar="ACTION", required=True)
    trial = actions.add_parser("trial-balance", help="show what was posted to each account, and balances")
    _add_period(trial)
    trial.set_defaults(run=show_trial_balance, names=LEDGER)
    days = actions.add_parser("days", help="show what was posted on each day of a month")
    days.add_argument("month", metavar="MONTH", help="such as 2026-11")
    days.set_defaults(run=show_days, names=CLOSING)
    statement = actions.add_parser("statement", help="show a subscriber's statement of account")
    statement.add_argument("subscriber", metavar="CODE", help="the code, or the identifier (sbr_…)")
    _add_period(statement)
    statement.add_argument("--csv", action="store_true", help="as CSV")
    statement.set_defaults(run=show_statement, names=STATEMENT)
    closings = actions.add_parser("closings", help="list closed months, newest first")
    add_limit(closings, default=24)
    closings.set_defaults(run=list_closings)
    close = actions.add_parser("close", help="close a month: nothing is posted into it any more")
    close.add_argument("month", metavar="MONTH", help="such as 2026-11")
    close.set_defaults(run=close_month, names=CLOSING)
    again = actions.add_parser("open", help="open the newest closed month again (owners)")
    again.add_argument("month", metavar="MONTH", help="such as 2026-11")
    again.add_argument("--reason", required=True, help="why; it is kept")
    again.set_defaults(run=open_month, names=CLOSING)
    verify = actions.add_parser("verify", help="recompute the books from their documents")
    verify.set_defaults(run=verify_books)


def _add_period(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="first", metavar="DATE", help="the first day (that of the month)")
    parser.add_argument("--to", dest="last", metavar="DATE", help="the last day, inclusive (today)")


def _period(args: argparse.Namespace) -> dict[str, object]:
    return {"from": args.first, "to": args.last}


def show_trial_balance(context: Context, args: argparse.Namespace) -> int:
    """Show a trial balance."""
    trial = context.api.get("/v1/ledger/trial-balance", **_period(args))
    currency = trial["currency"]
    total = {"account": "total", "type": None, "opening": 0, "closing": 0}
    rows = [*trial["rows"], {**total, "debit": trial["debit"], "credit": trial["credit"]}]
    if context.output.as_json:
        context.output.record(trial, [])
        return 0
    context.output.note(
        f"{trial['first']} through {trial['last']}, {currency}; balances are debits less credits"
    )
    columns = [("account", lambda one: one["account"]), ("type", lambda one: one["type"])]
    context.output.table(rows, [*columns, *(_amount(name, currency) for name in _FIGURES)])
    if not trial["balanced"]:
        context.output.note("debits and credits differ: run `ledger verify`")
        return 1
    return 0


_FIGURES: Final = ("opening", "debit", "credit", "closing")


def _amount(name: str, currency: str) -> tuple[str, Any]:
    return name, lambda one: format_minor(amount=one[name], currency=currency)


def show_days(context: Context, args: argparse.Namespace) -> int:
    """Show the days of a month."""
    found = context.api.get("/v1/ledger/days", month=args.month)
    if context.output.as_json:
        context.output.record(found, [])
        return 0
    currency = context.currency
    rows = [
        {"date": day["date"], "source": day["source"], **one}
        for day in found["items"]
        for one in day["accounts"]
    ]
    columns: list[tuple[str, Any]] = [
        (name, lambda one, name=name: one[name]) for name in ("date", "source", "account")
    ]
    context.output.table(rows, [*columns, _amount("debit", currency), _amount("credit", currency)])
    return 0


def show_statement(context: Context, args: argparse.Namespace) -> int:
    """Show a statement of account."""
    path = f"/v1/subscribers/{subscriber_id(context, args.subscriber)}/statement"
    found = context.api.get(path, **_period(args))
    if args.csv:
        _write_csv(found)
        return 0
    if context.output.as_json:
        context.output.record(found, [])
        return 0
    columns = [
        ("date", lambda one: one["issued_on"]),
        ("number", lambda one: one["number"]),
        ("what", lambda one: " ".join(filter(None, (one["kind"], one["channel"], one["reason"])))),
        ("amount", lambda one: money(one["amount"])),
        ("balance", lambda one: money(one["balance"])),
    ]
    context.output.note(f"opening balance on {found['first']}: {money(found['opening'])}")
    context.output.table(found["lines"], columns)
    context.output.note(f"closing balance on {found['last']}: {money(found['closing'])}")
    return 0


def _write_csv(found: Mapping[str, Any]) -> None:
    """Write a statement as CSV to standard output."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("date", "kind", "number", "due_on", "channel", "reason", "amount", "balance", "currency"))
    _write_balance(out, found["first"], "opening", found["opening"])
    for line in found["lines"]:
        amount, balance = line["amount"], line["balance"]
        words = (line[name] or "" for name in ("issued_on", "kind", "number", "due_on", "channel", "reason"))
        out.writerow((*words, _decimal(amount), _decimal(balance), amount["currency"]))
    _write_balance(out, found["last"], "closing", found["closing"])


def _write_balance(out: Any, on: str, kind: str, balance: Mapping[str, Any]) -> None:
    out.writerow((on, kind, "", "", "", "", "", _decimal(balance), balance["currency"]))


def _decimal(value: Mapping[str, Any]) -> str:
    return format_minor(amount=value["amount"], currency=value["currency"])


def list_closings(context: Context, args: argparse.Namespace) -> int:
    """List the months that were closed."""
    columns = [
        ("month", lambda one: one["month"]),
        ("state", lambda one: one["state"]),
        ("closed", lambda one: one["closed_at"]),
        ("opened", lambda one: one["opened_at"]),
        ("reason", lambda one: one["reason"]),
    ]
    show_list(context, "/v1/ledger/closings", columns, limit=args.limit)
    return 0


def close_month(context: Context, args: argparse.Namespace) -> int:
    """Close a month."""
    _show_closing(context, context.api.post("/v1/ledger/closings", {"month": args.month}))
    return 0


def open_month(context: Context, args: argparse.Namespace) -> int:
    """Open a month again."""
    path = f"/v1/ledger/closings/{_month(args.month)}/open"
    _show_closing(context, context.api.post(path, {"reason": args.reason}))
    return 0


def _month(text: str) -> str:
    if not text.replace("-", "").isdigit():
        raise CliError("MONTH is a month such as 2026-11")
    return text


def _show_closing(context: Context, found: Mapping[str, Any]) -> None:
    fields: list[tuple[str, object]] = [("month", found["month"]), ("state", found["state"])]
    if found["reason"]:
        fields.append(("reason", found["reason"]))
    currency = found["currency"]
    fields += [
        (row["account"], f"{format_minor(amount=row['closing'], currency=currency)} {currency}")
        for row in found["rows"]
    ]
    context.output.record(found, fields)


def verify_books(context: Context, _args: argparse.Namespace) -> int:
    """Recompute the books from their documents; print every difference; 1 where there is any."""
    before = context.api.get("/v1/ledger/audit")
    found: list[Any] = []
    postings: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    funds: Counter[str] = Counter()
    accounts = 0
    for piece in _pieces(context, "/v1/ledger/audit/accounts", PIECE_ACCOUNTS):
        accounts += piece["accounts"]
        postings.update(piece["postings"])
        documents.update(piece["documents"])
        funds.update(piece["funds"])
        found += piece["items"]
        context.output.progress(f"{accounts} accounts, {sum(documents.values())} documents", often=True)
    registered: dict[str, int] = {}
    for series in before["series"]:
        path = f"/v1/ledger/audit/series/{series.replace('#', '/')}"
        for piece in _pieces(context, path, PIECE_NUMBERS):
            registered[series] = registered.get(series, 0) + piece["numbers"]
            found += piece["items"]
            context.output.progress(f"{registered[series]} numbers of {series.replace('#', ' ')}", often=True)
    found += _closed_differences(context)
    context.output.done()
    moved = context.api.get("/v1/ledger/audit") != before
    if not moved:
        ledger = before["balances"]
        found += [
            {"flaw": one.flaw.value, "about": one.about, "expected": one.expected, "found": one.found}
            for one in compare_totals(
                postings=postings, ledger=ledger, documents=documents, registered=registered, funds=funds
            )
        ]
    return _told(context, found, moved=moved, accounts=accounts, documents=sum(documents.values()))


def _pieces(context: Context, path: str, limit: int) -> Any:
    cursor = None
    while True:
        piece = context.api.get(path, limit=limit, cursor=cursor)
        yield piece
        cursor = piece["next_cursor"]
        if cursor is None:
            return


def _closed_differences(context: Context) -> list[Any]:
    found = []
    for closing in context.api.items("/v1/ledger/closings", limit=None):
        if closing["state"] == "closed":
            checked = context.api.get(f"/v1/ledger/closings/{closing['month']}")
            found += [
                {
                    "flaw": "closed_month",
                    "about": f"{closing['month']} {one['account']}",
                    "expected": one["closed"]["closing"],
                    "found": one["now"]["closing"],
                }
                for one in checked["differences"]
            ]
    return found


def _told(context: Context, found: list[Any], *, moved: bool, accounts: int, documents: int) -> int:
    result = {"accounts": accounts, "documents": documents, "moved": moved, "differences": found}
    fields: list[tuple[str, object]] = [("accounts", accounts), ("documents", documents)]
    fields += [
        (one["flaw"], f"{one['about']}: expected {one['expected']}, found {one['found']}")
        for one in found[:DIFFERENCES_SHOWN]
    ]
    fields.append(("differences", len(found)))
    context.output.record(result, fields)
    if moved:
        context.output.note("documents were made meanwhile, so sums were not compared: try again")
    return 1 if found or moved else 0

"""funds list; expenses add, list; profit-and-loss: the company's own money."""

from __future__ import annotations

import argparse
from typing import Any
from uuid import uuid4

from chalicelib.cli.client import Unreachable
from chalicelib.cli.context import Context
from chalicelib.cli.listing import add_limit, show_list
from chalicelib.cli.output import money
from chalicelib.cli.values import amount_given, date_given
from chalicelib.cli.wording import EXPENSE, LEDGER
from chalicelib.domain.expenses import Category
from chalicelib.domain.funds import FundKind
from chalicelib.domain.money import format_minor


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    funds = commands.add_parser("funds", help="see who holds the company's money")
    listed = funds.add_subparsers(metavar="ACTION", required=True).add_parser("list", help="list funds")
    listed.add_argument("--kind", choices=[one.value for one in FundKind])
    listed.add_argument("--idle-days", type=int, metavar="N", help="that kept money for N days or longer")
    add_limit(listed, default=50)
    listed.set_defaults(run=list_funds, names={"idle_days": "--idle-days"})
    expenses = commands.add_parser("expenses", help="record and list what the company spends")
    actions = expenses.add_subparsers(metavar="ACTION", required=True)
    add = actions.add_parser("add", help="record an expense")
    add.add_argument("category", metavar="CATEGORY", help=f"{', '.join(Category)}, or a name of your own")
    add.add_argument("amount", metavar="AMOUNT", help="such as 1649.00")
    add.add_argument(
        "--paid-from", metavar="FUND", help="fnd_…, as `funds list` shows it (owed unless given)"
    )
    add.add_argument("--on", type=date_given, metavar="DATE", help="the day that it was (today)")
    add.add_argument("--payee", default="", help="who was paid")
    add.add_argument("--reference", default="", help="the bill's own number")
    add.add_argument("--note", default="")
    add.add_argument(
        "--key", help="repeat a command that had no answer with the key that it told: it is done once"
    )
    add.set_defaults(run=add_expense, names=EXPENSE)
    found = actions.add_parser("list", help="list expenses of a period, the latest first")
    _add_period(found)
    found.add_argument("--category")
    add_limit(found, default=50)
    found.set_defaults(run=list_expenses, names={**LEDGER, "category": "--category"})
    result = commands.add_parser("profit-and-loss", help="show income, expenses and what is left")
    _add_period(result)
    result.set_defaults(run=show_profit_and_loss, names=LEDGER)


def _add_period(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="first", metavar="DATE", help="the first day (that of the month)")
    parser.add_argument("--to", dest="last", metavar="DATE", help="the last day, inclusive (today)")


def list_funds(context: Context, args: argparse.Namespace) -> int:
    """List funds."""
    columns = [
        ("fund", lambda one: one["fund_id"]),
        ("kind", lambda one: one["kind"]),
        ("name", lambda one: one["name"] or one["owner_id"]),
        ("channel", lambda one: one["channel"]),
        ("balance", lambda one: money(one["balance"])),
        ("idle since", lambda one: one["idle_since"]),
    ]
    show_list(context, "/v1/funds", columns, limit=args.limit, kind=args.kind, idle_days=args.idle_days)
    return 0


def add_expense(context: Context, args: argparse.Namespace) -> int:
    """Record an expense; show it."""
    body: dict[str, Any] = {
        "category": args.category,
        "amount": amount_given(args.amount, currency=context.currency, name="AMOUNT"),
        "payee": args.payee,
        "reference": args.reference,
        "note": args.note,
    }
    body |= {name: value for name, value in (("paid_from", args.paid_from), ("on", args.on)) if value}
    key = args.key or f"cli-{uuid4()}"
    try:
        made: Any = context.api.post("/v1/expenses", body, key=key)
    except Unreachable as error:
        raise Unreachable(f"{error} Whether it was done is not known: repeat it with --key {key}") from None
    fields = [("expense", made["expense_id"]), ("amount", money(made["amount"])), ("on", made["on"])]
    context.output.record(made, [*fields, ("paid from", made["paid_from"] or "owed")])
    return 0


def list_expenses(context: Context, args: argparse.Namespace) -> int:
    """List expenses."""
    columns = [
        ("on", lambda one: one["on"]),
        ("category", lambda one: one["category"]),
        ("amount", lambda one: money(one["amount"])),
        ("payee", lambda one: one["payee"]),
        ("paid from", lambda one: one["paid_from"] or "owed"),
        ("taken back", lambda one: one["reversed_by"] is not None),
        ("expense", lambda one: one["expense_id"]),
    ]
    period = {"from": args.first, "to": args.last}
    show_list(context, "/v1/expenses", columns, limit=args.limit, category=args.category, **period)
    return 0


def show_profit_and_loss(context: Context, args: argparse.Namespace) -> int:
    """Show a profit and loss."""
    query: dict[str, object] = {"from": args.first, "to": args.last}
    found: Any = context.api.get("/v1/profit-and-loss", **query)
    rows = [(one["name"], one["amount"]) for one in found["income"]]
    rows.append(("income", found["income_total"]))
    rows += [(one["name"], -one["amount"]) for one in (*found["expenses"], *found["others"])]
    rows += [
        (name.replace("_", " "), -found[name]) for name in ("write_offs", "commission", "cash_difference")
    ]
    rows.append(("result", found["result"]))
    currency = found["currency"]
    context.output.note(f"{found['first']} through {found['last']}, {currency}")
    fields = [(name, format_minor(amount=amount, currency=currency)) for name, amount in rows]
    context.output.record(found, fields)
    return 0

"""packages, subscribers, runs, run."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from itertools import takewhile
from typing import Any, Final
from urllib.parse import quote

from chalicelib.cli.client import CliError, some
from chalicelib.cli.context import Context
from chalicelib.cli.listing import add_limit, show_found, show_list
from chalicelib.cli.output import money, watch
from chalicelib.cli.values import date_given, price_given
from chalicelib.cli.wording import PACKAGE, RUN, SUBSCRIBERS
from chalicelib.domain.periods import NAMED_CYCLES

SEARCHES: Final = "/v1/subscriber-searches"
_CONSOLIDATED: Final = {True: "one a day", False: "one a subscription", None: "as the company has them"}


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    _add_packages(commands)
    _add_subscribers(commands)
    runs = commands.add_parser("runs", help="look at billing runs").add_subparsers(
        metavar="ACTION", required=True
    )
    listing = runs.add_parser("list", help="list runs, newest first")
    add_limit(listing, default=20)
    listing.set_defaults(run=list_runs)
    show = runs.add_parser("show", help="show the run of a date, and what it set aside")
    show.add_argument("date", type=date_given, metavar="DATE", help="such as 2026-11-01")
    show.set_defaults(run=show_run, names=RUN)
    run = commands.add_parser("run", help="bill now whatever is due")
    run.add_argument("--watch", action="store_true", help="look on until it is billed")
    run.set_defaults(run=run_billing)


def _add_packages(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    packages = commands.add_parser("packages", help="the catalogue")
    actions = packages.add_subparsers(metavar="ACTION", required=True)
    actions.add_parser("list", help="list packages").set_defaults(run=list_packages)
    add = actions.add_parser("add", help="add a package")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--price", required=True, metavar="AMOUNT", help="of a cycle, before tax: 1649.00")
    add.add_argument("--cycle", choices=list(NAMED_CYCLES), default="month", help="(month)")
    add.add_argument("--timing", choices=["advance", "arrears"], default="advance", help="(advance)")
    add.add_argument("--down", type=int, default=10_000, metavar="KBPS", help="download speed (10000)")
    add.add_argument("--up", type=int, default=10_000, metavar="KBPS", help="upload speed (10000)")
    add.add_argument("--tax-group", metavar="CODE", help="one of the tenant's")
    add.set_defaults(run=add_package, names=PACKAGE)


def _add_subscribers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    subscribers = commands.add_parser("subscribers", help="the ISP's customers")
    actions = subscribers.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list subscribers by code")
    listing.add_argument("--text", help="an email, phone or national id in full, or a code's beginning")
    listing.add_argument("--status", help="active, suspended, paused, pending, terminated or new")
    listing.add_argument("--area")
    listing.add_argument("--package-id", metavar="PACKAGE")
    listing.add_argument("--archived", action="store_true", help="archived ones too")
    add_limit(listing, default=50)
    listing.set_defaults(run=list_subscribers, names=SUBSCRIBERS)
    show = actions.add_parser("show", help="show a subscriber")
    show.add_argument("subscriber", metavar="CODE", help="the code, or the identifier (sbr_…)")
    show.set_defaults(run=show_subscriber, names=SUBSCRIBERS)


def list_packages(context: Context, _args: argparse.Namespace) -> int:
    """List the catalogue."""
    columns = [
        ("package", lambda one: one["package_id"]),
        ("name", lambda one: one["name"]),
        ("kind", lambda one: one["kind"]),
        ("price", lambda one: money(one["price"])),
        ("cycle", lambda one: _cycle(one["cycle"])),
        ("timing", lambda one: one["timing"]),
        ("down/up kbit/s", lambda one: f"{one['download_kbps']}/{one['upload_kbps']}"),
        ("tax group", lambda one: one["tax_group"]),
        ("state", lambda one: one["state"]),
    ]
    show_list(context, "/v1/packages", columns, limit=None)
    return 0


def add_package(context: Context, args: argparse.Namespace) -> int:
    """Add a package."""
    body = {
        "name": args.name,
        "price": price_given(args.price, currency=context.currency),
        "cycle": args.cycle,
        "timing": args.timing,
        "download_kbps": args.down,
        "upload_kbps": args.up,
        "tax_group": args.tax_group,
    }
    made = context.api.post("/v1/packages", body)
    fields = [("package", made["package_id"]), ("name", made["name"]), ("price", money(made["price"]))]
    context.output.record(made, fields)
    return 0


def list_subscribers(context: Context, args: argparse.Namespace) -> int:
    """List subscribers."""
    columns = [
        ("code", lambda one: one["code"]),
        ("name", lambda one: one["name"]),
        ("area", lambda one: one["area"]),
        ("status", lambda one: one["status"]),
        ("archived", lambda one: one["archived"]),
        ("subscriber", lambda one: one["subscriber_id"]),
    ]
    show_found(
        context,
        SEARCHES,
        columns,
        limit=args.limit,
        text=args.text,
        status=args.status,
        area=args.area,
        package_id=args.package_id,
        archived=args.archived or None,
    )
    return 0


def show_subscriber(context: Context, args: argparse.Namespace) -> int:
    """Show a subscriber with its subscriptions."""
    one = context.api.get(f"/v1/subscribers/{subscriber_id(context, args.subscriber)}")
    names = ("code", "name", "email", "phone", "address", "national_id", "tax_id", "area", "note", "status")
    fields: list[tuple[str, object]] = [(name.replace("_", " "), one[name]) for name in names]
    fields.append(("invoices", _CONSOLIDATED[one["consolidated"]]))
    fields.append(("balance", money(one["balance"])))
    for sub in one["subscriptions"]:
        since = f"{sub['package_id']} {sub['state']} from {sub['starts_on']}"
        fields.append(("subscription", f"{since}, next bill {sub['next_bill_on'] or '-'}"))
    context.output.record(one, fields)
    return 0


def subscriber_id(context: Context, given: str) -> str:
    """Return the identifier of a subscriber, ready for a path, from itself or its code."""
    if given.startswith("sbr_"):
        return quote(given, safe="")
    for one in context.api.found(SEARCHES, limit=50, text=given, archived=True):
        if one["code"].casefold() == given.casefold():
            return str(one["subscriber_id"])
    raise CliError(f"there is no subscriber with the code {given!r}")


def list_runs(context: Context, args: argparse.Namespace) -> int:
    """List billing runs."""
    columns = [
        ("date", lambda one: one["date"]),
        ("state", lambda one: one["state"]),
        ("invoices", lambda one: one["invoices"]),
        ("total", lambda one: money(one["total"])),
        ("skipped", lambda one: one["skipped"]),
        ("quarantined", lambda one: one["quarantined"]),
    ]
    show_list(context, "/v1/billing/runs", columns, limit=args.limit)
    return 0


def show_run(context: Context, args: argparse.Namespace) -> int:
    """Show a run."""
    path = f"/v1/billing/runs/{quote(args.date, safe='')}"
    one = context.api.get(path)
    fields: list[tuple[str, object]] = [
        ("date", one["date"]),
        ("state", one["state"]),
        ("looked at", one["looked_at"]),
        ("billed", one["billed"]),
        ("invoices", one["invoices"]),
        ("net", money(one["net"])),
        ("tax", money(one["tax"])),
        ("total", money(one["total"])),
        ("skipped", one["skipped"] or None),
        ("quarantined", one["quarantined"]),
    ]
    held, more = (
        some(context.api.items, f"{path}/quarantined", limit=20) if one["quarantined"] else ([], False)
    )
    fields += [("set aside", f"{whose(sub)}: {sub['message']} [{sub['code']}]") for sub in held]
    context.output.record(one, fields)
    if more:
        context.output.note(f"these are the first {len(held)} of {one['quarantined']} set aside")
    if "not_due" in one["skipped"]:
        context.output.note("not_due: nothing to bill yet")
    return 0


def whose(held: Mapping[str, Any]) -> str:
    """Return what of a subscriber was set aside."""
    return held["subscription_id"] or f"pending charges of {held['subscriber_id']}"


def run_billing(context: Context, args: argparse.Namespace) -> int:
    """Bill what is due; perhaps look on, and say what came of it."""
    before = next(context.api.items("/v1/billing/runs", limit=1), None)
    state = context.api.post("/v1/billing/runs")
    running = state["started_through"] != state["completed_through"]
    if running and args.watch:
        state = watch(
            context.output,
            look=lambda: _billing(context, before),
            tell=_told_billing,
            ended=lambda one: one["completed_through"] == one["started_through"],
            again="runs list",
            stalled="the schedule starts again what stands still, within half an hour",
        )
        running = False
    if running:
        day = state["started_through"]
        context.output.note(f"started the run of {day}; it goes on by itself, and later days follow")
        context.output.note(f"look at it with: runs show {day}, or look on with: run --watch")
    else:
        context.output.note(_told_issued(context, before, state["completed_through"]))
    fields = [("started through", state["started_through"]), ("billed through", state["completed_through"])]
    context.output.record(state, fields)
    return 0


def _billing(context: Context, before: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Look how far billing is; while a run is at work, how many it has issued since ``before``."""
    state = dict(context.api.get("/v1/billing"))
    if state["started_through"] != state["completed_through"]:
        run = context.api.get(f"/v1/billing/runs/{state['started_through']}")
        state["invoices"] = run["invoices"] - _of_day(before, run["date"])[0]
    return state


def _told_billing(state: Mapping[str, Any]) -> str:
    day = state["started_through"]
    if day == state["completed_through"]:
        return f"billed through {day}"
    return f"billing {day}: {state['invoices']:,} invoices so far"


def _of_day(run: Mapping[str, Any] | None, day: str) -> tuple[int, int]:
    """Return the invoices of a run, and their total in minor units, if it is that day's."""
    return (run["invoices"], run["total"]["amount"]) if run is not None and run["date"] == day else (0, 0)


def _told_issued(context: Context, before: Mapping[str, Any] | None, through: str) -> str:
    """Say what the runs from that of ``before`` on, the newest when billing was asked for, have issued."""
    since = before["date"] if before is not None else ""
    runs = list(
        takewhile(lambda one: one["date"] >= since, context.api.items("/v1/billing/runs", limit=None))
    )
    issued, amount = 0, 0
    for run in runs:
        had, came_to = _of_day(before, run["date"])
        issued, amount = issued + run["invoices"] - had, amount + run["total"]["amount"] - came_to
    if not issued:
        return f"nothing was due: every day through {through} is billed"
    last = runs[0]
    told = {"amount": amount, "currency": last["total"]["currency"]}
    return f"issued {_invoices(issued)} over {money(told)}; {last['date']} has {_invoices(last['invoices'])}"


def _invoices(count: int) -> str:
    return "1 invoice" if count == 1 else f"{count:,} invoices"


def _cycle(cycle: Mapping[str, Any]) -> str:
    return str(cycle["unit"]) if cycle["count"] == 1 else f"{cycle['count']} {cycle['unit']}s"

"""billing rehearse."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, Final

from chalicelib.cli.client import Refused
from chalicelib.cli.context import Context
from chalicelib.cli.isp_commands import whose
from chalicelib.cli.output import money, watch
from chalicelib.cli.wording import REHEARSAL

TOO_LARGE: Final = "rehearsal_too_large"
LINES_SHOWN: Final = 20


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    billing = commands.add_parser("billing", help="rehearse billing")
    actions = billing.add_subparsers(metavar="ACTION", required=True)
    rehearse = actions.add_parser("rehearse", help="work out what runs would bill, and write nothing")
    rehearse.add_argument("--through", required=True, metavar="DATE", help="the last date: 2026-12-01")
    rehearse.set_defaults(run=rehearse_billing, names=REHEARSAL)


def rehearse_billing(context: Context, args: argparse.Namespace) -> int:
    """Rehearse at once, or where there is too much for that as a job."""
    try:
        found = context.api.get("/v1/billing/rehearsal", through=args.through)
    except Refused as refused:
        if refused.code != TOO_LARGE:
            raise
        found = _as_job(context, args.through)
    if found is None:
        return 1
    _show(context, found)
    return 0


def _as_job(context: Context, through: str) -> Mapping[str, Any] | None:
    job = context.api.post("/v1/billing/rehearsals", {"through": through})
    path = f"/v1/billing/rehearsals/{job['rehearsal_id']}"
    context.output.note("there is much to work out: it is done in the background")
    done = watch(
        context.output,
        look=lambda: context.api.get(path),
        tell=lambda one: f"rehearsal {one['state']}",
        ended=lambda one: one["state"] in {"succeeded", "failed"},
        again=f"billing rehearse --through {through}",
        stalled="it waits for a worker, or is large; it goes on without this command too",
    )
    if done["failure"]:
        failure = done["failure"]
        context.output.record(done, [("failure", f"{failure['message']} [{failure['code']}]")])
        return None
    result: Mapping[str, Any] = context.api.get(f"{path}/result")
    return result


def _show(context: Context, found: Mapping[str, Any]) -> None:
    names = {one["package_id"]: one["name"] for one in context.api.items("/v1/packages", limit=None)}
    fields: list[tuple[str, object]] = [
        ("from", found["first"]),
        ("through", found["through"]),
        ("invoices", found["invoices"]),
        ("net", money(found["net"])),
        ("tax", money(found["tax"])),
        ("total", money(found["total"])),
    ]
    days = found["by_date"]
    fields += [(one["date"], _sums(one, "invoices")) for one in days[:LINES_SHOWN]]
    fields += [
        (names.get(one["package_id"], one["package_id"]) or one["kind"], _sums(one, "lines"))
        for one in found["by_package"]
    ]
    held = found["quarantined"]
    fields += [
        ("set aside", f"{whose(one)} on {one['date']}: {one['message']} [{one['code']}]")
        for one in held[:LINES_SHOWN]
    ]
    if found["compared"]:
        fields += _compared(found["compared"])
    context.output.record(found, fields)
    left = len(days[LINES_SHOWN:]), len(held[LINES_SHOWN:]) + found["quarantined_left_off"]
    if any(left):
        context.output.note(f"not shown: {left[0]} more dates, {left[1]} more set aside; --json shows more")


def _sums(one: Mapping[str, Any], what: str) -> str:
    return f"{one['count']} {what}, {money(one['total'])}"


def _compared(compared: Mapping[str, Any]) -> list[tuple[str, object]]:
    told = {"new": "billed now and not then", "gone": "billed then and not now", "changed": "other amounts"}
    fields: list[tuple[str, object]] = [("compared with", f"the run of {compared['run_date']}")]
    fields += [
        (words, f"{compared[name]['count']} subscriptions, net {money(compared[name]['net'])}")
        for name, words in told.items()
    ]
    for one in compared["changes"][:LINES_SHOWN]:
        amounts = (money(side["net"]) if side else "-" for side in (one["before"], one["now"]))
        fields.append((one["kind"], f"{one['subscription_id']}: {' -> '.join(amounts)}"))
    return fields

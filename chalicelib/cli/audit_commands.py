"""audit list, verify."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from typing import Any, Final

from chalicelib.cli.context import Context
from chalicelib.cli.listing import add_limit, show_list
from chalicelib.cli.wording import AUDIT
from chalicelib.domain.spreadsheets import text_cell

PIECE_ENTRIES: Final = 2_000
FLAWS_SHOWN: Final = 100
COLUMNS: Final = (
    "entry_id written_at at actor_id action object_id request_id address details personal erased readable"
).split()


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    audit = commands.add_parser("audit", help="who did what, and whether the audit log is whole")
    actions = audit.add_subparsers(metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="list what was done, newest first")
    listed.add_argument("--object", metavar="ID", help="what it was done to: sbr_…, pkg_…")
    listed.add_argument("--actor", metavar="ID", help="who did it: stf_…, or system")
    listed.add_argument("--action", metavar="ACTION", help="such as subscriber.changed")
    listed.add_argument("--from", dest="since", metavar="TIME", help="such as 2026-11-01T00:00:00Z")
    listed.add_argument("--to", dest="before", metavar="TIME", help="exclusive")
    kinds = listed.add_mutually_exclusive_group()
    kinds.add_argument("--csv", action="store_true", help="all of it as CSV, oldest first")
    kinds.add_argument("--jsonl", action="store_true", help="all of it as JSON Lines, oldest first")
    add_limit(listed, default=50)
    listed.set_defaults(run=list_entries, names=AUDIT)
    verify = actions.add_parser("verify", help="compare the audit log with its chain and anchors")
    verify.set_defaults(run=verify_log)


def list_entries(context: Context, args: argparse.Namespace) -> int:
    """List entries, or write all of them to standard output as they are read."""
    query: dict[str, object] = {
        "object_id": args.object,
        "actor_id": args.actor,
        "action": args.action,
        "from": args.since,
        "to": args.before,
    }
    if args.csv or args.jsonl:
        entries = context.api.items("/v1/audit", limit=None, oldest_first=True, **query)
        _write(entries, as_csv=args.csv)
        return 0
    columns = [
        ("written", lambda one: one["written_at"][:19]),
        ("actor", lambda one: one["actor_id"]),
        ("action", lambda one: one["action"]),
        ("object", lambda one: one["object_id"]),
        ("from", lambda one: one["address"]),
        ("details", lambda one: json.dumps({**one["details"], **one["personal"]}, ensure_ascii=False)),
    ]
    show_list(context, "/v1/audit", columns, limit=args.limit, **query)
    return 0


def _write(entries: Any, *, as_csv: bool) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    if as_csv:
        out.writerow(COLUMNS)
    for entry in entries:
        if as_csv:
            out.writerow(text_cell(text=_cell(entry[name])) for name in COLUMNS)
        else:
            print(json.dumps(entry, ensure_ascii=False))


def _cell(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def verify_log(context: Context, _args: argparse.Namespace) -> int:
    """Verify the whole log; print every fault; 1 where there is any."""
    found: list[Any] = []
    sums = {"entries": 0, "late": 0, "anchors": 0}
    cursor: str | None = None
    while True:
        piece = context.api.get("/v1/audit/verification", limit=PIECE_ENTRIES, cursor=cursor)
        found += piece["items"]
        sums = {name: count + piece[name] for name, count in sums.items()}
        context.output.progress(f"{sums['entries']} entries")
        cursor = piece["next_cursor"]
        if cursor is None:
            break
    context.output.done()
    ended = {"unsealed": piece["unsealed"], "sequence": piece["sequence"], "link": piece["link"]}
    fields: list[tuple[str, object]] = [*sums.items(), *ended.items()]
    fields += [(one["fault"], f"{one['about']} (sequence {one['sequence']})") for one in found[:FLAWS_SHOWN]]
    fields.append(("faults", len(found)))
    context.output.record({**sums, **ended, "faults": found}, fields)
    return 1 if found else 0

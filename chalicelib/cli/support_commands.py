"""support enter, list, end: of the platform's operator; accesses, shut-out: of who was entered."""

from __future__ import annotations

import argparse
from typing import Any
from urllib.parse import quote

from chalicelib.cli.context import Context
from chalicelib.cli.listing import add_limit, show_list
from chalicelib.cli.wording import SUPPORT
from chalicelib.domain.support import MINUTES_DEFAULT, MINUTES_MAX, MINUTES_MIN, REASON_CHARS_MIN


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    support = commands.add_parser(
        "support", help="platform support: enter a company, or see and end who entered yours"
    )
    actions = support.add_subparsers(metavar="ACTION", required=True)
    enter = actions.add_parser("enter", help="enter a company; its owners are told at once")
    enter.add_argument("subdomain", metavar="SUBDOMAIN", help="the company's")
    enter.add_argument(
        "--reason", required=True, help=f"why, {REASON_CHARS_MIN} characters or more: its owners read it"
    )
    enter.add_argument(
        "--minutes",
        type=int,
        default=MINUTES_DEFAULT,
        help=f"for how long, {MINUTES_MIN} to {MINUTES_MAX} ({MINUTES_DEFAULT})",
    )
    enter.add_argument("--write", action="store_true", help="to change subscribers and their service too")
    enter.set_defaults(run=enter_company, names=SUPPORT)
    listed = actions.add_parser("list", help="list which companies were entered, newest first")
    add_limit(listed, default=20)
    listed.set_defaults(run=list_entries, names=SUPPORT)
    end = actions.add_parser("end", help="leave a company")
    end.add_argument("access", metavar="ACCESS", help="spa_…, as `support list` shows it")
    end.set_defaults(run=end_entry, names=SUPPORT)
    seen = actions.add_parser("accesses", help="list who of platform support entered your company")
    add_limit(seen, default=20)
    seen.set_defaults(run=list_accesses, names=SUPPORT)
    shut_out = actions.add_parser("shut-out", help="end an access of platform support to your company")
    shut_out.add_argument(
        "access", metavar="ACCESS", help="spa_…, as the mail or `support accesses` shows it"
    )
    shut_out.set_defaults(run=end_access, names=SUPPORT)


def enter_company(context: Context, args: argparse.Namespace) -> int:
    """Enter a company; show the token, which is stored nowhere."""
    body = {name: getattr(args, name) for name in ("subdomain", "reason", "minutes", "write")}
    entered = context.api.post("/v1/support-entries", body)
    access = entered["access"]
    context.output.note("its owners have a mail, and its audit log has whatever you look at from now on")
    context.output.note("export ISPBILLING_TOKEN=<the token> acts there; unset it to be yourself again")
    fields = [
        ("access", access["access_id"]),
        ("company", access["subdomain"]),
        ("until", access["until"]),
        ("may change", access["write"]),
        ("token", entered["token"]),
    ]
    context.output.record(entered, fields)
    return 0


def list_entries(context: Context, args: argparse.Namespace) -> int:
    """List accesses of the operator's people."""
    _list(context, args, "/v1/support-entries")
    return 0


def list_accesses(context: Context, args: argparse.Namespace) -> int:
    """List accesses of platform support to the company of who is signed in."""
    _list(context, args, "/v1/support-accesses")
    return 0


def _list(context: Context, args: argparse.Namespace, path: str) -> None:
    columns = [
        ("access", lambda one: one["access_id"]),
        ("company", lambda one: one["subdomain"]),
        ("who", lambda one: one["name"]),
        ("opened", lambda one: one["opened_at"][:19]),
        ("until", lambda one: one["until"][:19]),
        ("ended", _ended),
        ("reason", lambda one: one["reason"]),
    ]
    show_list(context, path, columns, limit=args.limit)


def _ended(access: Any) -> object:
    return f"{access['ended_at'][:19]} by {access['ended_by']}" if access["ended_at"] else "open"


def end_entry(context: Context, args: argparse.Namespace) -> int:
    """End an access that the operator's people opened; one that is over stays as it is."""
    return _end(context, args, "/v1/support-entries")


def end_access(context: Context, args: argparse.Namespace) -> int:
    """End an access to the company of who is signed in; one that is over stays as it is."""
    return _end(context, args, "/v1/support-accesses")


def _end(context: Context, args: argparse.Namespace, path: str) -> int:
    context.api.delete(f"{path}/{quote(args.access, safe='')}")
    context.output.note(f"{args.access} has ended: its token opens nothing any more")
    return 0

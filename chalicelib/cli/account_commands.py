"""account show, cancel, keep, recover: the company's own account with the platform."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from chalicelib.cli.context import Context
from chalicelib.cli.session_commands import ask_code, ask_password
from chalicelib.cli.wording import ACCOUNT


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    account = commands.add_parser("account", help="your company's account: where it stands, ending it")
    actions = account.add_subparsers(metavar="ACTION", required=True)
    actions.add_parser("show", help="show where the account stands").set_defaults(run=show_account)
    cancel = actions.add_parser(
        "cancel", help="end the account, at the end of the month; it can be brought back for 30 days"
    )
    cancel.add_argument("subdomain", metavar="SUBDOMAIN", help="your company's, to confirm")
    cancel.add_argument("--now", action="store_true", help="end it at once")
    cancel.add_argument("--reason", default="", help="why, if you like to say so")
    cancel.add_argument(
        "--password-stdin",
        action="store_true",
        help="read your password, and in the next line a code where you have a factor, from standard input",
    )
    cancel.set_defaults(run=cancel_account, names=ACCOUNT)
    keep = actions.add_parser("keep", help="take a cancellation back that has not come yet")
    keep.set_defaults(run=keep_account)
    recover = actions.add_parser("recover", help="bring an account back that has ended: all is as it was")
    recover.set_defaults(run=recover_account)


def show_account(context: Context, _args: argparse.Namespace) -> int:
    """Show where the account stands."""
    standing = context.api.get("/v1/tenant/standing")
    return _show(context, standing)


def cancel_account(context: Context, args: argparse.Namespace) -> int:
    """Cancel the account; the password is asked for once more, and the second factor where there is one."""
    with_code = context.api.get("/v1/me")["staff"]["second_factor"]
    body = {
        "when": "now" if args.now else "end_of_month",
        "confirm": args.subdomain,
        "reason": args.reason,
        "password": ask_password(args),
        **({"code": ask_code(args, {"authenticator"})} if with_code else {}),
    }
    ended = context.api.post("/v1/tenant/cancellation", body)
    again = "account keep" if ended["state"] == "active" else "account recover"
    context.output.note(f"`{again}` takes it back; `export` takes everything with you")
    return _show(context, ended)


def keep_account(context: Context, _args: argparse.Namespace) -> int:
    """Take a cancellation back."""
    context.api.delete("/v1/tenant/cancellation")
    context.output.note("the account goes on")
    return 0


def recover_account(context: Context, _args: argparse.Namespace) -> int:
    """Bring the account back."""
    context.api.post("/v1/tenant/recovery")
    context.output.note("the account is back, and everything in it as it was; staff sign in again")
    return 0


def _show(context: Context, account: Mapping[str, Any]) -> int:
    ending = account["ending"] or {}
    fields: list[tuple[str, object]] = [
        ("state", account["state"]),
        ("standing", account.get("standing")),
        ("on trial through", account.get("trial_through")),
        ("past due since", account.get("past_due_since")),
        ("ends", ending.get("ends_at")),
        ("deleted", ending.get("purge_at")),
        ("days left", ending.get("days_left")),
    ]
    context.output.record(account, [(name, value) for name, value in fields if value is not None])
    return 0

"""privacy list, show, ask, confirm, answer, extend, refuse, download: requests about people's data."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from chalicelib.cli.context import Context
from chalicelib.cli.files import add_force, check_out, save
from chalicelib.cli.isp_commands import subscriber_id
from chalicelib.cli.listing import add_limit, show_list
from chalicelib.cli.values import date_given
from chalicelib.cli.wording import PRIVACY
from chalicelib.domain.data_map import Purpose
from chalicelib.domain.privacy_requests import RequestKind

_REQUESTS = "/v1/privacy-requests"
_MINE = "/v1/me/privacy-requests"
_CORRECTED = ("name", "email", "phone", "address", "national_id", "tax_id")


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    privacy = commands.add_parser(
        "privacy", help="requests about people's data: copies, corrections, erasures"
    )
    actions = privacy.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list the requests that wait, due first")
    listing.add_argument("--all", action="store_true", help="those that have ended too, newest first")
    listing.add_argument("--mine", action="store_true", help="your own")
    add_limit(listing, default=20)
    listing.set_defaults(run=list_requests)
    _add_ask(actions)
    show = actions.add_parser("show", help="show a request, with its steps and what stays")
    confirm = actions.add_parser("confirm", help="say what proves who asks")
    confirm.add_argument("--seen", required=True, help="what you saw, such as 'identity card'")
    confirm.add_argument("--for", dest="subscriber", metavar="CODE", help="which subscriber it is")
    answer = actions.add_parser("answer", help="do what is asked: make the copy, correct, erase")
    answer.add_argument("--words", default="", help="what the person is told besides")
    answer.add_argument(
        "--despite-debt", action="store_true", help="erase who owes money; say why in --words"
    )
    extend = actions.add_parser("extend", help="move the deadline, once; the person is told why")
    extend.add_argument("--until", required=True, type=date_given, metavar="DATE", help="the new deadline")
    refuse = actions.add_parser("refuse", help="refuse a request; the person is told why")
    for parser in (extend, refuse):
        parser.add_argument("--reason", required=True, help="why: the person reads it")
    fetch = actions.add_parser("download", help="download the copy that was made")
    fetch.add_argument("--mine", action="store_true", help="of your own request")
    fetch.add_argument("--out", type=Path, required=True, metavar="FILE")
    add_force(fetch)
    for parser, run in (
        (show, show_request),
        (confirm, confirm_request),
        (answer, answer_request),
        (extend, extend_request),
        (refuse, refuse_request),
        (fetch, download_copy),
    ):
        parser.add_argument("request", metavar="REQUEST", help="prq_…, as `privacy list` shows it")
        parser.set_defaults(run=run, names=PRIVACY)


def _add_ask(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    ask = actions.add_parser("ask", help="ask about your own data, or note what a subscriber asked for")
    ask.add_argument("kind", metavar="KIND", choices=[one.value for one in RequestKind],
                     help=", ".join(RequestKind))  # fmt: skip
    ask.add_argument("--for", dest="subscriber", metavar="CODE", help="a subscriber who asks at the office")
    ask.add_argument("--seen", default="", help="what proved who asks, such as 'identity card'")
    ask.add_argument("--text", default="", help="in the person's own words")
    ask.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", type=_change,
                     help=f"of a correction: {', '.join(_CORRECTED)}")  # fmt: skip
    ask.add_argument("--purpose", action="append", default=[], choices=[one.value for one in Purpose],
                     metavar="PURPOSE", help=f"withdrawn or objected to: {'; '.join(Purpose)}")  # fmt: skip
    ask.set_defaults(run=ask_about_data, names=PRIVACY)


def _change(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or name not in _CORRECTED:
        known = ", ".join(_CORRECTED)
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=VALUE with one of {known}")
    return name, value


def list_requests(context: Context, args: argparse.Namespace) -> int:
    """List requests with their clocks."""
    columns = [
        ("request", lambda one: one["privacy_request_id"]),
        ("kind", lambda one: one["kind"]),
        ("of", lambda one: one["subject_id"] or "unknown"),
        ("state", lambda one: one["state"]),
        ("due", lambda one: one["due_on"]),
        ("days left", lambda one: "" if one["closed_at"] else one["days_left"]),
    ]
    if args.mine:
        context.output.table(context.api.get(_MINE)["items"], columns)
        return 0
    waiting = {} if args.all else {"waiting": True}
    show_list(context, _REQUESTS, columns, limit=args.limit, **waiting)
    return 0


def ask_about_data(context: Context, args: argparse.Namespace) -> int:
    """Ask for oneself, or note what a subscriber asked for."""
    body: dict[str, object] = {"kind": args.kind, "text": args.text, "purposes": args.purpose}
    if args.set:
        body["changes"] = dict(args.set)
    if args.subscriber is None:
        return _show(context, context.api.post(_MINE, body))
    path = f"/v1/subscribers/{subscriber_id(context, args.subscriber)}/privacy-requests"
    return _show(context, context.api.post(path, {**body, "seen": args.seen}))


def show_request(context: Context, args: argparse.Namespace) -> int:
    """Show a request."""
    return _show(context, context.api.get(_path(args)))


def confirm_request(context: Context, args: argparse.Namespace) -> int:
    """Say what proves who asks, and who it is where nobody has the address."""
    body = {"seen": args.seen}
    if args.subscriber is not None:
        body["subscriber_id"] = subscriber_id(context, args.subscriber)
    return _show(context, context.api.post(f"{_path(args)}/identity", body))


def answer_request(context: Context, args: argparse.Namespace) -> int:
    """Do what is asked; copies and erasures are a worker's, and go on by themselves."""
    body = {"words": args.words, "despite_debt": args.despite_debt}
    answered = context.api.post(f"{_path(args)}/completion", body)
    if answered["state"] == "in_work":
        context.output.note(f"a worker is at it; look at it with: privacy show {args.request}")
    return _show(context, answered)


def extend_request(context: Context, args: argparse.Namespace) -> int:
    """Move the deadline."""
    body = {"until": args.until, "reason": args.reason}
    return _show(context, context.api.post(f"{_path(args)}/extension", body))


def refuse_request(context: Context, args: argparse.Namespace) -> int:
    """Refuse a request."""
    return _show(context, context.api.post(f"{_path(args)}/refusal", {"reason": args.reason}))


def download_copy(context: Context, args: argparse.Namespace) -> int:
    """Download a copy; the audit log has that it was taken."""
    check_out(args.out, force=args.force)
    found = context.api.get(f"{_path(args, _MINE if args.mine else _REQUESTS)}/download")
    save(context, what="the copy", url=found["url"], path=args.out)
    return 0


def _path(args: argparse.Namespace, under: str = _REQUESTS) -> str:
    return f"{under}/{quote(args.request, safe='')}"


def _show(context: Context, one: Mapping[str, Any]) -> int:
    fields: list[tuple[str, object]] = [
        ("request", one["privacy_request_id"]),
        ("kind", one["kind"]),
        ("of", one["subject_id"] or "unknown"),
        ("address", one.get("address") or None),
        ("state", one["state"]),
        ("proven by", one["proof"]),
        ("due", one["due_on"]),
        ("days left", None if one["closed_at"] else one["days_left"]),
        ("purposes", "; ".join(one.get("purposes", ())) or None),
        ("text", one.get("text") or None),
        ("reason", one["reason"] or None),
        ("file deleted", one["file_expires_at"]),
        *((step["at"][:19], f"{step['what']} {step['words']}".strip()) for step in one.get("history", ())),
        *(("kept", f"{kept['number']} until {kept['until']}") for kept in one.get("kept", ())),
        ("stays", one.get("stays") or None),
        *(
            (each["purpose"], f"goes on: {each['ground']}" if each["ground"] else "stopped")
            for each in one.get("outcomes", ())
        ),
    ]
    if one["failure"]:
        fields.append(("failure", f"{one['failure']['message']} [{one['failure']['code']}]"))
    context.output.record(one, [(name, value) for name, value in fields if value is not None])
    return 0

"""payments record, list, reverse: money that was taken by hand."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from chalicelib.cli.client import CliError, Unreachable
from chalicelib.cli.context import Context
from chalicelib.cli.isp_commands import subscriber_id
from chalicelib.cli.listing import add_limit, show_list
from chalicelib.cli.output import money
from chalicelib.cli.values import amount_given
from chalicelib.cli.wording import PAYMENT
from chalicelib.domain.payments import Channel


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    payments = commands.add_parser("payments", help="take payments, list them, take them back")
    actions = payments.add_subparsers(metavar="ACTION", required=True)
    record = actions.add_parser("record", help="record a payment: the oldest due invoices are paid first")
    record.add_argument("subscriber", metavar="CODE", help="the code, or the identifier (sbr_…)")
    record.add_argument("amount", metavar="AMOUNT", help="such as 1649.00")
    record.add_argument(
        "--channel", choices=[one.value for one in Channel], default=Channel.CASH.value, help="(cash)"
    )
    record.add_argument("--invoice", metavar="INVOICE", help="inv_…: pay this one with all of it")
    record.add_argument("--reference", default="", help="such as the number of a cheque")
    record.add_argument("--note", default="")
    record.add_argument("--keep", action="store_true", help="pay no invoice: keep it as credit")
    _add_key(record)
    record.set_defaults(run=record_payment, names=PAYMENT)
    listed = actions.add_parser("list", help="list a subscriber's payments, newest first")
    listed.add_argument("subscriber", metavar="CODE", help="the code, or the identifier (sbr_…)")
    add_limit(listed, default=20)
    listed.set_defaults(run=list_payments, names=PAYMENT)
    reverse = actions.add_parser("reverse", help="take a payment back: what it paid is open again")
    reverse.add_argument("document", metavar="RECEIPT", help="rcp_…, as `payments list` shows it")
    reverse.add_argument("--reason", required=True, help="why; it is kept")
    _add_key(reverse)
    reverse.set_defaults(run=reverse_payment, names=PAYMENT)


def _add_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--key", help="repeat a command that had no answer with the key that it told: it is done once"
    )


def record_payment(context: Context, args: argparse.Namespace) -> int:
    """Record a payment; show its receipt."""
    if args.keep and args.invoice:
        raise CliError("--keep pays no invoice, and --invoice one: give one of them")
    amount = amount_given(args.amount, currency=context.currency, name="AMOUNT")
    body: dict[str, Any] = {
        "amount": amount,
        "channel": args.channel,
        "reference": args.reference,
        "note": args.note,
        "allocate": "none" if args.keep else "oldest_due",
    }
    if args.invoice:
        body["allocations"] = [{"invoice_id": args.invoice, "amount": amount}]
    path = f"/v1/subscribers/{subscriber_id(context, args.subscriber)}/payments"
    _show(context, _posted(context, path, body, args.key))
    return 0


def list_payments(context: Context, args: argparse.Namespace) -> int:
    """List receipts."""
    columns = [
        ("date", lambda one: one["issued_on"]),
        ("number", lambda one: one["number"]),
        ("amount", lambda one: money(one["amount"])),
        ("channel", lambda one: one["channel"]),
        ("reference", lambda one: one["reference"]),
        ("to credit", lambda one: money(one["to_credit"])),
        ("taken back", lambda one: one["reversed_by"] is not None),
        ("receipt", lambda one: one["document_id"]),
    ]
    path = f"/v1/subscribers/{subscriber_id(context, args.subscriber)}/documents"
    show_list(context, path, columns, limit=args.limit, kind="receipt")
    return 0


def reverse_payment(context: Context, args: argparse.Namespace) -> int:
    """Take a payment back; show the journal that did."""
    path = f"/v1/documents/{quote(args.document, safe='')}/reversal"
    _show(context, _posted(context, path, {"reason": args.reason}, args.key))
    return 0


def _posted(context: Context, path: str, body: Mapping[str, Any], key: str | None) -> Any:
    """POST under a key; tell the key where it is not known whether anything was done."""
    key = key or f"cli-{uuid4()}"
    try:
        return context.api.post(path, body, key=key)
    except Unreachable as error:
        raise Unreachable(f"{error} Whether it was done is not known: repeat it with --key {key}") from None


def _show(context: Context, made: Mapping[str, Any]) -> None:
    fields: list[tuple[str, object]] = [
        ("document", made["document_id"]),
        ("number", made["number"]),
        ("amount", money(made["amount"])),
    ]
    currency = made["amount"]["currency"]
    fields += [
        (one["invoice_id"], money({"amount": one["amount"], "currency": currency})) for one in made["settled"]
    ]
    context.output.record(made, [*fields, ("to credit", money(made["to_credit"]))])

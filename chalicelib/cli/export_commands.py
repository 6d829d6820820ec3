"""export, exports."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalicelib.cli.context import Context
from chalicelib.cli.files import add_force, check_out, save
from chalicelib.cli.listing import add_limit, show_list
from chalicelib.cli.output import watch
from chalicelib.cli.wording import EXPORTS


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    export = commands.add_parser("export", help="export everything as one ZIP")
    export.add_argument("--watch", action="store_true", help="look on until it is made")
    export.add_argument("--out", type=Path, metavar="FILE", help="download it there; looks on too")
    add_force(export)
    export.set_defaults(run=export_all, names=EXPORTS)
    exports = commands.add_parser("exports", help="list and download exports")
    actions = exports.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list exports, newest first")
    add_limit(listing, default=20)
    listing.set_defaults(run=list_exports)
    show = actions.add_parser("show", help="show an export")
    show.add_argument("export_id", metavar="EXPORT")
    show.set_defaults(run=show_export, names=EXPORTS)
    fetch = actions.add_parser("download", help="download an export")
    fetch.add_argument("export_id", metavar="EXPORT")
    fetch.add_argument("--out", type=Path, required=True, metavar="FILE")
    add_force(fetch)
    fetch.set_defaults(run=download_export, names=EXPORTS)


def export_all(context: Context, args: argparse.Namespace) -> int:
    """Ask for an export; perhaps look on and download it."""
    if args.out is not None:
        check_out(args.out, force=args.force)
    job = context.api.post("/v1/exports")
    context.output.note(f"asked for {job['export_id']}")
    if not args.watch and args.out is None:
        context.output.note(f"look at it with: exports show {job['export_id']}")
        return _show(context, job)
    done = watch(
        context.output,
        look=lambda: context.api.get(f"/v1/exports/{job['export_id']}"),
        tell=lambda one: f"export {one['state']}",
        ended=lambda one: one["state"] in {"succeeded", "failed"},
        again=f"exports show {job['export_id']}",
        stalled="it waits for a worker, or is large; it goes on without this command too",
    )
    if args.out is not None and done["state"] == "succeeded":
        _save(context, done, args.out)
    return _show(context, done)


def list_exports(context: Context, args: argparse.Namespace) -> int:
    """List exports."""
    columns = [
        ("export", lambda job: job["export_id"]),
        ("state", lambda job: job["state"]),
        ("bytes", lambda job: job["size_bytes"]),
        ("asked for", lambda job: job["created_at"][:19]),
        ("deleted", lambda job: (job["expires_at"] or "")[:19]),
    ]
    show_list(context, "/v1/exports", columns, limit=args.limit)
    return 0


def show_export(context: Context, args: argparse.Namespace) -> int:
    """Show an export."""
    return _show(context, context.api.get(f"/v1/exports/{args.export_id}"))


def download_export(context: Context, args: argparse.Namespace) -> int:
    """Download an export."""
    check_out(args.out, force=args.force)
    job = context.api.get(f"/v1/exports/{args.export_id}")
    _save(context, job, args.out)
    return _show(context, job)


def _show(context: Context, job: Mapping[str, Any]) -> int:
    fields: list[tuple[str, object]] = [
        ("export", job["export_id"]),
        ("state", job["state"]),
        *((table, rows) for table, rows in job["counts"].items() if rows),
        ("bytes", job["size_bytes"] or None),
        ("sha256", job["sha256"] or None),
        ("deleted", job["expires_at"]),
    ]
    if job["failure"]:
        fields.append(("failure", f"{job['failure']['message']} [{job['failure']['code']}]"))
    context.output.record(job, fields)
    return 1 if job["state"] == "failed" else 0


def _save(context: Context, job: Mapping[str, Any], path: Path) -> None:
    found = context.api.get(f"/v1/exports/{job['export_id']}/download")
    save(context, what="the export", url=found["url"], path=path, digest=job["sha256"])

"""imports: what becomes of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from chalicelib.cli.context import Context
from chalicelib.cli.files import add_force, check_out, save
from chalicelib.cli.listing import add_limit, show_list
from chalicelib.cli.output import watch
from chalicelib.cli.wording import IMPORTS


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    imports = commands.add_parser("imports", help="list and look at imports")
    actions = imports.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list imports, newest first")
    add_limit(listing, default=20)
    listing.set_defaults(run=list_imports)
    for name, run, text in (
        ("show", show_import, "show an import and how far it is"),
        ("watch", watch_import, "look on until an import is finished"),
        ("start", start_again, "start a mapped import, or go on with one that failed or stands still"),
        ("withdraw", withdraw_import, "forget an import that was not started"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("import_id", metavar="IMPORT")
        action.set_defaults(run=run, names=IMPORTS)
    report = actions.add_parser("report", help="download the rows that were not created, with the reasons")
    report.add_argument("import_id", metavar="IMPORT")
    report.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to (CSV)")
    add_force(report)
    report.set_defaults(run=save_report, names=IMPORTS)


def watch_job(context: Context, import_id: str, report: Path | None) -> int:
    """Look on until an import is finished, save its report, show it; return the exit code."""
    done = watch(
        context.output,
        look=lambda: context.api.get(f"/v1/imports/{import_id}"),
        tell=_told,
        ended=lambda job: job["state"] in {"succeeded", "failed"},
        again=f"imports watch {import_id}",
        stalled=f"after two minutes another worker takes it up by: imports start {import_id}",
    )
    if report is not None and done["state"] == "succeeded":
        _save_report(context, import_id, report)
    return show_job(context, done, hint=report is None)


def _told(job: Mapping[str, Any]) -> str:
    progress = job["progress"] or {}
    share = 100 * progress.get("bytes_done", 0) // max(1, progress.get("bytes_total", 1))
    return (
        f"{job['state']}: {share} %, {progress.get('rows_read', 0):,} rows read, "
        f"{progress.get('created', 0):,} created, {progress.get('existing', 0):,} existing, "
        f"{progress.get('skipped_total', 0):,} skipped, {progress.get('failed_total', 0):,} failed"
    )


def show_job(context: Context, job: Mapping[str, Any], *, hint: bool = True) -> int:
    """Show an import; return the exit code."""
    progress = job["progress"] or {}
    fields: list[tuple[str, object]] = [
        ("import", job["import_id"]),
        ("file", job["file_name"]),
        ("state", job["state"]),
        ("rows read", progress.get("rows_read")),
        ("created", progress.get("created")),
        ("existing", progress.get("existing")),
        ("skipped", progress.get("skipped") or progress.get("skipped_total")),
        ("failed", progress.get("failed") or progress.get("failed_total")),
    ]
    if job["failure"]:
        fields.append(("failure", f"{job['failure']['message']} [{job['failure']['code']}]"))
    context.output.record(job, fields)
    if hint and job["state"] == "succeeded" and progress.get("created") != progress.get("rows_read"):
        context.output.note(f"what was not created, and why: imports report {job['import_id']} --out FILE")
    return 1 if job["state"] == "failed" else 0


def list_imports(context: Context, args: argparse.Namespace) -> int:
    """List imports."""

    def count(name: str) -> Callable[[Any], object]:
        return lambda job: (job["progress"] or {}).get(name)

    columns = [
        ("import", lambda job: job["import_id"]),
        ("file", lambda job: job["file_name"]),
        ("state", lambda job: job["state"]),
        ("created", count("created")),
        ("existing", count("existing")),
        ("skipped", count("skipped_total")),
        ("failed", count("failed_total")),
        ("asked for", lambda job: job["created_at"][:19]),
    ]
    show_list(context, "/v1/imports", columns, limit=args.limit)
    return 0


def show_import(context: Context, args: argparse.Namespace) -> int:
    """Show an import."""
    return show_job(context, context.api.get(f"/v1/imports/{args.import_id}"))


def watch_import(context: Context, args: argparse.Namespace) -> int:
    """Look on until an import is finished."""
    return watch_job(context, args.import_id, None)


def start_again(context: Context, args: argparse.Namespace) -> int:
    """Start an import, or say that there is nothing to start."""
    path = f"/v1/imports/{args.import_id}"
    before = context.api.get(path)
    after = context.api.post(f"{path}/start")
    look_on = f"look on with: imports watch {args.import_id}"
    if after["updated_at"] != before["updated_at"]:
        context.output.note(f"started {args.import_id}; {look_on}")
    elif after["state"] == "succeeded":
        context.output.note("nothing was started: it is finished. To import the file again: import FILE")
    else:
        context.output.note(f"nothing was changed: a worker is at it, or was within two minutes; {look_on}")
    return show_job(context, after)


def withdraw_import(context: Context, args: argparse.Namespace) -> int:
    """Forget an import that was not started."""
    context.api.delete(f"/v1/imports/{args.import_id}")
    context.output.note(f"withdrew {args.import_id}")
    return 0


def save_report(context: Context, args: argparse.Namespace) -> int:
    """Download the report."""
    check_out(args.out, force=args.force)
    _save_report(context, args.import_id, args.out)
    return 0


def _save_report(context: Context, import_id: str, path: Path) -> None:
    found = context.api.get(f"/v1/imports/{import_id}/errors")
    save(context, what="the report", url=found["url"], path=path)

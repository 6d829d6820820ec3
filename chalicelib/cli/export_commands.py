"""export, exports."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from chalicelib.cli.client import CHUNK_BYTES, CliError, download
from chalicelib.cli.context import Context
from chalicelib.cli.output import watch


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    export = commands.add_parser("export", help="export everything as one ZIP")
    export.add_argument("--watch", action="store_true", help="look on until it is made")
    export.add_argument("--out", type=Path, metavar="FILE", help="download it there; looks on too")
    export.set_defaults(run=export_all)
    exports = commands.add_parser("exports", help="list and download exports")
    actions = exports.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list exports, newest first")
    listing.add_argument("--limit", type=int, default=20, help="as many (20)")
    listing.set_defaults(run=list_exports)
    show = actions.add_parser("show", help="show an export")
    show.add_argument("export_id", metavar="EXPORT")
    show.set_defaults(run=show_export)
    fetch = actions.add_parser("download", help="download an export")
    fetch.add_argument("export_id", metavar="EXPORT")
    fetch.add_argument("--out", type=Path, required=True, metavar="FILE")
    fetch.set_defaults(run=download_export)


def export_all(context: Context, args: argparse.Namespace) -> int:
    """Ask for an export; perhaps look on and download it."""
    if args.out is not None:
        _check_out(args.out)
    job = context.api.post("/v1/exports")
    context.output.note(f"asked for {job['export_id']}")
    if not args.watch and args.out is None:
        return _show(context, job)
    done = watch(
        context.output,
        look=lambda: context.api.get(f"/v1/exports/{job['export_id']}"),
        tell=lambda one: f"export {one['state']}",
        ended=lambda one: one["state"] in {"succeeded", "failed"},
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
    context.output.table(context.api.items("/v1/exports", limit=args.limit), columns)
    return 0


def show_export(context: Context, args: argparse.Namespace) -> int:
    """Show an export."""
    return _show(context, context.api.get(f"/v1/exports/{args.export_id}"))


def download_export(context: Context, args: argparse.Namespace) -> int:
    """Download an export."""
    _check_out(args.out)
    job = context.api.get(f"/v1/exports/{args.export_id}")
    _save(context, job, args.out)
    return _show(context, job)


def _show(context: Context, job: Mapping[str, Any]) -> int:
    fields: list[tuple[str, object]] = [
        ("export", job["export_id"]),
        ("state", job["state"]),
        *job["counts"].items(),
        ("bytes", job["size_bytes"] or None),
        ("sha256", job["sha256"] or None),
        ("deleted", job["expires_at"]),
    ]
    if job["failure"]:
        fields.append(("failure", f"{job['failure']['message']} [{job['failure']['code']}]"))
    context.output.record(job, fields)
    return 1 if job["state"] == "failed" else 0


def _check_out(path: Path) -> None:
    if path.exists():
        raise CliError(f"{path} is there already: choose another name")
    if not path.parent.is_dir():
        raise CliError(f"there is no directory {path.parent}")


def _save(context: Context, job: Mapping[str, Any], path: Path) -> None:
    """Download beside the file first, and check it, so that ``path`` is never half an archive."""
    found = context.api.get(f"/v1/exports/{job['export_id']}/download")
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as out:
            written = download(url=found["url"], out=out, timeout=context.timeout)
        if _digest(part) != job["sha256"]:
            raise CliError("the download is damaged: try again")
        part.rename(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
    context.output.note(f"saved {path} ({written:,} bytes)")


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()

"""import, imports."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from chalicelib.cli.client import CliError, download, upload
from chalicelib.cli.context import Context
from chalicelib.cli.output import watch
from chalicelib.domain.csv_inspect import FILE_BYTES_MAX
from chalicelib.domain.import_mapping import DateFormat, DecimalFormat, ImportField
from chalicelib.domain.money import InvalidAmount, parse_decimal

FIELDS = ", ".join(field.value for field in ImportField)
EXAMPLE = """\
example:
  ispbilling import customers.csv --map code=customerID package=Plan price=Fee \\
      --start 2026-11-01 --skip "Plan=None:no internet service" --watch

Without --map the file is uploaded and shown, with a guess at the columns; nothing is imported.
"""


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    _add_import(commands)
    imports = commands.add_parser("imports", help="list and look at imports")
    actions = imports.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list imports, newest first")
    listing.add_argument("--limit", type=int, default=20, help="as many (20)")
    listing.set_defaults(run=list_imports)
    for name, run, text in (
        ("show", show_import, "show an import and how far it is"),
        ("watch", watch_import, "look on until an import is finished"),
        ("start", start_again, "start a mapped import, or go on with one that failed"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("import_id", metavar="IMPORT")
        action.set_defaults(run=run)
    report = actions.add_parser("report", help="download the rows that were not created, with the reasons")
    report.add_argument("import_id", metavar="IMPORT")
    report.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to (CSV)")
    report.set_defaults(run=save_report)


def _add_import(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "import",
        help="import subscribers from a CSV file",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a CSV file of at most 64 MB")
    parser.add_argument(
        "--map",
        action="extend",
        nargs="+",
        default=[],
        metavar="FIELD=COLUMN",
        help=f"which column holds what; fields: {FIELDS}",
    )
    parser.add_argument(
        "--start", type=_date, metavar="DATE", help="first day to be billed, where no column says it"
    )
    parser.add_argument(
        "--anchor-day", type=int, metavar="DAY", help="day of the month on which periods begin"
    )
    parser.add_argument("--package", metavar="NAME", help="the package, where no column says")
    parser.add_argument("--price", metavar="AMOUNT", help="a price of their own, such as 1649.00")
    parser.add_argument("--area", metavar="NAME", help="the area, where no column says")
    parser.add_argument(
        "--skip",
        action="append",
        default=[],
        metavar="COLUMN=VALUE[:REASON]",
        help="leave out rows that hold the value (case aside); may be given several times",
    )
    parser.add_argument("--date-format", choices=list(map(str, DateFormat)), help="(YYYY-MM-DD)")
    parser.add_argument("--decimals", choices=list(map(str, DecimalFormat)), help="(1,234.56)")
    parser.add_argument("--watch", action="store_true", help="look on until it is finished")
    parser.add_argument("--report", type=Path, metavar="FILE", help="with --watch: save the rows not created")
    parser.set_defaults(run=import_file)


def import_file(context: Context, args: argparse.Namespace) -> int:
    """Upload, map, start; perhaps look on."""
    size = _size(args.file)
    columns = dict(_pair(text, "--map", "FIELD=COLUMN") for text in args.map)
    context.api.get("/v1/me")
    asked = context.api.post("/v1/imports", {"file_name": args.file.name, "size_bytes": size})
    import_id = asked["import_id"]
    target = asked["upload"]
    context.output.note(f"uploading {args.file.name} ({size:,} bytes)")
    upload(url=target["url"], headers=target["headers"], path=args.file, timeout=context.timeout)
    preview = context.api.get(f"/v1/imports/{import_id}/preview")
    _tell_preview(context, preview)
    if not columns:
        return _suggest(context, preview)
    mapped = context.api.put(f"/v1/imports/{import_id}/mapping", _mapping(context, args, columns))
    _tell_sample(context, mapped["sample"])
    context.api.post(f"/v1/imports/{import_id}/start")
    context.output.note(f"started {import_id}")
    if args.watch:
        return _watch(context, import_id, args.report)
    context.output.note(f"look on with: imports watch {import_id}")
    return _show(context, context.api.get(f"/v1/imports/{import_id}"))


def _size(path: Path) -> int:
    if not path.is_file():
        raise CliError(f"there is no file {path}")
    size = path.stat().st_size
    if size == 0:
        raise CliError(f"{path} is empty")
    if size > FILE_BYTES_MAX:
        raise CliError(f"{path} has {size:,} bytes; an import takes {FILE_BYTES_MAX:,}: split it")
    return size


def _mapping(context: Context, args: argparse.Namespace, columns: Mapping[str, str]) -> dict[str, object]:
    defaults: dict[str, object] = {
        "package": args.package,
        "start_date": args.start,
        "anchor_day": args.anchor_day,
        "area": args.area,
    }
    if args.price is not None:
        defaults["price"] = _price(args.price, context.currency)
    mapping: dict[str, object] = {
        "columns": columns,
        "defaults": {name: value for name, value in defaults.items() if value is not None},
        "skip_when": [_skip(text) for text in args.skip],
    }
    if args.date_format:
        mapping["date_format"] = args.date_format
    if args.decimals:
        mapping["decimal_format"] = args.decimals
    return mapping


def _price(text: str, currency: str) -> dict[str, object]:
    try:
        return {"amount": parse_decimal(text=text, currency=currency).amount, "currency": currency}
    except InvalidAmount as error:
        raise CliError(f"--price: {error.message}") from None


def _skip(text: str) -> dict[str, object]:
    column, rest = _pair(text, "--skip", "COLUMN=VALUE[:REASON]")
    value, _, reason = rest.partition(":")
    return {"column": column, "values": [value], "reason": reason or f"{column} is {value or 'empty'}"}


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CliError(f"{option} takes {form}, and {text!r} is not that")
    return name, value


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-11-01") from None


def _tell_preview(context: Context, preview: Mapping[str, Any]) -> None:
    delimiter = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}[preview["delimiter"]]
    names = ", ".join(preview["header"])
    context.output.note(f"it is {preview['encoding'].upper()}, separated by {delimiter}; columns: {names}")


def _suggest(context: Context, preview: Mapping[str, Any]) -> int:
    if context.output.as_json:
        context.output.record(preview, [])
        return 0

    def cell(place: int) -> Callable[[Any], object]:
        return lambda row: row["cells"][place]

    columns = [(name, cell(place)) for place, name in enumerate(preview["header"])]
    whole = [row for row in preview["rows"] if len(row["cells"]) == len(preview["header"])]
    context.output.table(whole[:5], columns[:8])
    guess = " ".join(f"{name}='{column}'" for name, column in preview["suggested_columns"].items())
    context.output.note("nothing is imported yet: say which column holds what, such as")
    context.output.note(f"  --map {guess or 'code=COLUMN'}")
    return 0


def _tell_sample(context: Context, sample: list[Mapping[str, Any]]) -> None:
    for row in sample:
        for report in row["reports"] if row["outcome"] == "failed" else []:
            where = f", column {report['column']}" if report["column"] else ""
            context.output.note(f"row {row['row']}{where}: {report['message']} [{report['code']}]")


def _watch(context: Context, import_id: str, report: Path | None) -> int:
    done = watch(
        context.output,
        look=lambda: context.api.get(f"/v1/imports/{import_id}"),
        tell=_told,
        ended=lambda job: job["state"] in {"succeeded", "failed"},
    )
    if report is not None and done["state"] == "succeeded":
        _save_report(context, import_id, report)
    return _show(context, done, hint=report is None)


def _told(job: Mapping[str, Any]) -> str:
    progress = job["progress"] or {}
    share = 100 * progress.get("bytes_done", 0) // max(1, progress.get("bytes_total", 1))
    return (
        f"{job['state']}: {share} %, {progress.get('rows_read', 0):,} rows read, "
        f"{progress.get('created', 0):,} created, {progress.get('existing', 0):,} existing, "
        f"{progress.get('skipped_total', 0):,} skipped, {progress.get('failed_total', 0):,} failed"
    )


def _show(context: Context, job: Mapping[str, Any], *, hint: bool = True) -> int:
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
    context.output.table(context.api.items("/v1/imports", limit=args.limit), columns)
    return 0


def show_import(context: Context, args: argparse.Namespace) -> int:
    """Show an import."""
    return _show(context, context.api.get(f"/v1/imports/{args.import_id}"))


def watch_import(context: Context, args: argparse.Namespace) -> int:
    """Look on until an import is finished."""
    return _watch(context, args.import_id, None)


def start_again(context: Context, args: argparse.Namespace) -> int:
    """Start an import."""
    return _show(context, context.api.post(f"/v1/imports/{args.import_id}/start"))


def save_report(context: Context, args: argparse.Namespace) -> int:
    """Download the report."""
    _save_report(context, args.import_id, args.out)
    return 0


def _save_report(context: Context, import_id: str, path: Path) -> None:
    found = context.api.get(f"/v1/imports/{import_id}/errors")
    with path.open("wb") as out:
        written = download(url=found["url"], out=out, timeout=context.timeout)
    context.output.note(f"saved the report to {path} ({written:,} bytes)")

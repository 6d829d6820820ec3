"""import: one file, from upload to start."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from chalicelib.cli.client import CliError, Interrupted, upload
from chalicelib.cli.context import Context
from chalicelib.cli.files import add_force, check_out
from chalicelib.cli.import_commands import show_job, watch_job
from chalicelib.cli.values import date_given, price_given
from chalicelib.cli.wording import IMPORT
from chalicelib.domain.csv_inspect import FILE_BYTES_MAX
from chalicelib.domain.import_mapping import DateFormat, DecimalFormat, ImportField

FIELDS = [field.value for field in ImportField]
EXAMPLE = """\
example:
  ispbilling import customers.csv --map code=customerID package=Plan price=Fee \\
      --start 2026-11-01 --skip "Plan=None:no internet service" --watch

Without --map the file is uploaded and shown, with a guess at the columns; nothing is imported.
"""


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
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
        help=f"which column holds what; fields: {', '.join(FIELDS)}",
    )
    parser.add_argument(
        "--start", type=date_given, metavar="DATE", help="first day to be billed, where no column says it"
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
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="save the rows not created (CSV); looks on too"
    )
    add_force(parser)
    parser.add_argument(
        "--anyway", action="store_true", help="start though every row that was looked at is refused"
    )
    parser.set_defaults(run=import_file, names=IMPORT)


def import_file(context: Context, args: argparse.Namespace) -> int:
    """Upload, map, start; perhaps look on."""
    size = _size(args.file)
    columns = _columns(args.map)
    if args.report is not None:
        check_out(args.report, force=args.force)
    context.api.get("/v1/me")
    asked = context.api.post("/v1/imports", {"file_name": args.file.name, "size_bytes": size})
    import_id = str(asked["import_id"])
    with _withdrawn_unless_started(context, import_id):
        preview = _upload(context, args.file, asked)
        if not columns:
            _withdraw(context, import_id)
            return _suggest(context, preview)
        mapped = context.api.put(f"/v1/imports/{import_id}/mapping", _mapping(context, args, columns))
        _tell_sample(context, mapped["sample"], anyway=args.anyway)
        context.api.post(f"/v1/imports/{import_id}/start")
    context.output.note(f"started {import_id}")
    if args.watch or args.report is not None:
        return watch_job(context, import_id, args.report)
    context.output.note(f"look on with: imports watch {import_id}")
    return show_job(context, context.api.get(f"/v1/imports/{import_id}"))


@contextlib.contextmanager
def _withdrawn_unless_started(context: Context, import_id: str) -> Iterator[None]:
    """Leave no import behind that waits for ever for what was refused, or cut short."""
    try:
        yield
    except KeyboardInterrupt:
        if _withdraw(context, import_id):
            raise Interrupted("interrupted: nothing was imported") from None
        raise Interrupted(f"interrupted; look whether it started with: imports show {import_id}") from None
    except (CliError, OSError):
        _withdraw(context, import_id)
        raise


def _withdraw(context: Context, import_id: str) -> bool:
    """Withdraw the import; it may have started, or the platform be away, which is said by what follows."""
    try:
        context.api.delete(f"/v1/imports/{import_id}")
    except CliError:
        return False
    return True


def _upload(context: Context, path: Path, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    target = asked["upload"]
    context.output.note(f"uploading {path.name} ({asked['size_bytes']:,} bytes)")
    upload(url=target["url"], headers=target["headers"], path=path, timeout=context.timeout)
    preview: Mapping[str, Any] = context.api.get(f"/v1/imports/{asked['import_id']}/preview")
    _tell_preview(context, preview)
    return preview


def _columns(given: list[str]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for text in given:
        name, column = _pair(text, "--map", "FIELD=COLUMN")
        if name not in FIELDS:
            raise CliError(
                f"--map: there is no field {name!r}{_meant(name, column)} (fields: {', '.join(FIELDS)})"
            )
        if name in columns:
            raise CliError(f"--map: {name} is given twice")
        columns[name] = column
    return columns


def _meant(name: str, column: str) -> str:
    if column in FIELDS:
        return f"; is {column}={name} meant? The field goes first"
    near = get_close_matches(name.casefold(), FIELDS, n=1)
    return f"; is {near[0]!r} meant?" if near else ""


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
        defaults["price"] = price_given(args.price, currency=context.currency)
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


def _skip(text: str) -> dict[str, object]:
    column, rest = _pair(text, "--skip", "COLUMN=VALUE[:REASON]")
    value, _, reason = rest.partition(":")
    return {"column": column, "values": [value], "reason": reason or f"{column} is {value or 'empty'}"}


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CliError(f"{option} takes {form}, and {text!r} is not that")
    return name, value


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


def _tell_sample(context: Context, sample: list[Mapping[str, Any]], *, anyway: bool) -> None:
    """Tell what is wrong with the first rows; raise CliError where that is all of them."""
    failed = [row for row in sample if row["outcome"] == "failed"]
    for row in failed:
        for report in row["reports"]:
            where = f", column {report['column']}" if report["column"] else ""
            context.output.note(f"row {row['row']}{where}: {report['message']} [{report['code']}]")
    if failed and len(failed) == len(sample) and not anyway:
        raise CliError(
            f"not started: every row that was looked at ({len(failed)}) is refused, as told above. "
            "Mend the options or the file and import it again, or import it as it is with --anyway"
        )

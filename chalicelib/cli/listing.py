"""Lists: as many as asked for, and a word where there are more."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from chalicelib.cli.client import some
from chalicelib.cli.context import Context

Columns = Sequence[tuple[str, Callable[[Any], object]]]


def add_limit(parser: argparse.ArgumentParser, *, default: int) -> None:
    """Add the option that says how many."""
    parser.add_argument("--limit", type=_count, default=default, help=f"as many ({default}); 0 for all")


def show_list(context: Context, path: str, columns: Columns, *, limit: int | None, **query: object) -> None:
    """Show a list of the API; say on stderr that it goes on where it does."""
    _show(context, columns, some(context.api.items, path, limit=limit or None, **query))


def show_found(context: Context, path: str, columns: Columns, *, limit: int | None, **asked: object) -> None:
    """Show what a search of the API finds, as ``show_list``."""
    _show(context, columns, some(context.api.found, path, limit=limit or None, **asked))


def _show(context: Context, columns: Columns, found: tuple[list[Any], bool]) -> None:
    items, more = found
    context.output.table(items, columns)
    if more:
        context.output.note(f"there are more than these {len(items)}: --limit 0 shows all")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a count such as 100")
    return int(text)

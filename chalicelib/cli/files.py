"""Files that are downloaded: never half a file, and none over another unasked."""

from __future__ import annotations

import argparse
import contextlib
from hashlib import sha256
from pathlib import Path

from chalicelib.cli.client import CHUNK_BYTES, CliError, download
from chalicelib.cli.context import Context


def add_force(parser: argparse.ArgumentParser) -> None:
    """Add the option that lets a download replace a file."""
    parser.add_argument("--force", action="store_true", help="replace FILE where it is there already")


def check_out(path: Path, *, force: bool) -> None:
    """Raise CliError where a download could not, or should not, go to ``path``."""
    if path.is_dir():
        raise CliError(f"{path} is a directory: name a file")
    if path.exists() and not force:
        raise CliError(f"{path} is there already: choose another name, or replace it with --force")
    if not path.parent.is_dir():
        raise CliError(f"there is no directory {path.parent}")


def save(context: Context, *, what: str, url: str, path: Path, digest: str | None = None) -> None:
    """Download beside the file first, and check it, so that ``path`` is never half of one."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as out:
            written = download(url=url, out=out, timeout=context.timeout)
        if digest is not None and _digest(part) != digest:
            raise CliError("the download is damaged: try again")
        part.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
    context.output.note(f"saved {what} to {path} ({written:,} bytes)")


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()

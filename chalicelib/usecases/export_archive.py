"""The archive of an export, made in pieces: memory stays flat whatever the number of rows.

Each table is read once, into a compressed scratch file of JSON lines, and from there written
into the ZIP twice, as JSON Lines and as CSV. So both hold the same rows, and what the manifest
says of them is counted from what was written.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import IO, Any, Final, cast

from chalicelib.domain.errors import DomainError
from chalicelib.domain.export_tables import Row, Table, csv_cells

SCRATCH_BYTES_MAX: Final = 400 * 1024 * 1024  # the functions have 512 MB of scratch space
ROWS_PER_CHUNK: Final = 1_000
ARCHIVE_CHUNK_BYTES: Final = 1 << 20

_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class ExportTooLarge(DomainError):
    """The export does not fit what one worker can make of it."""

    code = "export_too_large"


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """One file of the archive; the digest is of its plain content."""

    name: str
    rows: int
    size_bytes: int
    sha256: str


class Spool:
    """Rows of one table, kept compressed in a scratch file."""

    def __init__(self, *, table: Table, scratch: IO[bytes]) -> None:
        self.table = table
        self.rows = 0
        self._scratch = scratch
        # Opened with the first row: most tables of most tenants have none, and each takes memory.
        self._writing: gzip.GzipFile | None = None

    @property
    def size_bytes(self) -> int:
        """How much scratch space it takes."""
        return self._scratch.tell()

    def add(self, *, row: Row) -> None:
        """Keep a row."""
        if self._writing is None:
            self._writing = gzip.GzipFile(fileobj=self._scratch, mode="wb", compresslevel=1)
        self._writing.write(f"{_JSON.encode(row)}\n".encode())
        self.rows += 1

    def close(self) -> None:
        """End the writing; further calls change nothing."""
        if self._writing is not None:
            self._writing.close()

    def lines(self) -> Iterator[bytes]:
        """Yield the rows as JSON lines."""
        if self._writing is None:
            return
        self._scratch.seek(0)
        with gzip.GzipFile(fileobj=self._scratch, mode="rb") as reading:
            yield from reading


class Archive:
    """A ZIP in the making; ``files`` and ``digest`` tell what went into it."""

    def __init__(self, *, at: datetime) -> None:
        self._at = at
        self._sink = _Sink()
        # No seeking back: sizes follow the content, as in any ZIP that is streamed.
        self._zip = zipfile.ZipFile(cast(IO[bytes], self._sink), "w", zipfile.ZIP_DEFLATED)
        self._digest = sha256()
        self.files: list[ArchivedFile] = []

    @property
    def digest(self) -> str:
        """SHA-256 of the archive so far, in hex."""
        return self._digest.hexdigest()

    def add(self, *, name: str, rows: int, content: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the archive's next bytes while the content goes into it."""
        digest, size = sha256(), 0
        entry = zipfile.ZipInfo(name, date_time=self._at.timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o600 << 16
        with self._zip.open(entry, "w", force_zip64=True) as file:
            for chunk in content:
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
                if self._sink.size >= ARCHIVE_CHUNK_BYTES:
                    yield self._taken()
        self.files.append(ArchivedFile(name, rows, size, digest.hexdigest()))
        yield self._taken()

    def close(self) -> bytes:
        """Return the archive's last bytes."""
        self._zip.close()
        return self._taken()

    def _taken(self) -> bytes:
        data = self._sink.take()
        self._digest.update(data)
        return data


class _Sink:
    """What zipfile writes to: it can be written, and nothing else."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        self.size = 0
        return data


def archive_chunks(
    *, archive: Archive, spools: Sequence[Spool], texts: Mapping[str, str], manifest: Mapping[str, Any]
) -> Iterator[bytes]:
    """Yield the archive: two files a table, texts that say how to read them, and last the manifest.

    The manifest is given what is known beforehand; the files are added to it here.
    """
    for spool in spools:
        name, rows = spool.table.name, spool.rows
        yield from archive.add(name=f"{name}.jsonl", rows=rows, content=_gathered(spool.lines()))
        yield from archive.add(name=f"{name}.csv", rows=rows, content=_csv(spool))
    for name, words in texts.items():
        yield from archive.add(name=name, rows=0, content=[words.encode()])
    files = [
        {"name": one.name, "rows": one.rows, "bytes": one.size_bytes, "sha256": one.sha256}
        for one in archive.files
    ]
    text = json.dumps({**manifest, "files": files}, ensure_ascii=False, indent=2)
    yield from archive.add(name="manifest.json", rows=0, content=[f"{text}\n".encode()])
    yield archive.close()


def _gathered(lines: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    for line in lines:
        held.append(line)
        if len(held) == ROWS_PER_CHUNK:
            yield b"".join(held)
            held.clear()
    yield b"".join(held)


def _csv(spool: Spool) -> Iterator[bytes]:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(spool.table.columns)
    for count, line in enumerate(spool.lines(), start=1):
        writer.writerow(csv_cells(table=spool.table, row=json.loads(line)))
        if count % ROWS_PER_CHUNK == 0:
            yield _drained(out)
    yield _drained(out)


def _drained(out: io.StringIO) -> bytes:
    data = out.getvalue().encode()
    out.seek(0)
    out.truncate()
    return data

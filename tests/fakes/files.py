"""Files and queues in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

from chalicelib.ports.services import BlobGone, BlobInfo


class InMemoryBlobs:
    """Keeps files in a dictionary."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.reads = 0

    def presigned_put(self, *, key: str, content_type: str, size_bytes: int, ttl_seconds: int) -> str:
        """Return an address that says what was asked for."""
        return f"memory://put/{key}?type={content_type}&size={size_bytes}&ttl={ttl_seconds}"

    def presigned_get(self, *, key: str, file_name: str, ttl_seconds: int) -> str:
        """Return an address that says what was asked for."""
        return f"memory://get/{key}?name={file_name}&ttl={ttl_seconds}"

    def info(self, *, key: str) -> BlobInfo | None:
        """Return what is known of the file."""
        data = self.files.get(key)
        return None if data is None else BlobInfo(key, len(data), _etag(data))

    def read(
        self, *, key: str, start: int = 0, etag: str | None = None, chunk_bytes: int = 1 << 20
    ) -> Iterator[bytes]:
        """Yield the file from byte ``start``."""
        self.reads += 1
        data = self.files.get(key)
        if data is None or (etag is not None and etag != _etag(data)):
            raise BlobGone("the file is not there")
        for first in range(start, len(data), chunk_bytes):
            yield data[first : first + chunk_bytes]

    def write(self, *, key: str, chunks: Iterable[bytes], content_type: str) -> int:
        """Store the chunks as one file."""
        data = b"".join(chunks)
        self.files[key] = data
        return len(data)

    def delete(self, *, key: str) -> None:
        """Remove the file."""
        self.files.pop(key, None)


def _etag(data: bytes) -> str:
    return md5(data, usedforsecurity=False).hexdigest()


@dataclass
class InMemoryQueue:
    """Keeps messages for the test to read."""

    sent: list[Mapping[str, Any]] = field(default_factory=list)

    def send(self, *, message: Mapping[str, object], delay_seconds: int = 0) -> None:
        """Keep the message."""
        self.sent.append(dict(message))

"""Services around the store: time, identifiers, mail, files, queues, passwords."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.domain.errors import Busy, Conflict, DomainError


class Clock(Protocol):
    """The time, always aware and in UTC."""

    def now(self) -> datetime:
        """Return the current instant in UTC."""


class Ids(Protocol):
    """New identifiers."""

    def new(self, *, prefix: str) -> str:
        """Return ``<prefix>_<ULID>``."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message to one person; ``text`` is plain UTF-8."""

    to: str
    subject: str
    text: str


class MailNotSent(DomainError):
    """The mail service did not take the message."""

    code = "mail_not_sent"


class Mailer(Protocol):
    """Sends mail."""

    def send(self, *, mail: Mail) -> None:
        """Hand the mail over, or raise MailNotSent."""


@dataclass(frozen=True, slots=True)
class TextMessage:
    """One SMS to one number in E.164 form (``+923001234567``)."""

    to: str
    text: str


class TextNotSent(DomainError):
    """The SMS service did not take the message."""

    code = "text_not_sent"


class Texter(Protocol):
    """Sends SMS, each of which costs."""

    @property
    def configured(self) -> bool:
        """Whether anything is sent at all."""

    def send(self, *, message: TextMessage) -> None:
        """Hand the message over, or raise TextNotSent."""


class PhoneNumbers(Protocol):
    """Phone numbers of the world."""

    def for_sms(self, *, text: str, country: str) -> str | None:
        """Return a mobile number of a country (ISO 3166-1), read as it is dialled there, as E.164.

        None for what is none, for fixed lines and premium numbers, and for those of other countries.
        """


class Passwords(Protocol):
    """Hashes and checks passwords."""

    def hash(self, *, password: str) -> str:
        """Return the string to store."""

    def outdated(self, *, stored: str) -> bool:
        """Whether the string was made with other parameters than a new one would be."""

    def matches(self, *, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one; None takes the same time and is never right."""


class FilesUnavailable(Busy):
    """The file store did not answer; try again."""

    code = "files_unavailable"


class QueueUnavailable(Busy):
    """The queue did not take the message; try again."""

    code = "queue_unavailable"


class BlobGone(Conflict):
    """The file is not there, or is not the one that was begun."""

    code = "file_gone"


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """A stored object: its size in bytes, and the tag of its content."""

    key: str
    size_bytes: int
    etag: str


class Blobs(Protocol):
    """Files of tenants.

    Keys begin with ``imports/``, ``exports/``, ``documents/`` or ``vouchers/``, and the tenant.
    """

    def presigned_put(self, *, key: str, content_type: str, size_bytes: int, ttl_seconds: int) -> str:
        """Return a URL to which one file of exactly this type and size may be PUT."""

    def presigned_get(self, *, key: str, file_name: str, ttl_seconds: int) -> str:
        """Return a URL from which the file may be downloaded under ``file_name``."""

    def info(self, *, key: str) -> BlobInfo | None:
        """Return what is known of the object, or None where there is none."""

    def read(
        self, *, key: str, start: int = 0, etag: str | None = None, chunk_bytes: int = 1 << 20
    ) -> Iterator[bytes]:
        """Yield the object from byte ``start`` in chunks, never the whole at once.

        Raises BlobGone where there is none, or not the one with this ``etag``; a reader that
        takes its time never goes on with another object.
        """

    def write(self, *, key: str, chunks: Iterable[bytes], content_type: str) -> int:
        """Store the chunks as one object with flat memory (multipart); return its bytes.

        Where ``chunks`` raises, nothing is stored.
        """

    def delete(self, *, key: str) -> None:
        """Remove the object; absent is fine."""


class Origins(Protocol):
    """Origins of web pages, and the tenants that allow them."""

    def tenants(self, *, origin: str) -> frozenset[str]:
        """Return the tenants that allow an origin."""


class JobQueue(Protocol):
    """A queue whose messages start work in the background, delivered at least once."""

    def send(self, *, message: Mapping[str, object], delay_seconds: int = 0) -> None:
        """Enqueue one JSON message."""

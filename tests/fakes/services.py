"""Fakes of the ports around the store."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from chalicelib.ports.services import Mail, MailNotSent, TextMessage


class FakeIds:
    """Identifiers that count, in the shape of the real ones."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def new(self, *, prefix: str) -> str:
        """Return ``<prefix>_<26 digits>``."""
        return f"{prefix}_{next(self._count):026d}"


@dataclass
class InMemoryMailer:
    """Keeps mail for the test to read; ``broken`` makes it refuse."""

    sent: list[Mail] = field(default_factory=list)
    broken: bool = False

    def send(self, *, mail: Mail) -> None:
        """Keep the mail, or raise MailNotSent."""
        if self.broken:
            raise MailNotSent("the mail service did not take the message")
        self.sent.append(mail)

    def last_to(self, address: str) -> Mail:
        """Return the newest mail to an address."""
        return next(mail for mail in reversed(self.sent) if mail.to == address)


@dataclass
class InMemoryTexter:
    """Keeps SMS for the test to read."""

    sent: list[TextMessage] = field(default_factory=list)
    configured: bool = True

    def send(self, *, message: TextMessage) -> None:
        """Keep the message."""
        self.sent.append(message)


class PlainPasswords:
    """Passwords without the work of hashing; counts how often one was checked."""

    def __init__(self) -> None:
        self.checked = 0

    def hash(self, *, password: str) -> str:
        """Return the string to store."""
        return f"plain:{password}"

    def outdated(self, *, stored: str) -> bool:
        """Plain passwords stay as they are."""
        return not stored.startswith("plain:")

    def matches(self, *, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one."""
        self.checked += 1
        return stored == f"plain:{password}"

"""The mails and SMS that the platform sent on this machine: the engine keeps them and delivers none."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

READ_DEADLINE_S = 5.0


class MailboxError(Exception):
    """The engine did not answer."""

    code = "mailbox_unavailable"


@dataclass(frozen=True)
class Mail:
    """One sent mail; ``number`` counts from 1, the oldest, and stays the same."""

    number: int
    sent_at: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class SentText:
    """One sent SMS; the engine does not say when."""

    number: str
    text: str


def read_mailbox(engine_url: str) -> list[Mail]:
    """All mails, oldest first. Raises MailboxError."""
    accounts: dict[str, list[dict[str, Any]]] = _read(f"{engine_url}/_ministack/ses/messages", "messages")
    found = [message for messages in accounts.values() for message in messages]
    found.sort(key=lambda message: float(message["Timestamp"]))
    return [_mail(number, message) for number, message in enumerate(found, start=1)]


def read_texts(engine_url: str) -> list[SentText]:
    """All SMS, those of one number together, oldest first. Raises MailboxError."""
    sent = _read(f"{engine_url}/_ministack/sns/sms-messages", "sms_messages")
    return [SentText(number, one["Message"] or "") for number, texts in sent.items() for one in texts]


def _read(url: str, name: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=READ_DEADLINE_S) as response:
            found: dict[str, Any] = json.load(response)[name]
    except (urllib.error.URLError, OSError, ValueError, KeyError) as error:
        raise MailboxError(f"the engine did not answer: {error}") from error
    return found


def _mail(number: int, message: dict[str, Any]) -> Mail:
    recipients = [*message["To"], *message.get("CC", []), *message.get("BCC", [])]
    return Mail(
        number=number,
        sent_at=datetime.fromtimestamp(float(message["Timestamp"]), UTC),
        sender=message["Source"] or "",
        recipients=tuple(recipients),
        subject=message["Subject"] or "",
        text=message["BodyText"] or "",
        html=message["BodyHtml"] or "",
    )

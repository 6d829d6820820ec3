"""SMS by Amazon SNS, published to a phone number and to no topic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.processors import SMS, sendable
from chalicelib.ports.services import TextMessage, TextNotSent


class SnsTexter:
    """Sends transactional SMS under one sender's name; ``failed`` is told of each that was not taken."""

    configured = True

    def __init__(self, *, client: Any, sender: str, failed: Callable[[Exception], None]) -> None:
        self._client = client
        self._sender = sender
        self._failed = failed

    def send(self, *, message: TextMessage) -> None:
        """Hand the message over, or raise TextNotSent; FieldNotAllowed as for mails."""
        sent = sendable(processor=SMS, message=message)
        attributes = {"AWS.SNS.SMS.SenderID": self._sender, "AWS.SNS.SMS.SMSType": "Transactional"}
        try:
            self._client.publish(
                PhoneNumber=sent["to"],
                Message=sent["text"],
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
                },
            )
        except (ClientError, BotoCoreError) as error:
            self._failed(error)
            raise TextNotSent("the SMS service did not take the message") from error

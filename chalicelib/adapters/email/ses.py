"""Amazon SES, API version 2."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.processors import MAIL, sendable
from chalicelib.ports.services import Mail, MailNotSent

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


class SesMailer:
    """Sends plain-text mail from one address; ``failed`` is told of each that was not taken."""

    def __init__(self, *, client: SESV2Client, sender: str, failed: Callable[[Exception], None]) -> None:
        self._client = client
        self._sender = sender
        self._failed = failed

    def send(self, *, mail: Mail) -> None:
        """Hand the mail over, or raise MailNotSent; FieldNotAllowed where it holds what may not go there."""
        sent = sendable(processor=MAIL, message=mail)
        try:
            self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [sent["to"]]},
                Content={
                    "Simple": {
                        "Subject": {"Data": sent["subject"], "Charset": "UTF-8"},
                        "Body": {"Text": {"Data": sent["text"], "Charset": "UTF-8"}},
                    }
                },
            )
        except (ClientError, BotoCoreError) as error:
            self._failed(error)
            raise MailNotSent("the mail service did not take the message") from error

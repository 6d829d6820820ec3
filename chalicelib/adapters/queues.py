"""Amazon SQS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.ports.services import QueueUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsQueue:
    """One queue."""

    def __init__(self, *, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, *, message: Mapping[str, object], delay_seconds: int = 0) -> None:
        """Enqueue one JSON message, or raise QueueUnavailable."""
        body = json.dumps(dict(message), separators=(",", ":"))
        try:
            self._client.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=delay_seconds)
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable("the queue did not take the message; try again") from error

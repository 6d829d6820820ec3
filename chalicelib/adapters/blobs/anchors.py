"""Heads of audit chains in an S3 bucket with object lock: written once, deleted by nobody.

All that an anchor says is in its key, so that a list is all that verifying reads. Versions are
listed, not objects: a delete marker hides an object from a list, and hides no version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.audit_chain import Anchor
from chalicelib.ports.services import FilesUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_KEY: Final = re.compile(r"(\d{12})-(\d{4}-\d\d-\d\d)-([0-9a-f]{64})\.json")
_EXISTS: Final = frozenset({"412", "PreconditionFailed"})


class S3Anchors:
    """Anchors under ``anchors/<tenant>/<sequence>-<date>-<link>.json``."""

    def __init__(self, *, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def add(self, *, tenant_id: str, anchor: Anchor) -> None:
        """Keep a head; keeping the same again changes nothing."""
        link = anchor.link.hex()
        body = {"tenant_id": tenant_id, "sequence": anchor.sequence, "link": link, "on": anchor.on}
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=f"{_prefix(tenant_id)}{anchor.sequence:012d}-{anchor.on}-{link}.json",
                Body=json.dumps(body).encode(),
                ContentType="application/json",
                # S3 wants one of an object that it will lock.
                ChecksumAlgorithm="SHA256",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _EXISTS:
                raise FilesUnavailable("the anchors cannot be written now") from error
        except BotoCoreError as error:
            raise FilesUnavailable("the anchors cannot be written now") from error

    def after(self, *, tenant_id: str, sequence: int, limit: int) -> Sequence[Anchor]:
        """Return the tenant's anchors beyond a sequence, in order: at most ``limit``."""
        prefix = _prefix(tenant_id)
        try:
            answer = self._client.list_object_versions(
                Bucket=self._bucket,
                Prefix=prefix,
                KeyMarker=f"{prefix}{sequence:012d}~",  # beyond every key of the sequence
                MaxKeys=limit,
            )
        except (ClientError, BotoCoreError) as error:
            raise FilesUnavailable("the anchors cannot be read now") from error
        names = {version["Key"].removeprefix(prefix) for version in answer.get("Versions", [])}
        found = sorted(match.groups() for match in map(_KEY.fullmatch, names) if match)
        return [Anchor(int(number), bytes.fromhex(link), on) for number, on, link in found]


def _prefix(tenant_id: str) -> str:
    return f"anchors/{tenant_id}/"

"""Certificates of deletion beside the anchors of the audit chains, in the bucket with object lock."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.purging import Certificate
from chalicelib.ports.services import FilesUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_EXISTS: Final = frozenset({"412", "PreconditionFailed"})


class S3Vault:
    """Certificates under ``certificates/<tenant>/<of what>-<digest>.json``."""

    def __init__(self, *, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep(self, *, certificate: Certificate) -> None:
        """Keep a certificate; keeping the same again changes nothing. Raises FilesUnavailable."""
        name = f"{certificate.deletion.value}-{certificate.digest}.json"
        body = {"certificate": certificate.text, "hmac_sha256": certificate.mac}
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=f"certificates/{certificate.tenant_id}/{name}",
                Body=json.dumps(body).encode(),
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",  # S3 wants one of an object that it will lock
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _EXISTS:
                raise FilesUnavailable("the certificate cannot be kept now") from error
        except BotoCoreError as error:
            raise FilesUnavailable("the certificate cannot be kept now") from error

"""Backups in an S3 bucket with object lock: each file is written once, and read as it was first written.

Whoever may write to the bucket can put a newer version over a file, or a delete marker; the first
version stays, and is the one that counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.ports.backups import FileThere
from chalicelib.ports.services import BlobGone, FilesUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_EXISTS: Final = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict"})


class S3BackupFiles:
    """Files under ``backups/`` and ``drills/``."""

    def __init__(self, *, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def add(self, *, key: str, body: bytes) -> None:
        """Keep a file, or raise FileThere."""
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType="application/octet-stream",
                # S3 wants one of an object that it will lock.
                ChecksumAlgorithm="SHA256",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _EXISTS:
                raise FileThere("another pass writes this backup") from error
            raise FilesUnavailable("the backups cannot be written now") from error
        except BotoCoreError as error:
            raise FilesUnavailable("the backups cannot be written now") from error

    def read(self, *, key: str, size: int | None = None) -> bytes:
        """Return a file as it was first written, or its first bytes; raise BlobGone where there is none."""
        first = next((version for found, version in self._first_versions(key) if found == key), None)
        if first is None:
            raise BlobGone("there is no such file of a backup")
        asked = {} if size is None else {"Range": f"bytes=0-{size - 1}"}
        try:
            answer = self._client.get_object(
                Bucket=self._bucket,
                Key=key,
                VersionId=first,
                **asked,  # type: ignore[arg-type]
            )
            # Not every store that speaks S3 heeds a range of a version.
            return answer["Body"].read()[:size]
        except (ClientError, BotoCoreError) as error:
            raise FilesUnavailable("the backups cannot be read now") from error

    def names(self, *, prefix: str) -> Iterator[str]:
        """Yield the keys of files that begin so, in their order, those that seem deleted too."""
        return (key for key, _ in self._first_versions(prefix))

    def _first_versions(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield each key with its first version: S3 lists the versions of a key newest first."""
        held: tuple[str, str] | None = None
        for key, version in self._versions(prefix):
            if held is not None and held[0] != key:
                yield held
            held = key, version
        if held is not None:
            yield held

    def _versions(self, prefix: str) -> Iterator[tuple[str, str]]:
        pages = self._client.get_paginator("list_object_versions")
        try:
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                for one in page.get("Versions", []):
                    yield one["Key"], one["VersionId"]
        except (ClientError, BotoCoreError) as error:
            raise FilesUnavailable("the backups cannot be read now") from error

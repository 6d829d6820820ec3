"""Copies of a tenant's files while they are held: the bucket's life cycle deletes the files themselves.

A file is never written over, for whoever began with it insists on its etag: a copy of each is under
``held/<tenant>/<kind>/<etag>/<the rest of the file's name>``, and is copied onto itself before the life cycle
of ``held/`` comes to it, which counts anew from then. After the lift copies go by that life cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.blobs.erasing import HELD, PREFIXES
from chalicelib.domain.holds import copy_due
from chalicelib.ports.services import FilesUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef, ObjectVersionTypeDef

# The file was deleted, or is another one, since it was listed.
_GONE: Final = frozenset({"404", "412", "NoSuchKey", "NotFound", "PreconditionFailed"})


class S3HeldFiles:
    """Tenants' files in one bucket, none of which is as large as what takes several requests to copy."""

    def __init__(self, *, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def hold(self, *, tenant_id: str, at: datetime, out_of_time: Callable[[], bool]) -> bool:
        """Copy each file that has no copy, and renew each copy half of whose life is over.

        Returns whether there was time for all of them; raises FilesUnavailable.
        """
        copies = {one["Key"]: one["LastModified"] for one in self._listed(f"{HELD}/{tenant_id}/")}
        for kind in PREFIXES:
            prefix = f"{kind}/{tenant_id}/"
            for one in self._listed(prefix):
                name, mark = one["Key"].removeprefix(prefix), one["ETag"].strip('"')
                copy = f"{HELD}/{tenant_id}/{kind}/{mark}/{name}"
                if copy in copies:
                    continue
                if out_of_time():
                    return False
                self._copy(one["Key"], one["ETag"], copy)
        for copy, made_at in copies.items():
            if copy_due(made_at=made_at, at=at):
                if out_of_time():
                    return False
                self._renew(copy, at)
        return True

    def _listed(self, prefix: str) -> Iterator[ObjectVersionTypeDef]:
        pages = self._client.get_paginator("list_object_versions")
        try:
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                yield from page.get("Versions", [])
        except (ClientError, BotoCoreError) as error:
            raise FilesUnavailable("files cannot be listed now; try again") from error

    def _copy(self, key: str, etag: str, copy: str) -> None:
        source = self._source(key)
        try:
            self._client.copy_object(Bucket=self._bucket, Key=copy, CopySource=source, CopySourceIfMatch=etag)
        except (ClientError, BotoCoreError) as error:
            _raise_unless_gone(error)

    def _renew(self, copy: str, at: datetime) -> None:
        """Copy onto itself, which S3 does only where something changes: when it was."""
        source = self._source(copy)
        try:
            kind = self._client.head_object(Bucket=self._bucket, Key=copy)["ContentType"]
            self._client.copy_object(
                Bucket=self._bucket,
                Key=copy,
                CopySource=source,
                ContentType=kind,
                Metadata={"renewed": at.isoformat()},
                MetadataDirective="REPLACE",
            )
        except (ClientError, BotoCoreError) as error:
            _raise_unless_gone(error)

    def _source(self, key: str) -> CopySourceTypeDef:
        return {"Bucket": self._bucket, "Key": key}


def _raise_unless_gone(error: ClientError | BotoCoreError) -> None:
    """Raise what a failed copy means; nothing where the file went meanwhile: the next pass lists anew."""
    if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in _GONE:
        return
    raise FilesUnavailable("a file that is held cannot be copied now; try again") from error

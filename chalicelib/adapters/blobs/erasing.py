"""Deleting all files of a tenant: every version of every object, and uploads that were not ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.ports.services import FilesUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

PREFIXES: Final = ("imports", "exports", "documents", "vouchers")
# Copies of files that are held (``holding``).
HELD: Final = "held"
DELETES_PER_REQUEST: Final = 1_000


class S3FileErasure:
    """Tenants' files in one bucket."""

    def __init__(self, *, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def count(self, *, tenant_id: str) -> int:
        """Return how many files a tenant has, old versions among them; or raise FilesUnavailable."""
        return sum(len(page) for page in self._pages(tenant_id))

    def erase(self, *, tenant_id: str) -> None:
        """Delete all of a tenant's files; raise FilesUnavailable where some could not be."""
        for page in self._pages(tenant_id):
            for first in range(0, len(page), DELETES_PER_REQUEST):
                self._delete(page[first : first + DELETES_PER_REQUEST])
        self._abort_uploads(tenant_id)

    def _delete(self, objects: list[ObjectIdentifierTypeDef]) -> None:
        try:
            answer = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True}
            )
        except (ClientError, BotoCoreError) as error:
            raise FilesUnavailable("files cannot be deleted now; try again") from error
        if answer.get("Errors"):
            raise FilesUnavailable(f"{len(answer['Errors'])} files could not be deleted; try again")

    def _pages(self, tenant_id: str) -> Iterator[list[ObjectIdentifierTypeDef]]:
        """Yield the tenant's objects, page by page, delete markers among them."""
        pages = self._client.get_paginator("list_object_versions")
        try:
            for prefix in (*PREFIXES, HELD):
                for page in pages.paginate(Bucket=self._bucket, Prefix=f"{prefix}/{tenant_id}/"):
                    found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                    if found:
                        yield [_identifier(one["Key"], one.get("VersionId")) for one in found]
        except (ClientError, BotoCoreError) as error:
            raise FilesUnavailable("files cannot be listed now; try again") from error

    def _abort_uploads(self, tenant_id: str) -> None:
        pages = self._client.get_paginator("list_multipart_uploads")
        try:
            for prefix in PREFIXES:
                for page in pages.paginate(Bucket=self._bucket, Prefix=f"{prefix}/{tenant_id}/"):
                    for one in page.get("Uploads", []):
                        self._client.abort_multipart_upload(
                            Bucket=self._bucket, Key=one["Key"], UploadId=one["UploadId"]
                        )
        except (ClientError, BotoCoreError) as error:
            raise FilesUnavailable("uploads cannot be ended now; try again") from error


def _identifier(key: str, version_id: str | None) -> ObjectIdentifierTypeDef:
    # Objects of a bucket that never had versions are of the version "null".
    return {"Key": key, "VersionId": version_id} if version_id not in {None, "null"} else {"Key": key}

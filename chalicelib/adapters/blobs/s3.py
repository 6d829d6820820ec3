"""Amazon S3. Objects are encrypted by the bucket's own default (SSE-KMS with our key)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import chain
from typing import TYPE_CHECKING, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.ports.services import BlobGone, BlobInfo, FilesUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

# S3 takes at most 10,000 parts: 80 GB, far above any export.
PART_BYTES: Final = 8 * 1024 * 1024
_ABSENT: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_CHANGED: Final = frozenset({"412", "PreconditionFailed"})
_BEYOND_END: Final = frozenset({"416", "InvalidRange"})


def client_config(*, endpoint_url: str | None) -> Config:
    """Return how to talk to S3: signature version 4, which presigned URLs with SSE-KMS need.

    An endpoint of our own is not resolved by bucket name, so there the bucket goes into the path.
    """
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if endpoint_url else "virtual"},
    )


class S3Blobs:
    """Files in one bucket."""

    def __init__(self, *, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def presigned_put(self, *, key: str, content_type: str, size_bytes: int, ttl_seconds: int) -> str:
        """Return a URL to which one file of exactly this type and size may be PUT."""
        return self._client.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ContentType": content_type,
                "ContentLength": size_bytes,
            },
            ExpiresIn=ttl_seconds,
        )

    def presigned_get(self, *, key: str, file_name: str, ttl_seconds: int) -> str:
        """Return a URL from which the file may be downloaded under ``file_name`` (plain ASCII)."""
        return self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ResponseContentDisposition": f'attachment; filename="{file_name}"',
            },
            ExpiresIn=ttl_seconds,
        )

    def info(self, *, key: str) -> BlobInfo | None:
        """Return what is known of the object, or None where there is none."""
        try:
            with _answering(key):
                head = self._client.head_object(Bucket=self._bucket, Key=key)
        except BlobGone:
            return None
        return BlobInfo(
            key=key,
            size_bytes=head["ContentLength"],
            etag=head["ETag"].strip('"'),
        )

    def read(
        self, *, key: str, start: int = 0, etag: str | None = None, chunk_bytes: int = 1 << 20
    ) -> Iterator[bytes]:
        """Yield the object from byte ``start`` in chunks, one ranged request each.

        A slow reader thus holds no connection open; each request insists on the first one's
        object.
        """
        while True:
            found = self._range(key, start, start + chunk_bytes - 1, etag)
            if found is None:
                return
            chunk, etag, size = found
            start += len(chunk)
            yield chunk
            if start >= size or not chunk:
                return

    def _range(self, key: str, first: int, last: int, etag: str | None) -> tuple[bytes, str, int] | None:
        """Return bytes ``first`` to ``last``, the object's etag and size; None beyond its end."""
        insist = {"IfMatch": f'"{etag}"'} if etag else {}
        try:
            with _answering(key):
                answer = self._client.get_object(
                    Bucket=self._bucket,
                    Key=key,
                    Range=f"bytes={first}-{last}",
                    **insist,  # type: ignore[arg-type]
                )
                body = answer["Body"].read()
        except _BeyondEnd:
            return None
        size = int(answer["ContentRange"].rpartition("/")[2])
        return body, answer["ETag"].strip('"'), size

    def write(self, *, key: str, chunks: Iterable[bytes], content_type: str) -> int:
        """Store the chunks as one object; what does not fit one part goes up as a multipart upload."""
        parts = _parts(chunks)
        first = next(parts, b"")
        if len(first) < PART_BYTES:
            with _answering(key):
                self._client.put_object(Bucket=self._bucket, Key=key, Body=first, ContentType=content_type)
            return len(first)
        with _answering(key):
            upload = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ContentType=content_type
            )
        try:
            return self._upload(key, upload["UploadId"], chain([first], parts))
        except BaseException:
            with _answering(key):
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload["UploadId"])
            raise

    def _upload(self, key: str, upload_id: str, parts: Iterable[bytes]) -> int:
        done: list[CompletedPartTypeDef] = []
        size = 0
        for part in parts:
            number = len(done) + 1
            # botocore leaves requests in reference cycles: a body that is closed keeps no part alive.
            with _answering(key), BytesIO(part) as body:
                answer = self._client.upload_part(
                    Bucket=self._bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body
                )
            done.append({"ETag": answer["ETag"], "PartNumber": number})
            size += len(part)
            del part  # before the next one is gathered
        with _answering(key):
            self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": done}
            )
        return size

    def delete(self, *, key: str) -> None:
        """Remove the object; absent is fine."""
        with _answering(key):
            self._client.delete_object(Bucket=self._bucket, Key=key)


class _BeyondEnd(Exception):
    """The range begins after the object's last byte."""


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Join the chunks to parts of PART_BYTES or a little more; only the last may be smaller."""
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= PART_BYTES:
            part = b"".join(held)
            held.clear()
            size = 0
            yield part
            del part
    if held:
        yield b"".join(held)


@contextmanager
def _answering(key: str) -> Iterator[None]:
    """Raise what a failure of S3 means to a caller."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _ABSENT:
            raise BlobGone("the file is not there") from error
        if code in _CHANGED:
            raise BlobGone("the file is not the one that was begun") from error
        if code in _BEYOND_END:
            raise _BeyondEnd(key) from error
        raise FilesUnavailable("the file store refused the request; try again") from error
    except BotoCoreError as error:
        raise FilesUnavailable("the file store did not answer; try again") from error

"""Files and queues over the engine: what the adapters promise."""

from __future__ import annotations

import secrets
import tracemalloc
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from chalicelib.adapters.blobs.s3 import PART_BYTES
from chalicelib.adapters.queues import SqsQueue
from chalicelib.bootstrap import Services
from chalicelib.ports.services import BlobGone, FilesUnavailable, QueueUnavailable


@pytest.fixture
def key() -> str:
    return f"imports/ten_{secrets.token_hex(8)}/file.csv"


def put(url: str, data: bytes, content_type: str = "text/csv") -> int:
    request = urllib.request.Request(url, data=data, method="PUT", headers={"Content-Type": content_type})
    with urllib.request.urlopen(request, timeout=30) as response:
        return int(response.status)


def test_a_file_is_put_and_got_by_presigned_urls(services: Services, key: str) -> None:
    blobs = services.blobs
    url = blobs.presigned_put(key=key, content_type="text/csv", size_bytes=5, ttl_seconds=60)

    assert put(url, b"a,b\r\n") == 200

    info = blobs.info(key=key)
    assert info is not None
    assert (info.size_bytes, len(info.etag) > 8) == (5, True)
    download = blobs.presigned_get(key=key, file_name="mine.csv", ttl_seconds=60)
    with urllib.request.urlopen(download, timeout=30) as response:
        assert response.read() == b"a,b\r\n"
        assert response.headers["Content-Disposition"] == 'attachment; filename="mine.csv"'


@pytest.mark.parametrize(
    ("signed", "spoilt"),
    [
        ("X-Amz-Expires=60", "X-Amz-Expires=99999"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
        ("mine.csv", "other.csv"),
        ("/imports/ten_", "/imports/ten_x"),
    ],
)
def test_a_presigned_url_is_good_for_nothing_else(
    services: Services, key: str, signed: str, spoilt: str
) -> None:
    services.blobs.write(key=key, chunks=[b"x"], content_type="text/csv")
    url = services.blobs.presigned_get(key=key, file_name="mine.csv", ttl_seconds=60)
    assert signed in url

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url.replace(signed, spoilt), timeout=30)
    refused.value.close()
    assert refused.value.code == 403


def test_a_file_is_read_from_any_byte_in_chunks(services: Services, key: str) -> None:
    data = secrets.token_bytes(10_000)
    services.blobs.write(key=key, chunks=[data], content_type="text/csv")

    assert b"".join(services.blobs.read(key=key, chunk_bytes=999)) == data
    assert b"".join(services.blobs.read(key=key, start=4_321, chunk_bytes=999)) == data[4_321:]
    assert list(services.blobs.read(key=key, start=10_000)) == []


def test_a_reader_never_goes_on_with_another_file(services: Services, key: str) -> None:
    services.blobs.write(key=key, chunks=[b"x" * 5_000], content_type="text/csv")
    reading = services.blobs.read(key=key, chunk_bytes=1_000)
    next(reading)

    services.blobs.write(key=key, chunks=[b"y" * 5_000], content_type="text/csv")

    with pytest.raises(BlobGone):
        next(reading)
    services.blobs.delete(key=key)
    with pytest.raises(BlobGone):
        next(services.blobs.read(key=key))
    assert services.blobs.info(key=key) is None
    services.blobs.delete(key=key)


def test_an_empty_file_is_a_file(services: Services, key: str) -> None:
    assert services.blobs.write(key=key, chunks=[], content_type="text/csv") == 0

    assert list(services.blobs.read(key=key)) == []


def test_a_large_file_is_written_in_flat_memory(services: Services, key: str) -> None:
    def chunks() -> Iterator[bytes]:
        for number in range(80):
            yield bytes([number]) * (1 << 20)

    tracemalloc.start()
    written = services.blobs.write(key=key, chunks=chunks(), content_type="application/zip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert written == 80 << 20
    assert peak < 4 * PART_BYTES
    assert b"".join(services.blobs.read(key=key)) == b"".join(chunks())


def test_a_write_that_breaks_off_leaves_nothing(services: Services, key: str) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"x" * (PART_BYTES + 1)
        yield b"y" * (PART_BYTES + 1)
        raise RuntimeError("the worker broke")

    with pytest.raises(RuntimeError, match="the worker broke"):
        services.blobs.write(key=key, chunks=chunks(), content_type="application/zip")

    assert services.blobs.info(key=key) is None


def test_a_bucket_that_refuses_is_a_file_store_that_is_unavailable(services: Services) -> None:
    from chalicelib.adapters.blobs.s3 import S3Blobs, client_config

    config = client_config(endpoint_url=services.settings.endpoint_url)
    elsewhere = S3Blobs(client=services.client("s3", config), bucket="no-such-bucket-of-ours")

    with pytest.raises(FilesUnavailable):
        elsewhere.write(key="imports/ten_x/y", chunks=[b"x"], content_type="text/csv")


def test_a_message_arrives_as_it_was_sent(services: Services) -> None:
    client = services._sqs
    url = client.create_queue(QueueName=f"t-{secrets.token_hex(8)}")["QueueUrl"]

    SqsQueue(client=client, url=url).send(message={"text": "علی", "n": 1})

    received = client.receive_message(QueueUrl=url, WaitTimeSeconds=2)
    assert [one["Body"] for one in received["Messages"]] == ['{"text":"\\u0639\\u0644\\u06cc","n":1}']


def test_a_queue_that_is_not_there_is_unavailable(services: Services) -> None:
    url = services.settings.import_queue_url.replace("Import", "NoSuch")

    with pytest.raises(QueueUnavailable):
        SqsQueue(client=services._sqs, url=url).send(message={})

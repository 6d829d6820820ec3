"""What we rely on of the engine's KMS, S3 and SES, and its documented faults."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.local.mailbox import read_mailbox
from tests.fixtures_engine import EngineHandle

CONTEXT = {"tenant": "ten_1", "family": "operational"}


@pytest.fixture
def kms(engine: EngineHandle) -> Any:
    return engine.client("kms")


@pytest.fixture
def key_id(kms: Any) -> str:
    made: str = kms.create_key()["KeyMetadata"]["KeyId"]
    return made


@pytest.fixture
def s3(engine: EngineHandle) -> Any:
    return engine.client("s3", signature="s3v4")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"contract-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


# ---- KMS ---------------------------------------------------------------------------------


def test_a_data_key_comes_back_under_its_encryption_context(kms: Any, key_id: str) -> None:
    made = kms.generate_data_key(KeyId=key_id, KeySpec="AES_256", EncryptionContext=CONTEXT)

    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)

    assert len(made["Plaintext"]) == 32
    assert opened["Plaintext"] == made["Plaintext"]


@pytest.mark.parametrize("context", [{}, {"tenant": "ten_2", "family": "operational"}])
def test_another_encryption_context_is_refused(kms: Any, key_id: str, context: dict[str, str]) -> None:
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"secret", EncryptionContext=CONTEXT)["CiphertextBlob"]

    with pytest.raises(ClientError) as refusal:
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)

    assert refusal.value.response["Error"]["Code"] == "InvalidCiphertextException"


def test_fault_decrypt_does_not_look_at_the_key_it_is_told(kms: Any, key_id: str) -> None:
    """AWS answers IncorrectKeyException; the engine answers bytes that mean nothing."""
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"secret", EncryptionContext=CONTEXT)["CiphertextBlob"]
    other = kms.create_key()["KeyMetadata"]["KeyId"]

    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT, KeyId=other)

    assert opened["Plaintext"] != b"secret"


def test_a_disabled_key_opens_nothing(kms: Any, key_id: str) -> None:
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"secret")["CiphertextBlob"]
    kms.disable_key(KeyId=key_id)

    with pytest.raises(ClientError) as refusal:
        kms.decrypt(CiphertextBlob=blob)

    assert refusal.value.response["Error"]["Code"] == "DisabledException"


def test_fault_ciphertext_is_not_authenticated(kms: Any, key_id: str) -> None:
    """AWS refuses a changed ciphertext; the engine opens it to something else.

    So our own layer (AES-GCM with associated data) has to notice, with no help from KMS.
    """
    blob = bytearray(kms.encrypt(KeyId=key_id, Plaintext=b"secret")["CiphertextBlob"])
    blob[-1] ^= 1

    assert kms.decrypt(CiphertextBlob=bytes(blob))["Plaintext"] != b"secret"


# ---- S3 ----------------------------------------------------------------------------------


def http(method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(url, data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def presign(s3: Any, operation: str, bucket: str, key: str, expires_s: int = 60) -> str:
    url: str = s3.generate_presigned_url(
        operation, Params={"Bucket": bucket, "Key": key}, ExpiresIn=expires_s
    )
    return url


def test_a_presigned_put_and_get_carry_a_body_both_ways(s3: Any, bucket: str) -> None:
    body = b"id,name\r\n1,Ayesha\r\n" * 1000

    put_status, _ = http("PUT", presign(s3, "put_object", bucket, "imports/a.csv"), body)
    get_status, got = http("GET", presign(s3, "get_object", bucket, "imports/a.csv"))

    assert (put_status, get_status) == (200, 200)
    assert got == body


def test_a_presigned_url_expires(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    url = presign(s3, "get_object", bucket, "a", expires_s=1)
    time.sleep(2.2)

    status, body = http("GET", url)

    assert status == 403
    assert b"expired" in body.lower()


def test_a_presigned_url_is_for_its_own_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="mine", Body=b"x")
    s3.put_object(Bucket=bucket, Key="theirs", Body=b"y")
    url = presign(s3, "get_object", bucket, "mine").replace("/mine?", "/theirs?")

    status, body = http("GET", url)

    assert (status, body) != (200, b"y")


def test_a_multipart_upload_becomes_one_object(s3: Any, bucket: str) -> None:
    part = b"x" * (5 * 1024 * 1024)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="zip")["UploadId"]
    tags = [
        s3.upload_part(Bucket=bucket, Key="zip", UploadId=upload, PartNumber=n, Body=body)["ETag"]
        for n, body in ((1, part), (2, b"end"))
    ]
    s3.complete_multipart_upload(
        Bucket=bucket,
        Key="zip",
        UploadId=upload,
        MultipartUpload={"Parts": [{"ETag": t, "PartNumber": n} for n, t in enumerate(tags, 1)]},
    )

    assert s3.head_object(Bucket=bucket, Key="zip")["ContentLength"] == len(part) + 3
    assert s3.get_object(Bucket=bucket, Key="zip", Range="bytes=-3")["Body"].read() == b"end"


# ---- SES ---------------------------------------------------------------------------------


def test_a_sent_mail_is_readable_in_the_mailbox(engine: EngineHandle) -> None:
    ses = engine.client("sesv2")
    ses.create_email_identity(EmailIdentity="contract.example")
    subject = f"Verify {uuid.uuid4().hex}"

    ses.send_email(
        FromEmailAddress="billing@contract.example",
        Destination={"ToAddresses": ["owner@isp.example"]},
        Content={
            "Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": "Grüße\nhttp://x/?a=1&b=2"}}}
        },
    )

    mail = next(m for m in read_mailbox(engine.url) if m.subject == subject)
    assert mail.recipients == ("owner@isp.example",)
    assert mail.text == "Grüße\nhttp://x/?a=1&b=2"


def test_an_unverified_sender_is_refused(engine: EngineHandle) -> None:
    with pytest.raises(ClientError) as refusal:
        engine.client("sesv2").send_email(
            FromEmailAddress="a@unverified.example",
            Destination={"ToAddresses": ["b@isp.example"]},
            Content={"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}},
        )

    assert refusal.value.response["Error"]["Code"] == "MessageRejected"

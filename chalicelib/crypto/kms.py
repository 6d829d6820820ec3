"""The key service behind the keyring: AWS KMS."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class KmsKeyWrapper:
    """Wraps root keys under one KMS key; the encryption context is authenticated by KMS."""

    def __init__(self, *, client: KMSClient, key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    def generate(self, *, context: dict[str, str]) -> tuple[bytes, bytes]:
        """Return a new 256-bit key, plain and wrapped."""
        answer = self._client.generate_data_key(
            KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=context
        )
        return answer["Plaintext"], answer["CiphertextBlob"]

    def unwrap(self, *, wrapped: bytes, context: dict[str, str]) -> bytes:
        """Return the plain key; KMS refuses where the context differs."""
        answer = self._client.decrypt(KeyId=self._key_id, CiphertextBlob=wrapped, EncryptionContext=context)
        return answer["Plaintext"]

    def ping(self) -> None:
        """Raise unless the key can be used."""
        self.generate(context={"tenant": "none", "purpose": "readiness"})

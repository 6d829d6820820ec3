"""The key service behind the keyring: AWS KMS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Busy

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class KeysUnavailable(Busy):
    """The key service refused or did not answer; try again."""

    code = "keys_unavailable"


class KmsKeyWrapper:
    """Wraps root keys under one KMS key; the encryption context is authenticated by KMS."""

    def __init__(self, *, client: KMSClient, key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    def generate(self, *, context: dict[str, str]) -> tuple[bytes, bytes]:
        """Return a new 256-bit key, plain and wrapped; raise KeysUnavailable where KMS gives none."""
        try:
            answer = self._client.generate_data_key(
                KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=context
            )
        except (BotoCoreError, ClientError) as error:
            raise KeysUnavailable("the key service does not answer; try again") from error
        return answer["Plaintext"], answer["CiphertextBlob"]

    def unwrap(self, *, wrapped: bytes, context: dict[str, str]) -> bytes:
        """Return the plain key, or raise KeysUnavailable; KMS refuses where the context differs."""
        try:
            answer = self._client.decrypt(
                KeyId=self._key_id, CiphertextBlob=wrapped, EncryptionContext=context
            )
        except (BotoCoreError, ClientError) as error:
            raise KeysUnavailable("the key service does not answer; try again") from error
        return answer["Plaintext"]

    def ping(self) -> None:
        """Raise unless the key can be used."""
        self.generate(context={"tenant": "none", "purpose": "readiness"})

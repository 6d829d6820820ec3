"""The key service behind the keyring: AWS KMS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.crypto.keyring import CiphertextRejected, WrappedKey
from chalicelib.domain.errors import Busy

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class KeysUnavailable(Busy):
    """The key service refused or did not answer; try again."""

    code = "keys_unavailable"


# As long as KMS takes one (AWS KMS API Reference, "Decrypt").
WRAPPED_BYTES_MAX: Final = 6_144
# What KMS says of a ciphertext that it did not make for this key and context.
_NOT_OURS: Final = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


class KmsKeyWrapper:
    """Wraps root keys under one KMS key; the encryption context is authenticated by KMS.

    ``former_key_ids`` are KMS keys under which roots may still be wrapped, until they are
    wrapped anew. What names another key is refused before KMS is asked.
    """

    def __init__(self, *, client: KMSClient, key_id: str, former_key_ids: Sequence[str] = ()) -> None:
        self._client = client
        self._key_id = key_id
        self._key_ids = frozenset({key_id, *former_key_ids})

    @property
    def key_id(self) -> str:
        """The KMS key that wraps from now on."""
        return self._key_id

    def generate(self, *, context: dict[str, str]) -> tuple[bytes, bytes]:
        """Return a new 256-bit key, plain and wrapped; raise KeysUnavailable where KMS gives none."""
        try:
            answer = self._client.generate_data_key(
                KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=context
            )
        except (BotoCoreError, ClientError) as error:
            raise KeysUnavailable("the key service does not answer; try again") from error
        return answer["Plaintext"], answer["CiphertextBlob"]

    def wrap(self, *, plain: bytes, context: dict[str, str]) -> bytes:
        """Return the key wrapped under the present KMS key, or raise KeysUnavailable."""
        try:
            answer = self._client.encrypt(KeyId=self._key_id, Plaintext=plain, EncryptionContext=context)
        except (BotoCoreError, ClientError) as error:
            raise KeysUnavailable("the key service does not answer; try again") from error
        return answer["CiphertextBlob"]

    def unwrap(self, *, key: WrappedKey, context: dict[str, str]) -> bytes:
        """Return the plain key.

        Raises CiphertextRejected where KMS did not wrap it under this key and context, or it names
        a KMS key that is not ours, and KeysUnavailable where KMS does not answer.
        """
        key_id = key.wrapped_by or self._key_id
        if key_id not in self._key_ids or not 0 < len(key.wrapped) <= WRAPPED_BYTES_MAX:
            raise CiphertextRejected("the key was not wrapped by a key of ours")
        try:
            answer = self._client.decrypt(KeyId=key_id, CiphertextBlob=key.wrapped, EncryptionContext=context)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _NOT_OURS:
                raise CiphertextRejected("the key was not wrapped by us") from error
            raise KeysUnavailable("the key service does not answer; try again") from error
        except BotoCoreError as error:
            raise KeysUnavailable("the key service does not answer; try again") from error
        return answer["Plaintext"]

    def ping(self) -> None:
        """Raise unless the key can be used."""
        self.generate(context={"tenant": "none", "purpose": "readiness"})

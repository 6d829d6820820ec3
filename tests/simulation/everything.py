"""All that the platform has stored or said, opened with every key that remains."""

from __future__ import annotations

import io
import json
import zipfile
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from chalicelib.crypto.keyring import FORMAT, CiphertextRejected, KeyDestroyed, Keyring, TenantKeys, untold
from chalicelib.store.wire import Json
from tests.fixtures_engine import EngineHandle
from tests.integration.conftest import EngineServices
from tests.integration.raw import raw_items

PLAIN = ""
IN_BACKUP = "backup part"
PLATFORM_IN_BACKUP = "the platform's rows in a backup"
CHANGES_IN_BACKUP = "changes in a backup"
# Attributes of bytes that are no ciphertext: wrapped keys, identifiers in a register, links of the chain.
NOT_SEALED = {"wrapped", "e", "links", "previous", "head", "link"}


@dataclass(frozen=True, slots=True)
class Text:
    """Something to read: where it is, whose that place is, and by which family of keys it was opened."""

    kind: str
    place: str
    tenant_id: str
    family: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Sealing:
    """Whose a ciphertext is, and what it is bound to."""

    tenant_id: str
    family: str
    place: str


# Of the whole process: a backup may hold changes of a few seconds before, of the platform that was here then.
_SEALED: dict[bytes, Sealing] = {}


@dataclass
class Sealed:
    """What was sealed in this process, by its ciphertext: so each is opened as the platform does."""

    known: dict[bytes, Sealing] = field(default_factory=lambda: _SEALED)

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Write down from now on what keys of tenants seal."""
        seal, known = TenantKeys.seal, self.known

        def sealing(keys: TenantKeys, *, family: str, place: str, plain: bytes) -> bytes:
            sealed = seal(keys, family=family, place=place, plain=plain)
            known[sealed] = known[b64encode(sealed)] = Sealing(keys.tenant_id, family, place)
            return sealed

        patch.setattr(TenantKeys, "seal", sealing)


@dataclass
class Remaining:
    """The keys that remain, by the platform's own keyring, which remembers none and alarms nobody."""

    platform: Keyring
    _found: dict[str, TenantKeys | None] = field(default_factory=dict)

    def of(self, sealing: Sealing) -> TenantKeys:
        """Return the keys of whose a ciphertext is, or raise CiphertextRejected."""
        tenant_id = sealing.tenant_id
        if tenant_id not in self._found:
            mine = Keyring(wrapper=self.platform._wrapper, store=self.platform._store, tell=untold)
            with suppress(CiphertextRejected):
                self._found[tenant_id] = mine.of(tenant_id=tenant_id)
        found = self._found.setdefault(tenant_id, None)
        if found is None:
            raise KeyDestroyed("none is left")
        return found


@dataclass
class Everything:
    """The places where something may lie; counts what was looked at."""

    services: EngineServices
    engine: EngineHandle
    sealed: Sealed
    # What gives the lines of the log since it was asked last; messages that went to queues since.
    hear: Callable[[], Sequence[str]] = tuple
    messages: list[str] = field(default_factory=list)
    # Files that were there before.
    before: set[tuple[str, str]] = field(default_factory=set)
    looked: Counter[str] = field(default_factory=Counter)

    def texts(self, *, tenant_id: str = "") -> Iterator[Text]:
        """Yield everything; of the tenants' own table and files only a tenant's, where one is given."""
        # What this process remembers of keys is no key that remains.
        self.services.keyring._cache.clear()
        mine = f"{tenant_id}#" if tenant_id else ""
        at = self.services.settings
        for kind, table in (
            ("tenants table", at.tenants_table),
            ("platform table", at.platform_table),
            ("ephemeral table", at.ephemeral_table),
            ("keys table", at.keys_table),
        ):
            items = raw_items(self.services, mine) if mine and kind == "tenants table" else self._scan(table)
            yield from self.items(kind, items)
        yield from self.files(tenant_id)
        yield from self.said()

    def items(self, kind: str, items: Iterable[Json]) -> Iterator[Text]:
        """Yield every attribute, as it lies there and as it is read with the keys that remain."""
        keys, now = Remaining(self.services.keyring), self.services.clock.now()
        for item in items:
            self.looked["items"] += 1
            if expired(item, now):
                self.looked["items that had expired"] += 1
                continue
            pk, sk = item["pk"]["S"], item["sk"]["S"]
            whose = pk.partition("#")[0]
            for name, value in item.items():
                place = f"{pk} {sk} {name}"
                for data in _bytes_of(value):
                    self.looked["bytes"] += len(data)
                    yield Text(kind, place, whose, PLAIN, data)
                    sealing = self.sealed.known.get(data)
                    if sealing is not None:
                        yield from self._opened(keys, kind, place, sealing, data)
                    elif "B" in value and name not in NOT_SEALED:
                        raise AssertionError(f"nobody knows how to read {place}")

    def _opened(
        self, keys: Remaining, kind: str, place: str, sealing: Sealing, data: bytes
    ) -> Iterator[Text]:
        sealed = b64decode(data) if data[:1] != FORMAT else data
        try:
            plain = keys.of(sealing).open(family=sealing.family, place=sealing.place, sealed=sealed)
        except CiphertextRejected:
            self.looked["sealed attributes that nothing opens"] += 1
        else:
            self.looked["sealed attributes opened"] += 1
            yield Text(kind, place, sealing.tenant_id, sealing.family, plain)

    def keys_of_files(self) -> Iterator[tuple[str, str]]:
        """Yield bucket and key of every version of every file."""
        return ((bucket, one["Key"]) for bucket, one in self._versions())

    def _versions(self) -> Iterator[tuple[str, Any]]:
        client = self.engine.client("s3")
        for bucket in client.list_buckets()["Buckets"]:
            for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket["Name"]):
                yield from ((bucket["Name"], one) for one in page.get("Versions", []))

    def files(self, tenant_id: str) -> Iterator[Text]:
        """Yield every version of every file, and what is in archives."""
        client = self.engine.client("s3")
        for bucket, one in self._versions():
            key, parts = one["Key"], one["Key"].split("/")
            whose = parts[1] if len(parts) > 1 else ""
            if (bucket, key) in self.before or tenant_id not in {"", whose}:
                continue
            body = client.get_object(Bucket=bucket, Key=key, VersionId=one["VersionId"])["Body"].read()
            self.looked["files"] += 1
            self.looked["bytes"] += len(body)
            for data in (body, key.encode(), *unzipped(body)):
                yield Text("file", key, whose, PLAIN, data)

    def said(self) -> Iterator[Text]:
        """Yield lines of the log and messages in queues, each once."""
        for kind, texts in (("log", self.hear()), ("queue", tuple(self.messages))):
            self.looked[f"texts in {kind}s"] += len(texts)
            for text in texts:
                self.looked["bytes"] += len(text)
                yield Text(kind, kind, "", PLAIN, text.encode())
        self.messages.clear()

    def _scan(self, table: str) -> Iterator[Json]:
        start: Json | None = None
        while True:
            asked: Json = {"TableName": table, "ConsistentRead": True, "Limit": 1_000}
            page = self.services.wire.call(
                "Scan", {**asked, **({"ExclusiveStartKey": start} if start else {})}
            )
            yield from page["Items"]
            start = page.get("LastEvaluatedKey")
            if start is None:
                return


def expired(item: Json, at: datetime) -> bool:
    """Whether an item is past its expiry: the table deletes it, and the platform reads it no more."""
    return float(item.get("ttl", {}).get("N", "inf")) < at.timestamp()


def _bytes_of(value: Any) -> Iterator[bytes]:
    """The texts in an attribute, and in what it holds."""
    [(kind, inner)] = value.items()
    if kind == "B":
        yield inner if isinstance(inner, bytes) else b64decode(inner)
    elif kind == "M":
        for name, one in inner.items():
            yield name.encode()
            yield from _bytes_of(one)
    elif kind == "L":
        for one in inner:
            yield from _bytes_of(one)
    elif kind in {"SS", "NS"}:
        yield from (one.encode() for one in inner)
    else:
        yield str(inner).encode()


def unzipped(body: bytes) -> Iterator[bytes]:
    """What is in an archive; nothing for what is none."""
    # By its beginning: its end mark is in one of some 100,000 sealed files by chance.
    if body.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            yield from (archive.read(name) for name in archive.namelist())


def message_text(message: Any) -> str:
    """A message of a queue as it lies there."""
    return json.dumps(dict(message))

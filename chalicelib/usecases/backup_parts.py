"""The parts of a backup as files: each names the one before it by hash, and nobody alters one unseen.

A part is ``IBK1``, the length of its head in four bytes, the head under the backup's own key, and
a section an owner under the owner's keys. Each is bound to backup, part and owner.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Final

from chalicelib.domain.backups import (
    PLATFORM,
    BackupDamaged,
    Head,
    Manifest,
    Section,
    decode_head,
    decode_manifest,
    key_key,
    manifest_key,
    part_key,
)
from chalicelib.ports.backups import BackupFiles, BackupSealing, BackupSeals, FileThere
from chalicelib.ports.services import BlobGone

_MAGIC: Final = b"IBK1"
_PREFIX_BYTES: Final = len(_MAGIC) + 4
_HEAD: Final = "head"
_MANIFEST: Final = "manifest"
# A head is read without its sections by so many bytes, which hold most of them.
_HEAD_BYTES: Final = 64 * 1024


class BackupPartFiles:
    """The files of one backup; raises BackupDamaged for whatever is not as it was written."""

    def __init__(self, *, files: BackupFiles, seals: BackupSeals, backup: str) -> None:
        self._files = files
        self._seals = seals
        self._backup = backup

    @classmethod
    def opened(cls, *, files: BackupFiles, sealing: BackupSealing, backup: str) -> BackupPartFiles:
        """Return the files of a backup that was begun, or raise BlobGone."""
        key = files.read(key=key_key(backup=backup))
        return cls(files=files, seals=sealing.seals(backup=backup, key=key), backup=backup)

    @classmethod
    def begun(cls, *, files: BackupFiles, sealing: BackupSealing, backup: str) -> BackupPartFiles:
        """Return the files of a backup, with a key of its own where it has none yet."""
        key = key_key(backup=backup)
        try:
            files.read(key=key)
        except BlobGone:
            with suppress(FileThere):  # another pass made one: that counts
                files.add(key=key, body=sealing.fresh(backup=backup))
        return cls.opened(files=files, sealing=sealing, backup=backup)

    # -- writing ---------------------------------------------------------------------------

    def add(
        self, *, head: Head, lines: Mapping[str, Sequence[str]], last: Mapping[str, str]
    ) -> tuple[Head, str]:
        """Write a part of what each owner has; return its head and hash, or raise FileThere.

        ``last`` says of changes when an owner's last was made.
        """
        sections: list[Section] = []
        bodies: list[bytes] = []
        for owner, of_owner in sorted(lines.items()):
            plain = zlib.compress("\n".join(of_owner).encode())
            family, sealed = self._seals.seal(owner=owner, place=f"{head.part}|{owner}", plain=plain)
            digest = sha256(sealed).hexdigest()
            sections.append(Section(owner, family, len(sealed), digest, len(of_owner), last.get(owner, "")))
            bodies.append(sealed)
        told = replace(head, sections=tuple(sections))
        _, sealed_head = self._seals.seal(owner=PLATFORM, place=f"{head.part}|{_HEAD}", plain=told.encoded())
        body = b"".join([_MAGIC, len(sealed_head).to_bytes(4, "big"), sealed_head, *bodies])
        self._files.add(key=part_key(backup=self._backup, part=head.part), body=body)
        return told, sha256(body).hexdigest()

    def end(self, *, manifest: Manifest) -> None:
        """Write the manifest, by which the backup is a whole one; raise FileThere where it is there."""
        _, sealed = self._seals.seal(owner=PLATFORM, place=_MANIFEST, plain=manifest.encoded())
        self._files.add(key=manifest_key(backup=self._backup), body=sealed)

    # -- reading ---------------------------------------------------------------------------

    def manifest(self) -> Manifest:
        """Return the manifest, or raise BlobGone where the backup is not a whole one."""
        sealed = self._files.read(key=manifest_key(backup=self._backup))
        found = decode_manifest(text=self._open(PLATFORM, PLATFORM, _MANIFEST, sealed))
        if found.backup != self._backup:
            raise BackupDamaged("this is the manifest of another backup")
        return found

    def heads(self) -> Iterator[Head]:
        """Yield the heads of the parts that there are, in their order, without what they hold."""
        part = 1
        while True:
            key = part_key(backup=self._backup, part=part)
            try:
                start = self._files.read(key=key, size=_HEAD_BYTES)
            except BlobGone:
                return
            size = _PREFIX_BYTES + int.from_bytes(start[len(_MAGIC) : _PREFIX_BYTES], "big")
            whole = start if len(start) >= size else self._files.read(key=key, size=size)
            yield self._head(part, whole)
            part += 1

    def digest(self, *, part: int) -> str:
        """Return the SHA-256 of a part in hex."""
        return sha256(self._files.read(key=part_key(backup=self._backup, part=part))).hexdigest()

    def part(self, *, part: int, previous: str) -> Part:
        """Return a part that comes after the one of this hash; raise BackupDamaged where there is none."""
        try:
            body = self._files.read(key=part_key(backup=self._backup, part=part))
        except BlobGone:
            raise BackupDamaged(f"part {part} of this backup is missing") from None
        head = self._head(part, body)
        if head.previous != previous:
            raise BackupDamaged(f"part {part} of this backup does not follow the part before it")
        return Part(head, sha256(body).hexdigest(), body, self._seals)

    def _head(self, part: int, body: bytes) -> Head:
        size = int.from_bytes(body[len(_MAGIC) : _PREFIX_BYTES], "big")
        sealed = body[_PREFIX_BYTES : _PREFIX_BYTES + size]
        if body[: len(_MAGIC)] != _MAGIC or len(sealed) != size:
            raise BackupDamaged(f"part {part} of this backup is cut, or none")
        head = decode_head(text=self._open(PLATFORM, PLATFORM, f"{part}|{_HEAD}", sealed))
        if (head.backup, head.part) != (self._backup, part):
            raise BackupDamaged(f"part {part} of this backup is another's")
        return head

    def _open(self, owner: str, family: str, place: str, sealed: bytes) -> bytes:
        return self._seals.open(owner=owner, family=family, place=place, sealed=sealed)


class Part:
    """One part that was read: its head, its hash, and what each owner has in it."""

    def __init__(self, head: Head, digest: str, body: bytes, seals: BackupSeals) -> None:
        self.head = head
        self.digest = digest
        self._seals = seals
        size = int.from_bytes(body[len(_MAGIC) : _PREFIX_BYTES], "big")
        self._sealed: dict[str, bytes] = {}
        start = _PREFIX_BYTES + size
        for section in head.sections:
            self._sealed[section.owner] = body[start : start + section.size]
            start += section.size
            if sha256(self._sealed[section.owner]).hexdigest() != section.digest:
                raise BackupDamaged(f"part {head.part} of this backup was altered")
        if start != len(body):
            raise BackupDamaged(f"part {head.part} of this backup is cut, or too long")

    def lines(self, *, section: Section) -> list[str]:
        """Return what an owner has; raise OwnerUnreadable where the owner's keys are not there."""
        plain = self._seals.open(
            owner=section.owner,
            family=section.family,
            place=f"{self.head.part}|{section.owner}",
            sealed=self._sealed[section.owner],
        )
        try:
            lines = zlib.decompress(plain).decode().split("\n")
        except (zlib.error, UnicodeDecodeError):
            raise BackupDamaged(f"part {self.head.part} of this backup cannot be read") from None
        if len(lines) != section.records:
            raise BackupDamaged(f"part {self.head.part} of this backup holds more or less than it says")
        return lines

"""Backups: what a part says of itself, how items are written, and up to when each company's data is whole.

A backup is a copy of the tables that is read while others write, and the changes that were made
meanwhile, in their order. The copy with the changes on top is the data of one instant. Which
instant, each owner has of its own: one around which nothing of theirs was being written, so that
no transaction is cut in two.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from chalicelib.domain.errors import InvalidValue

# Of the format of parts, and of what the items in them look like: a restore refuses what it does not know.
FORMAT: Final = 1
SCHEMA: Final = 1
# Owner of the rows that are no company's.
PLATFORM: Final = "platform"
# Keys of backups that were begun, manifests of whole ones, their parts, and what drills of them found.
BEGUN: Final = "begun/"
WHOLE: Final = "whole/"
PARTS: Final = "parts/"
DRILLS: Final = "drills/"
# For so long nobody can delete a file, and the day after it is deleted.
LOCKED_DAYS: Final = 28
# The stream of changes has a day; what is not done before that is begun anew.
ATTEMPT_LASTS: Final = timedelta(hours=20)
# An age at which something must have gone wrong: one is made each week.
AGE_MAX: Final = timedelta(days=8)
_NAME: Final = re.compile(r"\d{4}-W\d\d-[1-9]\d{0,2}")
_OWNER: Final = re.compile(r"ten_[0-9A-Z]{1,26}")
_LEADING: Final = frozenset({"SUBDOMAIN", "KEY", "CALLBACK"})

# An item as the database has it: attribute to its typed value.
Item = Mapping[str, Any]


class BackupDamaged(InvalidValue):
    """The backup is not the one that was written: a part is altered, missing, moved or foreign."""

    code = "backup_damaged"


class InvalidBackupName(InvalidValue):
    """No backup is named like that."""

    code = "invalid_backup_name"


class Table(StrEnum):
    """The tables that are in a backup. Keys are not, and sessions are not worth it."""

    TENANTS = "tenants"
    PLATFORM = "platform"


class Stage(StrEnum):
    """What a part holds: nothing yet, a piece of a table, or changes in their order."""

    BEGIN = "begin"
    COPY = "copy"
    CHANGES = "changes"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one item: what it was afterwards, None where it was deleted. ``made_at`` is in UTC."""

    pk: str
    sk: str
    made_at: datetime
    item: Item | None


@dataclass(frozen=True, slots=True)
class Section:
    """What of one owner is in a part: sealed, and as many bytes; ``digest`` is their SHA-256 in hex.

    Of changes, ``last`` is when the last of them was made.
    """

    owner: str
    family: str
    size: int
    digest: str
    records: int
    last: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """What a part says of itself. ``previous`` is the SHA-256 of the part before, in hex.

    ``position`` is where reading goes on: of a copy the last key (empty at the table's end), of
    changes the last sequence number of each shard. ``at`` is by the database's own clock, in UTC.
    """

    backup: str
    part: int
    previous: str
    stage: Stage
    at: str
    table: str = ""
    position: Mapping[str, Any] = field(default_factory=dict)
    sections: Sequence[Section] = ()
    format: int = FORMAT

    def encoded(self) -> bytes:
        """Return the stored form."""
        return json.dumps(asdict(self), sort_keys=True, default=_coded).encode()


@dataclass(frozen=True, slots=True)
class Held:
    """How much of an owner a backup holds; ``cut`` is the instant that its data is of, in UTC.

    Around it the owner was quiet, but for who is ``restless``: there a transaction may be cut in two.
    """

    cut: datetime
    records: int
    changes: int
    restless: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole backup: without it there is none. All instants are by the database's own clock, in UTC.

    ``copied_at`` is when the tables were read: every owner's data is of that instant or a later one.
    """

    backup: str
    parts: int
    last: str
    begun_at: datetime
    copied_at: datetime
    owners: Mapping[str, Held]
    schema: int = SCHEMA
    format: int = FORMAT

    def encoded(self) -> bytes:
        """Return the stored form."""
        return json.dumps(asdict(self), sort_keys=True, default=_coded).encode()


def decode_head(*, text: bytes) -> Head:
    """Read what ``Head.encoded`` wrote; raise BackupDamaged where the format is another."""
    stored = json.loads(text, object_hook=_uncoded)
    if stored["format"] != FORMAT:
        raise BackupDamaged(f"this is of format {stored['format']}, and {FORMAT} is what is read here")
    sections = tuple(Section(**one) for one in stored["sections"])
    return Head(**{**stored, "stage": Stage(stored["stage"]), "sections": sections})


def decode_manifest(*, text: bytes) -> Manifest:
    """Read what ``Manifest.encoded`` wrote; raise BackupDamaged where format or schema is another."""
    stored = json.loads(text)
    if (stored["format"], stored["schema"]) != (FORMAT, SCHEMA):
        raise BackupDamaged("format or schema of this backup is not the one that is read here")
    times = {name: datetime.fromisoformat(stored[name]) for name in ("begun_at", "copied_at")}
    owners = {
        owner: Held(**{**one, "cut": datetime.fromisoformat(one["cut"])})
        for owner, one in stored["owners"].items()
    }
    return Manifest(**{**stored, **times, "owners": owners})


# -- names -------------------------------------------------------------------------------------


def week_of(*, at: datetime) -> str:
    """Return the ISO week of an instant (UTC), by which the backups of a week are named."""
    year, week, _ = at.astimezone(UTC).isocalendar()
    return f"{year}-W{week:02d}"


def named(*, week: str, attempt: int) -> str:
    """Return the name of an attempt, from 1 on, at a week's backup."""
    return f"{week}-{attempt}"


def checked_name(*, name: str) -> str:
    """Return the name of a backup, or raise InvalidBackupName."""
    if not _NAME.fullmatch(name):
        raise InvalidBackupName("a backup is named like 2041-W20-1", param="backup")
    return name


def attempt_of(*, name: str) -> tuple[str, int]:
    """Return the week and the number of an attempt, in which the order of names is that of time."""
    week, _, attempt = checked_name(name=name).rpartition("-")
    return week, int(attempt)


def following(*, name: str) -> str:
    """Return the name of the attempt after one."""
    week, attempt = attempt_of(name=name)
    return named(week=week, attempt=attempt + 1)


def part_key(*, backup: str, part: int) -> str:
    """Return where a part, from 1 on, is kept."""
    return f"{PARTS}{backup}/{part:08d}"


def key_key(*, backup: str) -> str:
    """Return where a backup's own data key is kept, wrapped by the key service."""
    return f"{BEGUN}{backup}"


def manifest_key(*, backup: str) -> str:
    """Return where a backup's manifest is kept; its being there makes the backup a whole one."""
    return f"{WHOLE}{backup}"


# -- items -------------------------------------------------------------------------------------


def owner_of(*, table: Table, pk: str) -> str:
    """Return whose an item is: a tenant's, by what its partition key begins with, or the platform's."""
    owner = pk.partition("#")[0]
    return owner if table is Table.TENANTS and _OWNER.fullmatch(owner) else PLATFORM


def listed_tenant(*, item: Item) -> str | None:
    """Return the tenant whose entry in the platform's lists a row is; None where it is none.

    These lead to the tenant: its subdomain, keys of programs, addresses for gateways. Purges and
    certificates, which outlive it, are none.
    """
    kind, sk = item["pk"]["S"].partition("#")[0], item["sk"]["S"]
    if kind == "TENANTS":
        return str(sk)
    named = item.get("tenant_id", {}).get("S")
    return str(named) if kind in _LEADING and named else None


def encode_item(*, item: Item) -> str:
    """Return an item as one line, the same for equal items."""
    return json.dumps(_ordered(item), sort_keys=True, separators=(",", ":"), default=_coded)


def decode_item(*, line: str) -> dict[str, Any]:
    """Read what ``encode_item`` wrote."""
    read: dict[str, Any] = json.loads(line, object_hook=_uncoded)
    return read


def encode_change(*, change: Change) -> str:
    """Return a change as one line."""
    told = {"pk": change.pk, "sk": change.sk, "at": change.made_at.isoformat()}
    item = None if change.item is None else encode_item(item=change.item)
    return json.dumps({**told, "item": item}, sort_keys=True, separators=(",", ":"))


def decode_change(*, line: str) -> Change:
    """Read what ``encode_change`` wrote."""
    read = json.loads(line)
    item = None if read["item"] is None else decode_item(line=read["item"])
    return Change(read["pk"], read["sk"], datetime.fromisoformat(read["at"]), item)


def digest_of(*, line: str) -> int:
    """Return the SHA-256 of an item's line as a number, to be added up."""
    return int.from_bytes(sha256(line.encode()).digest(), "big")


@dataclass(slots=True)
class Tally:
    """How many items there are, and the sum of their digests, in which order does not matter."""

    items: int = 0
    total: int = 0

    def add(self, *, digest: int) -> None:
        """Count an item by the SHA-256 of its line."""
        self.items += 1
        self.total = (self.total + digest) % (1 << 256)


def _ordered(value: Any) -> Any:
    """Return the value with sets in one order: the database has none for them."""
    if not isinstance(value, Mapping):
        return [_ordered(one) for one in value] if isinstance(value, list) else value
    return {
        name: sorted(one) if name in {"SS", "NS", "BS"} and isinstance(one, list) else _ordered(one)
        for name, one in value.items()
    }


def _coded(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    assert isinstance(value, bytes), "the database has texts, numbers and bytes"
    return b64encode(value).decode()


def _uncoded(read: dict[str, Any]) -> dict[str, Any]:
    """Make bytes of what was bytes: within a map of the database's, every value is an object."""
    [*names] = read
    if names == ["B"] and isinstance(read["B"], str):
        return {"B": b64decode(read["B"])}
    if names == ["BS"] and isinstance(read["BS"], list):
        return {"BS": [b64decode(one) for one in read["BS"]]}
    return read


# -- up to when an owner's data is whole ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """When an owner's data was last seen to change, and the newest instant at which it can be cut."""

    last: datetime | None = None
    cut: datetime | None = None


def standing_after(
    *,
    known: Standing,
    made: Collection[datetime],
    copied_at: datetime,
    seen_until: datetime,
    quiet: timedelta,
) -> Standing:
    """Return how an owner stands after changes that were made at these times, in any order.

    All that was made before ``seen_until`` is known. An owner can be cut at ``copied_at`` or later
    where nothing is changed for ``quiet``: the changes of one transaction lie closer together. It is
    cut as late in such a pause as leaves ``quiet`` after it.
    """
    before = max(known.last or copied_at, copied_at)
    cut = known.cut
    for one in (*sorted(made), seen_until):
        if min(one, seen_until) - before >= quiet:
            cut = min(one, seen_until) - quiet
        before = max(before, one)
    return Standing(max([*made, *([known.last] if known.last else [])], default=None), cut)


def within(*, changes: Iterable[Change], cut: datetime) -> Iterator[Change]:
    """Yield the changes that belong to the data of an instant."""
    return (one for one in changes if one.made_at <= cut)

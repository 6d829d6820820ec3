"""The purge of a tenant: its steps, what is kept and until when, and the certificate of deletion."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

from chalicelib.domain.lifecycle import KEPT_FISCAL_YEARS

# Families of keys whose destruction makes operational data unreadable, wherever a copy lies.
OPERATIONAL_FAMILIES: Final = frozenset({"op", "index"})
# The owners' addresses outlive the operational keys until their mail is sent. A key of their own is destroyed
# then: no copy of them, in a backup or a restored table, is readable any longer.
NOTICE_FAMILY: Final = "notice"


class PurgeStep(StrEnum):
    """The steps of a purge, in their order; each may be repeated, and goes on where it stood."""

    STOP = "stop"
    COUNT = "count"
    FILES = "files"
    PEOPLE = "people"
    SUBSCRIBERS = "subscribers"
    RECORDS = "records"
    KEYS = "keys"
    CERTIFY = "certify"
    TELL = "tell"
    SEAL = "seal"
    DONE = "done"


ORDER: Final = tuple(PurgeStep)


class Deletion(StrEnum):
    """What a certificate is of: the purge after recovery, or the end of what the law had kept."""

    PURGE = "purge"
    SHREDDING = "shredding"


@dataclass(frozen=True, slots=True)
class DestroyedKey:
    """A key that is gone: its name, the SHA-256 of its wrapped form in hex, and when."""

    name: str
    digest: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Purge:
    """How far a purge is; ``not_before`` is when its next step may begin, in UTC.

    ``counts`` is what there was at its beginning. ``owners`` are the sealed addresses of those who are
    told when it is done, and empty from then on, when the key that sealed them is destroyed too.
    """

    tenant_id: str
    started_at: datetime
    step: PurgeStep = PurgeStep.STOP
    not_before: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    owners: bytes = b""
    keys: Sequence[DestroyedKey] = ()
    finished_at: datetime | None = None
    version: int = 0


def following(*, step: PurgeStep) -> PurgeStep:
    """Return the step after one that is not the last."""
    return ORDER[ORDER.index(step) + 1]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of deletion: a JSON text, and its HMAC-SHA-256 in hex."""

    tenant_id: str
    deletion: Deletion
    issued_at: datetime
    text: str
    mac: str

    @property
    def digest(self) -> str:
        """The SHA-256 of the text, in hex."""
        return sha256(self.text.encode()).hexdigest()


def certificate_text(*, purge: Purge, deletion: Deletion, kept_through: int, at: datetime) -> str:
    """Return the text of a certificate: nothing in it is about a person.

    ``kept_through`` is the last fiscal year through which something is kept.
    """
    told = {
        "certificate": "deletion",
        "of": deletion.value,
        "tenant_id": purge.tenant_id,
        "started_at": purge.started_at.isoformat(),
        "issued_at": at.isoformat(),
        "there_was": dict(sorted(purge.counts.items())),
        "deleted": _DELETED[deletion],
        "kept": _kept(kept_through) if deletion is Deletion.PURGE else [],
        "keys_destroyed": [
            {"name": one.name, "sha256_of_wrapped": one.digest, "at": one.at.isoformat()}
            for one in purge.keys
        ],
    }
    return json.dumps(told, sort_keys=True, ensure_ascii=False)


_DELETED: Final[Mapping[Deletion, Sequence[str]]] = {
    Deletion.PURGE: (
        "files: imports, exports, printed documents, sheets of vouchers",
        "sessions, devices, networks, keys of programs, second factors, invitations, roles, staff",
        "subscribers: contacts, search, service, use of data, the portal's passwords",
        "payment gateways with their secrets, collections, notices, vouchers, dealers",
        "catalogue, settings, jobs, kept answers, addresses in the audit log",
    ),
    Deletion.SHREDDING: ("invoices, documents, books and accounts", "the audit log and its chain"),
}


def _kept(through: int) -> list[dict[str, str]]:
    until = f"the end of fiscal year {through}: {KEPT_FISCAL_YEARS} after that of the record"
    return [
        {"what": "invoices, payments and the books", "why": "tax and accounting law", "until": until},
        {"what": "who did what, without addresses", "why": "proof of what was done", "until": until},
    ]

"""Replacing a tenant's keys while it is served: old versions stay, so that what they sealed opens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from chalicelib.domain.key_rotation import RotationOrder, keys_to_rotate, must_rewrap
from chalicelib.ports.keys import KeyReplaced, KeyStore
from chalicelib.ports.store import AuditNote, Write

KEYS_ACTOR: Final = "keys"


@dataclass(frozen=True, slots=True)
class KeysReplaced:
    """How many data keys got another version, and whether the root was wrapped anew."""

    rotated: int
    rewrapped: bool


def replace_keys(*, store: KeyStore, order: RotationOrder, at: datetime) -> KeysReplaced:
    """Replace what the order asks for, each key in one transaction with its audit entry.

    Whoever is killed between two keys leaves the first replaced and the second as it was; the
    same order again does the rest. A key that another process replaced meanwhile is done.
    """
    keys = store.key_rotation
    keys.forget()
    standing = keys.standing()
    rewrapped = must_rewrap(standing=standing, order=order) and _replaced(
        store, keys.rewrap, _note(store, at, "keys.root_rewrapped")
    )
    rotated = 0
    for key in keys_to_rotate(standing=standing, order=order):
        note = _note(store, at, "keys.rotated", family=key.family, version=key.version + 1)
        rotated += _replaced(store, partial(keys.rotate, key=key), note)
    keys.forget()
    return KeysReplaced(rotated, rewrapped)


def _replaced(store: KeyStore, describe: Callable[[], Sequence[Write]], note: AuditNote) -> bool:
    try:
        store.commit(*describe(), store.note(note=note))
    except KeyReplaced:
        return False
    return True


def _note(store: KeyStore, at: datetime, action: str, **details: object) -> AuditNote:
    return AuditNote(actor_id=KEYS_ACTOR, action=action, object_id=store.tenant_id, at=at, details=details)

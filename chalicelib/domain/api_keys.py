"""Keys of programs: permissions without a person, for a named time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.errors import Conflict, InvalidValue
from chalicelib.domain.permissions import GRANTABLE, Permission
from chalicelib.domain.staff import check_staff_name

API_KEY_NAME_CHARS_MAX: Final = 60
# A change of somebody's rights may revoke all of them in its own transaction, of two writes each.
API_KEYS_MAX: Final = 20
API_KEY_DAYS: Final = 365
API_KEY_DAYS_MAX: Final = 730
# What is shown of a key afterwards: its kind, and 48 of its 256 random bits.
PREFIX_CHARS: Final = 12
# Not at every request: it is a write.
USE_TOLD_AFTER: Final = timedelta(hours=1)
KEY_ROLE: Final = "api_key"

# A program works with the business's data. Who gets in is for people to say, and so is what opens
# closed books again.
HELD_BY_KEYS: Final = GRANTABLE - {Permission.STAFF_WRITE, Permission.KEYS_WRITE, Permission.LEDGER_OPEN}


class TooManyKeys(Conflict):
    """The tenant has as many keys as it may have."""

    code = "too_many_api_keys"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its tenant knows it; ``token_hash`` finds it, ``prefix`` is how people tell it apart.

    ``used_at`` is at most an hour behind.
    """

    key_id: str
    name: str
    prefix: str
    token_hash: str
    permissions: frozenset[Permission]
    made_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


def check_key_name(*, name: str) -> str:
    """Return the name as it is stored, or raise InvalidValue."""
    cleaned = check_staff_name(name=name)
    if len(cleaned) > API_KEY_NAME_CHARS_MAX:
        raise InvalidValue(f"a key's name has at most {API_KEY_NAME_CHARS_MAX} characters", param="name")
    return cleaned


def check_key_permissions(*, permissions: Iterable[Permission]) -> frozenset[Permission]:
    """Return the permissions of a key, or raise InvalidValue for none, or ones that no key may hold."""
    asked = frozenset(permissions)
    if not asked:
        raise InvalidValue("a key has at least one permission", param="permissions")
    if refused := sorted(asked - HELD_BY_KEYS):
        raise InvalidValue(f"no key may hold {', '.join(refused)}", param="permissions")
    return asked


def key_expiry(*, at: datetime, days: int) -> datetime:
    """Return when a key made at an instant ends, or raise InvalidValue."""
    if not 1 <= days <= API_KEY_DAYS_MAX:
        raise InvalidValue(f"a key is good for 1 to {API_KEY_DAYS_MAX} days", param="days")
    return at + timedelta(days=days)

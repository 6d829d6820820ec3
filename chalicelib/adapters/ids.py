"""ULIDs (https://github.com/ulid/spec): 48 bits of milliseconds, 80 random bits, Crockford base 32."""

from __future__ import annotations

import secrets
from typing import Final

from chalicelib.ports.services import Clock

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class UlidIds:
    """Identifiers that sort by the time of their making, to the millisecond."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def new(self, *, prefix: str) -> str:
        """Return ``<prefix>_<ULID>``."""
        number = int(self._clock.now().timestamp() * 1000) << 80 | secrets.randbits(80)
        return f"{prefix}_{encode_ulid(number)}"


def encode_ulid(number: int) -> str:
    """Return 128 bits as 26 Crockford characters."""
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))

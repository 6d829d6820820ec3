"""Limits on what one client may try within a window of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv6Address, IPv6Network, ip_address

from chalicelib.ports.identity import TooManyAttempts
from chalicelib.usecases.identity import Identity

# Whoever has an IPv6 address has the 2^64 of its network.
IPV6_PREFIX_BITS = 64


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` attempts of a kind by one key within a fixed window."""

    kind: str
    most: int
    window_seconds: int


def client_of(*, address: str) -> str:
    """Return who is counted for a network address: itself, or an IPv6 address's network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((int(parsed), IPV6_PREFIX_BITS), strict=False))
    return address


def reserve(*, identity: Identity, limit: Limit, key: str, at: datetime) -> None:
    """Count an attempt before it is made, or raise TooManyAttempts.

    Counting is one atomic write, so of any number of attempts at once no more than the limit
    are made.
    """
    if not within(identity=identity, limit=limit, key=key, at=at):
        window = limit.window_seconds
        raise TooManyAttempts(retry_after=window - int(at.timestamp()) % window)


def within(*, identity: Identity, limit: Limit, key: str, at: datetime) -> bool:
    """Count an attempt; return whether it is within the limit."""
    return counted(identity=identity, limit=limit, key=key, at=at) <= limit.most


def counted(*, identity: Identity, limit: Limit, key: str, at: datetime) -> int:
    """Count an attempt; return how many there are of the window."""
    hashed = _hashed(identity, limit, key)
    return identity.attempts.add(key=hashed, window_seconds=limit.window_seconds, at=at)


def give_back(*, identity: Identity, limit: Limit, key: str, at: datetime) -> None:
    """Take an attempt off the count again: it was no failure."""
    hashed = _hashed(identity, limit, key)
    identity.attempts.take_back(key=hashed, window_seconds=limit.window_seconds, at=at)


def _hashed(identity: Identity, limit: Limit, key: str) -> str:
    return identity.tokens.hash(token=f"{limit.kind}|{key}")

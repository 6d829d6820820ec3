"""Messages that came from a vendor, altered on the way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from chalicelib.domain.gateways import Received


def altered(received: Received, *, seed: int, part: str = "all") -> Iterator[Received]:
    """Messages without end that each differ in something from the one that came."""
    draw = random.Random(seed)
    parts = [name for name in ("headers", "query", "body") if getattr(received, name)]
    while True:
        name = draw.choice(parts) if part == "all" else part
        if name == "headers":
            key = draw.choice(sorted(received.headers))
            changed = _altered_text(received.headers[key].encode(), draw).decode("latin-1")
            yield replace(received, headers={**received.headers, key: changed})
        elif name == "query":
            yield replace(received, query=_altered_text(received.query.encode(), draw).decode("latin-1"))
        else:
            yield replace(received, body=_altered_text(received.body, draw))


def _altered_text(text: bytes, draw: random.Random) -> bytes:
    if draw.randrange(3) == 0:
        return _altered_fields(text.split(b"&"), draw)
    at = draw.randrange(len(text))
    before, one, after = text[:at], text[at : at + 1], text[at + 1 :]
    return draw.choice(
        [
            before + bytes([one[0] ^ (1 << draw.randrange(8))]) + after,
            before,
            before + after,
            before + bytes([draw.randrange(256)]) + one + after,
            before + one.swapcase() + after,
            before + f"%{one[0]:02x}".encode() + after,
        ]
    )


def _altered_fields(pairs: list[bytes], draw: random.Random) -> bytes:
    """One field out, one twice, or the values of two the other way round."""
    one, other = draw.randrange(len(pairs)), draw.randrange(len(pairs))
    swapped = list(pairs)
    for here, there in ((one, other), (other, one)):
        swapped[here] = pairs[here].partition(b"=")[0] + b"=" + pairs[there].partition(b"=")[2]
    return b"&".join(draw.choice([pairs[:one] + pairs[one + 1 :], [*pairs, pairs[one]], swapped]))

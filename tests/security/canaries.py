"""Subscribers whose personal data is recognised wherever it lies, and what recognises it.

Words are found in any case and behind base64, hex and compression; numbers whatever stands
between their digits; and digests that anybody can compute of either (a blind index is keyed).
"""

from __future__ import annotations

import re
import secrets
import string
import zlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import md5, sha1, sha256
from itertools import chain
from typing import Final

from tests.integration.shop import Item

# Numbers are compared by their last digits: a prefix may be written in many ways.
PHONE_DIGITS: Final = 10
NUMBER: Final = re.compile(rb"\d[\d\-+ ().]{7,24}\d")
DIGEST: Final = re.compile(rb"[0-9a-f]{32,64}")
# Digests and UUIDs hold ten decimal digits in a row often enough to hold somebody's by chance: in 100 MB of
# them one of 10,000 numbers that lie side by side is expected about once.
HEX: Final = re.compile(rb"[0-9a-fA-F]{32,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
DIGEST_CHARS: Final = 32


def fresh_word() -> str:
    """A word that is nowhere else."""
    return "qz" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(8))


@dataclass(frozen=True)
class Canaries:
    """So many people; ``word`` is in every text of theirs."""

    word: str
    count: int
    # Other texts that are nobody else's, in lower case: addresses of mail and of the network.
    others: tuple[str, ...] = ()

    def person(self, number: int) -> Item:
        """The personal data of one of them."""
        word = self.word
        return {
            "name": f"{word.title()} Khan {number}",
            "email": f"{word}.{number}@mail.example",
            "phone": f"0399-{number:07d}",
            "address": f"House {number}, {word.title()} Street, Lahore",
            "national_id": f"35202-{number:07d}-1",
            "tax_id": f"{word.upper()}-{number}",
            "note": f"{word} has a dog at door {number}",
        }

    def found(self, data: bytes) -> Iterator[str]:
        """Yield what of theirs is in the data, each once at most."""
        for text in (data, *_inflated(data)):
            lowered = text.lower()
            for form in self._forms:
                if form in (text if form != form.lower() else lowered):
                    yield f"word {form.decode()}"
            for other in self.others:
                if other.encode() in lowered:
                    yield f"text {other}"
            for number in NUMBER.findall(HEX.sub(_decimal_alone, text)):
                digits = re.sub(rb"\D", b"", number)
                if digits[-PHONE_DIGITS:] in self._phones or digits in self._national_ids:
                    yield f"number {number.decode()}"
            for digest in DIGEST.findall(lowered):
                if digest[:DIGEST_CHARS] in self._digests:
                    yield f"digest {digest.decode()}"

    @cached_property
    def _forms(self) -> frozenset[bytes]:
        """The word, in hex, and in base64 wherever it begins among the bytes."""
        forms = {self.word.encode()}
        for word in (self.word, self.word.title(), self.word.upper()):
            plain = word.encode()
            forms.add(plain.hex().encode())
            for skipped in range(3):
                coded = b64encode(bytes(skipped) + plain)
                # Characters that hold bits of what is around the word are left out.
                forms.add(coded[(4 if skipped else 0) : len(coded) // 4 * 4 - 4])
        return frozenset(forms)

    @cached_property
    def _phones(self) -> frozenset[bytes]:
        return frozenset(f"399{number:07d}".encode() for number in range(self.count))

    @cached_property
    def _national_ids(self) -> frozenset[bytes]:
        return frozenset(f"35202{number:07d}1".encode() for number in range(self.count))

    @cached_property
    def _digests(self) -> frozenset[bytes]:
        texts = (text for number in range(self.count) for text in self.person(number).values())
        values = (value for text in chain(texts, self.others) for value in _written(text))
        return frozenset(
            algorithm(value.encode()).hexdigest()[:DIGEST_CHARS].encode()
            for value in values
            for algorithm in (sha256, sha1, md5)
        )


def _decimal_alone(found: re.Match[bytes]) -> bytes:
    """What is left of hexadecimal digits where numbers are looked for: nothing, if there are letters."""
    return found[0] if found[0].replace(b"-", b"").isdigit() else b" "


def _written(text: str) -> set[str]:
    """A text as it might be hashed."""
    bare = re.sub(r"\W", "", text)
    return {text, text.lower(), bare, bare.lower()}


def _inflated(data: bytes) -> Iterator[bytes]:
    """What the data is when it was compressed by zlib, gzip or bare deflate."""
    for window in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
        try:
            text = zlib.decompressobj(window).decompress(data)
        except zlib.error:
            continue
        if text:
            yield text

"""Number series and their registers: which document has which number, without gaps.

A register holds, in pages of at most 48, which document has which number: 19 bytes each
(account ULID, day, slot), so that the list in the order of numbers needs no index, and
gaplessness can be shown by reading it alone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.domain.accounts import invoice_id
from chalicelib.ports.store import Page
from chalicelib.store.base import TenantsItem

# The series of invoices; those of other documents begin with their own kind.
SERIES_PREFIX: Final = "INV#"
REGISTER_ENTRY: Final = struct.Struct(">16sHB")
EPOCH: Final = date(2000, 1, 1)
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE: Final = {char: index for index, char in enumerate(_CROCKFORD)}


class SeriesItem(TenantsItem):
    """``<tenant>#SER`` / ``INV#<fiscal year>``: the next number to give."""

    following = NumberAttribute(attr_name="n")


class RegisterItem(TenantsItem):
    """``<tenant>#REG#INV#<fiscal year>`` / first number (9 digits): a page of the register."""

    entries = BinaryAttribute(attr_name="e", legacy_encoding=False)
    run_id = UnicodeAttribute(attr_name="r")
    at = UnicodeAttribute()
    # By when the page's invoices are to be paid; absent where they differ.
    due_on = UnicodeAttribute(attr_name="d", null=True)


def register_entry(*, account_id: str, day: date, slot: int) -> bytes:
    """Return 19 bytes that name a document of an account, or of a fund; a slot is at most 255."""
    number = 0
    for char in account_id.removeprefix("sbr_").removeprefix("fnd_"):
        number = number << 5 | _VALUE[char]
    return REGISTER_ENTRY.pack(number.to_bytes(16, "big"), (day - EPOCH).days, slot)


def register_ids(entries: bytes) -> list[str]:
    """Return the invoice ids of a register page, in the order of their numbers."""
    found = []
    for raw, days, slot in REGISTER_ENTRY.iter_unpack(entries):
        number = int.from_bytes(raw, "big")
        ulid = "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
        found.append(
            invoice_id(account_id=f"sbr_{ulid}", period_start=EPOCH + timedelta(days=days), slot=slot)
        )
    return found


def page_of_register(*, pk: str, limit: int, after: str | None, newest_first: bool) -> Page[str]:
    """Return ids of a register in the order of their numbers; ``after`` is the last number shown."""
    step = -1 if newest_first else 1
    start = int(after) + step if after else None
    wanted: list[tuple[int, str]] = []
    for entry in numbered(pk=pk, start=start, newest_first=newest_first):
        wanted.append(entry)
        if len(wanted) > limit:
            break
    shown = wanted[:limit]
    more = str(shown[-1][0]) if len(wanted) > limit else None
    return Page(tuple(found for _, found in shown), more)


def numbered(*, pk: str, start: int | None, newest_first: bool) -> Iterator[tuple[int, str]]:
    """Yield (number, id) from ``start`` on, register page by register page."""
    bound = None
    if start is not None:
        first = start if newest_first else max(1, start - 99)
        sort = f"{first:09d}"
        bound = RegisterItem.sk <= sort if newest_first else RegisterItem.sk >= sort
    pages = RegisterItem.query(
        pk,
        range_key_condition=bound,
        scan_index_forward=not newest_first,
        consistent_read=True,
        page_size=50,
    )
    for page in pages:
        first = int(page.sk)
        entries = list(enumerate(register_ids(page.entries), start=first))
        for number, found in reversed(entries) if newest_first else entries:
            if start is None or (number <= start if newest_first else number >= start):
                yield number, found

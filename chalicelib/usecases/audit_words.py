"""What people write in words of their own, in audit entries that tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from chalicelib.ports.store import AuditNote

# Why service is given back unpaid, money is refunded, and fees of a sale are waived.
WRITTEN: Final = frozenset({"must_pay_override", "refund_reason", "waived"})


def telling(*, note: AuditNote, details: Mapping[str, object]) -> AuditNote:
    """Return the note with these details; words are personal: they are about people, and go with them."""
    words = {name: value for name, value in details.items() if name in WRITTEN and value}
    plain = {name: value for name, value in details.items() if name not in WRITTEN}
    return replace(note, details={**note.details, **plain}, personal={**note.personal, **words})

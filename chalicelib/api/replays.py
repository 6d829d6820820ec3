"""What is other where an answer is repeated for an ``Idempotency-Key``: what it shows is audited."""

from __future__ import annotations

import json

from chalicelib.api.request import Request
from chalicelib.usecases.subscribers import IDENTITY_SHOWN, note_identity_shown


def note_shown_again(request: Request, kept: str) -> None:
    """Write down that a kept answer shows a subscriber's identifying numbers.

    The first one was a change, with an entry of its own. Platform support, to whom the numbers are
    masked, has one for each request.
    """
    if request.supports:
        return
    shown = json.loads(kept)
    note = request.note(IDENTITY_SHOWN, str(shown.get("subscriber_id", "")), replayed=True)
    note_identity_shown(store=request.store, shown=shown, note=note)

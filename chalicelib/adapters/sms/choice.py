"""Which SMS service a sender has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.adapters.sms.null import NullTexter
from chalicelib.ports.services import Texter


def texter_for(*, sender: str, client: Callable[[], Any], failed: Callable[[Exception], None]) -> Texter:
    """Return SNS, or without a sender what sends nothing; ``failed`` as SNS has it."""
    if not sender:
        return NullTexter()
    from chalicelib.adapters.sms.sns import SnsTexter

    return SnsTexter(client=client(), sender=sender, failed=failed)

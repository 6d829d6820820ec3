"""Which mail service a sender has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.adapters.email.null import NullMailer
from chalicelib.ports.services import Mailer


def mailer_for(*, sender: str, client: Callable[[], Any], failed: Callable[[Exception], None]) -> Mailer:
    """Return SES, or for a sender under ``.invalid`` what sends nothing; ``failed`` as SES has it."""
    if sender.endswith(".invalid"):
        return NullMailer()
    from chalicelib.adapters.email.ses import SesMailer

    return SesMailer(client=client(), sender=sender, failed=failed)

"""When a job stops by itself, before its function's limit ends it."""

from __future__ import annotations

import time
from collections.abc import Callable


def deadline(*, seconds: float) -> Callable[[], bool]:
    """Return what says whether ``seconds`` have passed since now."""
    ends = time.monotonic() + seconds
    return lambda: time.monotonic() >= ends

"""How long to wait before something is tried again: exponential, with full jitter.

Whoever failed together would otherwise come again together; a wait drawn from the whole range
spreads them. Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

BASE_SECONDS: Final = 0.02
CEILING_SECONDS: Final = 2.0


def backoff_seconds(
    *,
    attempt: int,
    base: float = BASE_SECONDS,
    ceiling: float = CEILING_SECONDS,
    between: Callable[[float, float], float] = random.uniform,
) -> float:
    """Return the seconds to wait after failed attempt number ``attempt``; the first is 1.

    ``base`` and ``ceiling`` are in seconds; ``between`` draws a number from a range.
    """
    return between(0.0, min(ceiling, base * 2**attempt))

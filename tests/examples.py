"""How many examples a property is tried on.

``make test`` tries the same ones each time, so that its answer is that of the code; ``make
simulate`` tries new ones, many times as many, and prints what it finds as an example to keep.
"""

from __future__ import annotations

import os
from typing import Final

from hypothesis import settings

FACTOR: Final = int(os.environ.get("EXAMPLES_FACTOR", "1"))

settings.register_profile("ours", max_examples=50 * FACTOR, deadline=None, derandomize=FACTOR == 1)
settings.load_profile("ours")


def examples(count: int) -> settings:
    """Return the settings of a property for ``count`` examples, or as many times more as are asked for."""
    return settings(max_examples=count * FACTOR)

"""The mark of a field that a change leaves as it is, where None is a value of the field."""

from __future__ import annotations

from typing import Final


class Unchanged:
    """The mark's type."""


UNCHANGED: Final = Unchanged()

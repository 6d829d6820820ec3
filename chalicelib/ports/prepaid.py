"""Prepaid lines, as the use cases see them kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.prepaid import PrepaidLine

if TYPE_CHECKING:
    from chalicelib.ports.store import Page, Write


@dataclass(frozen=True, slots=True)
class Ending:
    """That a line runs out at an instant, as the list of what ends has it."""

    account_id: str
    slot: int
    expires_at: datetime


class Prepaid(Protocol):
    """A tenant's prepaid lines, and the list of what ends in the order of time."""

    def get(self, *, account_id: str, slot: int) -> PrepaidLine | None:
        """Return a line, or None."""

    def of_account(self, *, account_id: str) -> tuple[PrepaidLine, ...]:
        """Return an account's lines in the order of their slots."""

    def change(self, *, before: PrepaidLine | None, after: PrepaidLine) -> Sequence[Write]:
        """Describe a new line or a change of one, and where it stands in the list of what ends.

        Refused with StaleVersion where the line changed since.
        """

    def ending(self, *, before: datetime, limit: int, after: str | None) -> Page[Ending]:
        """Return a page of what runs out before an instant and was not seen to, the oldest first."""

    def forget(self, *, ending: Ending) -> Sequence[Write]:
        """Describe taking an entry from the list that no line stands behind."""

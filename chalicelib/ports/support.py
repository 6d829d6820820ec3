"""Accesses of platform support, as the stores keep them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.errors import Conflict

if TYPE_CHECKING:
    from chalicelib.domain.support import SupportAccess
    from chalicelib.ports.store import Page, Write


class AccessOver(Conflict):
    """The access has ended already."""

    code = "access_over"


@dataclass(frozen=True, slots=True)
class FoundAccess:
    """What a token of platform support opens, and by the digest of which session it was opened."""

    access_id: str
    tenant_id: str
    staff_id: str
    write: bool
    session_hash: str


class SupportAccesses(Protocol):
    """Accesses to one tenant; and those of its own people to others, where it is the operator."""

    def get(self, *, access_id: str) -> SupportAccess:
        """Return an access to this tenant, or raise NotFound."""

    def list(self, *, limit: int, after: str | None) -> Page[SupportAccess]:
        """Return a page of accesses to this tenant, newest first."""

    def add(self, *, access: SupportAccess) -> Sequence[Write]:
        """Describe an access to this tenant, with what its token opens."""

    def end(self, *, access: SupportAccess) -> Sequence[Write]:
        """Describe its end: the token opens nothing any more; refused with AccessOver."""

    def get_entered(self, *, access_id: str) -> SupportAccess:
        """Return an access of this operator's people to another tenant, or raise NotFound."""

    def list_entered(self, *, limit: int, after: str | None) -> Page[SupportAccess]:
        """Return a page of accesses of this operator's people, newest first."""

    def open_entered(self) -> tuple[SupportAccess, ...]:
        """Return those of which no end is noted yet, oldest first."""

    def add_entered(self, *, access: SupportAccess) -> Sequence[Write]:
        """Describe an access of this operator's people to another tenant."""

    def end_entered(self, *, access: SupportAccess) -> Sequence[Write]:
        """Describe its end; refused with AccessOver."""


class SupportFinder(Protocol):
    """The accesses of every tenant, found by the digest of their token before the tenant is known."""

    def find(self, *, token_hash: str, at: datetime) -> FoundAccess | None:
        """Return what the token opens, unless it was ended or its time is over: one read."""

"""A tenant's keys, as the use cases that replace them see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.errors import Conflict
from chalicelib.domain.key_rotation import FamilyKey, KeyStanding

if TYPE_CHECKING:
    from chalicelib.ports.store import AuditNote, Write


class KeyReplaced(Conflict):
    """Another process replaced the key at the same moment."""

    code = "key_replaced"


class KeyRotation(Protocol):
    """Replaces a tenant's keys; no key leaves it."""

    def standing(self) -> KeyStanding:
        """Return the keys as they are stored, without asking the key service."""

    def rotate(self, *, key: FamilyKey) -> Sequence[Write]:
        """Describe adding the next version of a family's key. Refused with KeyReplaced."""

    def rewrap(self) -> Sequence[Write]:
        """Describe wrapping the root anew under the present key of the key service.

        Refused with KeyReplaced; raises CiphertextRejected where the root cannot be unwrapped.
        """

    def forget(self) -> None:
        """Drop the tenant's keys from this process's memory, so that the newest are read."""


class KeyStore(Protocol):
    """What of a tenant's store the use cases need."""

    @property
    def tenant_id(self) -> str:
        """The tenant."""

    @property
    def key_rotation(self) -> KeyRotation:
        """The tenant's keys."""

    def note(self, *, note: AuditNote) -> Write:
        """Describe the audit entry of a change."""

    def commit(self, *writes: Write) -> None:
        """Make all writes in one transaction."""

"""What ends a tenant, as the use cases see it: its states, its items and keys, and what outlives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.ports.identity import Registry
from chalicelib.ports.store import TenantStore

if TYPE_CHECKING:
    from chalicelib.domain.holds import HeldCategory, Hold
    from chalicelib.domain.purging import Certificate, DestroyedKey, Purge
    from chalicelib.domain.tenants import Tenant
    from chalicelib.ports.store import Page, Write


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """A row of the directory, by its sort key, and whose it is."""

    sort: str
    account_id: str


class Holds(Protocol):
    """The legal holds on one tenant's data."""

    def all(self) -> Sequence[Hold]:
        """Return every hold, oldest first."""

    def categories(self) -> frozenset[HeldCategory]:
        """Return what is held; no key is needed for that."""

    def add(self, *, hold: Hold) -> Sequence[Write]:
        """Describe a hold."""

    def lift(self, *, hold_id: str) -> Sequence[Write]:
        """Describe that a hold is lifted; refused with NotFound."""


class KeyShredding(Protocol):
    """One tenant's wrapped keys, to be destroyed."""

    def names(self) -> Sequence[str]:
        """Return the names of the keys that are there."""

    def destroy(self, *, wanted: Callable[[str], bool]) -> Sequence[DestroyedKey]:
        """Destroy the keys of wanted names; return them with those of the names that were gone before."""


class Erasure(Protocol):
    """One tenant's items, to be deleted; whatever is repeated goes on where it stood."""

    def counts(self) -> Mapping[str, int]:
        """Return how many items of each kind there are."""

    def erase_gateways(self) -> None:
        """Forget payment gateways with their secrets, and where their vendors call."""

    def staff_ids(self, *, limit: int) -> Sequence[str]:
        """Return the next people to be deleted."""

    def erase_staff(self, *, staff_id: str) -> None:
        """Delete a person, and what finds them."""

    def accounts(self, *, limit: int) -> Sequence[ListedAccount]:
        """Return the next subscribers to be deleted."""

    def erase_account(self, *, account: ListedAccount) -> None:
        """Delete a subscriber, but for the documents and what is owed."""

    def erase_records(self, *, tenant: Tenant, out_of_time: Callable[[], bool]) -> bool:
        """Delete all other items that are not kept; return whether there was time for all of it."""


class KeptErasure(Protocol):
    """What a purge left of one tenant, to be deleted; whatever is repeated goes on where it stood."""

    def erase(self, *, tenant: Tenant, out_of_time: Callable[[], bool]) -> bool:
        """Delete what was kept, but for the tenant's own record; return whether there was time for it."""


class Life(Protocol):
    """The life cycle of one tenant."""

    @property
    def holds(self) -> Holds:
        """Legal holds."""

    @property
    def shredding(self) -> KeyShredding:
        """The tenant's wrapped keys."""

    @property
    def erasure(self) -> Erasure:
        """The tenant's items."""

    @property
    def kept_erasure(self) -> KeptErasure:
        """What the purge left of them."""

    def move(self, *, before: Tenant, after: Tenant, held_until: datetime | None = None) -> Sequence[Write]:
        """Describe a change of state, in which the subdomain takes part; refused with StaleVersion.

        With ``held_until`` the subdomain is anybody's from then on.
        """

    def settle(self, *, before: Tenant, after: Tenant) -> Sequence[Write]:
        """Describe a change in which the subdomain, which may be another's by now, takes no part."""


class Seals(Protocol):
    """The tenant's keys, as far as a purge seals and signs with them."""

    def seal(self, *, family: str, place: str, plain: bytes) -> bytes:
        """Encrypt under a family's newest key, bound to a place."""

    def open_kept(self, *, family: str, place: str, sealed: bytes | None) -> bytes | None:
        """Decrypt what was sealed for this very place; None where its key is destroyed."""

    def authenticate(self, *, family: str, message: bytes) -> str:
        """Return the HMAC-SHA-256 of a message, in hex."""


class EndingStore(TenantStore, Protocol):
    """A tenant's store, with what ends it."""

    @property
    def life(self) -> Life:
        """The tenant's life cycle."""

    @property
    def keys(self) -> Seals:
        """The tenant's keys."""


class EndingStores(Protocol):
    """Opens tenants' stores."""

    def of(self, *, tenant_id: str) -> EndingStore:
        """Return the store of one tenant."""


class Purges(Protocol):
    """Purges and certificates of deletion, which outlive their tenants."""

    def get(self, *, tenant_id: str) -> Purge | None:
        """Return a tenant's purge, or None where none was begun."""

    def save(self, *, purge: Purge) -> Purge:
        """Store how far a purge is, and return it as stored; raise Busy where another pass was first."""

    def certify(self, *, certificate: Certificate) -> Certificate:
        """Store a certificate unless there is one of the deletion; return the stored one."""

    def certificates(self, *, limit: int, after: str | None) -> Page[Certificate]:
        """Return a page of certificates, by tenant."""

    def certificates_of(self, *, tenant_id: str) -> Sequence[Certificate]:
        """Return the certificates of one tenant."""


class Leftovers(Protocol):
    """What people of a tenant left in the tables of the platform."""

    def erase_person(self, *, tenant_id: str, actor_id: str) -> None:
        """Delete the sessions and devices of a person, or of a subscriber."""

    def erase_networks(self, *, tenant_id: str) -> None:
        """Forget the networks that exports were asked for from."""


class FileErasure(Protocol):
    """Tenants' files, to be deleted."""

    def count(self, *, tenant_id: str) -> int:
        """Return how many files a tenant has, old versions among them."""

    def erase(self, *, tenant_id: str) -> None:
        """Delete all of a tenant's files, in all their versions, and uploads that were not ended."""


class Vault(Protocol):
    """Where certificates are kept so that nobody can change or delete them."""

    def keep(self, *, certificate: Certificate) -> None:
        """Keep a certificate; keeping the same again changes nothing."""


class EndingRegistry(Registry, Protocol):
    """The registry, with what becomes of subdomains."""

    def forget(self, *, tenant_id: str, subdomain: str) -> None:
        """Forget the subdomain of a tenant that is gone; another's is left alone."""

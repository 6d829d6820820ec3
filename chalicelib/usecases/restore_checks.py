"""What is done to restored tables before anybody is served from them: erasures again, and the books' audit.

The ledger of erasures lies with the keys, which no restore takes back. How far the checks are is
noted with the restore, so that a killed pass is gone on with.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol

from chalicelib.domain.errors import DomainError, NotFound
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.staff import LastOwner
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.backups import KeysState, KeyStates, RestoredTables
from chalicelib.ports.store import AuditNote, Page, TenantStore
from chalicelib.usecases.books_audit import audit_books
from chalicelib.usecases.erasure import erase_again
from chalicelib.usecases.staff_erasure import NO_SESSIONS

TENANTS_PER_READ: Final = 20
# Of so many companies it is told that their books differ; of all it is counted.
TOLD_MAX: Final = 20
_CHECKS: Final = "checks"
RESTORER: Final = "system"
# What says that a record's key is not there (crypto/keyring.py).
UNREADABLE: Final = "data_unreadable"


class Stores(Protocol):
    """Opens the stores of tenants in the restored tables."""

    def of(self, *, tenant_id: str) -> TenantStore:
        """Return the store of one tenant."""


class Registry(Protocol):
    """The list of tenants in the restored tables."""

    def every(self, *, after: str | None, limit: int, turn: int = 0) -> Page[Tenant]:
        """Return a page of all tenants that were ever active."""


@dataclass(slots=True)
class Checks:
    """What the checks came to; ``tenants`` without a record of their own are ``missing``.

    ``unreadable`` are those whose keys are lost, or do not open what is theirs; ``shredded`` are those
    whose keys were destroyed on purpose. Of neither can anything be erased again, or be read.

    ``left`` are people who were erased and are the only owner in the restored table: another one is to be
    made owner there, and the erasures repeated.

    ``listed`` counts rows of the registry that were made anew, for they were of another instant than
    the company's own record.
    """

    after: str | None = None
    done: bool = False
    tenants: int = 0
    erasures: int = 0
    documents: int = 0
    listed: int = 0
    differences: int = 0
    differing: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    shredded: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether every company is there, its books are right, and no keys are lost."""
        return not self.differences and not self.missing and not self.unreadable


def check_restored(
    *,
    tables: RestoredTables,
    stores: Stores,
    keys: KeyStates,
    registry: Registry,
    at: datetime,
    out_of_time: Callable[[], bool],
) -> Checks | None:
    """Erase again who was erased, and audit everybody's books; None where the next pass is to go on."""
    noted = json.loads(tables.noted() or "{}")
    checks = Checks(**noted[_CHECKS]) if noted.get(_CHECKS) else Checks()
    while not checks.done:
        if out_of_time():
            return None
        page = registry.every(after=checks.after, limit=TENANTS_PER_READ)
        for tenant in page.items:
            _check(checks, stores.of(tenant_id=tenant.tenant_id), keys, tenant, at)
        checks.after, checks.done = page.after, page.after is None
        tables.note(text=json.dumps({**noted, _CHECKS: asdict(checks)}))
    return checks


def _check(checks: Checks, store: TenantStore, keys: KeyStates, listed: Tenant, at: datetime) -> None:
    checks.tenants += 1
    try:
        own = store.profile()
    except NotFound:
        checks.missing.append(store.tenant_id)
        return
    if replace(own, tax_groups=()) != replace(listed, tax_groups=()):
        note = AuditNote(RESTORER, "tenant.listed_again", store.tenant_id, at)
        store.commit(*store.change_profile(before=own, after=own), store.note(note=note))
        checks.listed += 1
    if not may(state=own.state, capability=Capability.EXPORT):
        return  # it was purged: what is left of it is nobody's, and TenantKeeper sees to it
    # Before anything is opened: whoever asks for the keys of a tenant that has none would be given new ones.
    state = keys.of(tenant_id=store.tenant_id)
    if state is not KeysState.THERE:
        (checks.shredded if state is KeysState.DESTROYED else checks.unreadable).append(store.tenant_id)
        return
    try:
        _erase_again(checks, store, at)
    except DomainError as error:
        if error.code != UNREADABLE:
            raise
        checks.unreadable.append(store.tenant_id)
        return
    audit = audit_books(store=store)
    checks.documents += audit.documents
    checks.differences += len(audit.differences)
    if audit.differences:
        checks.differing = [*checks.differing, store.tenant_id][:TOLD_MAX]


def _erase_again(checks: Checks, store: TenantStore, at: datetime) -> None:
    for one in store.privacy.erasures():
        # The ledger is that of the tables in use: whether it is done there, nobody says here.
        erased = replace(one, done_at=one.done_at or one.begun_at)
        try:
            erase_again(store=store, sessions=NO_SESSIONS, erased=erased, at=at)
            checks.erasures += 1
        except LastOwner:
            checks.left.append(erased.subject_id)

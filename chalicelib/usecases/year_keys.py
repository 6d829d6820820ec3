"""Keys of billing years whose records need not be kept any more, destroyed: for tenants that go on too."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from chalicelib.domain.holds import HeldCategory, held
from chalicelib.domain.lifecycle import year_over
from chalicelib.domain.purging import NOTICE_FAMILY, OPERATIONAL_FAMILIES
from chalicelib.domain.tenants import Tenant, TenantState
from chalicelib.ports.life import EndingStore
from chalicelib.ports.store import AuditNote
from chalicelib.usecases.ending_ports import fiscal_year_at
from chalicelib.usecases.key_rotation import KEYS_ACTOR

_OF_YEAR: Final = re.compile(r"bill-(\d{4})#\d{4}")


def destroy_old_years(*, store: EndingStore, tenant: Tenant, at: datetime) -> int:
    """Destroy the keys of billing years that are over for seven fiscal years; return how many.

    The audit entry comes first: whoever is killed between the two leaves one that tells of it twice, and
    none that does not. Nothing is destroyed while billing is held. Of a purged tenant the operational keys
    are destroyed once more where a restored table has brought them back. Raises Busy where the tenant is
    changed, or held, meanwhile.
    """
    present = fiscal_year_at(tenant=tenant, at=at)
    purged = tenant.state is TenantState.PURGED
    names = [one for one in store.life.shredding.names() if _over(one, present) or (purged and _back(one))]
    if not names:
        return 0
    # Read before the holds: whoever sets one meanwhile changes its version.
    now = store.profile()
    if held(holds=store.life.holds.categories(), category=HeldCategory.BILLING):
        return 0
    note = AuditNote(KEYS_ACTOR, "keys.destroyed", store.tenant_id, at, details={"keys": names})
    store.commit(store.profile_unmoved(tenant=now), store.note(note=note))
    store.life.shredding.destroy(wanted=lambda name: name in names)
    return len(names)


def _back(name: str) -> bool:
    return name.partition("#")[0] in {*OPERATIONAL_FAMILIES, NOTICE_FAMILY}


def _over(name: str, present: int) -> bool:
    found = _OF_YEAR.fullmatch(name)
    return found is not None and year_over(fiscal_year=int(found[1]), present=present)

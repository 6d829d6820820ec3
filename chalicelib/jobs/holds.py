"""What is held and would end by itself is renewed: when a hold is set, and by each pass afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from chalicelib.adapters.blobs.holding import S3HeldFiles
from chalicelib.bootstrap import Services
from chalicelib.domain.lifecycle import Capability
from chalicelib.domain.tenants import Tenant
from chalicelib.jobs.tenants import Passed, see_to_each, tried
from chalicelib.store.held_items import DynamoHeldItems
from chalicelib.store.held_networks import DynamoHeldNetworks
from chalicelib.usecases.held_renewals import HoldPorts, renew_held

TROUBLE: Final = "what is held not renewed"


def renew_one(*, services: Services, tenant_id: str, at: datetime, out_of_time: Callable[[], bool]) -> bool:
    """Renew what is held of one tenant; return whether all of it is. What is raised is logged."""
    renew = partial(renew_held, ports=_ports(services), tenant_id=tenant_id, at=at, out_of_time=out_of_time)
    return tried(renew, tenant_id=tenant_id, trouble=TROUBLE)


def renew_each(
    *, services: Services, wanted: str | None, at: datetime, out_of_time: Callable[[], bool]
) -> Passed:
    """Renew what is held of every tenant, or of the wanted one alone."""
    ports = _ports(services)

    def renew(tenant: Tenant) -> bool:
        return wanted not in {None, tenant.tenant_id} or renew_held(
            ports=ports, tenant_id=tenant.tenant_id, at=at, out_of_time=out_of_time
        )

    return see_to_each(
        services=services,
        at=at,
        out_of_time=out_of_time,
        # Of who has been purged nothing is left that ends by itself.
        capability=Capability.RETAIN,
        see_to=renew,
        trouble=TROUBLE,
    )


def _ports(services: Services) -> HoldPorts:
    return HoldPorts(
        stores=services.stores,
        items=lambda tenant_id: DynamoHeldItems(tenant_id=tenant_id),
        networks=DynamoHeldNetworks(database=services.database),
        files=S3HeldFiles(client=services.s3, bucket=services.settings.files_bucket),
    )

"""What the portal works with, and what it has of a subscriber to show to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chalicelib.domain.contacts import normal_email
from chalicelib.domain.errors import NotFound
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.portal import PortalOff
from chalicelib.domain.subscribers import Subscriber
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.identity import Sessions
from chalicelib.ports.portal import PortalCodes
from chalicelib.ports.services import JobQueue, PhoneNumbers, Texter
from chalicelib.ports.store import TenantStore
from chalicelib.usecases.identity import Identity

_OFF: Final = "the portal is switched off"


@dataclass(frozen=True, slots=True)
class Portal:
    """The ports, wired together once; ``sessions`` are those of subscribers."""

    identity: Identity
    sessions: Sessions
    codes: PortalCodes
    queue: JobQueue
    texter: Texter
    numbers: PhoneNumbers


@dataclass(frozen=True, slots=True)
class OwnService:
    """A subscriber, the ISP, and the names of the packages that they are on, by identifier."""

    tenant: Tenant
    subscriber: Subscriber
    packages: dict[str, str]


def open_portal(*, store: TenantStore) -> Tenant:
    """Return the ISP, or raise PortalOff: at each request, so that switching off ends sessions too."""
    tenant = store.profile()
    if not tenant.portal or not may(state=tenant.state, capability=Capability.PORTAL):
        raise PortalOff(_OFF)
    return tenant


def still_there(
    *, portal: Portal, store: TenantStore, tenant: Tenant, subscriber: Subscriber, sent_to: str
) -> bool:
    """Whether what was sent somewhere was sent to whom it is meant for, as things stand now.

    The subscriber is not archived, and has the address or number of the digest on file: one that was
    corrected meanwhile was somebody else's.
    """
    contact = subscriber.contact
    number = portal.numbers.for_sms(text=contact.phone, country=tenant.country) if contact.phone else None
    on_file = [normal_email(email=contact.email), number]
    digests = {store.portal.sent_to(address=one) for one in on_file if one}
    return not subscriber.archived and sent_to in digests


def own_service(*, store: TenantStore, subscriber_id: str) -> OwnService:
    """Return what a subscriber is shown of themselves, or raise PortalOff or NotFound."""
    tenant = open_portal(store=store)
    subscriber = store.subscribers.get(subscriber_id=subscriber_id)
    names: dict[str, str] = {}
    for package_id in {one.package_id for one in subscriber.account.subscriptions}:
        try:
            names[package_id] = store.packages.get(package_id=package_id).name
        except NotFound:
            names[package_id] = ""
    return OwnService(tenant, subscriber, names)

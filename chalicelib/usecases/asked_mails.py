"""Mails that anybody may ask for, for an address that may be nobody's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.lifecycle import Capability, may
from chalicelib.ports.services import JobQueue
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.throttle import Limit, client_of, reserve


@dataclass(frozen=True, slots=True)
class MailKind:
    """A mail as the queue names it, how often a client may ask for it, and of which tenants."""

    mail: str
    limit: Limit
    capability: Capability


def ask_mail(
    *,
    identity: Identity,
    queue: JobQueue,
    kind: MailKind,
    subdomain: str,
    email: str,
    address: str,
    at: datetime,
    request_id: str = "",
) -> None:
    """Have a mail sent to who has the address ``email`` at a tenant; the queue's worker looks for them.

    Nobody is looked up here, so that neither the answer nor its time tells whether there is
    somebody. Raises TooManyAttempts for the client at the network address, which tells nothing.
    """
    reserve(identity=identity, limit=kind.limit, key=client_of(address=address), at=at)
    found = identity.registry.locate(subdomain=subdomain, at=at)
    if found is None or not may(state=found.state, capability=kind.capability):
        return
    person = identity.stores.of(tenant_id=found.tenant_id).staff.digest(email=email)
    queue.send(
        message={
            "mail": kind.mail,
            "tenant_id": found.tenant_id,
            "person": person,
            "request_id": request_id,
        }
    )

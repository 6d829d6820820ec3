"""Sessions of the portal: subscribers sign in by password, and out.

A wrong password, an unknown subscriber and an unknown ISP answer alike; a known and an unknown
subscriber cost the same round trips and the same Argon2 work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib.domain.devices import Device, device_of
from chalicelib.domain.errors import Busy, StaleVersion
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.passwords import check_password, normal_password
from chalicelib.domain.portal import (
    PORTAL_IDLE,
    PORTAL_LIFE,
    PortalAccess,
    login_key,
    portal_principal,
    words_of,
)
from chalicelib.domain.subscribers import Subscriber
from chalicelib.domain.tenants import Tenant
from chalicelib.ports.store import AuditNote, TenantStore, Write
from chalicelib.usecases.identity import tell
from chalicelib.usecases.portal import Portal, open_portal
from chalicelib.usecases.portal_texts import portal_password_mail
from chalicelib.usecases.sessions import (
    LoggedIn,
    SessionKind,
    WrongCredentials,
    commit_beginning,
    commit_ending,
    new_session,
)
from chalicelib.usecases.throttle import Limit, client_of, give_back, reserve

PORTAL_SESSIONS: Final = SessionKind("prt", idle=PORTAL_IDLE, life=PORTAL_LIFE)
# As for staff, but that many homes may be behind one address of an ISP.
FAILURES: Final = Limit("portal-failed-log-in", most=10, window_seconds=900)
LOG_INS: Final = Limit("portal-log-in", most=300, window_seconds=900)
_NOBODY: Final = "sbr_00000000000000000000000000"


@dataclass(frozen=True, slots=True)
class Asking:
    """A request as far as sign-in needs it: where from, when, and under which id it is told of."""

    address: str
    at: datetime
    user_agent: str = ""
    request_id: str = ""

    @property
    def device(self) -> Device:
        """What the request comes from, as far as it tells."""
        return device_of(user_agent=self.user_agent, address=self.address)

    def note(self, *, action: str, subscriber_id: str, by: str) -> AuditNote:
        """Return the audit note of what a subscriber does, and by what they showed that it is them."""
        return AuditNote(
            subscriber_id, action, subscriber_id, self.at, self.request_id, {"by": by}, address=self.address
        )


def portal_log_in(*, portal: Portal, subdomain: str, login: str, password: str, asking: Asking) -> LoggedIn:
    """Begin a session of a subscriber who is named by their code, or by an address or number of theirs alone.

    Raises WrongCredentials, PortalOff or TooManyAttempts. Failures are counted by the client's network
    address and the login together, so that nobody is locked out by a stranger.
    """
    identity, at = portal.identity, asking.at
    client = client_of(address=asking.address)
    reserve(identity=identity, limit=LOG_INS, key=client, at=at)
    key = f"{client}|{subdomain}|{login_key(login=login)}"
    reserve(identity=identity, limit=FAILURES, key=key, at=at)
    store = store_of(portal=portal, subdomain=subdomain, at=at)
    access = PortalAccess(_NOBODY) if store is None else _access(store, login)
    stored = access.password_hash or None
    right = identity.passwords.matches(password=normal_password(password=password), stored=stored)
    if store is None or not right:
        raise WrongCredentials(
            "these do not belong together; who shares an address or number signs in with the user name"
        )
    give_back(identity=identity, limit=FAILURES, key=key, at=at)
    return begin(portal=portal, store=store, access=access, asking=asking, by="password")


def store_of(*, portal: Portal, subdomain: str, at: datetime) -> TenantStore | None:
    """Return the store of an ISP whose portal is open, None without such an ISP; or raise PortalOff."""
    found = portal.identity.registry.locate(subdomain=subdomain, at=at)
    if found is None or not may(state=found.state, capability=Capability.PORTAL):
        return None
    store = portal.identity.stores.of(tenant_id=found.tenant_id)
    open_portal(store=store)
    return store


def _access(store: TenantStore, login: str) -> PortalAccess:
    """Return how the one subscriber of a login signs in, at the same cost where there is none, or several."""
    candidates = store.portal.candidates(login=login)
    return store.portal.access(subscriber_id=candidates[0] if len(candidates) == 1 else _NOBODY)


def begin(
    *,
    portal: Portal,
    store: TenantStore,
    access: PortalAccess,
    asking: Asking,
    by: str,
    change: Sequence[Write] = (),
    instead: bool = False,
) -> LoggedIn:
    """Begin a session on the condition that the subscriber is as they were read, and not archived.

    ``change`` goes with it; where it is of the password it has that condition itself, and ``instead``
    ends all other sessions. Raises Busy, or what the change is refused with.
    """
    subscriber_id = access.subscriber_id
    logged_in = new_session(
        identity=portal.identity,
        kind=PORTAL_SESSIONS,
        principal=portal_principal(tenant_id=store.tenant_id, subscriber_id=subscriber_id),
        at=asking.at,
        device=asking.device,
    )
    writes = [
        store.portal.served(subscriber_id=subscriber_id),
        *([] if instead else [store.portal.unmoved(access=access)]),
        *change,
        store.note(note=asking.note(action="portal.signed_in", subscriber_id=subscriber_id, by=by)),
    ]
    commit_beginning(
        sessions=portal.sessions, store=store, begun=logged_in.session, writes=writes, instead=instead
    )
    return logged_in


def with_password(
    *, portal: Portal, tenant: Tenant, subscriber: Subscriber, access: PortalAccess, password: str
) -> PortalAccess:
    """Return the access with a new password, or raise InvalidValue where it is easy to guess."""
    contact = subscriber.contact
    own = words_of(texts=(contact.name, contact.email, contact.phone, subscriber.code))
    check_password(password=password, known=(tenant.company, tenant.subdomain, *own), param="password")
    made = portal.identity.passwords.hash(password=normal_password(password=password))
    return replace(access, password_hash=made)


def tell_of_password(*, portal: Portal, tenant: Tenant, subscriber: Subscriber) -> None:
    """Mail a subscriber that their password was set or changed, where there is an address."""
    contact = subscriber.contact
    if contact.email:
        mail = portal_password_mail(to=contact.email, name=contact.name, company=tenant.company)
        tell(identity=portal.identity, mail=mail)


def end_portal_sessions(
    *, portal: Portal, store: TenantStore, subscriber_id: str, for_good: bool, note: AuditNote
) -> None:
    """End all sessions of a subscriber at once; raise NotFound or Busy.

    With ``for_good`` the password is taken off too, and activations that were sent are worthless: whoever
    chose it, and was somebody else, does not come back.
    """
    store.subscribers.get(subscriber_id=subscriber_id)
    writes = [store.note(note=replace(note, details={"for_good": for_good}))]
    if for_good:
        access = store.portal.access(subscriber_id=subscriber_id)
        writes.append(store.portal.save(before=access, after=replace(access, password_hash="")))
    try:
        commit_ending(sessions=portal.sessions, store=store, staff_ids=(subscriber_id,), writes=writes)
    except StaleVersion as error:
        raise Busy("the account was changed just now: try again") from error

"""Watching for what is out of the ordinary: count it, tell the owners by mail and the operator.

Nothing is refused here, and nothing that goes wrong with telling stops what is told of.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.anomalies import (
    HOUR_SECONDS,
    NETWORK_KNOWN_FOR,
    RULES,
    Anomaly,
    network_of,
    with_network,
)
from chalicelib.domain.contacts import normal_email
from chalicelib.ports.identity import Attempts, Registry, Tokens
from chalicelib.ports.services import Mailer, MailNotSent
from chalicelib.ports.store import Stores
from chalicelib.ports.watching import Alarms, Networks
from chalicelib.usecases.mails import anomaly_mail
from chalicelib.usecases.rates import RateLimited, RateLimiter
from chalicelib.usecases.staff_lists import owners

# A process adds what it counted to the shared count after each tenth part of a rule's number.
REPORTS_PER_WINDOW: Final = 10
SEEN_FOR: Final = timedelta(hours=1)
SEEN_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class WatchPorts:
    """What watching works with."""

    attempts: Attempts
    tokens: Tokens
    networks: Networks
    registry: Registry
    stores: Stores
    mailer: Mailer
    alarms: Alarms


class Watch:
    """Counts what happens to tenants, and tells where it is too much; safe for many threads."""

    def __init__(self, *, ports: WatchPorts) -> None:
        self._ports = ports
        self._counts = RateLimiter(
            attempts=ports.attempts, tokens=ports.tokens, reports_per_window=REPORTS_PER_WINDOW
        )
        self._seen: dict[tuple[str, str], datetime] = {}

    def log_in_failed(self, *, subdomain: str, email: str, at: datetime) -> None:
        """Count a wrong password, alike for accounts that there are and that there are not."""
        account = f"{subdomain}|{normal_email(email=email)}"
        for kind, key in ((Anomaly.ACCOUNT_LOG_INS, account), (Anomaly.TENANT_LOG_INS, subdomain)):
            if self._too_many(kind, key, at):
                address = self._ports.registry.locate(subdomain=subdomain, at=at)
                self.alert(kind=kind, tenant_id=address.tenant_id if address else None, at=at)

    def happened(self, *, kind: Anomaly, tenant_id: str, at: datetime) -> None:
        """Count one more of what is ordinary in small numbers."""
        if self._too_many(kind, tenant_id, at):
            self.alert(kind=kind, tenant_id=tenant_id, at=at)

    def exported(self, *, tenant_id: str, address: str, at: datetime) -> None:
        """See where an export is asked for, or fetched, from."""
        network = self._ports.tokens.hash(token=f"{tenant_id}|{network_of(address=address)}")
        seen = self._seen.get((tenant_id, network))
        if seen is not None and seen <= at < seen + SEEN_FOR:
            return
        known = self._ports.networks.known(tenant_id=tenant_id)
        networks, news = with_network(known=known, network=network, at=at)
        self._ports.networks.keep(tenant_id=tenant_id, networks=networks, until=at + NETWORK_KNOWN_FOR)
        if len(self._seen) >= SEEN_MAX:
            self._seen.clear()
        self._seen[tenant_id, network] = at
        if news:
            self.alert(kind=Anomaly.EXPORT_NETWORK, tenant_id=tenant_id, at=at)

    def alert(self, *, kind: Anomaly, tenant_id: str | None, at: datetime) -> None:
        """Tell the operator and the tenant's owners, once an hour of a kind."""
        if self._told_already(kind, tenant_id, at):
            return
        self._ports.alarms.tell(kind=kind, tenant_id=tenant_id, at=at)
        if tenant_id is not None:
            self._tell_owners(kind, tenant_id, at)

    def alert_owners(self, *, kind: Anomaly, tenant_id: str, at: datetime) -> None:
        """Tell the owners alone, of what the operator was told; once an hour of a kind."""
        if not self._told_already(kind, tenant_id, at):
            self._tell_owners(kind, tenant_id, at)

    def _told_already(self, kind: Anomaly, tenant_id: str | None, at: datetime) -> bool:
        key = self._ports.tokens.hash(token=f"alert|{tenant_id}|{kind}")
        return self._ports.attempts.add(key=key, window_seconds=HOUR_SECONDS, at=at) > 1

    def _tell_owners(self, kind: Anomaly, tenant_id: str, at: datetime) -> None:
        store = self._ports.stores.of(tenant_id=tenant_id)
        company = store.profile().company
        for owner in owners(store=store):
            mail = anomaly_mail(to=owner.email, name=owner.name, company=company, kind=kind, at=at)
            with suppress(MailNotSent):  # the operator was told, and the next owner may be reached
                self._ports.mailer.send(mail=mail)

    def _too_many(self, kind: Anomaly, key: str, at: datetime) -> bool:
        try:
            self._counts.take(policy=RULES[kind], key=key, at=at)
        except RateLimited:
            return True
        return False

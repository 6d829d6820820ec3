"""What is out of the ordinary, and worth a mail to the owner and an alarm to the operator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from chalicelib.domain.rates import Policy

HOUR_SECONDS: Final = 3600
NETWORK_BITS_V4: Final = 24
NETWORK_BITS_V6: Final = 48
NETWORKS_MAX: Final = 50
# As the data map promises; a test compares.
NETWORK_KNOWN_FOR: Final = timedelta(days=90)


class Anomaly(StrEnum):
    """A kind of what is told, once an hour and tenant."""

    ACCOUNT_LOG_INS = "many_failed_log_ins_of_an_account"
    TENANT_LOG_INS = "many_failed_log_ins"
    SUSPENSIONS = "mass_suspension"
    REFUNDS = "refund_spike"
    ERASURES = "mass_erasure"
    EXPORT_NETWORK = "export_from_a_new_network"
    AUDIT_BROKEN = "audit_chain_broken"
    NOTICES_REFUSED = "many_refused_payment_notices"
    NOTICE_PARKED = "payment_notice_waits"
    PAID_TWICE = "invoice_paid_twice"
    CHARGED_BACK = "payment_charged_back"


# More than so many within an hour. Ten wrong passwords of one client are refused anyway
# (usecases/sessions.py): twenty of an account are of several, or of somebody patient.
RULES: Final[Mapping[Anomaly, Policy]] = {
    Anomaly.ACCOUNT_LOG_INS: Policy("failed-log-ins-account", 20, HOUR_SECONDS),
    Anomaly.TENANT_LOG_INS: Policy("failed-log-ins-tenant", 100, HOUR_SECONDS),
    Anomaly.SUSPENSIONS: Policy("suspensions", 50, HOUR_SECONDS),
    Anomaly.REFUNDS: Policy("refunds", 20, HOUR_SECONDS),
    Anomaly.ERASURES: Policy("erasures", 10, HOUR_SECONDS),
    Anomaly.NOTICES_REFUSED: Policy("refused-notices", 50, HOUR_SECONDS),
}


def network_of(*, address: str) -> str:
    """Return the network of an address: what moves with a provider or place, and names nobody."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((int(parsed), NETWORK_BITS_V6), strict=False))
    return str(IPv4Network((int(parsed), NETWORK_BITS_V4), strict=False))


def with_network(
    *, known: Mapping[str, datetime], network: str, at: datetime
) -> tuple[dict[str, datetime], bool]:
    """Return the known networks with one seen at ``at``, and whether that is news.

    The first of all is none: there is nothing that it could differ from. The longest unseen are
    forgotten.
    """
    live = {one: seen for one, seen in known.items() if at - seen < NETWORK_KNOWN_FOR}
    news = bool(live) and network not in live
    live[network] = at
    newest = sorted(live, key=lambda one: live[one], reverse=True)[:NETWORKS_MAX]
    return {one: live[one] for one in newest}, news

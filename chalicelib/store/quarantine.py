"""What runs set aside: an item each, in the partition of the run, until it is retried."""

from __future__ import annotations

from typing import Final

from pynamodb.attributes import UnicodeAttribute

from chalicelib.domain.accounts import subscription_id
from chalicelib.domain.runs import QuarantinedSubscription
from chalicelib.store.base import TenantsItem, from_iso

QUARANTINE_PREFIX: Final = "Q#"
OF_USAGE: Final = "#USE"


class QuarantineItem(TenantsItem):
    """``<tenant>#RUN#<date>`` / ``Q#<subscription id>``; ``Q#<subscription id>#USE`` is its use of data."""

    code = UnicodeAttribute()
    message = UnicodeAttribute()
    at = UnicodeAttribute()


def quarantine_key(*, account_id: str, slot: int, of_usage: bool = False) -> str:
    """Return the sort key of what was set aside of a subscription: its bill, or its use of data."""
    key = f"{QUARANTINE_PREFIX}{subscription_id(account_id=account_id, slot=slot)}"
    return f"{key}{OF_USAGE}" if of_usage else key


def quarantined_of(item: QuarantineItem) -> QuarantinedSubscription:
    """Read what was set aside."""
    # Not parse_subscription_id: slot 0, the pending charges, is in no identifier that is given out.
    of_usage = item.sk.endswith(OF_USAGE)
    ulid, _, slot = item.sk.removesuffix(OF_USAGE).removeprefix(f"{QUARANTINE_PREFIX}sbn_").rpartition("-")
    return QuarantinedSubscription(
        account_id=f"sbr_{ulid}",
        slot=int(slot),
        code=item.code,
        message=item.message,
        at=from_iso(item.at),
        of_usage=of_usage,
    )

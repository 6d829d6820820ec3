"""The account item and its codec: what the billing run reads and updates.

It is kept under 1 KB, the unit of write capacity, for it is rewritten with every invoice:
personal data lives in the profile item, except ``who``, the sealed recipient that an invoice
must show. Subscriptions are one JSON string, so that an update replaces it whole under the
condition that the account's version has not moved.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import orjson
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.accounts import Account, Subscription, SubscriptionState
from chalicelib.domain.invoices import Recipient
from chalicelib.domain.periods import BillingTiming, Cycle, CycleUnit
from chalicelib.store.base import TenantsItem

OPERATIONAL: Final = "op"


class AccountItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``ACCOUNT``; short attribute names, for size is money here."""

    code = UnicodeAttribute(attr_name="c")
    currency = UnicodeAttribute(attr_name="cur")
    balance = NumberAttribute(attr_name="b")
    version = NumberAttribute(attr_name="v")
    subscriptions = UnicodeAttribute(attr_name="s")
    recipient = BinaryAttribute(attr_name="who", null=True, legacy_encoding=False)


def encode_subscriptions(subscriptions: tuple[Subscription, ...]) -> str:
    """Return the stored JSON."""
    return orjson.dumps([_encode(sub) for sub in subscriptions]).decode()


def _encode(sub: Subscription) -> dict[str, Any]:
    stored: dict[str, Any] = {
        "n": sub.slot,
        "p": sub.package_id,
        "st": sub.state.value,
        "f": sub.starts_on.isoformat(),
        "a": sub.anchor_day,
        "cy": f"{sub.cycle.unit.value}:{sub.cycle.count}",
        "t": sub.timing.value,
        "bt": sub.billed_to.isoformat(),
    }
    if sub.price_override is not None:
        stored["o"] = sub.price_override
    if sub.ends_on is not None:
        stored["e"] = sub.ends_on.isoformat()
    if sub.paused_on is not None:
        stored["z"] = sub.paused_on.isoformat()
    return stored


_CYCLES: Final[dict[str, Cycle]] = {}


def _cycle(text: str) -> Cycle:
    cycle = _CYCLES.get(text)
    if cycle is None:
        unit, _, count = text.partition(":")
        cycle = _CYCLES[text] = Cycle(CycleUnit(unit), int(count))
    return cycle


def decode_subscriptions(text: str) -> tuple[Subscription, ...]:
    """Read what ``encode_subscriptions`` wrote."""
    return tuple(
        Subscription(
            slot=row["n"],
            package_id=row["p"],
            state=SubscriptionState(row["st"]),
            starts_on=date.fromisoformat(row["f"]),
            anchor_day=row["a"],
            cycle=_cycle(row["cy"]),
            timing=BillingTiming(row["t"]),
            billed_to=date.fromisoformat(row["bt"]),
            price_override=row.get("o"),
            ends_on=date.fromisoformat(row["e"]) if "e" in row else None,
            paused_on=date.fromisoformat(row["z"]) if "z" in row else None,
        )
        for row in orjson.loads(text)
    )


def account_of(item: AccountItem, *, account_id: str) -> Account:
    """Read an account item."""
    return Account(
        account_id=account_id,
        code=item.code,
        currency=item.currency,
        balance=int(item.balance),
        version=int(item.version),
        subscriptions=decode_subscriptions(item.subscriptions),
    )


def recipient_place(pk: str) -> str:
    """Where the sealed recipient of an account stands: what its ciphertext is bound to."""
    return f"tenants|{pk}|ACCOUNT|who"


def seal_recipient(*, keys: TenantKeys, pk: str, recipient: Recipient) -> bytes:
    """Encrypt the recipient for its account."""
    plain = orjson.dumps([recipient.name, recipient.address, recipient.tax_id])
    return keys.seal(family=OPERATIONAL, place=recipient_place(pk), plain=plain)


def open_recipient(*, keys: TenantKeys, pk: str, sealed: bytes) -> bytes:
    """Decrypt the recipient's JSON; ``recipient_of`` reads it."""
    return keys.open(family=OPERATIONAL, place=recipient_place(pk), sealed=sealed)


def recipient_of(plain: bytes) -> Recipient:
    """Read the recipient's JSON."""
    name, address, tax_id = orjson.loads(plain)
    return Recipient(name=name, address=address, tax_id=tax_id)

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
from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.crypto.keyring import TenantKeys
from chalicelib.domain.accounts import (
    Account,
    ChargeKind,
    Discount,
    PendingCharge,
    Subscription,
    SubscriptionState,
)
from chalicelib.domain.contacts import Recipient
from chalicelib.domain.periods import BillingTiming, Cycle, CycleUnit
from chalicelib.domain.taxes import NO_TAX_PROFILE, TaxExemption, TaxProfile
from chalicelib.store.base import TenantsItem, nullable

OPERATIONAL: Final = "op"
# Decoded texts that one run holds; where there are more, it begins anew.
SUBSCRIPTIONS_KEPT_MAX: Final = 4096


class AccountItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``ACCOUNT``; short attribute names, for size is money here."""

    code = UnicodeAttribute(attr_name="c")
    currency = UnicodeAttribute(attr_name="cur")
    balance = NumberAttribute(attr_name="b")
    version = NumberAttribute(attr_name="v")
    subscriptions = UnicodeAttribute(attr_name="s")
    recipient = BinaryAttribute(attr_name="who", null=True, legacy_encoding=False)
    credit = NumberAttribute(attr_name="cr", null=True)
    deposits = NumberAttribute(attr_name="dp", null=True)
    tax = UnicodeAttribute(attr_name="tx", null=True)
    charges = UnicodeAttribute(attr_name="ch", null=True)
    slots_used = NumberAttribute(attr_name="ls", null=True)
    run = UnicodeAttribute(attr_name="ru", null=True)
    consolidated = BooleanAttribute(attr_name="co", null=True)


def encode_subscriptions(subscriptions: tuple[Subscription, ...]) -> str:
    """Return the stored JSON."""
    return orjson.dumps([_encode(sub) for sub in subscriptions]).decode()


def _encode(sub: Subscription) -> dict[str, Any]:
    stored: dict[str, Any] = {
        "n": sub.slot,
        "p": sub.package_id,
        "st": sub.state,
        "f": sub.starts_on.isoformat(),
        "a": sub.anchor_day,
        "cy": f"{sub.cycle.unit}:{sub.cycle.count}",
        "t": sub.timing,
        "bt": sub.billed_to.isoformat(),
    }
    if sub.price_override is not None:
        stored["o"] = sub.price_override
    if sub.ends_on is not None:
        stored["e"] = sub.ends_on.isoformat()
    if sub.paused_on is not None:
        stored["z"] = sub.paused_on.isoformat()
    if sub.edition != 1:
        stored["ed"] = sub.edition
    if sub.quantity != 1:
        stored["q"] = sub.quantity
    if sub.parent is not None:
        stored["pa"] = sub.parent
    if sub.discounts:
        stored["d"] = [[one.code, one.share, one.amount, one.periods] for one in sub.discounts]
    if sub.pause_share:
        stored["zs"] = sub.pause_share
    if sub.replaces is not None or sub.for_non_payment:
        stored |= _rare(sub)
    return stored


def _rare(sub: Subscription) -> dict[str, Any]:
    """Return what only one has that came in the place of another, or is suspended for non-payment."""
    dates = {"og": sub.origin, "pf": sub.phases_from}
    stored: dict[str, Any] = {} if sub.replaces is None else {"rp": sub.replaces}
    if sub.for_non_payment:
        stored["np"] = 1
    return stored | {name: on.isoformat() for name, on in dates.items() if on is not None}


_CYCLES: Final[dict[str, Cycle]] = {}


def _cycle(text: str) -> Cycle:
    cycle = _CYCLES.get(text)
    if cycle is None:
        unit, _, count = text.partition(":")
        cycle = _CYCLES[text] = Cycle(CycleUnit(unit), int(count))
    return cycle


_STATES: Final = {state.value: state for state in SubscriptionState}
_TIMINGS: Final = {timing.value: timing for timing in BillingTiming}


def decode_subscriptions(text: str) -> tuple[Subscription, ...]:
    """Read what ``encode_subscriptions`` wrote."""
    return tuple([_decode(row) for row in orjson.loads(text)])


class SubscriptionsDecoder:
    """Decodes as ``decode_subscriptions`` does, and equal texts once: many customers have the same."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Subscription, ...]] = {}

    def decode(self, text: str) -> tuple[Subscription, ...]:
        """Read what ``encode_subscriptions`` wrote."""
        known = self._kept.get(text)
        if known is None:
            if len(self._kept) >= SUBSCRIPTIONS_KEPT_MAX:
                self._kept.clear()
            known = self._kept[text] = decode_subscriptions(text)
        return known


def _decode(row: dict[str, Any]) -> Subscription:
    get = row.get
    ends_on, paused_on, origin, phases_from = get("e"), get("z"), get("og"), get("pf")
    return Subscription(
        row["n"],
        row["p"],
        _STATES[row["st"]],
        date.fromisoformat(row["f"]),
        row["a"],
        _cycle(row["cy"]),
        _TIMINGS[row["t"]],
        date.fromisoformat(row["bt"]),
        get("o"),
        date.fromisoformat(ends_on) if ends_on else None,
        date.fromisoformat(paused_on) if paused_on else None,
        get("ed", 1),
        get("q", 1),
        get("pa"),
        tuple([Discount(*one) for one in row["d"]]) if "d" in row else (),
        get("zs", 0),
        get("rp"),
        date.fromisoformat(origin) if origin else None,
        date.fromisoformat(phases_from) if phases_from else None,
        "np" in row,
    )


def encode_tax(profile: TaxProfile) -> str | None:
    """Return the stored JSON of where and how a customer is taxed; None where nothing is special."""
    if profile == NO_TAX_PROFILE:
        return None
    exemptions = [
        [one.code, one.certificate, one.starts_on.isoformat(), one.ends_on and one.ends_on.isoformat()]
        for one in profile.exemptions
    ]
    return orjson.dumps([profile.jurisdiction, exemptions]).decode()


def decode_tax(text: str | None) -> TaxProfile:
    """Read what ``encode_tax`` wrote."""
    if text is None:
        return NO_TAX_PROFILE
    jurisdiction, exemptions = orjson.loads(text)
    return TaxProfile(
        jurisdiction,
        tuple(
            TaxExemption(
                code, certificate, date.fromisoformat(start), date.fromisoformat(end) if end else None
            )
            for code, certificate, start, end in exemptions
        ),
    )


def encode_charges(charges: tuple[PendingCharge, ...]) -> str | None:
    """Return the stored JSON of the pending charges; None where there are none."""
    if not charges:
        return None
    return orjson.dumps(
        [
            [
                one.key,
                one.kind.value,
                one.description,
                one.unit_price,
                one.quantity,
                one.tax_group,
                one.on.isoformat(),
                one.slot,
            ]
            for one in charges
        ]
    ).decode()


def decode_charges(text: str | None) -> tuple[PendingCharge, ...]:
    """Read what ``encode_charges`` wrote."""
    if text is None:
        return ()
    return tuple(
        PendingCharge(
            key, ChargeKind(kind), description, price, quantity, group, date.fromisoformat(on), slot
        )
        for key, kind, description, price, quantity, group, on, slot in orjson.loads(text)
    )


def encode_run(account: Account) -> str | None:
    """Return the stored text of what the last run date with an invoice came to; None before the first."""
    return None if account.run_on is None else f"{account.run_on.isoformat()}:{account.run_total}"


def decode_run(text: str | None) -> tuple[date | None, int]:
    """Read what ``encode_run`` wrote."""
    return (None, 0) if text is None else (date.fromisoformat(text[:10]), int(text[11:]))


def account_of(item: AccountItem, *, account_id: str) -> Account:
    """Read an account item."""
    run_on, run_total = decode_run(nullable(item.run))
    return Account(
        account_id=account_id,
        code=item.code,
        currency=item.currency,
        balance=int(item.balance),
        version=int(item.version),
        subscriptions=decode_subscriptions(item.subscriptions),
        credit=int(nullable(item.credit) or 0),
        deposits=int(nullable(item.deposits) or 0),
        tax=decode_tax(nullable(item.tax)),
        charges=decode_charges(nullable(item.charges)),
        slots_used=int(nullable(item.slots_used) or 0),
        run_on=run_on,
        run_total=run_total,
        consolidated=nullable(item.consolidated),
    )


def account_values(account: Account) -> dict[str, Any]:
    """Return what an account item holds besides its keys, code and recipient, by attribute of the model.

    None where the item has no such attribute.
    """
    return {
        "currency": account.currency,
        "balance": account.balance,
        "version": account.version,
        "subscriptions": encode_subscriptions(account.subscriptions),
        "credit": account.credit or None,
        "deposits": account.deposits or None,
        "tax": encode_tax(account.tax),
        "charges": encode_charges(account.charges),
        "slots_used": account.slots_used or None,
        "run": encode_run(account),
        "consolidated": account.consolidated,
    }


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

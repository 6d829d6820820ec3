"""Charges that wait on an account for its next bill, and those that a sale makes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from enum import StrEnum

from chalicelib.domain.accounts import (
    PENDING_CHARGES_MAX,
    Account,
    ChargeKind,
    PendingCharge,
    Subscription,
)
from chalicelib.domain.errors import Conflict
from chalicelib.domain.packages import Package


class TooManyCharges(Conflict):
    """The account holds as many charges that are not billed yet as one account may."""

    code = "too_many_charges"


class ChargePending(Conflict):
    """A charge for the same reason waits already."""

    code = "charge_pending"


class Fee(StrEnum):
    """What a sale costs once, besides the price."""

    ACTIVATION = "activation"
    DEPOSIT = "deposit"


def with_charges(*, account: Account, charges: Collection[PendingCharge]) -> Account:
    """Return the account with more charges that wait, or raise TooManyCharges or ChargePending."""
    if not charges:
        return account
    waiting = (*account.charges, *charges)
    if len(waiting) > PENDING_CHARGES_MAX:
        message = f"an account holds at most {PENDING_CHARGES_MAX} charges that are not billed yet"
        raise TooManyCharges(message)
    if len({charge.key for charge in waiting}) < len(waiting):
        raise ChargePending("a charge for the same reason waits for its bill already")
    return replace(account, charges=waiting)


def sale_charges(
    *, subscription: Subscription, package: Package, waived: Collection[Fee] = ()
) -> tuple[PendingCharge, ...]:
    """Return the activation fee and the deposit of a sale, for the first bill from its first day on.

    The fee is taxed by the package's group; a deposit is a liability and not taxed.
    """
    slot, quantity, on = subscription.slot, subscription.quantity, subscription.starts_on
    charges = []
    if package.activation_fee and Fee.ACTIVATION not in waived:
        charges.append(
            PendingCharge(
                key=f"act:{slot}",
                kind=ChargeKind.ACTIVATION,
                description=f"Activation of {package.name}",
                unit_price=package.activation_fee,
                quantity=quantity,
                tax_group=package.tax_group,
                on=on,
                slot=slot,
            )
        )
    if package.deposit and Fee.DEPOSIT not in waived:
        charges.append(
            PendingCharge(
                key=f"dep:{slot}",
                kind=ChargeKind.DEPOSIT,
                description=f"Deposit for {package.name}",
                unit_price=package.deposit,
                quantity=quantity,
                tax_group=None,
                on=on,
                slot=slot,
            )
        )
    return tuple(charges)

"""The account: one subscriber's money and subscriptions, the aggregate that billing updates.

A subscription has a *slot* in its account (1, 2, 3 …, never reused). Its identifier is the
account's ULID and the slot, and an invoice's is the account's ULID, the period's first day
and the slot: so an identifier finds its record by key, and the natural key of an invoice
(account, subscription, period, kind) *is* its identifier.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Final

from chalicelib.domain.errors import Conflict
from chalicelib.domain.identifiers import MalformedId, is_ulid
from chalicelib.domain.money import Money
from chalicelib.domain.periods import BillingTiming, Cycle
from chalicelib.domain.records import record
from chalicelib.domain.taxes import NO_TAX_PROFILE, TaxProfile

# At a time; and ever, for a slot is one byte of an invoice's entry in the register, and those
# from DOCUMENT_SLOT_MIN on number the invoices of a day that no cycle makes.
SUBSCRIPTIONS_PER_ACCOUNT_MAX: Final = 20
SLOT_MAX: Final = 199
DOCUMENT_SLOT_MIN: Final = 200
DOCUMENT_SLOT_MAX: Final = 255
PENDING_CHARGES_MAX: Final = 40
DISCOUNTS_PER_SUBSCRIPTION_MAX: Final = 5
# The due list files an account's pending charges under this slot.
CHARGES_SLOT: Final = 0


class TooManySubscriptions(Conflict):
    """The account holds as many subscriptions as one account may."""

    code = "too_many_subscriptions"


class InvalidTransition(Conflict):
    """The subscription's state does not allow this change."""

    code = "invalid_transition"


class SubscriptionState(StrEnum):
    """Where a subscription stands."""

    PENDING = "pending"
    ACTIVE = "active"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"


ALLOWED_TRANSITIONS: Final[dict[SubscriptionState, frozenset[SubscriptionState]]] = {
    SubscriptionState.PENDING: frozenset({SubscriptionState.ACTIVE, SubscriptionState.TERMINATED}),
    SubscriptionState.ACTIVE: frozenset(
        {SubscriptionState.PAUSED, SubscriptionState.SUSPENDED, SubscriptionState.TERMINATED}
    ),
    SubscriptionState.PAUSED: frozenset({SubscriptionState.ACTIVE, SubscriptionState.TERMINATED}),
    SubscriptionState.SUSPENDED: frozenset({SubscriptionState.ACTIVE, SubscriptionState.TERMINATED}),
    # Until the end has come it may be withdrawn or moved.
    SubscriptionState.TERMINATED: frozenset({SubscriptionState.ACTIVE, SubscriptionState.TERMINATED}),
}


class AccountStatus(StrEnum):
    """The one word for an account: the liveliest subscription's state, ``new`` where there is none."""

    NEW = "new"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    PAUSED = "paused"
    PENDING = "pending"
    TERMINATED = "terminated"


class ChargeKind(StrEnum):
    """What a line of an invoice is for; the ledger keeps the revenue of each apart."""

    RECURRING = "recurring"
    USAGE = "usage"
    ONE_TIME = "one_time"
    ACTIVATION = "activation"
    TOP_UP = "top_up"
    RECHARGE = "recharge"
    LATE_FEE = "late_fee"
    RECONNECT_FEE = "reconnect_fee"
    DEPOSIT = "deposit"
    CHARGEBACK = "chargeback"
    ROUNDING = "rounding"


@dataclass(frozen=True, slots=True)
class Discount:
    """A reduction of a subscription's price before tax.

    Either ``share`` (millionths of the price) or ``amount`` (minor units a cycle, by the day where a
    period is cut). ``periods`` are those it is left for; None is forever. At 0 it is spent: it stays
    until the next bill, for days of the last one may be billed again.
    """

    code: str
    share: int = 0
    amount: int = 0
    periods: int | None = None

    @property
    def spent(self) -> bool:
        """Whether no more bills have it."""
        return self.periods == 0


@dataclass(frozen=True, slots=True)
class PendingCharge:
    """A charge that waits for a bill: on the account's next one from ``on`` that a run makes.

    ``unit_price`` is minor units before tax (or with, where the group is inclusive) and may be
    negative for a refund of what was billed. ``key`` is unique within the account: one charge
    for one reason, such as a late fee of one rule for one invoice.
    """

    key: str
    kind: ChargeKind
    description: str
    unit_price: int
    quantity: int
    tax_group: str | None
    on: date
    slot: int = CHARGES_SLOT


@record
class Subscription:
    """A package in use by an account.

    ``starts_on`` is the first day of service and the origin of every period; ``billed_to`` is
    the exclusive end of the last billed period, ``starts_on`` before the first bill. Cycle and
    timing are copied from the package when subscribed. ``price_override`` (minor units, per
    cycle) replaces the package's price. ``ends_on`` is the exclusive last day of service,
    ``paused_on`` the first day without it while paused or suspended. ``edition`` is that of the
    package when sold. ``parent`` is the slot that an add-on belongs to. ``pause_share`` is the
    part of the price, in millionths, that is billed while paused. ``replaces`` is the slot whose
    package this one came in the place of; ``origin`` the date that its periods are counted from
    where that is not ``starts_on``, because they go on as those of the slot before. ``phases_from``
    is the date that the package's phases are counted from where a subscription of the same package
    and cycle came before. ``for_non_payment`` says why it was suspended, where it is: such a line comes
    back by itself when what is overdue is paid.
    """

    slot: int
    package_id: str
    state: SubscriptionState
    starts_on: date
    anchor_day: int
    cycle: Cycle
    timing: BillingTiming
    billed_to: date
    price_override: int | None = None
    ends_on: date | None = None
    paused_on: date | None = None
    edition: int = 1
    quantity: int = 1
    parent: int | None = None
    discounts: tuple[Discount, ...] = ()
    pause_share: int = 0
    replaces: int | None = None
    origin: date | None = None
    phases_from: date | None = None
    for_non_payment: bool = False

    @property
    def cycle_origin(self) -> date:
        """The date that periods are counted from."""
        return self.origin or self.starts_on

    def billed_through(self, *, end: date, discounts: tuple[Discount, ...]) -> Subscription:
        """Return the subscription after a bill; ``dataclasses.replace`` would be most of a bill's time."""
        return Subscription(
            self.slot,
            self.package_id,
            self.state,
            self.starts_on,
            self.anchor_day,
            self.cycle,
            self.timing,
            end,
            self.price_override,
            self.ends_on,
            self.paused_on,
            self.edition,
            self.quantity,
            self.parent,
            discounts,
            self.pause_share,
            self.replaces,
            self.origin,
            self.phases_from,
            self.for_non_payment,
        )

    @property
    def stops_on(self) -> date | None:
        """The first day that is not billed, as things stand; None where there is no end in sight."""
        halted = None if self.billed_while_paused else self.paused_on
        if halted is None or self.ends_on is None:
            return halted or self.ends_on
        return min(halted, self.ends_on)

    @property
    def billed_while_paused(self) -> bool:
        """Whether it is paused on a package that charges a part of its price meanwhile."""
        return self.pause_share > 0 and self.state is SubscriptionState.PAUSED

    @property
    def overbilled_days(self) -> int:
        """How many days are billed on which, as things stand, there is no service."""
        stop = self.stops_on
        return 0 if stop is None else max(0, (self.billed_to - stop).days)

    @property
    def finished(self) -> bool:
        """Whether it is terminated and nothing of it is left to be billed."""
        stop = self.stops_on
        ended = self.state is SubscriptionState.TERMINATED
        return ended and stop is not None and stop <= self.billed_to


@record
class Account:
    """One subscriber's money and subscriptions; amounts in minor units of ``currency``.

    ``balance`` is what the subscriber owes, less ``credit`` (paid or credited and not yet
    allocated to an invoice; it pays for prepaid packages and for the next invoices): the fold of the
    account's ledger entries. ``deposits`` is held and to be given back. ``version`` counts
    every change. ``slots_used`` is the highest slot ever used. ``run_total`` is what runs invoiced
    it on ``run_on``, the last run date on which they did. ``consolidated`` puts what it owes on one
    day on one invoice, or not; None is as its tenant does.
    """

    account_id: str
    code: str
    currency: str
    balance: int
    version: int
    subscriptions: tuple[Subscription, ...] = field(default=())
    credit: int = 0
    deposits: int = 0
    tax: TaxProfile = NO_TAX_PROFILE
    charges: tuple[PendingCharge, ...] = ()
    slots_used: int = 0
    run_on: date | None = None
    run_total: int = 0
    consolidated: bool | None = None

    @property
    def owed(self) -> Money:
        """What the subscriber owes; negative where the ISP does."""
        return Money(self.balance, self.currency)

    def subscription(self, *, slot: int) -> Subscription | None:
        """Return the subscription in a slot, or None."""
        return next((sub for sub in self.subscriptions if sub.slot == slot), None)

    def next_slot(self) -> int:
        """Return a slot that was never used, or raise TooManySubscriptions.

        Slots are in invoice ids, so those of finished subscriptions are not used again, whether
        they left the account or not; the limit of those at a time is without them.
        """
        if sum(not sub.finished for sub in self.subscriptions) >= SUBSCRIPTIONS_PER_ACCOUNT_MAX:
            raise TooManySubscriptions(
                f"an account holds at most {SUBSCRIPTIONS_PER_ACCOUNT_MAX} subscriptions that are not "
                "finished: terminate one; it stops counting when its last days are billed"
            )
        slot = max((self.slots_used, *(sub.slot for sub in self.subscriptions))) + 1
        if slot > SLOT_MAX:
            raise TooManySubscriptions(
                f"an account takes at most {SLOT_MAX} subscriptions ever: go on with a new subscriber"
            )
        return slot

    def with_subscription(self, *, subscription: Subscription) -> Account:
        """Return the account with the subscription added, or put in place of its slot's."""
        kept = tuple(sub for sub in self.subscriptions if sub.slot != subscription.slot)
        ordered = tuple(sorted((*kept, subscription), key=lambda sub: sub.slot))
        return replace(self, subscriptions=ordered)


def change_state(
    *, subscription: Subscription, to: SubscriptionState, ends_on: date | None = None
) -> Subscription:
    """Return the subscription in its new state, or raise InvalidTransition."""
    if to not in ALLOWED_TRANSITIONS[subscription.state]:
        raise InvalidTransition(f"a {subscription.state} subscription cannot become {to}", param="state")
    return replace(subscription, state=to, ends_on=ends_on if ends_on is not None else subscription.ends_on)


def summary_status(*, account: Account) -> AccountStatus:
    """Return the one word that a list shows for a subscriber."""
    states = {sub.state.value for sub in account.subscriptions}
    return next((status for status in AccountStatus if status.value in states), AccountStatus.NEW)


# -- identifiers ---------------------------------------------------------------------------


def subscription_id(*, account_id: str, slot: int) -> str:
    """Return ``sbn_<account ULID>-<slot>``."""
    return f"sbn_{account_id.removeprefix('sbr_')}-{slot}"


def parse_subscription_id(*, value: str) -> tuple[str, int]:
    """Return (account id, slot), or raise MalformedId."""
    ulid, _, slot = value.removeprefix("sbn_").partition("-")
    well_formed = is_ulid(text=ulid) and slot.isascii() and slot.isdecimal() and len(slot) <= 4
    if not value.startswith("sbn_") or not well_formed or slot.startswith("0"):
        raise MalformedId("not a subscription id", param="subscription_id")
    return f"sbr_{ulid}", int(slot)


def document_slot(*, version: int) -> int:
    """Return the slot of a document that no cycle makes, in turn with the account's version."""
    return DOCUMENT_SLOT_MIN + version % (DOCUMENT_SLOT_MAX - DOCUMENT_SLOT_MIN + 1)


def invoice_id(*, account_id: str, period_start: date, slot: int) -> str:
    """Return ``inv_<account ULID>-<yyyymmdd>-<slot>``: the natural key of a cycle invoice."""
    return f"inv_{account_id.removeprefix('sbr_')}-{period_start:%Y%m%d}-{slot}"


def parse_invoice_id(*, value: str) -> tuple[str, str]:
    """Return (account id, the key within the account), or raise MalformedId."""
    ulid, _, key = value.removeprefix("inv_").partition("-")
    day, _, slot = key.partition("-")
    well_formed = (
        is_ulid(text=ulid) and len(day) == 8 and day.isdecimal() and slot.isdecimal() and len(slot) <= 4
    )
    if not value.startswith("inv_") or not well_formed:
        raise MalformedId("not an invoice id", param="invoice_id")
    return f"sbr_{ulid}", key

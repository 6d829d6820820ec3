"""Subscriptions: selling a package to a subscriber, and what may change afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from chalicelib.domain.accounts import (
    Account,
    Subscription,
    SubscriptionState,
    parse_subscription_id,
    subscription_id,
)
from chalicelib.domain.discounts import with_discount
from chalicelib.domain.documents import Entry
from chalicelib.domain.errors import Busy, InvalidValue, NotFound
from chalicelib.domain.identifiers import MalformedId
from chalicelib.domain.money import Money
from chalicelib.domain.package_changes import ChangePending, checked_quantity, replaced_by
from chalicelib.domain.packages import Package, RefundPolicy
from chalicelib.domain.past_subscriptions import without_past
from chalicelib.domain.pending_charges import Fee, sale_charges, with_charges
from chalicelib.domain.periods import default_anchor
from chalicelib.domain.service_money import ServiceMoney
from chalicelib.domain.subscribers import SubscriberArchived
from chalicelib.domain.subscription_families import move_family
from chalicelib.domain.subscriptions import (
    SuspensionReason,
    check_start,
    check_tax,
    override_of,
    subscribe,
    suspended_because,
    unserved_days,
)
from chalicelib.ports.store import AuditNote, Idempotency, TenantStore, Write
from chalicelib.usecases.audit_words import telling
from chalicelib.usecases.changes import UNCHANGED, Unchanged
from chalicelib.usecases.posting import Books, books_of, post
from chalicelib.usecases.redemptions import again_where_busy, redemption
from chalicelib.usecases.restoring import restoring
from chalicelib.usecases.service_money import RefundAsked, service_entry, settle_service
from chalicelib.usecases.versions import require_version


class UnknownParent(InvalidValue):
    """The subscriber has no subscription of this identifier."""

    code = "unknown_parent"


class UnknownPackage(InvalidValue):
    """The tenant has no package of this identifier."""

    code = "unknown_package"


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """What is sold; without a start it begins today, without an anchor its periods begin as it does.

    ``parent_id`` is the subscription that an add-on is sold beside. ``waived`` are fees that are not
    charged, each with the reason. ``coupon`` is the code of one to redeem.
    """

    package_id: str
    starts_on: date | None = None
    anchor_day: int | None = None
    price_override: Money | None = None
    state: SubscriptionState = SubscriptionState.ACTIVE
    parent_id: str | None = None
    waived: Mapping[Fee, str] = field(default_factory=dict)
    quantity: int = 1
    coupon: str | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionChange:
    """What a change sets: None leaves as it is; a price override of None returns to the package's price."""

    state: SubscriptionState | None = None
    ends_on: date | None = None
    price_override: Money | Unchanged | None = UNCHANGED
    must_pay_override: str | None = None
    refund: RefundPolicy | None = None
    refund_reason: str | None = None
    suspended_for: SuspensionReason | None = None


@dataclass(frozen=True, slots=True)
class HeldSubscription:
    """A subscription with its account, whose version guards it."""

    account: Account
    subscription: Subscription

    @property
    def subscription_id(self) -> str:
        """Its identifier."""
        return subscription_id(account_id=self.account.account_id, slot=self.subscription.slot)

    @property
    def replaced_by(self) -> str | None:
        """The identifier of the subscription that came, or will come, in its place."""
        after = replaced_by(account=self.account, slot=self.subscription.slot)
        return None if after is None else subscription_id(account_id=self.account.account_id, slot=after.slot)


def get_subscription(*, store: TenantStore, subscription_id: str) -> HeldSubscription:
    """Return a subscription, or raise NotFound."""
    account_id, slot = parse_id(subscription_id=subscription_id)
    try:
        account = store.subscribers.get(subscriber_id=account_id).account
    except NotFound:
        raise _absent() from None
    if account.subscription(slot=slot) is None:
        for past in store.subscribers.past_subscriptions(account_id=account_id, slot=slot):
            return HeldSubscription(account, past)
    return held_subscription(account=account, slot=slot)


def create_subscription(
    *,
    store: TenantStore,
    subscriber_id: str,
    new: NewSubscription,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> HeldSubscription:
    """Sell a package to a subscriber; its fees wait for the first bill from the first day on.

    Raises NotFound (the subscriber), UnknownPackage, UnknownParent, PackageArchived,
    SubscriberArchived, TooManySubscriptions, TooManyCharges, TaxRateMissing, or InvalidValue for
    what cannot be billed as asked for; and what ``redemption`` raises of a coupon.
    """

    def _attempt() -> HeldSubscription:
        return _sell(
            store=store,
            subscriber_id=subscriber_id,
            new=new,
            at=at,
            note=note,
            idempotency=idempotency,
        )

    return _attempt() if new.coupon is None else again_where_busy(attempt=_attempt)


def _sell(
    *,
    store: TenantStore,
    subscriber_id: str,
    new: NewSubscription,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None,
) -> HeldSubscription:
    try:
        read = store.subscribing(subscriber_id=subscriber_id, package_id=new.package_id)
    except NotFound as error:
        if error.param == "package_id":
            raise UnknownPackage("there is no package of this id", param="package_id") from None
        raise
    assert read.package is not None, "a package was asked for"
    if read.subscriber.archived:
        raise SubscriberArchived("the subscriber is archived: unarchive it first")
    today = read.tenant.local_date(at=at)
    starts_on = new.starts_on or today
    check_start(starts_on=starts_on, today=today)
    before = read.subscriber.account
    usual = default_anchor(cycle=read.package.cycle, start=starts_on, bill_day=read.tenant.bill_day)
    anchor_day = usual if new.anchor_day is None else new.anchor_day
    subscription = subscribe(
        account=before,
        package=read.package,
        starts_on=starts_on,
        anchor_day=anchor_day,
        price_override=new.price_override,
        state=new.state,
        parent=_parent(before, new.parent_id),
    )
    subscription = replace(subscription, quantity=checked_quantity(quantity=new.quantity))
    redeemed: Sequence[Write] = ()
    if new.coupon is not None:
        found = redemption(store=store, code=new.coupon, account=before, package_id=new.package_id, on=today)
        subscription = with_discount(subscription=subscription, discount=found.discount)
        redeemed = found.writes
    fees = sale_charges(subscription=subscription, package=read.package, waived=new.waived)
    trimmed = without_past(account=before, today=today)
    held = _moved(with_charges(account=trimmed, charges=fees), subscription)
    if new.state is SubscriptionState.ACTIVE:
        check_tax(
            package=read.package,
            starts_on=starts_on,
            anchor_day=anchor_day,
            tax_groups=read.tenant.tax_groups,
            jurisdiction=before.tax.jurisdiction,
        )
    store.commit(
        *store.subscribers.change_account(before=before, after=held.account),
        *redeemed,
        store.note(
            note=telling(
                note=replace(note, object_id=held.subscription_id), details=_sold(held, read.package, new)
            )
        ),
        *store.remember(idempotency=idempotency, answer=held),
    )
    return held


def change_subscription(
    *,
    store: TenantStore,
    subscription_id: str,
    change: SubscriptionChange,
    if_match: int | None,
    at: datetime,
    note: AuditNote,
) -> HeldSubscription:
    """Change state or price of a subscription; what is invoiced stays.

    Restoring suspended service waits for the fees that must be paid first, and may cost one.

    What was billed of days that are not served is credited, and days of a pause that wait to be
    billed are charged, where service resumes or ends.

    Raises NotFound, StaleVersion, Busy, InvalidTransition, ChangePending, MustPay, or InvalidValue.
    """
    account_id, slot = parse_id(subscription_id=subscription_id)
    try:
        books = books_of(store=store, subscriber_id=account_id, at=at)
    except NotFound:
        raise _absent() from None
    before = held_subscription(account=books.subscriber.account, slot=slot)
    planned = _planned(books, slot, change, if_match)
    if planned is None:
        return before
    told = telling(note=note, details={**_told(before, planned.held, books.today), **planned.told})
    if not planned.documented:
        store.commit(
            *store.subscribers.change_account(before=before.account, after=planned.held.account),
            store.note(note=told),
        )
        return planned.held

    def _make(books: Books) -> Entry:
        again = _planned(books, slot, change, if_match)
        if again is None or again.money is None:  # whoever names no version may come second
            raise Busy("the subscription changed meanwhile; nothing was written, so try again")
        return service_entry(books=books, after=again.held.account, money=again.money)

    posted = post(store=store, subscriber_id=account_id, make=_make, at=at, note=told)
    return held_subscription(account=posted.entry.after, slot=slot)


@dataclass(frozen=True, slots=True)
class _Planned:
    """A change computed: the subscription after it, what else is told, and the money it moves."""

    held: HeldSubscription
    told: dict[str, object]
    money: ServiceMoney | None

    @property
    def documented(self) -> bool:
        """Whether documents are made of it."""
        return self.money is not None and bool(self.money.refund.documents or self.money.lines)


def _planned(books: Books, slot: int, change: SubscriptionChange, if_match: int | None) -> _Planned | None:
    """Return what a change comes to as the books stand; None where nothing changes."""
    before = held_subscription(account=books.subscriber.account, slot=slot)
    account, today = before.account, books.today
    require_version(current=account.version, expected=if_match)
    subscription = before.subscription
    addons: list[Subscription] = []
    if change.state is not None or change.ends_on is not None:
        if replaced_by(account=account, slot=slot) is not None:
            raise ChangePending("another package takes the place of this one: withdraw that first")
        to = change.state or subscription.state
        subscription, *addons = move_family(
            account=account, slot=slot, to=to, today=today, ends_on=change.ends_on
        )
    subscription = suspended_because(subscription=subscription, reason=change.suspended_for)
    _check_refund(change, subscription)
    if not isinstance(change.price_override, Unchanged):
        price = override_of(account=account, price=change.price_override)
        subscription = replace(subscription, price_override=price)
    if subscription == before.subscription:
        return None
    fees = restoring(
        store=books.store,
        account=account,
        before=before.subscription,
        after=subscription,
        on=today,
        override=change.must_pay_override,
    )
    asked = RefundAsked(change.refund, change.refund_reason or "")
    money = settle_service(books=books, changed=(subscription, *addons), asked=asked)
    if money is not None:
        subscription, *addons = money.subscriptions
    charged = with_charges(account=account, charges=fees.charges)
    told = {**fees.told, **_refund_told(change)}
    return _Planned(_moved(charged, subscription, *addons), told, money)


def _check_refund(change: SubscriptionChange, after: Subscription) -> None:
    asked = change.refund is not None or change.refund_reason is not None
    if asked and after.state is not SubscriptionState.TERMINATED:
        raise InvalidValue("a refund belongs to the state terminated", param="refund")


def _refund_told(change: SubscriptionChange) -> dict[str, object]:
    if change.refund is None:
        return {}
    return {"refund": change.refund.value, "refund_reason": change.refund_reason}


def parse_id(*, subscription_id: str) -> tuple[str, int]:
    """Return account id and slot, or raise NotFound: what is no identifier names nothing."""
    try:
        return parse_subscription_id(value=subscription_id)
    except MalformedId:
        raise _absent() from None


def held_subscription(*, account: Account, slot: int) -> HeldSubscription:
    """Return the subscription in a slot with its account, or raise NotFound."""
    subscription = account.subscription(slot=slot)
    if subscription is None:
        raise _absent()
    return HeldSubscription(account, subscription)


def _absent() -> NotFound:
    return NotFound("no such subscription", param="subscription_id")


def _parent(account: Account, parent_id: str | None) -> Subscription | None:
    if parent_id is None:
        return None
    unknown = UnknownParent("the subscriber has no subscription of this id", param="parent_id")
    try:
        account_id, slot = parse_subscription_id(value=parent_id)
    except MalformedId:
        raise unknown from None
    parent = account.subscription(slot=slot) if account_id == account.account_id else None
    if parent is None:
        raise unknown
    return parent


def _moved(before: Account, subscription: Subscription, *addons: Subscription) -> HeldSubscription:
    account = before
    for one in (subscription, *addons):
        account = account.with_subscription(subscription=one)
    return HeldSubscription(replace(account, version=before.version + 1), subscription)


def _sold(held: HeldSubscription, package: Package, new: NewSubscription) -> dict[str, object]:
    return {
        "package_id": package.package_id,
        "starts_on": held.subscription.starts_on.isoformat(),
        "anchor_day": held.subscription.anchor_day,
        "price": str(package.price),
        "price_override": held.subscription.price_override,
        "state": held.subscription.state.value,
        "edition": package.edition,
        "parent_id": new.parent_id,
        "quantity": new.quantity,
        "coupon": new.coupon,
        "waived": {fee.value: reason for fee, reason in new.waived.items()},
    }


def _told(before: HeldSubscription, after: HeldSubscription, today: date) -> dict[str, object]:
    """Return what the audit entry tells: old and new of each field that changed.

    And ``unserved_days`` where a pause ends: days of it that were billed and are not credited.
    """
    was, now = before.subscription, after.subscription
    names = "state ends_on paused_on price_override billed_to overbilled_days for_non_payment".split()
    pairs = {name: (getattr(was, name), getattr(now, name)) for name in names}
    told: dict[str, object] = {name: [_plain(a), _plain(b)] for name, (a, b) in pairs.items() if a != b}
    slots = [sub.slot for sub in after.account.subscriptions if sub not in before.account.subscriptions]
    if addons := [slot for slot in slots if slot != now.slot]:
        told["addons"] = addons
    unserved = unserved_days(subscription=was, on=today) if now.paused_on is None else 0
    return {**told, "unserved_days": unserved} if unserved else told


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, int) else str(value)

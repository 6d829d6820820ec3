"""Lives of subscriptions drawn from a seed, beside an oracle that knows what each day costs.

Packages cost whole minor units a day in cycles of whole weeks, so that no part of a cycle is
rounded but where a bundle is split. What a day costs follows from where a subscription stands at
the day's end alone: the oracle knows no invoices, no periods and no credit notes.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

from chalicelib.domain.account_bills import new_invoice
from chalicelib.domain.accounts import Discount, Subscription
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.errors import DomainError
from chalicelib.domain.money import Money
from chalicelib.domain.package_change_plan import plan_change
from chalicelib.domain.package_changes import ChangeTerms, Effective, Proration, replaced_by, withdraw
from chalicelib.domain.packages import BundlePart, Package, PackageKind, RefundPolicy
from chalicelib.domain.past_subscriptions import without_past
from chalicelib.domain.periods import BillingTiming, Cycle, CycleUnit
from chalicelib.domain.service_money import Moved, service_money
from chalicelib.domain.subscription_families import move_family
from chalicelib.domain.subscriptions import subscribe
from tests.unit.domain.books import AccountBooks
from tests.unit.domain.selling import ACCOUNT, DAY, PACKAGE, State

EVENTFUL_DAYS: Final = 120
# After the last happening all that is open ends, and is billed to the end.
QUIET_DAYS: Final = 80
_SHARES: Final = (0, 0, 250_000, 500_000, 1_000_000)
_TIMINGS: Final = (BillingTiming.ADVANCE, BillingTiming.ADVANCE, BillingTiming.ARREARS)
_DISCOUNTS: Final = (
    (),
    (Discount("TENTH", share=100_000),),
    (Discount("LESS", amount=2_800),),
    (Discount("HALF", share=500_000), Discount("LESS", amount=2_800)),
)


class Life:
    """One account through some months: sold, paused, changed, bundled, ended, and what it cost."""

    def __init__(self, seed: int) -> None:
        draw = self._draw = random.Random(seed)
        self._packages = [self._package(number) for number in range(3)]
        self._addon = replace(self._package(9), kind=PackageKind.ADDON, bundle=())
        self._today = self._start = date(2027, draw.randint(1, 12), draw.randint(1, 28))
        every = [*self._packages, self._addon]
        catalogue = Catalogue(packages={one.package_id: one for one in every}, tax_groups={})
        sold = subscribe(
            account=ACCOUNT,
            package=self._packages[0],
            starts_on=self._start,
            anchor_day=draw.randint(1, 7),
        )
        sold = replace(sold, discounts=draw.choice(_DISCOUNTS), quantity=draw.choice((1, 1, 3)))
        self.books = AccountBooks(replace(ACCOUNT, subscriptions=(sold,)), catalogue)
        self._cost: dict[tuple[int, date], Fraction] = {}
        self.happened: list[str] = []

    def live(self) -> None:
        """Let the days pass; each has happenings before and after its run."""
        for _ in range(EVENTFUL_DAYS):
            self._happen()
            self.books.run(self._today)
            self._happen()
            self._end_day()
        while replaced_by(account=self.books.account, slot=self._service.slot) is not None or (
            self._service.starts_on > self._today
        ):
            self._quiet_day()
        self._finish()
        for _ in range(QUIET_DAYS):
            self._quiet_day()

    @property
    def cost(self) -> Fraction:
        """What all days cost, in minor units."""
        return sum(self._cost.values(), Fraction(0))

    @property
    def rounded(self) -> int:
        """By how much what was billed may differ: by nothing, or a minor unit a line of bundles.

        The parts of a bundle are rounded by themselves.
        """
        if not any(one.bundle for one in self._packages):
            return 0
        billed = (line for one in self.books.invoices for line in one.lines)
        given_back = (line for one in self.books.notes for line in one.lines)
        return sum(1 for _ in (*billed, *given_back))

    def _package(self, number: int) -> Package:
        draw = self._draw
        weeks, a_day = draw.choice((1, 2, 4, 4)), draw.choice((1_000, 2_000, 4_000))
        return replace(
            PACKAGE,
            package_id=f"pkg_01JD00000000000000000000{number:02d}",
            name=f"P{number}",
            price=Money(7 * weeks * a_day, "PKR"),
            cycle=Cycle(CycleUnit.WEEK, weeks),
            timing=draw.choice(_TIMINGS),
            pause_share=draw.choice(_SHARES),
            bundle=draw.choice(((), (BundlePart("Line", 1, None), BundlePart("Box", 1, None)))),
        )

    @property
    def _service(self) -> Subscription:
        """The newest subscription that is not an add-on."""
        return [one for one in self.books.account.subscriptions if one.parent is None][-1]

    @property
    def _addons(self) -> list[Subscription]:
        return [one for one in self.books.account.subscriptions if one.parent == self._service.slot]

    # -- what happens ------------------------------------------------------------------------

    def _happen(self) -> None:
        while self._draw.random() < 0.1:
            what = self._draw.choice(
                (
                    *(self._pause, self._return, self._return, self._announce_end),
                    *(self._change, self._change, self._withdraw_change),
                    *(self._sell_addon, self._move_addon),
                )
            )
            try:
                what()
            except DomainError as refused:
                self.happened.append(f"{self._today} {what.__name__} refused: {refused.code}")
            else:
                self.happened.append(f"{self._today} {what.__name__}")

    def _pause(self) -> None:
        self._move(self._service.slot, State.PAUSED)

    def _return(self) -> None:
        self._move(self._service.slot, State.ACTIVE)

    def _announce_end(self) -> None:
        ahead = self._draw.choice((-10, 0, 1, 9, 30, 40))
        if ahead <= 0 and self._draw.random() < 0.8:  # most lives go on
            return
        ends_on = max(self._service.starts_on, self._today + DAY * ahead)
        self._move(self._service.slot, State.TERMINATED, ends_on)

    def _sell_addon(self) -> None:
        service = self._service
        if len(self._addons) < 2 and service.state is State.ACTIVE and service.starts_on <= self._today:
            starts_on = self._today + DAY * self._draw.choice((0, 0, 3))
            sold = subscribe(
                account=self.books.account, package=self._addon, starts_on=starts_on, parent=service
            )
            self.books.do(self._today, self.books.account.with_subscription(subscription=sold))

    def _move_addon(self) -> None:
        if self._addons:
            addon, to = self._draw.choice(self._addons), self._draw.choice(list(State)[1:])
            if to is State.SUSPENDED or addon.state is to is not State.TERMINATED:
                return
            ends_on = max(addon.starts_on, self._today + DAY * self._draw.choice((0, 5)))
            self._move(addon.slot, to, ends_on if to is State.TERMINATED else None)

    def _change(self) -> None:
        ahead = self._today + timedelta(days=self._draw.randint(0, 40))
        choices: tuple[Effective | date, ...] = (Effective.NOW, Effective.PERIOD_END, ahead)
        effective = self._draw.choice(choices)
        terms = ChangeTerms(
            effective,
            Proration.BY_DAY,
            quantity=self._draw.choice((None, 1, 2)),
        )
        slot = self._service.slot
        change = plan_change(
            account=self.books.account,
            slot=slot,
            package=self._draw.choice(self._packages),
            terms=terms,
            today=self._today,
            catalogue=self.books.catalogue,
            invoices=self.books.invoices,
            notes=self.books.notes,
        )
        self.books.do(
            self._today,
            without_past(account=change.account, today=self._today),
            invoices=[change.invoice] if change.invoice else [],
            documents=change.refund.documents,
            settled=change.refund.settled,
        )

    def _withdraw_change(self) -> None:
        old = self._service.replaces
        if old is not None:
            account = withdraw(account=self.books.account, slot=old, today=self._today)
            self._cost = {place: cost for place, cost in self._cost.items() if place[1] < self._today}
            self.books.do(self._today, account)

    def _move(self, slot: int, to: State, ends_on: date | None = None) -> None:
        books, account = self.books, self.books.account
        if replaced_by(account=account, slot=slot) is not None:
            return
        family = move_family(account=account, slot=slot, to=to, today=self._today, ends_on=ends_on)
        moves = []
        for after in family:
            before = account.subscription(slot=after.slot)
            assert before is not None, "one of the account"
            policy = RefundPolicy.BY_DAY if after.state is State.TERMINATED else RefundPolicy.NONE
            if before != after:
                moves.append(Moved(before, after, policy))
        money = service_money(
            account=account,
            moves=moves,
            today=self._today,
            catalogue=books.catalogue,
            invoices=books.invoices,
            notes=books.notes,
        )
        invoices = []
        if sum(line.total for line in money.lines):
            credit = account.credit + money.refund.to_credit
            invoices.append(
                new_invoice(
                    lines=money.lines, credit=credit, round_to=0, on=self._today, version=account.version
                )
            )
        for one in money.subscriptions:
            account = account.with_subscription(subscription=one)
        books.do(
            self._today,
            account,
            invoices=invoices,
            documents=money.refund.documents,
            settled=money.refund.settled,
        )
        self._forget_after_ends(money.subscriptions)

    # -- the oracle --------------------------------------------------------------------------

    def _end_day(self) -> None:
        for one in self.books.account.subscriptions:
            self._cost[one.slot, self._today] = self._cost_of_day(one)
        self._today += DAY

    def _quiet_day(self) -> None:
        self.books.run(self._today)
        self._end_day()

    def _finish(self) -> None:
        """End the service and its add-ons today, unless an end is behind it."""
        self.books.run(self._today)
        service = self._service
        if service.state is State.PAUSED:
            self._move(service.slot, State.ACTIVE)
        if service.state is not State.TERMINATED or (service.ends_on or self._today) > self._today:
            self._move(service.slot, State.TERMINATED, self._today)

    def _forget_after_ends(self, moved: tuple[Subscription, ...]) -> None:
        """An end that lies back gives its days back."""
        for one in moved:
            if one.ends_on is not None:
                for slot, day in list(self._cost):
                    if slot == one.slot and day >= one.ends_on:
                        self._cost[slot, day] = Fraction(0)

    def _cost_of_day(self, sub: Subscription) -> Fraction:
        day = self._today
        if day < sub.starts_on or (sub.ends_on is not None and day >= sub.ends_on):
            return Fraction(0)
        if sub.state is State.TERMINATED and sub.paused_on is not None:  # it never came back
            return Fraction(0)
        price = Fraction(self.books.catalogue.packages[sub.package_id].price.amount * sub.quantity)
        shares = Fraction(sum(one.share for one in sub.discounts), 1_000_000)
        off = min(price, price * shares + sum(one.amount for one in sub.discounts))
        share = Fraction(sub.pause_share, 1_000_000) if sub.state is State.PAUSED else 1
        return share * (price - off) / (7 * sub.cycle.count)

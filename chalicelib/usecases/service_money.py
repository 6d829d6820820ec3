"""What a change of a subscription's state moves in money, read from the books and made an entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.domain.account_bills import new_invoice
from chalicelib.domain.accounts import Account, Subscription, SubscriptionState
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.documents import Entry, IssuedInvoice, entry_of
from chalicelib.domain.invoices import due_date
from chalicelib.domain.packages import RefundPolicy
from chalicelib.domain.service_money import (
    Moved,
    ServiceMoney,
    charged_at_once,
    refund_policy,
    service_money,
    unserved,
)
from chalicelib.usecases.billed_days import billed_days
from chalicelib.usecases.billing import load_catalogue
from chalicelib.usecases.posting import Books


@dataclass(frozen=True, slots=True)
class RefundAsked:
    """A refund policy asked for in the place of the package's, and why."""

    policy: RefundPolicy | None = None
    reason: str = ""


def settle_service(
    *, books: Books, changed: Sequence[Subscription], asked: RefundAsked
) -> ServiceMoney | None:
    """Return the money that changes of state move, and the subscriptions after it; None where none can.

    Raises LessGenerousRefund, BillingBehind, TooManyToCredit, and what billing raises.
    """
    account, today = books.subscriber.account, books.today
    pairs = [
        (before, after) for after in changed if (before := account.subscription(slot=after.slot)) is not None
    ]
    if not any(_may_move(before, after) for before, after in pairs) and asked.policy is None:
        return None
    catalogue = load_catalogue(tenant=books.tenant, store=books.store)
    moves = [_move(before, after, catalogue, asked) for before, after in pairs]
    wanted = [one for moved in moves for one in unserved(account=account, moved=moved, today=today)]
    if not wanted and not any(charged_at_once(moved=moved, today=today) for moved in moves):
        return None
    invoices, notes = billed_days(store=books.store, account_id=account.account_id, wanted=wanted)
    return service_money(
        account=account, moves=moves, today=today, catalogue=catalogue, invoices=invoices, notes=notes
    )


def _may_move(before: Subscription, after: Subscription) -> bool:
    """Whether a change can move money at all: most do not, and read nothing more."""
    if before.state is after.state and before.ends_on == after.ends_on:
        return False
    if before.state is SubscriptionState.PAUSED:
        return True
    ended = after.state is SubscriptionState.TERMINATED and after.ends_on is not None
    return ended and after.ends_on is not None and after.ends_on < before.billed_to


def _move(before: Subscription, after: Subscription, catalogue: Catalogue, asked: RefundAsked) -> Moved:
    end = after.ends_on
    if after.state is not SubscriptionState.TERMINATED or end is None:
        return Moved(before, after)
    package = catalogue.package(package_id=before.package_id, edition=before.edition, on=end)
    policy = refund_policy(promised=package.refund, asked=asked.policy, reason=asked.reason)
    return Moved(before, after, policy)


def service_entry(*, books: Books, after: Account, money: ServiceMoney) -> Entry:
    """Return the entry of a change of state; ``after`` is the account with what else it changes."""
    account = books.subscriber.account
    for sub in money.subscriptions:
        after = after.with_subscription(subscription=sub)
    invoices: list[IssuedInvoice] = []
    if sum(line.total for line in money.lines):
        invoice = new_invoice(
            lines=money.lines,
            credit=account.credit + money.refund.to_credit,
            round_to=books.tenant.round_to,
            on=books.today,
            version=account.version,
        )
        due_on = due_date(issued_on=books.today, payment_days=books.tenant.payment_days)
        invoices.append(IssuedInvoice(invoice, due_on))
    return entry_of(
        account=account,
        changed=replace(after, version=account.version),
        invoices=invoices,
        documents=money.refund.documents,
        settled=money.refund.settled,
    )

"""Another package for a running subscription: the quote, the change, and its withdrawal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from chalicelib.api.invoices import InvoiceLineOut
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import MoneyIn, MoneyOut, Schema
from chalicelib.api.subscriptions import PackageId, SubscriptionOut
from chalicelib.domain.accounts import Account
from chalicelib.domain.invoices import InvoiceLine
from chalicelib.domain.package_changes import QUANTITY_MAX, ChangeTerms, Direction, Effective, Proration
from chalicelib.domain.staff import Permission
from chalicelib.usecases import package_changes
from chalicelib.usecases.package_changes import Changed
from chalicelib.usecases.subscriptions import HeldSubscription


def _word_or_date(value: Any) -> Any:
    """Read either; of a union, pydantic would complain about its first kind alone."""
    if isinstance(value, str) and value in {"now", "period_end"}:
        return value
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError):
        day = None
    if day is None or day.isoformat() != value:
        raise ValueError("now, period_end, or a date such as 2026-12-01")
    return day


class PackageChangeIn(Schema):
    """The package to change to, when, and what becomes of a period that the change falls into.

    ``by_day``: what is paid for days from then on is credited, and the new package charged from then
    to the end of the period. ``none``: no money now; the new price begins with the next bill.
    ``full``: the period is credited whole and charged whole for the new package.
    """

    package_id: PackageId
    effective: Annotated[Literal["now", "period_end"] | date, BeforeValidator(_word_or_date)] = Field(
        description="or the first day of the new package, at most 366 days ahead", examples=["now"]
    )
    proration: Proration = Field(examples=["by_day"])
    price_override: MoneyIn | None = Field(
        default=None, description="price of a cycle in the place of the new package's"
    )
    quantity: int | None = Field(
        default=None, ge=1, le=QUANTITY_MAX, description="the same as before unless given"
    )

    def terms(self) -> ChangeTerms:
        """Return the domain's value."""
        return ChangeTerms(
            effective=Effective(self.effective) if isinstance(self.effective, str) else self.effective,
            proration=self.proration,
            price_override=self.price_override.money() if self.price_override else None,
            quantity=self.quantity,
        )


class ChangeDocumentOut(Schema):
    """An invoice or credit note that the change makes; in a quote without id and number.

    ``about`` is the invoice that a credit note credits. ``credit`` is what the account's credit pays of
    an invoice, or gets of a credit note.
    """

    kind: Literal["invoice", "credit_note"]
    document_id: str | None
    number: str | None
    about: str | None
    lines: list[InvoiceLineOut]
    net: MoneyOut
    tax: MoneyOut
    total: MoneyOut
    credit: MoneyOut


class NextInvoiceOut(Schema):
    """The next invoice that a run makes, as things stand after the change."""

    on: date
    lines: list[InvoiceLineOut]
    net: MoneyOut
    tax: MoneyOut
    total: MoneyOut


class PackageChangeOut(Schema):
    """A change of package: what it bills today, and what the next invoice comes to.

    ``balance`` and ``credit`` are the account's after it. A quote changes nothing, and what is billed
    is exactly what it says, as long as the account and its packages stay as they are.
    """

    effective_on: date
    proration: Proration
    direction: Direction = Field(description="by the price of a day, before discounts and tax")
    subscription: SubscriptionOut
    replaced: SubscriptionOut
    documents: list[ChangeDocumentOut]
    balance: MoneyOut
    credit: MoneyOut
    next_invoice: NextInvoiceOut | None

    @classmethod
    def of(cls, changed: Changed) -> PackageChangeOut:
        """Render a change or a quote."""
        account, change, upcoming = changed.account, changed.change, changed.next_invoice
        return cls(
            effective_on=change.on,
            proration=change.proration,
            direction=change.direction,
            subscription=SubscriptionOut.of(HeldSubscription(account, change.new)),
            replaced=SubscriptionOut.of(HeldSubscription(account, change.old)),
            documents=[*_credit_notes(changed), *_invoices(changed)],
            balance=_money(account, account.balance),
            credit=_money(account, account.credit),
            next_invoice=None
            if upcoming is None
            else NextInvoiceOut(
                on=upcoming.on,
                lines=_lines(account, upcoming.invoice.lines),
                net=_money(account, upcoming.invoice.net),
                tax=_money(account, upcoming.invoice.tax),
                total=_money(account, upcoming.invoice.total),
            ),
        )


def _money(account: Account, amount: int) -> MoneyOut:
    return MoneyOut(amount=amount, currency=account.currency)


def _lines(account: Account, lines: Sequence[InvoiceLine]) -> list[InvoiceLineOut]:
    return [
        InvoiceLineOut.of(line, account_id=account.account_id, currency=account.currency) for line in lines
    ]


def _credit_notes(changed: Changed) -> list[ChangeDocumentOut]:
    account, found = changed.account, []
    for index, note in enumerate(changed.change.refund.documents):
        made = changed.documents[index] if changed.documents else None
        to_credit = -sum(one.amount for one in note.postings if one.account == "credit")
        found.append(
            ChangeDocumentOut(
                kind="credit_note",
                document_id=made.document_id if made else None,
                number=made.number if made else None,
                about=note.about,
                lines=_lines(account, note.lines),
                net=_money(account, sum(line.net for line in note.lines)),
                tax=_money(account, sum(line.tax for line in note.lines)),
                total=_money(account, note.amount),
                credit=_money(account, to_credit),
            )
        )
    return found


def _invoices(changed: Changed) -> list[ChangeDocumentOut]:
    account, invoice = changed.account, changed.change.invoice
    if invoice is None:
        return []
    made = changed.invoices[0] if changed.invoices else None
    return [
        ChangeDocumentOut(
            kind="invoice",
            document_id=made.invoice_id if made else None,
            number=made.number if made else None,
            about=None,
            lines=_lines(account, invoice.lines),
            net=_money(account, invoice.net),
            tax=_money(account, invoice.tax),
            total=_money(account, invoice.total),
            credit=_money(account, invoice.from_credit),
        )
    ]


@endpoint(
    "POST",
    "/v1/subscriptions/{subscription_id}/package-change-quotes",
    permission=Permission.SUBSCRIBERS_READ,
    body=PackageChangeIn,
    answer=PackageChangeOut,
    without_terms=True,
)
def quote_package_change(request: Request) -> PackageChangeOut:
    """Quote a change of package: exactly what it would bill. Nothing is changed."""
    body = request.body_as(PackageChangeIn)
    quoted = package_changes.quote_package_change(
        store=request.store,
        subscription_id=request.path["subscription_id"],
        package_id=body.package_id,
        terms=body.terms(),
        at=request.now,
    )
    return PackageChangeOut.of(quoted)


@endpoint(
    "POST",
    "/v1/subscriptions/{subscription_id}/package-changes",
    permission=Permission.SUBSCRIBERS_WRITE,
    body=PackageChangeIn,
    field_permissions={"price_override": Permission.INVOICES_WRITE},
    answer=PackageChangeOut,
    status=201,
    idempotency_required=True,
)
def change_subscription_package(request: Request) -> PackageChangeOut:
    """Change the package of a subscription: it ends that day, and one of the new package goes on."""
    changed = package_changes.change_package(
        store=request.store,
        subscription_id=request.path["subscription_id"],
        package_id=request.body_as(PackageChangeIn).package_id,
        terms=request.body_as(PackageChangeIn).terms(),
        at=request.now,
        note=request.note("subscription.package_changed", request.path["subscription_id"]),
        idempotency=request.idempotency,
    )
    return PackageChangeOut.of(changed)


@endpoint(
    "DELETE",
    "/v1/subscriptions/{subscription_id}/package-changes",
    permission=Permission.SUBSCRIBERS_WRITE,
    answer=SubscriptionOut,
    if_match=True,
)
def withdraw_package_change(request: Request) -> SubscriptionOut:
    """Withdraw a change of package whose day has not come; what was credited is billed again."""
    held = package_changes.withdraw_package_change(
        store=request.store,
        subscription_id=request.path["subscription_id"],
        if_match=request.if_match,
        at=request.now,
        note=request.note("subscription.package_change_withdrawn", request.path["subscription_id"]),
    )
    return SubscriptionOut.of(held)

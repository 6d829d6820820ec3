"""Dealers: adding, changing and archiving them, and what they pay for packages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from chalicelib.domain.dealers import (
    DEALERS_MAX,
    NO_COMMISSION,
    PRICE_ROWS_MAX,
    REPORT_MONTHS_MAX,
    Commission,
    CommissionTotals,
    Dealer,
    DealerPrice,
    InvalidCommission,
    TooManyDealers,
    archive,
    check_commission,
    check_dealer,
    check_in_use,
    check_name,
    total,
)
from chalicelib.domain.errors import InvalidValue, NotFound
from chalicelib.domain.funds import Fund, amount_in
from chalicelib.domain.money import Money
from chalicelib.domain.periods import add_months
from chalicelib.domain.staff import Principal
from chalicelib.ports.store import AuditNote, Idempotency, Page, TenantStore, Write
from chalicelib.usecases.prepaid import prepaid_package
from chalicelib.usecases.redemptions import again_where_busy
from chalicelib.usecases.versions import require_version

# A transaction reads a hundred items, two of which are the company's own.
WALLETS_PER_READ: Final = 98


@dataclass(frozen=True, slots=True)
class DealerShown:
    """A dealer with its wallet."""

    dealer: Dealer
    wallet: Fund


@dataclass(frozen=True, slots=True)
class PriceShown:
    """A price row, and the currency that it is in."""

    row: DealerPrice
    currency: str


@dataclass(frozen=True, slots=True)
class DealerAsked:
    """A dealer to be added."""

    code: str
    name: str
    parent_id: str = ""
    commission: Commission = NO_COMMISSION
    override: Commission = NO_COMMISSION


@dataclass(frozen=True, slots=True)
class DealerChange:
    """What a change sets; None leaves as it is."""

    name: str | None = None
    commission: Commission | None = None
    override: Commission | None = None


def add_dealer(
    *,
    store: TenantStore,
    dealer_id: str,
    asked: DealerAsked,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> DealerShown:
    """Add a dealer with an empty wallet, below its parent if it has one.

    Raises InvalidValue, InvalidDealerId, InvalidCommission, NotFound, DealerArchived, TooDeep,
    TooManyDealers or DealerCodeTaken.
    """
    asked_for = Dealer(
        dealer_id,
        asked.code,
        asked.name,
        store.known_profile.currency,
        at,
        asked.parent_id,
        commission=asked.commission,
        override=asked.override,
    )
    if store.dealers.count() >= DEALERS_MAX:
        raise TooManyDealers(f"a company has at most {DEALERS_MAX} dealers")

    def attempt() -> DealerShown:
        parent = _parent(store, asked_for)
        dealer = check_dealer(dealer=asked_for, parent=parent)
        shown = DealerShown(dealer, dealer.wallet)
        store.commit(
            *store.dealers.add(dealer=dealer),
            *store.funds.add(fund=dealer.wallet),
            *_with_children(store, parent, 1),
            store.note(note=replace(note, details=_told(dealer), personal={"name": ["", dealer.name]})),
            *store.remember(idempotency=idempotency, answer=shown),
        )
        return shown

    return again_where_busy(attempt=attempt)


def show_dealer(*, store: TenantStore, dealer_id: str) -> DealerShown:
    """Return a dealer with its wallet, or raise NotFound."""
    dealer = store.dealers.get(dealer_id=dealer_id)
    return DealerShown(dealer, store.funds.get(fund_id=dealer.fund_id))


def list_dealers(*, store: TenantStore, archived: bool, limit: int, after: str | None) -> Page[DealerShown]:
    """Return a page of dealers with their wallets, oldest first."""
    page = store.dealers.list(archived=archived, limit=limit, after=after)
    wallets: dict[str, Fund] = {}
    for start in range(0, len(page.items), WALLETS_PER_READ):
        fund_ids = [one.fund_id for one in page.items[start : start + WALLETS_PER_READ]]
        wallets.update(store.company_standing(fund_ids=fund_ids).funds)
    return Page(tuple(DealerShown(one, wallets[one.fund_id]) for one in page.items), page.after)


def change_dealer(
    *, store: TenantStore, dealer_id: str, change: DealerChange, if_match: int | None, note: AuditNote
) -> DealerShown:
    """Change a dealer's name or commissions, from the next sale on.

    Raises NotFound, StaleVersion, DealerArchived, InvalidValue or InvalidCommission.
    """
    shown = show_dealer(store=store, dealer_id=dealer_id)
    before = shown.dealer
    require_version(current=before.version, expected=if_match)
    check_in_use(dealer=before)
    after = replace(
        before,
        name=before.name if change.name is None else check_name(name=change.name),
        commission=change.commission or before.commission,
        override=change.override or before.override,
        version=before.version + 1,
    )
    check_dealer_commissions(dealer=after)
    details = {"before": _told(before), "after": _told(after)}
    personal = {"name": [before.name, after.name]} if after.name != before.name else {}
    store.commit(
        *store.dealers.change(before=before, after=after),
        store.note(note=replace(note, details=details, personal=personal)),
    )
    return DealerShown(after, shown.wallet)


def check_dealer_commissions(*, dealer: Dealer) -> None:
    """Raise InvalidCommission for commissions that are none, and for an override without a parent."""
    check_commission(commission=dealer.commission, param="commission")
    check_commission(commission=dealer.override, param="override")
    if not dealer.parent_id and not dealer.override.none:
        raise InvalidCommission("only a dealer below another has an override", param="override")


def archive_dealer(
    *, store: TenantStore, dealer_id: str, if_match: int | None, note: AuditNote
) -> DealerShown:
    """Archive a dealer whose wallet is empty and below whom nobody sells.

    Raises NotFound, StaleVersion, DealerArchived or DealerNotEmpty.
    """
    shown = show_dealer(store=store, dealer_id=dealer_id)
    require_version(current=shown.dealer.version, expected=if_match)
    dealer, wallet = archive(dealer=shown.dealer, wallet=shown.wallet)
    parent = _parent(store, dealer)
    store.commit(
        *store.dealers.change(before=shown.dealer, after=dealer),
        *store.funds.change(before=shown.wallet, after=wallet),
        *_with_children(store, parent, -1),
        store.note(note=note),
    )
    return DealerShown(dealer, wallet)


def own_dealer(*, store: TenantStore, principal: Principal) -> Dealer:
    """Return the dealer that a person works for, or raise NotFound."""
    dealer = store.dealers.by_code(code=principal.scope.dealer_id)
    if dealer is None:
        raise NotFound("you work for no dealer that the company keeps a wallet for")
    return dealer


def set_price(
    *,
    store: TenantStore,
    dealer_id: str,
    package_id: str,
    price: Money,
    starts_on: date,
    at: datetime,
    note: AuditNote,
    idempotency: Idempotency | None = None,
) -> PriceShown:
    """Set what a dealer pays for a package, with taxes, from today or a later day on.

    Raises NotFound, DealerArchived, InvalidAmount, CurrencyMismatch, InvalidValue, PriceExists or
    TooManyDealers.
    """
    package = prepaid_package(store=store, package_id=package_id)
    today = store.profile().local_date(at=at)
    if starts_on < today:
        raise InvalidValue(
            f"the company's today is {today}: nothing is priced for days past", param="starts_on"
        )

    def attempt() -> PriceShown:
        dealer = store.dealers.get(dealer_id=dealer_id)
        check_in_use(dealer=dealer)
        if dealer.prices >= PRICE_ROWS_MAX:
            raise TooManyDealers(f"a dealer has at most {PRICE_ROWS_MAX} prices")
        amount = amount_in(money=price, currency=dealer.currency, param="price")
        shown = PriceShown(DealerPrice(package.package_id, starts_on, amount), dealer.currency)
        counted = replace(dealer, prices=dealer.prices + 1, version=dealer.version + 1)
        details = {"package_id": package_id, "price": amount, "starts_on": starts_on.isoformat()}
        store.commit(
            *store.dealers.add_price(dealer_id=dealer_id, row=shown.row),
            *store.dealers.change(before=dealer, after=counted),
            store.note(note=replace(note, details=details)),
            *store.remember(idempotency=idempotency, answer=shown),
        )
        return shown

    return again_where_busy(attempt=attempt)


def list_prices(*, store: TenantStore, dealer_id: str, limit: int, after: str | None) -> Page[PriceShown]:
    """Return a page of a dealer's prices, past ones too, by package and date; or raise NotFound."""
    dealer = store.dealers.get(dealer_id=dealer_id)
    page = store.dealers.prices(dealer_id=dealer_id, limit=limit, after=after)
    return Page(tuple(PriceShown(row, dealer.currency) for row in page.items), page.after)


def commissions(
    *, store: TenantStore, first: date, last: date, dealer_id: str | None = None
) -> Sequence[CommissionTotals]:
    """Return what dealers, or one, sold and earned in the months of two dates, both included.

    Raises InvalidValue where that are none or more than twelve.
    """
    months = [first.replace(day=1)]
    while months[-1] < last.replace(day=1) and len(months) <= REPORT_MONTHS_MAX:
        months.append(add_months(origin=months[-1], months=1, anchor_day=1))
    if last < first or len(months) > REPORT_MONTHS_MAX:
        raise InvalidValue(f"a report is of 1 to {REPORT_MONTHS_MAX} months", param="last")
    return total(
        parts=[one for month in months for one in store.dealers.totals(month=month, dealer_id=dealer_id)]
    )


def _parent(store: TenantStore, dealer: Dealer) -> Dealer | None:
    if not dealer.parent_id:
        return None
    return store.dealers.get(dealer_id=dealer.parent_id, param="parent_dealer_id")


def _with_children(store: TenantStore, parent: Dealer | None, by: int) -> Sequence[Write]:
    if parent is None:
        return ()
    after = replace(parent, children=parent.children + by, version=parent.version + 1)
    return store.dealers.change(before=parent, after=after)


def _told(dealer: Dealer) -> dict[str, object]:
    return {
        "code": dealer.code,
        "parent": dealer.parent_id,
        "commission": [dealer.commission.share, dealer.commission.amount],
        "override": [dealer.override.share, dealer.override.amount],
    }

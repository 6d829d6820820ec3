"""Dealers: who sells out of a wallet, at which prices, for which commission, and what they earned."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from chalicelib.api.prepaid import PackageId
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, MoneyIn, MoneyOut, Patch, Schema
from chalicelib.domain.contacts import DEALER_ID_CHARS_MAX
from chalicelib.domain.dealers import NAME_CHARS_MAX, WHOLE, Commission, CommissionTotals
from chalicelib.domain.ledger import parse_month
from chalicelib.domain.money import AMOUNT_MINOR_MAX
from chalicelib.domain.staff import Permission
from chalicelib.usecases import dealers

DealerRef = Annotated[str, Field(min_length=1, max_length=40, examples=["dlr_01JD0000000000000000000000"])]
Month = Annotated[str, Field(min_length=7, max_length=7, examples=["2041-05"])]


class CommissionIO(Schema):
    """What is earned of a sale: millionths of the retail price with taxes, or minor units a recharge."""

    share_millionths: int = Field(default=0, ge=0, le=WHOLE, examples=[100_000])
    amount: int = Field(default=0, ge=0, le=AMOUNT_MINOR_MAX)

    def value(self) -> Commission:
        """Return the domain's value."""
        return Commission(self.share_millionths, self.amount)

    @classmethod
    def of(cls, commission: Commission) -> CommissionIO:
        """Render it."""
        return cls(share_millionths=commission.share, amount=commission.amount)


class DealerIn(Schema):
    """A dealer: ``code`` is what its subscribers and its staff have as their ``dealer_id``, for good.

    ``override`` is what the parent earns of its sales.
    """

    code: Line = Field(min_length=1, max_length=DEALER_ID_CHARS_MAX, examples=["DLR-7"])
    name: Line = Field(min_length=1, max_length=NAME_CHARS_MAX, examples=["Gulberg Mobile Centre"])
    parent_dealer_id: DealerRef | None = None
    commission: CommissionIO = CommissionIO()
    override: CommissionIO = CommissionIO()

    def asked(self) -> dealers.DealerAsked:
        """Return the use case's value."""
        return dealers.DealerAsked(
            self.code,
            self.name,
            self.parent_dealer_id or "",
            self.commission.value(),
            self.override.value(),
        )


class DealerPatch(Patch):
    """What is to change, from the next sale on."""

    name: Line | None = Field(default=None, min_length=1, max_length=NAME_CHARS_MAX)
    commission: CommissionIO | None = None
    override: CommissionIO | None = None

    def change(self) -> dealers.DealerChange:
        """Return the use case's value."""
        return dealers.DealerChange(
            self.name,
            self.commission.value() if self.commission else None,
            self.override.value() if self.override else None,
        )


class DealerOut(Schema):
    """A dealer and what its wallet holds; ``level`` is 1 to 3, ``children`` those below it in business."""

    dealer_id: str = Field(examples=["dlr_01JD0000000000000000000000"])
    code: str = Field(examples=["DLR-7"])
    name: str
    parent_dealer_id: str | None
    level: int
    children: int
    commission: CommissionIO
    override: CommissionIO
    fund_id: str
    wallet: MoneyOut
    archived: bool
    created_at: datetime
    version: int

    @classmethod
    def of(cls, shown: dealers.DealerShown) -> DealerOut:
        """Render a dealer."""
        dealer = shown.dealer
        return cls(
            dealer_id=dealer.dealer_id,
            code=dealer.code,
            name=dealer.name,
            parent_dealer_id=dealer.parent_id or None,
            level=dealer.level,
            children=dealer.children,
            commission=CommissionIO.of(dealer.commission),
            override=CommissionIO.of(dealer.override),
            fund_id=dealer.fund_id,
            wallet=MoneyOut(amount=shown.wallet.balance, currency=dealer.currency),
            archived=dealer.archived,
            created_at=dealer.created_at,
            version=dealer.version,
        )


class DealerList(ListAnswer):
    """Dealers, oldest first."""

    items: list[DealerOut]


class DealerListQuery(ListQuery):
    """Which dealers."""

    archived: bool = Field(default=False, description="archived ones too")


class DealerPriceIn(Schema):
    """What the dealer pays for a prepaid package, with taxes, from today or a later date on."""

    package_id: PackageId
    price: MoneyIn
    starts_on: date = Field(examples=["2041-06-01"])


class DealerPriceOut(Schema):
    """A price; it stands until the package's next one."""

    package_id: str
    price: MoneyOut
    starts_on: date

    @classmethod
    def of(cls, shown: dealers.PriceShown) -> DealerPriceOut:
        """Render a price."""
        row = shown.row
        price = MoneyOut(amount=row.price, currency=shown.currency)
        return cls(package_id=row.package_id, price=price, starts_on=row.starts_on)


class DealerPriceList(ListAnswer):
    """Prices by package and date, past ones too."""

    items: list[DealerPriceOut]


class CommissionQuery(Schema):
    """Months, both included: twelve at most."""

    first: Month
    last: Month


class CommissionRowOut(Schema):
    """What a dealer sold and earned, what of it was taken back in these months, and what is left.

    Amounts in minor units. ``override`` is its parent's.
    """

    dealer_id: str
    sales: int
    retail: int
    commission: int
    override: int
    refunds: int
    refunded_retail: int
    refunded_commission: int
    refunded_override: int
    net_retail: int
    net_commission: int
    net_override: int

    @classmethod
    def of(cls, one: CommissionTotals) -> CommissionRowOut:
        """Render a row."""
        return cls(
            dealer_id=one.dealer_id,
            sales=one.sales,
            retail=one.retail,
            commission=one.commission,
            override=one.override,
            refunds=one.refunds,
            refunded_retail=one.refunded_retail,
            refunded_commission=one.refunded_commission,
            refunded_override=one.refunded_override,
            net_retail=one.retail - one.refunded_retail,
            net_commission=one.commission - one.refunded_commission,
            net_override=one.override - one.refunded_override,
        )


class CommissionReportOut(Schema):
    """Commissions by dealer, of those who sold or had something taken back."""

    first: str
    last: str
    items: list[CommissionRowOut]


def commission_report(request: Request, dealer_id: str | None = None) -> CommissionReportOut:
    """Answer with the report of all dealers, or of one."""
    asked = request.query_as(CommissionQuery)
    rows = dealers.commissions(
        store=request.store,
        first=parse_month(text=asked.first, param="first"),
        last=parse_month(text=asked.last, param="last"),
        dealer_id=dealer_id,
    )
    return CommissionReportOut(
        first=asked.first, last=asked.last, items=[CommissionRowOut.of(row) for row in rows]
    )


def price_list(request: Request, *, after: str | None, dealer_id: str) -> DealerPriceList:
    """Answer with a page of a dealer's prices."""
    limit = request.query_as(ListQuery).limit
    page = dealers.list_prices(store=request.store, dealer_id=dealer_id, limit=limit, after=after)
    return request.listing(DealerPriceList, page, DealerPriceOut.of)


@endpoint("GET", "/v1/dealers", permission=Permission.DEALERS_READ, query=DealerListQuery, answer=DealerList)
def list_dealers(request: Request) -> DealerList:
    """List dealers with what their wallets hold."""
    asked = request.query_as(DealerListQuery)
    page = dealers.list_dealers(
        store=request.store, archived=asked.archived, limit=asked.limit, after=request.after
    )
    return request.listing(DealerList, page, DealerOut.of)


@endpoint(
    "POST",
    "/v1/dealers",
    permission=Permission.DEALERS_WRITE,
    body=DealerIn,
    answer=DealerOut,
    status=201,
    idempotent=True,
)
def add_dealer(request: Request) -> DealerOut:
    """Add a dealer with an empty wallet; its parent stays its parent."""
    dealer_id = request.services.ids.new(prefix="dlr")
    shown = dealers.add_dealer(
        store=request.store,
        dealer_id=dealer_id,
        asked=request.body_as(DealerIn).asked(),
        at=request.now,
        note=request.note("dealer.added", dealer_id),
        idempotency=request.idempotency,
    )
    return DealerOut.of(shown)


@endpoint("GET", "/v1/dealers/{dealer_id}", permission=Permission.DEALERS_READ, answer=DealerOut)
def get_dealer(request: Request) -> DealerOut:
    """Show a dealer and what its wallet holds."""
    return DealerOut.of(dealers.show_dealer(store=request.store, dealer_id=request.path["dealer_id"]))


@endpoint(
    "PATCH",
    "/v1/dealers/{dealer_id}",
    permission=Permission.DEALERS_WRITE,
    body=DealerPatch,
    answer=DealerOut,
    if_match=True,
)
def change_dealer(request: Request) -> DealerOut:
    """Change a dealer's name or commissions, from the next sale on."""
    dealer_id = request.path["dealer_id"]
    shown = dealers.change_dealer(
        store=request.store,
        dealer_id=dealer_id,
        change=request.body_as(DealerPatch).change(),
        if_match=request.if_match,
        note=request.note("dealer.changed", dealer_id),
    )
    return DealerOut.of(shown)


@endpoint(
    "POST",
    "/v1/dealers/{dealer_id}/archive",
    permission=Permission.DEALERS_WRITE,
    answer=DealerOut,
    if_match=True,
)
def archive_dealer(request: Request) -> DealerOut:
    """Archive a dealer for good: its wallet is empty, and nobody below it is in business."""
    dealer_id = request.path["dealer_id"]
    shown = dealers.archive_dealer(
        store=request.store,
        dealer_id=dealer_id,
        if_match=request.if_match,
        note=request.note("dealer.archived", dealer_id),
    )
    return DealerOut.of(shown)


@endpoint(
    "GET",
    "/v1/dealers/{dealer_id}/prices",
    permission=Permission.DEALERS_READ,
    query=ListQuery,
    answer=DealerPriceList,
)
def list_dealer_prices(request: Request) -> DealerPriceList:
    """List what a dealer pays for packages, past and coming prices too."""
    return price_list(request, after=request.after, dealer_id=request.path["dealer_id"])


@endpoint(
    "POST",
    "/v1/dealers/{dealer_id}/prices",
    permission=Permission.DEALERS_WRITE,
    body=DealerPriceIn,
    answer=DealerPriceOut,
    status=201,
    idempotent=True,
)
def set_dealer_price(request: Request) -> DealerPriceOut:
    """Set what a dealer pays for a package from a date on; without any it is retail less the commission."""
    body, dealer_id = request.body_as(DealerPriceIn), request.path["dealer_id"]
    shown = dealers.set_price(
        store=request.store,
        dealer_id=dealer_id,
        package_id=body.package_id,
        price=body.price.money(),
        starts_on=body.starts_on,
        at=request.now,
        note=request.note("dealer.price_set", dealer_id),
        idempotency=request.idempotency,
    )
    return DealerPriceOut.of(shown)


@endpoint(
    "GET",
    "/v1/dealer-commissions",
    permission=Permission.DEALERS_READ,
    query=CommissionQuery,
    answer=CommissionReportOut,
)
def report_commissions(request: Request) -> CommissionReportOut:
    """Show what dealers sold and earned in months: gross, taken back, and net."""
    return commission_report(request)

"""The route sheet of collectors."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import CURSOR_CHARS_MAX, Line, ListAnswer, ListQuery, MoneyOut, Schema
from chalicelib.domain.accounts import AccountStatus
from chalicelib.domain.contacts import AREA_CHARS_MAX
from chalicelib.domain.route_sheet import RouteStop
from chalicelib.domain.staff import Permission
from chalicelib.usecases import route_sheet
from chalicelib.usecases.route_sheet import STOPS_PER_PAGE_MAX


class RouteStopOut(Schema):
    """A subscriber with something to pay.

    ``to_pay`` is what is open (``open``) less the account's credit. ``oldest_due_on`` is of the oldest
    open invoice. ``map_link`` looks the address up in the device's own map.
    """

    subscriber_id: str
    code: str
    name: str
    phone: str
    address: str
    area: str
    status: AccountStatus
    to_pay: MoneyOut
    open: MoneyOut
    oldest_due_on: date | None
    days_overdue: int
    map_link: str | None = Field(examples=["geo:0,0?q=Street%207%2C%20Lahore"])

    @classmethod
    def of(cls, stop: RouteStop) -> RouteStopOut:
        """Render a stop."""
        return cls(
            subscriber_id=stop.subscriber_id,
            code=stop.code,
            name=stop.name,
            phone=stop.phone,
            address=stop.address,
            area=stop.area,
            status=stop.status,
            to_pay=MoneyOut(amount=stop.to_pay, currency=stop.currency),
            open=MoneyOut(amount=stop.open_amount, currency=stop.currency),
            oldest_due_on=stop.oldest_due_on,
            days_overdue=stop.days_overdue,
            map_link=stop.map_link,
        )


class RouteSheetOut(ListAnswer):
    """Who has something to pay, in the order of codes; ``to_pay`` sums up this page's, in minor units."""

    items: list[RouteStopOut]
    to_pay: int = 0


class RouteSheetQuery(ListQuery):
    """Whose route: an area's, or all that one may see. A page has 50 at most."""

    limit: int = Field(default=STOPS_PER_PAGE_MAX, ge=1, le=STOPS_PER_PAGE_MAX)
    cursor: str | None = Field(default=None, min_length=1, max_length=CURSOR_CHARS_MAX)
    area: Line | None = Field(default=None, min_length=1, max_length=AREA_CHARS_MAX, examples=["Gulberg III"])


@endpoint(
    "GET",
    "/v1/route-sheet",
    permission=Permission.CASH_COLLECT,
    query=RouteSheetQuery,
    answer=RouteSheetOut,
)
def get_route_sheet(request: Request) -> RouteSheetOut:
    """List who has something to pay; a collector sees those of their own areas. A page may be short."""
    asked = request.query_as(RouteSheetQuery)
    page = route_sheet.route_sheet(
        store=request.store,
        area=asked.area,
        scope=request.principal.scope,
        limit=asked.limit,
        after=request.after,
        at=request.now,
    )
    answer = request.listing(RouteSheetOut, page, RouteStopOut.of)
    return answer.model_copy(update={"to_pay": sum(one.to_pay for one in page.items)})

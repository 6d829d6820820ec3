"""Funds: the company's own money by who holds it, and what moved it."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from chalicelib.api.invoices import PostingOut
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, MoneyIn, MoneyOut, Schema
from chalicelib.domain.documents import NOTE_CHARS_MAX, Document
from chalicelib.domain.funds import FUND_NAME_CHARS_MAX, FundKind, Movement
from chalicelib.domain.payments import REFERENCE_CHARS_MAX
from chalicelib.domain.staff import Permission
from chalicelib.ports.funds import FundQuery
from chalicelib.usecases import funds
from chalicelib.usecases.funds import HeldFund

IDLE_DAYS_MAX = 3_650


class FundIn(Schema):
    """A till or bank account of the office: what comes by its channel is in it, now and before."""

    name: Line = Field(min_length=1, max_length=FUND_NAME_CHARS_MAX, examples=["Office till"])
    channel: str = Field(
        min_length=2, max_length=30, description="such as that of payments by hand", examples=["cash"]
    )


class FundOut(Schema):
    """A fund, and what the books say it holds; of kinds ``dealer`` and ``payable`` what the company owes.

    ``owner_id`` is the person or dealer whose it is, ``account`` the ledger account that moves with
    it. ``idle_since`` is the day since which a collector holds money of which none was handed over.
    """

    fund_id: str = Field(examples=["fnd_01JD0000000000000000000000"])
    kind: FundKind
    name: str = Field(examples=["Office till"])
    owner_id: str | None = Field(examples=["stf_01JD0000000000000000000000"])
    channel: str | None = Field(examples=["cash"])
    account: str = Field(examples=["cash:cash"])
    balance: MoneyOut
    idle_since: date | None
    archived: bool
    version: int

    @classmethod
    def of(cls, held: HeldFund) -> FundOut:
        """Render a fund."""
        fund = held.fund
        return cls(
            fund_id=fund.fund_id,
            kind=fund.kind,
            name=fund.name,
            owner_id=fund.owner_id or None,
            channel=fund.channel or None,
            account=fund.account,
            balance=MoneyOut(amount=held.balance, currency=fund.currency),
            idle_since=fund.idle_since if fund.kind is FundKind.COLLECTOR else None,
            archived=fund.archived,
            version=fund.version,
        )


class FundList(ListAnswer):
    """Funds."""

    items: list[FundOut]


class FundListQuery(ListQuery):
    """Which funds."""

    kind: FundKind | None = None
    archived: bool = Field(default=False, description="archived ones too")
    idle_days: int | None = Field(
        default=None,
        ge=0,
        le=IDLE_DAYS_MAX,
        description="those that hold money for so many days, of which none was handed over",
    )


class MovementOut(Schema):
    """A change of a fund, and its balance after it; ``document_id`` is what it came with."""

    sequence: int
    on: date
    amount: int = Field(description="minor units; negative was taken from it")
    balance: int
    reason: str = Field(examples=["hand_over"])
    document_id: str = Field(examples=["cjn_01JD0000000000000000000000-20261101-0"])
    actor_id: str
    at: str = Field(examples=["2026-11-01T09:30:00.000000Z"])

    @classmethod
    def of(cls, one: Movement) -> MovementOut:
        """Render a movement."""
        return cls(
            sequence=one.sequence,
            on=one.on,
            amount=one.amount,
            balance=one.balance,
            reason=one.reason,
            document_id=one.about,
            actor_id=one.actor_id,
            at=one.at,
        )


class MovementList(ListAnswer):
    """What moved a fund, the newest first."""

    items: list[MovementOut]


@endpoint("GET", "/v1/funds", permission=Permission.FUNDS_READ, query=FundListQuery, answer=FundList)
def list_funds(request: Request) -> FundList:
    """List funds with what they hold; who is held to areas sees their own. A page may be short."""
    asked = request.query_as(FundListQuery)
    page = funds.list_funds(
        store=request.store,
        query=FundQuery(kind=asked.kind, archived=asked.archived),
        idle_days=asked.idle_days,
        principal=request.principal,
        limit=asked.limit,
        after=request.after,
        at=request.now,
    )
    return request.listing(FundList, page, FundOut.of)


@endpoint(
    "POST",
    "/v1/funds",
    permission=Permission.FUNDS_WRITE,
    body=FundIn,
    answer=FundOut,
    status=201,
    idempotent=True,
)
def open_fund(request: Request) -> FundOut:
    """Name a till or bank account of the office. Other funds come by themselves."""
    body, fund_id = request.body_as(FundIn), request.services.ids.new(prefix="fnd")
    held = funds.open_office_fund(
        store=request.store,
        fund_id=fund_id,
        name=body.name,
        channel=body.channel,
        at=request.now,
        note=request.note("fund.opened", fund_id),
        idempotency=request.idempotency,
    )
    return FundOut.of(held)


@endpoint("GET", "/v1/funds/{fund_id}", permission=Permission.FUNDS_READ, answer=FundOut)
def get_fund(request: Request) -> FundOut:
    """Show a fund with what it holds."""
    held = funds.get_fund(
        store=request.store, fund_id=request.path["fund_id"], principal=request.principal, at=request.now
    )
    return FundOut.of(held)


@endpoint(
    "GET",
    "/v1/funds/{fund_id}/movements",
    permission=Permission.FUNDS_READ,
    query=ListQuery,
    answer=MovementList,
)
def list_movements(request: Request) -> MovementList:
    """List what moved a fund, the newest first; of the office's without what subscribers paid."""
    page = funds.list_movements(
        store=request.store,
        fund_id=request.path["fund_id"],
        principal=request.principal,
        limit=request.query_as(ListQuery).limit,
        after=request.after,
    )
    return request.listing(MovementList, page, MovementOut.of)


@endpoint(
    "POST",
    "/v1/funds/{fund_id}/archive",
    permission=Permission.FUNDS_WRITE,
    answer=FundOut,
    if_match=True,
)
def archive_fund(request: Request) -> FundOut:
    """Take a fund of the office out of use, once it is empty; its channel may be another's then."""
    held = funds.archive_fund(
        store=request.store,
        fund_id=request.path["fund_id"],
        if_match=request.if_match,
        at=request.now,
        note=request.note("fund.archived", request.path["fund_id"]),
    )
    return FundOut.of(held)


# -- company journals ------------------------------------------------------------------------


class TransferIn(Schema):
    """Money to be moved to another fund of the office, such as the till's that is taken to the bank."""

    amount: MoneyIn
    to_fund_id: str = Field(min_length=1, max_length=40, examples=["fnd_01JD0000000000000000000000"])
    reference: Line = Field(default="", max_length=REFERENCE_CHARS_MAX, examples=["slip 12"])
    note: Line = Field(default="", max_length=NOTE_CHARS_MAX)

    def asked(self) -> funds.TransferAsked:
        """Return the use case's value."""
        return funds.TransferAsked(self.amount.money(), self.to_fund_id, self.reference, self.note)


class CompanyJournalOut(Schema):
    """A document of the company's own, which moved funds; it never changes.

    ``about`` is what it is about, such as an expense or a hand-over; ``fund_id`` the fund in whose
    books it is.
    """

    journal_id: str = Field(examples=["cjn_01JD0000000000000000000000-20261101-0"])
    number: str = Field(examples=["CJN-2027-000012"])
    fund_id: str
    issued_on: date
    amount: MoneyOut
    reason: str = Field(examples=["transfer"])
    about: str | None
    reference: str
    note: str
    postings: list[PostingOut]

    @classmethod
    def of(cls, document: Document) -> CompanyJournalOut:
        """Render a company journal."""
        return cls(
            journal_id=document.document_id,
            number=document.number,
            fund_id=document.account_id,
            issued_on=document.issued_on,
            amount=MoneyOut(amount=document.amount, currency=document.currency),
            reason=document.reason,
            about=document.about or None,
            reference=document.reference,
            note=document.note,
            postings=[PostingOut.of(posting) for posting in document.postings],
        )


@endpoint(
    "POST",
    "/v1/funds/{fund_id}/transfers",
    permission=Permission.FUNDS_WRITE,
    body=TransferIn,
    answer=CompanyJournalOut,
    status=201,
    idempotency_required=True,
)
def transfer_funds(request: Request) -> CompanyJournalOut:
    """Move money from a fund of the office to another one."""
    made = funds.transfer(
        store=request.store,
        fund_id=request.path["fund_id"],
        asked=request.body_as(TransferIn).asked(),
        at=request.now,
        note=request.note("fund.transferred", request.path["fund_id"]),
        idempotency=request.idempotency,
    )
    return CompanyJournalOut.of(made)


@endpoint(
    "GET",
    "/v1/company-journals/{journal_id}",
    permission=Permission.LEDGER_READ,
    answer=CompanyJournalOut,
)
def get_company_journal(request: Request) -> CompanyJournalOut:
    """Show a company journal, as movements of funds name it."""
    return CompanyJournalOut.of(request.store.funds.entry(document_id=request.path["journal_id"]))

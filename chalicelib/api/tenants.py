"""The tenant's own settings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, Patch, Schema
from chalicelib.api.tax_groups import TaxGroupIn, TaxGroupOut
from chalicelib.domain.money import AMOUNT_MINOR_MAX
from chalicelib.domain.numbering import PATTERN_CHARS_MAX, DocumentKind, default_pattern
from chalicelib.domain.origins import ORIGIN_CHARS_MAX, ORIGINS_MAX
from chalicelib.domain.staff import Permission
from chalicelib.domain.tenants import (
    COMPANY_CHARS_MAX,
    PAYMENT_DAYS_MAX,
    ROUND_TO_MAX,
    Tenant,
    TenantState,
)
from chalicelib.usecases import tenants


class NumberFormatOut(Schema):
    """The format of a kind's numbers from a fiscal year on; null where it is that of every year before."""

    kind: DocumentKind
    from_fiscal_year: int | None
    format: str = Field(examples=["INV-{fy}-{seq:06}"])


class NumberFormats(Schema):
    """Formats of document numbers by kind: invoices, credit and debit notes, receipts, refunds, journals.

    ``CJN`` is of company journals, which are of no subscriber.

    ``{fy}`` is the fiscal year (2027), ``{fy_short}`` its last two digits, ``{seq}`` the sequence and
    ``{seq:06}`` the same with leading zeros.
    """

    INV: str | None = Field(default=None, max_length=PATTERN_CHARS_MAX, examples=["INV-{fy}-{seq:06}"])
    CRN: str | None = Field(default=None, max_length=PATTERN_CHARS_MAX)
    DBN: str | None = Field(default=None, max_length=PATTERN_CHARS_MAX)
    RCP: str | None = Field(default=None, max_length=PATTERN_CHARS_MAX)
    RFD: str | None = Field(default=None, max_length=PATTERN_CHARS_MAX)
    JRN: str | None = Field(default=None, max_length=PATTERN_CHARS_MAX)
    CJN: str | None = Field(default=None, max_length=PATTERN_CHARS_MAX)

    def formats(self) -> dict[DocumentKind, str]:
        """Return those that are given."""
        given = {kind: getattr(self, kind.value) for kind in DocumentKind}
        return {kind: text for kind, text in given.items() if text is not None}


class TenantOut(Schema):
    """An ISP and its settings. Bills are made at ``billing_hour`` of its time zone.

    Invoices are rounded half up to a multiple of ``round_to`` minor units by a line of their own (100
    for whole rupees; 0 not at all). ``consolidated`` puts what a subscriber owes on one day on one invoice,
    unless the subscriber has it otherwise.
    """

    tenant_id: str
    company: str
    subdomain: str
    state: TenantState
    ends_at: datetime | None = Field(description="when the account ends or ended, where it was cancelled")
    purge_at: datetime | None = Field(description="when its data is deleted, in recovery")
    country: str
    currency: str
    time_zone: str
    fiscal_year_start_month: int
    billing_hour: int
    payment_days: int
    round_to: int
    consolidated: bool
    invoice_limit: int | None = Field(
        description="minor units; runs set aside a subscriber whose invoices of one run date would come to "
        "more; 0 is no limit, null 100 times what the dearest package costs to begin with, and at least "
        "100,000 of the currency"
    )
    bill_day: int = Field(
        description="day of the month on which new monthly periods begin; 0 is of each start"
    )
    allowed_origins: list[str] = Field(
        description="origins of web pages that may call the API from a browser, by bearer token"
    )
    portal: bool = Field(description="whether subscribers may sign in to the portal")
    portal_sms: bool = Field(description="whether codes for the portal may go by SMS, which costs")
    mfa_required: bool = Field(
        description="whether people without a second factor may do nothing but put one on"
    )
    receipt_mails: bool = Field(description="whether each payment's receipt is mailed to its subscriber")
    number_formats: list[NumberFormatOut]
    tax_groups: list[TaxGroupOut]
    created_at: datetime
    version: int

    @classmethod
    def of(cls, tenant: Tenant) -> TenantOut:
        """Render a tenant."""
        return cls(
            tenant_id=tenant.tenant_id,
            company=tenant.company,
            subdomain=tenant.subdomain,
            state=tenant.state,
            ends_at=tenant.ending.ends_at if tenant.ending else None,
            purge_at=tenant.ending.purge_at if tenant.ending else None,
            country=tenant.country,
            currency=tenant.currency,
            time_zone=tenant.time_zone,
            fiscal_year_start_month=tenant.fiscal_year_start_month,
            billing_hour=tenant.billing_hour,
            payment_days=tenant.payment_days,
            round_to=tenant.round_to,
            consolidated=tenant.consolidated,
            invoice_limit=tenant.invoice_limit,
            bill_day=tenant.bill_day,
            allowed_origins=list(tenant.allowed_origins),
            portal=tenant.portal,
            portal_sms=tenant.portal_sms,
            mfa_required=tenant.mfa_required,
            receipt_mails=tenant.receipt_mails,
            number_formats=_number_formats(tenant),
            tax_groups=[TaxGroupOut.of(group) for group in tenant.tax_groups],
            created_at=tenant.created_at,
            version=tenant.version,
        )


def _number_formats(tenant: Tenant) -> list[NumberFormatOut]:
    """Return the formats of every kind, oldest first."""
    found = []
    for kind in DocumentKind:
        found.append(NumberFormatOut(kind=kind, from_fiscal_year=None, format=default_pattern(kind=kind)))
        found += [
            NumberFormatOut(kind=kind, from_fiscal_year=one.from_year, format=one.pattern)
            for one in tenant.number_formats
            if one.kind == kind
        ]
    return found


class TenantPatch(Patch):
    """Settings to change; country, currency and fiscal year are fixed.

    A format of numbers holds from the present fiscal year on, or, where that has a document of the
    kind, from the next.
    """

    NULLABLE = frozenset({"invoice_limit"})

    company: Line | None = Field(default=None, min_length=1, max_length=COMPANY_CHARS_MAX)
    time_zone: str | None = Field(default=None, max_length=64, examples=["Asia/Karachi"])
    billing_hour: int | None = Field(default=None, ge=0, le=23)
    payment_days: int | None = Field(default=None, ge=0, le=PAYMENT_DAYS_MAX)
    bill_day: int | None = Field(default=None, ge=0, le=31, examples=[1])
    round_to: int | None = Field(default=None, ge=0, le=ROUND_TO_MAX, examples=[100])
    consolidated: bool | None = None
    invoice_limit: int | None = Field(
        default=None,
        ge=0,
        le=AMOUNT_MINOR_MAX,
        examples=[5000000],
        description="null: the limit that follows from the packages",
    )
    allowed_origins: list[Annotated[str, Field(max_length=ORIGIN_CHARS_MAX)]] | None = Field(
        default=None, max_length=ORIGINS_MAX, examples=[["https://portal.lahore-net.example"]]
    )
    portal: bool | None = None
    portal_sms: bool | None = None
    mfa_required: bool | None = Field(
        default=None, description="set by a person who has a second factor, and by no program"
    )
    receipt_mails: bool | None = None
    number_formats: NumberFormats | None = None

    def change(self) -> tenants.TenantChange:
        """Return the domain's value."""
        given = self.model_dump(exclude_unset=True, exclude={"number_formats"})
        formats = self.number_formats.formats() if self.number_formats else {}
        return tenants.TenantChange(**given, number_formats=formats)


@endpoint("GET", "/v1/tenant", permission=Permission.TENANT_READ, answer=TenantOut)
def get_tenant(request: Request) -> TenantOut:
    """Return the tenant's settings and tax groups."""
    return TenantOut.of(request.store.profile())


@endpoint(
    "PATCH",
    "/v1/tenant",
    permission=Permission.TENANT_WRITE,
    body=TenantPatch,
    answer=TenantOut,
    if_match=True,
)
def change_tenant(request: Request) -> TenantOut:
    """Change the tenant's settings."""
    body = request.body_as(TenantPatch)
    tenant = tenants.change_settings(
        identity=request.services.identity,
        store=request.store,
        principal=request.principal,
        change=body.change(),
        if_match=request.if_match,
        at=request.now,
        note=request.note("tenant.changed", request.principal.tenant_id),
    )
    return TenantOut.of(tenant)


@endpoint(
    "PUT",
    "/v1/tenant/tax-groups/{code}",
    permission=Permission.TENANT_WRITE,
    body=TaxGroupIn,
    answer=TenantOut,
    if_match=True,
)
def put_tax_group(request: Request) -> TenantOut:
    """Add or replace a tax group; the version is the tenant's.

    Issued invoices keep their taxes, and so does every date that runs have billed.
    """
    body = request.body_as(TaxGroupIn)
    tenant = tenants.put_tax_group(
        store=request.store,
        group=body.group(code=request.path["code"]),
        if_match=request.if_match,
        note=request.note("tenant.tax_group_put", request.path["code"]),
    )
    return TenantOut.of(tenant)

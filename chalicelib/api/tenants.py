"""The tenant's own settings and taxes."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, Patch, Schema
from chalicelib.domain.staff import Permission
from chalicelib.domain.taxes import (
    TAX_COMPONENTS_MAX,
    TAX_NAME_CHARS_MAX,
    TAX_RATE_MAX,
    TAX_ROWS_MAX,
    TaxBase,
    TaxComponent,
    TaxGroup,
    TaxRow,
)
from chalicelib.domain.tenants import COMPANY_CHARS_MAX, PAYMENT_DAYS_MAX, Tenant, TenantState
from chalicelib.usecases import tenants


class TaxComponentBody(Schema):
    """One tax; 19.5 % is 195000 millionths."""

    code: str = Field(min_length=1, max_length=40, examples=["sales_tax"])
    name: Line = Field(min_length=1, max_length=TAX_NAME_CHARS_MAX, examples=["Sales tax"])
    rate_millionths: int = Field(ge=0, le=TAX_RATE_MAX, examples=[195000])
    base: TaxBase = TaxBase.NET


class TaxRowBody(Schema):
    """The taxes in force from a date until the next row's."""

    starts_on: date
    components: list[TaxComponentBody] = Field(max_length=TAX_COMPONENTS_MAX)


class TaxGroupIn(Schema):
    """A schedule of taxes, each row starting on a later date than the one before."""

    name: Line = Field(min_length=1, max_length=TAX_NAME_CHARS_MAX, examples=["Internet service"])
    rows: list[TaxRowBody] = Field(min_length=1, max_length=TAX_ROWS_MAX)

    def group(self, *, code: str) -> TaxGroup:
        """Return the domain's value."""
        return TaxGroup(code=code, name=self.name, rows=tuple(map(_row, self.rows)))


def _row(body: TaxRowBody) -> TaxRow:
    components = (TaxComponent(one.code, one.name, one.rate_millionths, one.base) for one in body.components)
    return TaxRow(starts_on=body.starts_on, components=tuple(components))


class TaxGroupOut(TaxGroupIn):
    """A tax group with its code, which packages name."""

    code: str

    @classmethod
    def of(cls, group: TaxGroup) -> TaxGroupOut:
        """Render a group."""
        rows = [
            TaxRowBody(
                starts_on=row.starts_on,
                components=[
                    TaxComponentBody(
                        code=one.code, name=one.name, rate_millionths=one.rate_millionths, base=one.base
                    )
                    for one in row.components
                ],
            )
            for row in group.rows
        ]
        return cls(code=group.code, name=group.name, rows=rows)


class TenantOut(Schema):
    """An ISP and its settings. Bills are made at ``billing_hour`` of its time zone."""

    tenant_id: str
    company: str
    subdomain: str
    state: TenantState
    country: str
    currency: str
    time_zone: str
    fiscal_year_start_month: int
    billing_hour: int
    payment_days: int
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
            country=tenant.country,
            currency=tenant.currency,
            time_zone=tenant.time_zone,
            fiscal_year_start_month=tenant.fiscal_year_start_month,
            billing_hour=tenant.billing_hour,
            payment_days=tenant.payment_days,
            tax_groups=[TaxGroupOut.of(group) for group in tenant.tax_groups],
            created_at=tenant.created_at,
            version=tenant.version,
        )


class TenantPatch(Patch):
    """Settings to change; country, currency and fiscal year are fixed."""

    company: Line | None = Field(default=None, min_length=1, max_length=COMPANY_CHARS_MAX)
    time_zone: str | None = Field(default=None, max_length=64, examples=["Asia/Karachi"])
    billing_hour: int | None = Field(default=None, ge=0, le=23)
    payment_days: int | None = Field(default=None, ge=0, le=PAYMENT_DAYS_MAX)


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
    changes = request.body_as(TenantPatch).model_dump(exclude_unset=True)
    tenant = tenants.change_settings(
        store=request.store,
        change=tenants.TenantChange(**changes),
        if_match=request.if_match,
        note=request.note("tenant.changed", request.principal.tenant_id, **changes),
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
    """Add or replace a tax group; the version is the tenant's. Issued invoices keep their taxes."""
    body = request.body_as(TaxGroupIn)
    tenant = tenants.put_tax_group(
        store=request.store,
        group=body.group(code=request.path["code"]),
        if_match=request.if_match,
        note=request.note("tenant.tax_group_put", request.path["code"], rows=len(body.rows)),
    )
    return TenantOut.of(tenant)

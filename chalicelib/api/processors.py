"""The third parties that the platform works with."""

from __future__ import annotations

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Schema
from chalicelib.domain.data_map import Category, Purpose
from chalicelib.domain.processors import REGISTER, Processor
from chalicelib.domain.staff import Permission
from chalicelib.domain.tenants import Tenant


class ProcessorOut(Schema):
    """A third party: why it is used, where it is, and the only fields that it is ever sent.

    `on` says whether this company uses it; `switch` is the setting (`PATCH /v1/tenant`) that decides,
    null where the platform cannot do without it. `controller` is true for who decides by itself.
    """

    code: str = Field(examples=["aws-ses"])
    name: str
    purpose: Purpose
    where: str
    categories: list[Category]
    fields_sent: list[str]
    what: str
    on: bool
    switch: str | None
    controller: bool

    @classmethod
    def of(cls, one: Processor, tenant: Tenant) -> ProcessorOut:
        """Render a third party."""
        return cls(
            code=one.code,
            name=one.name,
            purpose=one.purpose,
            where=one.where,
            categories=list(one.categories),
            fields_sent=sorted(one.fields),
            what=one.words,
            on=one.on(tenant=tenant),
            switch=one.switch or None,
            controller=one.controller,
        )


class ProcessorList(Schema):
    """The register of third parties."""

    items: list[ProcessorOut]


@endpoint("GET", "/v1/processors", permission=Permission.TENANT_READ, answer=ProcessorList)
def list_processors(request: Request) -> ProcessorList:
    """List the third parties that the platform works with, and what each may be sent."""
    tenant = request.store.profile()
    return ProcessorList(items=[ProcessorOut.of(one, tenant) for one in REGISTER])

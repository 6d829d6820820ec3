"""Where a subscriber is taxed, and from which taxes it is exempt."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, Schema
from chalicelib.domain.staff import Permission
from chalicelib.domain.taxes import (
    CERTIFICATE_CHARS_MAX,
    JURISDICTION_CHARS_MAX,
    TAX_EXEMPTIONS_MAX,
    TaxExemption,
    TaxProfile,
)
from chalicelib.usecases import subscriber_tax
from chalicelib.usecases.subscriber_tax import AccountTax


class TaxExemptionBody(Schema):
    """A tax that is not charged from ``starts_on`` until ``ends_on`` (exclusive; null is for good).

    ``certificate`` is the number of the authority's document; invoices without the tax show it.
    """

    code: str = Field(min_length=1, max_length=40, examples=["advance_income_tax"])
    certificate: Line = Field(min_length=1, max_length=CERTIFICATE_CHARS_MAX, examples=["EX-2026-0077"])
    starts_on: date
    ends_on: date | None = None


class SubscriberTaxIn(Schema):
    """Where a subscriber is taxed (empty: by the rows for everywhere), and its exemptions."""

    jurisdiction: str = Field(default="", max_length=JURISDICTION_CHARS_MAX, examples=["PK-SD"])
    exemptions: list[TaxExemptionBody] = Field(default_factory=list, max_length=TAX_EXEMPTIONS_MAX)

    def profile(self) -> TaxProfile:
        """Return the domain's value."""
        exemptions = (
            TaxExemption(one.code, one.certificate, one.starts_on, one.ends_on) for one in self.exemptions
        )
        return TaxProfile(self.jurisdiction, tuple(exemptions))


class SubscriberTaxOut(SubscriberTaxIn):
    """A subscriber's taxes; ``version`` is its account's, which billing moves too."""

    subscriber_id: str
    version: int

    @classmethod
    def of(cls, held: AccountTax) -> SubscriberTaxOut:
        """Render a tax profile."""
        exemptions = [
            TaxExemptionBody(
                code=one.code, certificate=one.certificate, starts_on=one.starts_on, ends_on=one.ends_on
            )
            for one in held.profile.exemptions
        ]
        return cls(
            subscriber_id=held.subscriber_id,
            jurisdiction=held.profile.jurisdiction,
            exemptions=exemptions,
            version=held.version,
        )


@endpoint(
    "GET",
    "/v1/subscribers/{subscriber_id}/tax",
    permission=Permission.SUBSCRIBERS_READ,
    answer=SubscriberTaxOut,
)
def get_subscriber_tax(request: Request) -> SubscriberTaxOut:
    """Show where a subscriber is taxed, and its exemptions."""
    held = subscriber_tax.get_tax(store=request.store, subscriber_id=request.path["subscriber_id"])
    return SubscriberTaxOut.of(held)


@endpoint(
    "PUT",
    "/v1/subscribers/{subscriber_id}/tax",
    permission=Permission.INVOICES_WRITE,
    body=SubscriberTaxIn,
    answer=SubscriberTaxOut,
    if_match=True,
)
def put_subscriber_tax(request: Request) -> SubscriberTaxOut:
    """Set where a subscriber is taxed, and its exemptions, for what is billed from now on."""
    subscriber_id = request.path["subscriber_id"]
    held = subscriber_tax.set_tax(
        store=request.store,
        subscriber_id=subscriber_id,
        profile=request.body_as(SubscriberTaxIn).profile(),
        if_match=request.if_match,
        note=request.note("subscriber.tax_put", subscriber_id),
    )
    return SubscriberTaxOut.of(held)

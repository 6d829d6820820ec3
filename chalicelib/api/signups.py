"""Signing up a tenant."""

from __future__ import annotations

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, Schema
from chalicelib.api.tenants import TenantOut
from chalicelib.domain.emails import EMAIL_CHARS_MAX
from chalicelib.domain.passwords import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN
from chalicelib.domain.policies import Document
from chalicelib.domain.staff import STAFF_NAME_CHARS_MAX, Permission
from chalicelib.domain.tenants import (
    COMPANY_CHARS_MAX,
    SUBDOMAIN_CHARS_MAX,
    SUBDOMAIN_CHARS_MIN,
    Tenant,
)
from chalicelib.usecases import signup
from chalicelib.usecases.asked_mails import ask_mail
from chalicelib.usecases.plans import enrol

TOKEN_CHARS_MAX = 100
VERSION_CHARS_MAX = 10


class OwnerIn(Schema):
    """The person who signs up."""

    name: Line = Field(min_length=1, max_length=STAFF_NAME_CHARS_MAX, examples=["Ayesha Khan"])
    email: str = Field(max_length=EMAIL_CHARS_MAX, examples=["ayesha@lahore-net.example"])
    password: str = Field(
        min_length=PASSWORD_CHARS_MIN,
        max_length=PASSWORD_CHARS_MAX,
        examples=["three random words"],
        repr=False,
    )


class SignUpIn(Schema):
    """An ISP that signs up."""

    company: Line = Field(min_length=1, max_length=COMPANY_CHARS_MAX, examples=["Lahore Net"])
    subdomain: str = Field(
        min_length=SUBDOMAIN_CHARS_MIN, max_length=SUBDOMAIN_CHARS_MAX, examples=["lahore-net"]
    )
    owner: OwnerIn
    country: str = Field(description="ISO 3166-1, two capital letters.", examples=["PK"])
    currency: str = Field(description="ISO 4217; it cannot be changed later.", examples=["PKR"])
    time_zone: str = Field(max_length=64, description="An IANA name.", examples=["Asia/Karachi"])
    fiscal_year_start_month: int = Field(ge=1, le=12, examples=[7])
    terms_version: str | None = Field(
        default=None,
        max_length=VERSION_CHARS_MAX,
        description="The version of the terms that the owner accepts (`GET /v1/policies`); without it they "
        "are asked to when they sign in.",
    )

    def command(self) -> signup.SignUp:
        """Return the use case's command."""
        return signup.SignUp(
            company=self.company,
            subdomain=self.subdomain,
            owner_name=self.owner.name,
            owner_email=self.owner.email,
            password=self.owner.password,
            country=self.country,
            currency=self.currency,
            time_zone=self.time_zone,
            fiscal_year_start_month=self.fiscal_year_start_month,
            terms_version=self.terms_version,
        )


class SignUpOut(Schema):
    """The new tenant, to be verified by the code that was mailed to its owner."""

    tenant: TenantOut
    mail_sent: bool = Field(description="Where false, ask for the mail again.")


class VerifyIn(Schema):
    """The code from the mail, and the password that was chosen at sign-up."""

    token: str = Field(min_length=1, max_length=TOKEN_CHARS_MAX)
    password: str = Field(max_length=PASSWORD_CHARS_MAX, repr=False, examples=["three random words"])


class ResendIn(Schema):
    """Whose mail to send again."""

    subdomain: str = Field(max_length=SUBDOMAIN_CHARS_MAX, examples=["lahore-net"])
    email: str = Field(max_length=EMAIL_CHARS_MAX, examples=["ayesha@lahore-net.example"])


class AcceptedOut(Schema):
    """The request was taken; the answer is the same whether or not there was anything to do."""

    accepted: bool = True


@endpoint("POST", "/v1/signups", permission=Permission.PUBLIC, body=SignUpIn, answer=SignUpOut, status=201)
def sign_up(request: Request) -> SignUpOut:
    """Sign up an ISP with its owner, who then gets a mail with a code."""
    return signed_up(request, request.body_as(SignUpIn))


def signed_up(request: Request, body: SignUpIn) -> SignUpOut:
    """Sign up an ISP; raises what the use case does."""
    made = signup.sign_up(
        identity=request.services.identity,
        command=body.command(),
        address=request.address,
        at=request.now,
        request_id=request.request_id,
        terms=request.services.site.policies.current(document=Document.TERMS, at=request.now),
    )
    return SignUpOut(tenant=TenantOut.of(made.tenant), mail_sent=made.mail_sent)


@endpoint("POST", "/v1/signups/verify", permission=Permission.PUBLIC, body=VerifyIn, answer=TenantOut)
def verify_sign_up(request: Request) -> TenantOut:
    """Activate the tenant by the code mailed to its owner, which works once, and their password."""
    return verified(request, request.body_as(VerifyIn))


def verified(request: Request, body: VerifyIn) -> TenantOut:
    """Activate a tenant; raises what the use case does."""
    tenant = signup.verify_owner(
        identity=request.services.identity,
        token=body.token,
        password=body.password,
        at=request.now,
        request_id=request.request_id,
        activated=lambda tenant: _put_on_plan(request, tenant),
    )
    return TenantOut.of(tenant)


def _put_on_plan(request: Request, tenant: Tenant) -> None:
    """Begin the trial of the platform's plan; where that fails, a schedule does it within the hour."""
    operator = request.services.operator
    if operator is not None:
        store = request.services.stores.of(tenant_id=tenant.tenant_id)
        enrol(operator=operator, store=store, tenant=tenant, at=request.now)


@endpoint(
    "POST",
    "/v1/signups/resend",
    permission=Permission.PUBLIC,
    body=ResendIn,
    answer=AcceptedOut,
    status=202,
)
def resend_sign_up_mail(request: Request) -> AcceptedOut:
    """Send the owner's mail again, if there is an unverified sign-up with this address."""
    body = request.body_as(ResendIn)
    ask_mail(
        identity=request.services.identity,
        queue=request.services.mail_queue,
        kind=signup.VERIFICATION_MAIL,
        subdomain=body.subdomain,
        email=body.email,
        address=request.address,
        at=request.now,
        request_id=request.request_id,
    )
    return AcceptedOut()

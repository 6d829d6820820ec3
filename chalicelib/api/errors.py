"""The one table from refusals to HTTP statuses, and the answer that describes a problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Final

from chalicelib.crypto.keyring import CiphertextRejected
from chalicelib.domain.errors import Busy, Conflict, DomainError, InvalidValue, NotFound, StaleVersion
from chalicelib.domain.jobs import FileExpired, FileNotYours
from chalicelib.domain.lifecycle import TenantInRecovery
from chalicelib.domain.portal import PortalOff
from chalicelib.domain.second_factor import SecondFactorRequired
from chalicelib.domain.staff import RightsExceeded
from chalicelib.ports.identity import TokenNotValid, TooManyAttempts
from chalicelib.store.base import ServiceUnavailable
from chalicelib.store.idempotency import KeyReused
from chalicelib.usecases.rates import RateLimited
from chalicelib.usecases.sessions import EmailNotVerified, WrongCredentials

RETRY_AFTER_SECONDS: Final = 1


class BadRequest(DomainError):
    """The request cannot be read."""

    code = "bad_request"


class MalformedJson(BadRequest):
    """The body is not JSON text in UTF-8 (RFC 8259), or names a field twice."""

    code = "malformed_json"


class InvalidHeader(BadRequest):
    """A header's value cannot be read; ``param`` names the header."""

    code = "invalid_header"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with one field, by its dotted path; ``param`` is None where it is the whole."""

    param: str | None
    code: str
    message: str


class InvalidField(InvalidValue):
    """A field of the body or query is missing, unknown, or not of the declared type or range.

    ``complaints`` are of every such field, the one that the refusal names among them.
    """

    code = "invalid_value"

    def __init__(
        self, message: str, *, param: str | None, code: str, complaints: Sequence[Complaint] = ()
    ) -> None:
        super().__init__(message, param=param)
        self.field_code = code
        self.complaints = complaints or [Complaint(param, code, message)]


class NotSignedIn(DomainError):
    """No session, or one that has ended."""

    code = "not_signed_in"


class PermissionDenied(DomainError):
    """The role does not grant what the route asks for."""

    code = "permission_denied"


class CsrfRejected(DomainError):
    """A change by cookie came without the session's CSRF token."""

    code = "csrf_token_invalid"


class PreconditionRequired(DomainError):
    """The route changes a versioned record and needs ``If-Match``."""

    code = "precondition_required"


class MethodNotAllowed(DomainError):
    """The address exists, but not for this method."""

    code = "method_not_allowed"

    def __init__(self, *, allowed: str) -> None:
        super().__init__("this method is not possible here")
        self.allowed = allowed


class BodyTooLarge(DomainError):
    """The body is longer than the named limit."""

    code = "body_too_large"


class UnsupportedMediaType(DomainError):
    """The body is not declared as JSON."""

    code = "unsupported_media_type"


# The nearest class in an exception's MRO decides.
STATUS: Final[dict[type[DomainError], int]] = {
    DomainError: 400,
    BadRequest: 400,
    NotSignedIn: 401,
    WrongCredentials: 401,
    PermissionDenied: 403,
    CsrfRejected: 403,
    EmailNotVerified: 403,
    FileNotYours: 403,
    PortalOff: 403,
    RightsExceeded: 403,
    SecondFactorRequired: 403,
    TenantInRecovery: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    Conflict: 409,
    FileExpired: 410,
    StaleVersion: 412,
    BodyTooLarge: 413,
    UnsupportedMediaType: 415,
    InvalidValue: 422,
    KeyReused: 422,
    TokenNotValid: 422,
    PreconditionRequired: 428,
    TooManyAttempts: 429,
    RateLimited: 429,
    CiphertextRejected: 500,
    Busy: 503,
    ServiceUnavailable: 503,
}


# RFC 9110's names: the standard library's differ between Python versions.
_PHRASES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}


def phrase_of(status: int) -> str:
    """Return a status's name."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def status_of(error: DomainError) -> int:
    """Return the HTTP status of a refusal."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(*, status: int, code: str, message: str, param: str | None, request_id: str) -> dict[str, object]:
    """Return the body of RFC 9457 problem details, with our members."""
    return {
        "type": "about:blank",
        "title": phrase_of(status),
        "status": status,
        "code": code,
        "message": message,
        "param": param,
        "request_id": request_id,
    }


def problem_of(error: DomainError, *, request_id: str) -> dict[str, object]:
    """Return the problem details of a refusal; of our own failures they say no more than that."""
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return internal_problem(request_id=request_id, code=error.code)
    field = error if isinstance(error, InvalidField) else None
    code = field.field_code if field else error.code
    told = problem(status=status, code=code, message=error.message, param=error.param, request_id=request_id)
    if field and len(field.complaints) > 1:
        told["errors"] = [asdict(one) for one in field.complaints]
    return told


def internal_problem(*, request_id: str, code: str = "internal_error") -> dict[str, object]:
    """Return the problem details of a failure of ours."""
    message = "Something went wrong on our side; the request id finds it in our logs."
    return problem(status=500, code=code, message=message, param=None, request_id=request_id)


def problem_headers(error: DomainError) -> Mapping[str, str]:
    """Return the headers that go with a refusal."""
    if isinstance(error, NotSignedIn):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, MethodNotAllowed):
        return {"Allow": error.allowed}
    if isinstance(error, TooManyAttempts | RateLimited):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, Busy | ServiceUnavailable):
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return {}

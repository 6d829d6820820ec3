"""The one place where owners are asked for the terms: before they change something of their company."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.api.authentication import SAFE_METHODS
from chalicelib.api.errors import PermissionDenied
from chalicelib.bootstrap import Services
from chalicelib.domain.staff import Permission, Principal

if TYPE_CHECKING:
    from chalicelib.api.routing import Endpoint


class TermsNotAccepted(PermissionDenied):
    """The owner has not accepted the terms in time: until then they change nothing of the company."""

    code = "terms_not_accepted"


def check_terms(*, spec: Endpoint, services: Services, owner: Principal) -> None:
    """Raise TermsNotAccepted where an owner would change something and has not accepted in time.

    What they do for themselves (accepting, signing out, their passwords, rights and choices) is open, and
    so is what is declared ``without_terms``.
    """
    if spec.method in SAFE_METHODS or spec.permission is Permission.SELF or spec.without_terms:
        return
    if services.terms_gate.stops(library=services.site.policies, principal=owner, at=services.clock.now()):
        raise TermsNotAccepted(
            "accept the terms first: GET /v1/me/policy-notices names them, and "
            "POST /v1/policies/terms/acceptances accepts them; reading and exporting go on"
        )

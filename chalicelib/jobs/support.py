"""Accesses of platform support that ended by themselves: their ends are written down on both sides."""

from __future__ import annotations

from datetime import datetime

from chalicelib.bootstrap import Services
from chalicelib.domain.errors import DomainError
from chalicelib.domain.support import SupportAccess
from chalicelib.observability import logger
from chalicelib.store.tenant import DynamoTenantStore
from chalicelib.usecases.support import settle


class AccessNotSettled(DomainError):
    """The end of an access could not be written down; the next tick tries again."""

    code = "support_access_not_settled"


def settle_accesses(services: Services, operator: DynamoTenantStore, at: datetime) -> int:
    """Write down each end that nobody noted yet; return with how many that failed."""
    failed = 0
    for access in operator.support.open_entered():
        try:
            _settle(services, access, at)
        except AccessNotSettled:
            failed += 1
    return failed


def _settle(services: Services, access: SupportAccess, at: datetime) -> None:
    """Settle one access; whatever goes wrong with it is logged, and stops no other."""
    try:
        settle(ports=services.support, access=access, at=at)
    except Exception as error:
        logger().exception("support access not settled", extra={"access_id": access.access_id})
        raise AccessNotSettled("the access could not be settled") from error

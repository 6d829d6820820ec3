"""Privacy requests in the background: files and erasures by queue, mails, and the hour's look at each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from chalicelib.bootstrap import Services
from chalicelib.domain.lifecycle import Capability
from chalicelib.jobs.deadline import deadline
from chalicelib.jobs.sqs import JsonObject
from chalicelib.jobs.tenants import see_to_each, tried
from chalicelib.jobs.turns import JobKind
from chalicelib.observability import logger
from chalicelib.usecases.breaches import remind_of_breaches
from chalicelib.usecases.privacy_notices import send_notice
from chalicelib.usecases.privacy_outside import PRIVACY_CODE, send_confirmation
from chalicelib.usecases.privacy_requests import PRIVACY_NOTICE, Desk
from chalicelib.usecases.privacy_work import (
    PrivacyWork,
    give_up,
    look_after_requests,
    work_request,
)

# What cannot be written in this time says so before the function's limit (900 s).
WORK_SECONDS_MAX: Final = 780
# The hour's pass stops before its function's limit (300 s).
PASS_SECONDS_MAX: Final = 240
TROUBLE: Final = "privacy requests not seen to"


def privacy_requests(services: Services) -> JobKind:
    """Return how privacy requests are worked on: a person's copy is made, or a person erased."""
    work = PrivacyWork(
        stores=services.stores,
        blobs=services.blobs,
        sessions=services.sessions,
        portal_sessions=services.portal_sessions,
        desk=_desk(services),
        retention=services.retention,
        now=services.clock.now,
        out_of_time=deadline(seconds=WORK_SECONDS_MAX),
    )
    do, stop = partial(work_request, work=work), partial(give_up, work=work)
    return JobKind("privacy_request", services.export_queue, do, stop)


def _desk(services: Services) -> Desk:
    return Desk(mails=services.mail_queue, work=services.export_queue, ids=services.ids)


def _send_notice(services: Services, message: JsonObject) -> None:
    send_notice(
        stores=services.stores,
        mailer=services.mailer,
        tenant_id=message["tenant_id"],
        request_id=message["privacy_request_id"],
        at=services.clock.now(),
    )


def _send_code(services: Services, message: JsonObject) -> None:
    send_confirmation(identity=services.identity, message=message, at=services.clock.now())


MAILS: Final[Mapping[str, Callable[[Services, JsonObject], None]]] = {
    PRIVACY_NOTICE: _send_notice,
    PRIVACY_CODE: _send_code,
}


def _look_after(services: Services, tenant_id: str, out_of_time: Callable[[], bool]) -> bool:
    """See to one tenant's breaches, and to its requests whatever became of those; return whether all is."""
    store, at = services.stores.of(tenant_id=tenant_id), services.clock.now()
    looks = (
        partial(remind_of_breaches, store=store, mailer=services.mailer, at=at),
        partial(look_after_requests, store=store, mailer=services.mailer, desk=_desk(services), at=at),
    )
    seen_to = [
        tried(partial(look, out_of_time=out_of_time), tenant_id=tenant_id, trouble=TROUBLE) for look in looks
    ]
    return all(seen_to)


def keep_privacy_requests(services: Services, event: Mapping[str, Any]) -> None:  # noqa: ARG001 - the schedule says nothing more
    """Remind of deadlines and begin again what got lost, tenant by tenant, each pass from another one."""
    out_of_time = deadline(seconds=PASS_SECONDS_MAX)
    passed = see_to_each(
        services=services,
        at=services.clock.now(),
        out_of_time=out_of_time,
        capability=Capability.RIGHTS,
        see_to=lambda tenant: _look_after(services, tenant.tenant_id, out_of_time),
        trouble=TROUBLE,
    )
    logger().info("privacy requests looked at", extra={"tenants_failed": len(passed.left)})
    passed.require_complete(what="privacy requests")

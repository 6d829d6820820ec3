"""Sign-ups that nobody confirmed: taken away whole, so that nothing is kept of who never came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chalicelib.domain.data_map import SIGN_UPS
from chalicelib.domain.errors import Busy
from chalicelib.ports.retention import Retention
from chalicelib.ports.sign_ups import PendingSignUp, SignUps


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep works with: the list, what destroys a tenant's keys, and where it is counted.

    ``report`` is that of the platform's operator, None where nobody is; ``on`` the day there.
    """

    sign_ups: SignUps
    destroy_keys: Callable[[str], None]
    report: Retention | None
    on: date


def sweep_sign_ups(*, sweep: Sweep, at: datetime, out_of_time: Callable[[], bool]) -> int | None:
    """Take away what was not confirmed in time; return how much it was, or None where not all of it was.

    Of each the subdomain goes first, then the tenant's own record: from then on it cannot be confirmed. It
    is taken off the list last, so that whoever is ended midway leaves it to the next pass.
    """
    count, left = 0, 0
    for sign_up in sweep.sign_ups.before(created_before=at - timedelta(days=SIGN_UPS.days)):
        if out_of_time():
            return None
        try:
            count += _swept(sweep, sign_up)
        except Busy:  # another pass is at it, or it is confirmed at this moment
            left += 1
    return None if left else count


def _swept(sweep: Sweep, sign_up: PendingSignUp) -> bool:
    """Take one away; one that was confirmed after all is taken off the list alone."""
    if not sweep.sign_ups.let_go(sign_up=sign_up):
        sweep.sign_ups.forget(sign_up=sign_up)
        return False
    sweep.sign_ups.delete_all(sign_up=sign_up)
    sweep.destroy_keys(sign_up.tenant_id)
    if sweep.report is None:
        sweep.sign_ups.forget(sign_up=sign_up)
    else:
        sweep.report.count_sign_up(sign_up=sign_up, on=sweep.on)
    return True

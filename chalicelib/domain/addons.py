"""What may be sold as a subscription, and what an add-on is sold beside."""

from __future__ import annotations

from datetime import date

from chalicelib.domain.accounts import Subscription, SubscriptionState
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.packages import Package, PackageKind


class NotSubscribable(InvalidValue):
    """The package is bought, not subscribed to."""

    code = "not_subscribable"


class InvalidParent(InvalidValue):
    """An add-on names no service in use of the same account, or another package names one."""

    code = "invalid_parent"


def check_sold_as(*, package: Package, parent: Subscription | None, starts_on: date) -> None:
    """Raise NotSubscribable or InvalidParent unless the package may be subscribed to from ``starts_on``.

    An add-on needs a ``parent``: a service of the same account that is active and without an
    end, from its first day on. Any other package has none.
    """
    if package.kind in {PackageKind.PREPAID, PackageKind.TOP_UP}:
        message = f"a package of the kind {package.kind} is bought, not subscribed to"
        raise NotSubscribable(message, param="package_id")
    if package.kind is not PackageKind.ADDON:
        if parent is not None:
            raise InvalidParent("only an add-on belongs to another subscription", param="parent_id")
        return
    if parent is None:
        raise InvalidParent("an add-on is sold beside a service: name its subscription", param="parent_id")
    if parent.parent is not None:
        raise InvalidParent("an add-on is sold beside a service, not another add-on", param="parent_id")
    if parent.state is not SubscriptionState.ACTIVE:
        raise InvalidParent(f"the service is {parent.state}: it must be active", param="parent_id")
    if starts_on < parent.starts_on:
        message = f"the service begins on {parent.starts_on}: an add-on not before"
        raise InvalidParent(message, param="starts_on")

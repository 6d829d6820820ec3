"""Why a privacy request is not taken in, moved or answered."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.errors import Conflict, InvalidValue

OPEN_ALREADY: Final = "there is an open request of this kind already"


class TooManyRequests(Conflict):
    """The person asked as often today as anybody may."""

    code = "too_many_privacy_requests"


class RequestClosed(Conflict):
    """The request was answered, refused or withdrawn already."""

    code = "privacy_request_closed"


class RequestOpenAlready(Conflict):
    """The person has an open request of this kind, or as many open ones as there may be."""

    code = "privacy_request_open"


class RequestOfAnother(Conflict):
    """The request is known to be another person's."""

    code = "privacy_request_of_another"


class IdentityNotProven(Conflict):
    """Nobody knows yet that it is the person who asks: confirm the identity first."""

    code = "identity_not_proven"


class RequestInWork(Conflict):
    """The request is being worked on already."""

    code = "privacy_request_in_work"


class InvalidExtension(InvalidValue):
    """A deadline is moved once, before it is over, by two months at most."""

    code = "invalid_extension"

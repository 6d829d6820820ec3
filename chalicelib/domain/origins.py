"""Origins of web pages (RFC 6454) that a tenant lets call the API from a browser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from chalicelib.domain.errors import InvalidValue

ORIGINS_MAX: Final = 10
ORIGIN_CHARS_MAX: Final = 200

# As a browser sends it: lower case, no path, no port where it is the scheme's own. Without TLS
# anybody on the way could be the page, so plain HTTP is for pages of one's own machine.
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN: Final = re.compile(
    rf"(?:https://{_LABEL}(?:\.{_LABEL})+|http://(?:localhost|127\.0\.0\.1))(?::[1-9]\d{{0,4}})?", re.ASCII
)
_NEEDLESS_PORT: Final = re.compile(r"https://.*:443|http://.*:80")


class InvalidOrigin(InvalidValue):
    """The text is not an origin as browsers send it."""

    code = "invalid_origin"


def is_origin(*, text: str) -> bool:
    """Whether the text could be an allowed origin: exact, without wildcard."""
    if len(text) > ORIGIN_CHARS_MAX or _NEEDLESS_PORT.fullmatch(text):
        return False
    return _ORIGIN.fullmatch(text) is not None


def check_origins(*, origins: Sequence[str]) -> tuple[str, ...]:
    """Return the origins, each once and in order, or raise InvalidOrigin."""
    distinct = tuple(sorted(set(origins)))
    if len(distinct) > ORIGINS_MAX:
        raise InvalidOrigin(f"at most {ORIGINS_MAX} origins may be allowed", param="allowed_origins")
    for origin in distinct:
        if not is_origin(text=origin):
            message = "an origin is written as browsers send it, such as https://portal.example.com"
            raise InvalidOrigin(message, param="allowed_origins")
    return distinct

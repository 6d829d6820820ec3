"""What a person signs in from, as far as it can be told without a cookie: a browser, and a network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

# As much of an address as a provider gives to one customer, or one neighbourhood.
IPV4_PREFIX_BITS: Final = 24
IPV6_PREFIX_BITS: Final = 48
# A device that was not seen for longer is a new one.
DEVICE_LIFE: Final = timedelta(days=180)
DEVICES_MAX: Final = 30

# The first that is named decides: browsers name those that they descend from, too.
_BROWSERS: Final = (
    ("edg", "Edge"),
    ("opr/", "Opera"),
    ("samsungbrowser", "Samsung Internet"),
    ("firefox", "Firefox"),
    ("fxios", "Firefox"),
    ("crios", "Chrome"),
    ("chrome", "Chrome"),
    ("safari", "Safari"),
    ("curl", "curl"),
    ("python", "Python"),
    ("ispbilling", "the command line"),
)
_SYSTEMS: Final = (
    ("iphone", "iPhone"),
    ("ipad", "iPad"),
    ("android", "Android"),
    ("windows", "Windows"),
    ("mac os", "macOS"),
    ("cros", "ChromeOS"),
    ("linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Device:
    """A family of browsers on a system (``Firefox on Linux``), and the network it is in."""

    family: str = ""
    network: str = ""


UNKNOWN_DEVICE: Final = Device()


def device_of(*, user_agent: str, address: str) -> Device:
    """Return what is told apart: no versions, and no single address."""
    return Device(_family(user_agent.casefold()), network_of(address=address))


def network_of(*, address: str) -> str:
    """Return the network of an address (a /24, or a /48 of IPv6); empty for what is none."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((int(parsed), IPV6_PREFIX_BITS), strict=False))
    return str(IPv4Network((int(parsed), IPV4_PREFIX_BITS), strict=False))


def _family(user_agent: str) -> str:
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), "an unknown program")
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    return f"{browser} on {system}" if system else browser

"""The one way to a vendor's hosts: named hosts, https, public addresses, no redirects, bounded.

What is asked for may hold an address that came with a request (Easypaisa's notice names one), so
each address is checked before anything is sent: the name is looked up once, and the connection goes
to the address that was checked.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from chalicelib.domain.gateways import GatewayUnavailable

CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 10
# However slowly a vendor's answer trickles in.
ANSWER_SECONDS_MAX: Final = 15
ANSWER_BYTES_MAX: Final = 1 << 20
_CHUNK_BYTES: Final = 1 << 16
_METHODS: Final = frozenset({"GET", "POST"})

Resolve = Callable[[str], Sequence[str]]


class AddressRefused(GatewayUnavailable):
    """An address is not one that this vendor is asked at; nothing was sent."""

    code = "gateway_address_refused"


def resolve_host(host: str) -> Sequence[str]:
    """Return a host's addresses, or raise OSError."""
    found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class GatewayHttp:
    """A client for the hosts of one vendor.

    ``allowed_hosts`` are whole host names. Where ``local``, http to this machine's own loopback
    addresses is allowed too: stand-ins for vendors run there. Each request has its own connection;
    nothing is tried twice, and a redirect is an answer like any other.
    """

    def __init__(
        self, *, allowed_hosts: Collection[str], local: bool = False, resolve: Resolve = resolve_host
    ) -> None:
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._local = local
        self._resolve = resolve

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, bytes]:
        """Send a request (GET or POST) and return the answer's status and body, as it came.

        Raises AddressRefused before anything is sent, or GatewayUnavailable where no whole answer of
        at most ``ANSWER_BYTES_MAX`` came in time: whether the vendor did what was asked is not known.
        """
        if method not in _METHODS:
            raise AddressRefused(f"{method} is no method that a gateway is asked with")
        parts = _split(url)
        pool = self._pool(parts)
        try:
            answer = pool.urlopen(
                method,
                f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/",
                body=body or None,
                headers={"Accept-Encoding": "identity", **(headers or {}), "Host": parts.netloc},
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
            return answer.status, _bounded(answer)
        except (HTTPError, OSError, ValueError) as error:
            raise GatewayUnavailable(f"the gateway did not answer: {type(error).__name__}") from error
        finally:
            pool.close()

    def _pool(self, parts: SplitResult) -> urllib3.HTTPConnectionPool:
        """Return a pool of the one address that was looked up and checked, or raise AddressRefused."""
        host = (parts.hostname or "").lower()
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        if self._local and parts.scheme == "http" and _is_loopback(host):
            return urllib3.HTTPConnectionPool("127.0.0.1", parts.port, timeout=timeout, maxsize=1)
        if parts.scheme != "https" or host not in self._allowed or parts.port not in {None, 443}:
            raise AddressRefused("this is no address of the gateway's")
        return urllib3.HTTPSConnectionPool(
            self._public_address(host),
            443,
            timeout=timeout,
            maxsize=1,
            cert_reqs="CERT_REQUIRED",
            server_hostname=host,
            assert_hostname=host,
        )

    def _public_address(self, host: str) -> str:
        try:
            addresses = self._resolve(host)
        except OSError as error:
            raise GatewayUnavailable("the gateway's name is not known at the moment") from error
        if not addresses or not all(_is_public(one) for one in addresses):
            raise AddressRefused("the gateway's name leads to an address that is not public")
        return addresses[0]


def _split(url: str) -> SplitResult:
    """Return an address in parts; refuse what parsers read differently."""
    if not url.isascii() or any(one <= " " or one in '\\"<>^`{|}\x7f' for one in url):
        raise AddressRefused("this is no address")
    try:
        parts = urlsplit(url)
        readable = parts.port is None or parts.port > 0
    except ValueError as error:
        raise AddressRefused("this is no address") from error
    if not readable or "@" in parts.netloc or not parts.hostname:
        raise AddressRefused("this is no address of a gateway's")
    return parts


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "127.0.0.1"}


def _is_public(address: str) -> bool:
    """Tell whether an address is of the public internet, tunnels to IPv4 and groups not among it."""
    one = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(one, ipaddress.IPv6Address) and (one.ipv4_mapped or one.sixtofour or one.teredo):
        return False
    return one.is_global and not one.is_multicast and not address.startswith("64:ff9b:")


def _bounded(answer: urllib3.BaseHTTPResponse) -> bytes:
    """Return an answer's whole body, or raise GatewayUnavailable for one too long or too slow."""
    deadline = time.monotonic() + ANSWER_SECONDS_MAX
    body = bytearray()
    while chunk := answer.read1(_CHUNK_BYTES):
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise GatewayUnavailable("the gateway's answer is too long")
        if time.monotonic() > deadline:
            raise GatewayUnavailable("the gateway's answer is too slow")
    return bytes(body)

"""Vendors are asked at their own names alone, over https, and never at an address inside."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chalicelib.adapters.payments.http import AddressRefused, GatewayHttp
from chalicelib.domain.gateways import GatewayUnavailable


def client(*addresses: str, local: bool = False) -> GatewayHttp:
    return GatewayHttp(allowed_hosts={"pay.example"}, local=local, resolve=lambda _: addresses)


@pytest.mark.parametrize(
    "url",
    [
        "http://pay.example/",
        "https://other.example/",
        "https://pay.example.evil.example/",
        "https://evil.example/#pay.example",
        "https://evil.example\\@pay.example/",
        "https://pay.example@evil.example/",
        "https://user:word@pay.example/",
        "https://pay.example:8443/",
        "https://pay.example:x/",
        "https://[::1]/",
        "https://127.0.0.1/",
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://pay.example/",
        "//pay.example/",
        "https:///x",
        "https://pay.example/\r\nX: y",
        "https://päy.example/",
        "",
    ],
)
def test_other_addresses_are_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(AddressRefused):
        client("93.184.215.14").request("GET", url)


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"], ["127.0.0.1"], ["169.254.169.254"], ["192.168.1.1"], ["100.64.0.1"], ["0.0.0.0"],
        ["224.0.0.1"], ["::1"], ["fd00::1"], ["fe80::1%eth0"], ["::ffff:10.0.0.1"], ["2002:a00:1::"],
        ["64:ff9b::a00:1"], ["93.184.215.14", "10.0.0.1"], [],
    ],
)  # fmt: skip
def test_a_name_that_leads_inside_is_refused(addresses: Sequence[str]) -> None:
    with pytest.raises(AddressRefused):
        client(*addresses).request("GET", "https://pay.example/")


def test_a_stand_in_on_this_machine_is_no_way_to_other_machines() -> None:
    for url in ("http://10.0.0.1/", "http://pay.example/", "https://127.0.0.1/"):
        with pytest.raises(AddressRefused):
            client("10.0.0.1", local=True).request("GET", url)


def test_a_name_that_nobody_knows_is_an_outage() -> None:
    def unknown(host: str) -> Sequence[str]:
        raise OSError(host)

    with pytest.raises(GatewayUnavailable) as raised:
        GatewayHttp(allowed_hosts={"pay.example"}, resolve=unknown).request("GET", "https://pay.example/")
    assert not isinstance(raised.value, AddressRefused)


def test_only_what_a_gateway_is_asked_with() -> None:
    with pytest.raises(AddressRefused):
        client("93.184.215.14").request("DELETE", "https://pay.example/")

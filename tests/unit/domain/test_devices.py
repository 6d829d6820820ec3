"""Devices told apart by browser, system and network."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.devices import device_of, network_of

AGENTS = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0": "Firefox on Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 "
    "Safari/537.36 Edg/130.0.0.0": "Edge on Windows",
    "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile "
    "Safari/537.36": "Chrome on Android",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1": "Safari on iPhone",
    "ispbilling": "the command line",
    "": "an unknown program",
}


@pytest.mark.parametrize("agent", AGENTS)
def test_browsers_and_systems(agent: str) -> None:
    assert device_of(user_agent=agent, address="").family == AGENTS[agent]


def test_a_newer_version_and_a_neighbouring_address_are_the_same_device() -> None:
    [agent, *_] = AGENTS
    before = device_of(user_agent=agent, address="203.0.113.7")

    assert device_of(user_agent=agent.replace("131", "140"), address="203.0.113.200") == before
    assert device_of(user_agent=agent, address="203.0.114.7") != before


def test_networks_hold_no_single_address() -> None:
    assert network_of(address="203.0.113.7") == "203.0.113.0/24"
    assert network_of(address="2001:db8:1:2::7") == "2001:db8:1::/48"
    assert network_of(address="nowhere") == ""


@given(st.text(max_size=300), st.text(max_size=40))
def test_nothing_that_is_sent_gets_into_the_name(agent: str, address: str) -> None:
    device = device_of(user_agent=agent, address=address)

    assert len(device.family) < 40
    assert device.family.isascii()

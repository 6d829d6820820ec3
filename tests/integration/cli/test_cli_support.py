"""The command line of the operator's people who enter an ISP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib.local.front_door import Server, Site
from tests.integration.cli.conftest import Terminal
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.supporting import REASON, Desk, desk_of


@pytest.fixture
def desk(services: EngineServices, signed_in: SignedIn) -> Desk:
    return desk_of(services, signed_in)


@pytest.fixture
def operator(desk: Desk, terminal: Terminal) -> Iterator[Terminal]:
    """Somebody of the operator's, signed in by password and code."""
    site = Site(gateway=desk.visitor.gateway, base_url="", engine_url="", demo={})
    server = Server(site, port=0)
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    token = desk.person().api.headers["Authorization"].removeprefix("Bearer ")
    url = f"http://127.0.0.1:{server.server_address[1]}"
    terminal.settings = replace(terminal.settings, url=url, token=token)
    yield terminal
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_company_is_entered_looked_at_and_left(operator: Terminal, desk: Desk) -> None:
    isp, own = desk.isp(), operator.settings
    asked = ("support", "enter", isp.subdomain, "--reason", REASON)
    entered = operator.json(*asked, "--minutes", "30")
    access_id = entered["access"]["access_id"]

    operator.settings = replace(own, token=entered["token"])
    actions = [one["action"] for one in operator.json("audit", "list")]
    assert "support.entered" in actions
    assert operator.run("packages", "add", "Home", "--price", "1649.00") == 1
    operator.settings = own
    assert operator.run("support", "list") == 0
    assert isp.subdomain in operator.out
    assert "open" in operator.out
    assert operator.run("support", "end", access_id) == 0
    [listed] = operator.json("support", "list")
    assert (listed["access_id"], listed["ended_by"]) == (access_id, "person")
    operator.settings = replace(own, token=entered["token"])
    assert operator.run("audit", "list") == 4
    assert "unset it" in operator.err


def test_who_may_not_ask_by_the_token_is_told_whose_it_is(operator: Terminal, desk: Desk) -> None:
    entered = operator.json("support", "enter", desk.isp().subdomain, "--reason", REASON)
    operator.settings = replace(operator.settings, token=entered["token"])

    assert operator.run("whoami") == 1
    assert "ISPBILLING_TOKEN is set" in operator.err


def test_an_owner_sees_who_entered_and_shuts_them_out(operator: Terminal, desk: Desk) -> None:
    isp, own = desk.isp(), operator.settings
    entered = operator.json("support", "enter", isp.subdomain, "--reason", REASON)
    access_id = entered["access"]["access_id"]

    operator.settings = replace(own, token=isp.token)
    assert operator.run("support", "accesses") == 0
    assert REASON in operator.out
    assert operator.run("support", "shut-out", access_id) == 0
    [seen] = operator.json("support", "accesses")

    assert (seen["access_id"], seen["ended_by"]) == (access_id, "tenant")
    operator.settings = replace(own, token=entered["token"])
    assert operator.run("audit", "list") == 4


def test_refusals_name_the_options(operator: Terminal, desk: Desk) -> None:
    isp = desk.isp()

    assert operator.run("support", "enter", isp.subdomain, "--reason", "too short") == 1
    assert "at least 10 characters (--reason)" in operator.err
    assert operator.run("support", "enter", "nobodys-company", "--reason", REASON) == 1
    assert "(SUBDOMAIN)" in operator.err
    assert operator.run("support", "enter", isp.subdomain) == 2

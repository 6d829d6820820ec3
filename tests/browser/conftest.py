"""The platform on a port of this machine, and a headless Chromium that looks at it."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chalice.app import Chalice
from playwright.sync_api import Browser, Page, sync_playwright

from chalicelib.api.routes import register
from chalicelib.config import Settings
from chalicelib.local.front_door import Server, Site
from chalicelib.local.gateway import Gateway
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import NOW, EngineServices, fresh_caller, sign_up_and_in
from tests.integration.gatewaying import Till
from tests.integration.shop import Shop

SCREENS = Path(__file__).resolve().parents[2] / "build" / "screens"


@pytest.fixture(scope="session")
def door() -> Iterator[Server]:
    """A front door that has no site yet: its port is part of the addresses that the site makes."""
    server = Server(None, port=0)  # type: ignore[arg-type]
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def till(door: Server, stack_env: dict[str, str]) -> Till:
    """An ISP with the sandbox, served at the door."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ[name] = stack_env[name]
    base_url = f"http://127.0.0.1:{door.server_port}"
    environment = {**stack_env, "PUBLIC_BASE_URL": base_url}
    services = EngineServices(
        settings=Settings.from_env(environment), clock=FakeClock(NOW), environment=environment
    )
    app = Chalice(app_name="isp-billing", configure_logs=False)
    register(app, lambda: services)
    gateway = Gateway(app)
    door.site = Site(gateway=gateway, base_url=base_url, engine_url="http://127.0.0.1:1", demo={})
    threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    visitor = ApiClient(gateway, caller=fresh_caller())
    return Till.open(Shop(sign_up_and_in(visitor, services), services), visitor)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; as root it runs without its own sandbox."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if found is None:
        message = "no chromium: install it, or name it with CHROMIUM=<path>"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=options)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page, on which nothing may fail or be refused by its own policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    said: list[str] = []
    # That a page is not there the browser says too.
    opened.on("console", lambda one: said.append(one.text) if "404" not in one.text else None)
    opened.on("pageerror", lambda error: said.append(str(error)))
    yield opened
    context.close()
    assert said == []


def shoot(page: Page, name: str) -> None:
    """Keep how the page looks: wide and narrow, light and dark."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 800})
            overflow: Any = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert overflow <= 0, f"{name} is wider than {width}"
            page.screenshot(path=str(SCREENS / f"{name}-{width}-{scheme}.png"), full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 800})

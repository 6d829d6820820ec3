"""What a browser keeps and asks: before consent, after a refusal, with the signal, and after consent."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from chalice.app import Chalice
from playwright.sync_api import Browser, BrowserContext, Page, expect

from chalicelib.api.routes import register
from chalicelib.config import Settings
from chalicelib.local import front_door
from chalicelib.local.gateway import Gateway
from tests.browser.conftest import shoot
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import (
    NOW,
    PASSWORD,
    EngineServices,
    fresh_caller,
    mailed_token,
    sign_up_and_in,
)
from tests.integration.policing import announced, policy

PAGES = ("/privacy", "/privacy/request", "/terms", "/cookies", "/signup")
STORED = """async () => [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length,
    (await caches.keys()).length, (await navigator.serviceWorker.getRegistrations()).length]"""


# Longer than a script of the page would wait, if there were one.
SETTLED_MS = 300


@dataclass
class Site:
    """The public pages at an address of this machine."""

    address: str
    services: EngineServices


@dataclass
class Visitor:
    """A browser that is new here, and every request that it made."""

    site: Site
    context: BrowserContext
    page: Page
    asked: list[tuple[str, str]] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.site.address}{path}")
        return self.page

    def cookies(self) -> set[str]:
        return {str(one["name"]) for one in self.context.cookies()}

    def look_at_all(self) -> None:
        for path in PAGES:
            self.open(path)
        self.page.wait_for_timeout(SETTLED_MS)

    def kept_nothing_but(self, *cookies: str) -> None:
        """Only documents were asked for, here, and nothing is kept but these cookies."""
        assert self.cookies() == set(cookies)
        assert self.page.evaluate(STORED) == [0] * 5
        assert {urlsplit(url).netloc for _, url in self.asked} == {urlsplit(self.site.address).netloc}
        assert {kind for kind, _ in self.asked} == {"document"}

    def has(self, *cookies: str) -> None:
        """These cookies are there, or are before long: what outlives its page is not waited for by it."""
        for _ in range(50):
            if self.cookies() == set(cookies):
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(self.cookies())

    def counted(self) -> int:
        return sum(kind == "fetch" and url.endswith("/v1/activity") for kind, url in self.asked)


@pytest.fixture(scope="module")
def site(stack_env: dict[str, str]) -> Iterator[Site]:
    """A platform whose operator has signed up."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ[name] = stack_env[name]
    server = front_door.Server(None, port=0)  # type: ignore[arg-type]
    address, operator = f"http://127.0.0.1:{server.server_port}", f"operator{secrets.token_hex(4)}"
    environment = {**stack_env, "PUBLIC_BASE_URL": address, "COOKIE_SECURE": "false"}
    settings = replace(Settings.from_env(environment), platform_subdomain=operator)
    services = EngineServices(settings=settings, clock=FakeClock(NOW), environment=environment)
    app = Chalice(app_name="isp-billing", configure_logs=False)
    register(app, lambda: services)
    gateway = Gateway(app)
    sign_up_and_in(ApiClient(gateway, caller=fresh_caller()), services, subdomain=operator)
    server.site = front_door.Site(gateway=gateway, base_url=address, engine_url="http://127.0.0.1:1", demo={})
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield Site(address, services)
    server.shutdown()
    server.server_close()


def visiting(site: Site, browser: Browser, **options: Any) -> Iterator[Visitor]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
    page, said = context.new_page(), list[str]()
    visitor = Visitor(site, context, page)
    page.on("console", lambda one: said.append(one.text) if "422" not in one.text else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda one: visitor.asked.append((one.resource_type, one.url)))
    yield visitor
    context.close()
    assert said == []


@pytest.fixture
def visitor(site: Site, browser: Browser) -> Iterator[Visitor]:
    yield from visiting(site, browser)


@pytest.fixture
def signalling(site: Site, browser: Browser) -> Iterator[Visitor]:
    yield from visiting(site, browser, extra_http_headers={"Sec-GPC": "1"})


@pytest.fixture
def without_scripts(site: Site, browser: Browser) -> Iterator[Visitor]:
    yield from visiting(site, browser, java_script_enabled=False)


def test_before_consent_nothing_is_kept_or_asked_beyond_the_page(visitor: Visitor) -> None:
    visitor.look_at_all()

    visitor.kept_nothing_but()
    for name in ("privacy", "cookies", "signup"):
        visitor.open(f"/{name}")
        shoot(visitor.page, name)


def test_after_a_refusal_the_refusal_is_kept_and_nothing_else(visitor: Visitor) -> None:
    visitor.open("/terms").get_by_role("button", name="Refuse all").click()

    expect(visitor.page).to_have_url(f"{visitor.site.address}/terms")
    expect(visitor.page.get_by_role("button", name="Accept all")).to_have_count(0)
    visitor.look_at_all()
    visitor.kept_nothing_but("consent")


def test_with_the_signal_nothing_is_kept_or_asked_and_the_page_says_so(signalling: Visitor) -> None:
    signalling.look_at_all()

    signalling.kept_nothing_but()
    signalling.open("/privacy")
    expect(signalling.page.get_by_role("button", name="Accept all")).to_have_count(0)
    expect(signalling.page.get_by_text("Control: we take it as a refusal")).to_be_visible()


def test_after_consent_pages_are_counted_here_until_it_is_taken_back(visitor: Visitor) -> None:
    page = visitor.open("/privacy")
    page.get_by_role("button", name="Accept all").click()
    visitor.has("consent", "visit")
    assert visitor.counted() > 0
    assert {urlsplit(url).netloc for _, url in visitor.asked} == {urlsplit(visitor.site.address).netloc}

    visitor.open("/cookies")
    page.get_by_label("Dark").check()
    page.get_by_role("button", name="Save these").click()
    expect(page.get_by_role("status")).to_contain_text("saved")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.screenshot(path="build/screens/chosen-dark.png", full_page=True)
    visitor.has("consent", "visit", "theme")

    before = visitor.counted()
    page.get_by_label("Functional", exact=True).uncheck()
    page.get_by_label("Analytics", exact=True).uncheck()
    page.get_by_role("button", name="Save these").click()
    expect(page.get_by_label("Analytics", exact=True)).not_to_be_checked()
    visitor.look_at_all()

    assert visitor.cookies() == {"consent"}
    assert before > 0
    assert visitor.counted() == before


def test_it_works_by_keyboard_and_without_scripts(without_scripts: Visitor) -> None:
    page = without_scripts.open("/privacy")
    words = []
    for _ in range(5):
        page.keyboard.press("Tab")
        words.append(page.locator(":focus").inner_text())
    assert words == ["To the content", "What that means", "Accept all", "Refuse all", "Choose"]
    answers = [
        page.get_by_role("button", name="Accept all"),
        page.get_by_role("button", name="Refuse all"),
        page.get_by_role("link", name="Choose", exact=True),
    ]
    sizes = [one.bounding_box() for one in answers]
    assert len({(round(one["width"]), round(one["height"])) for one in sizes if one}) == 1
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your choices")).to_be_in_viewport()
    page.get_by_role("button", name="Refuse all").click()
    expect(page.get_by_role("status")).to_contain_text("saved")
    assert without_scripts.cookies() == {"consent"}


def test_an_isp_signs_up(visitor: Visitor) -> None:
    page, name = visitor.open("/signup"), f"lahore{secrets.token_hex(4)}"
    email = f"owner@{name}.example"
    filled = {
        "Company": "Lahore Net",
        "Subdomain": name,
        "Your name": "Ayesha Khan",
        "Your email": email,
        "Password": "lahore lahore lahore",
    }
    for label, value in filled.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_label("I accept the terms").check()
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Company", exact=True)).to_have_value("Lahore Net")
    shoot(page, "signup-refused")

    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("status")).to_contain_text("Lahore Net is signed up")
    shoot(page, "verify")
    page.get_by_label("Code from the mail").fill(mailed_token(visitor.site.services, email))
    page.get_by_label("The password that you chose").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lahore Net is ready")


def test_who_cannot_sign_in_asks_about_their_data(visitor: Visitor) -> None:
    page, email = visitor.open("/privacy"), f"zainab{secrets.token_hex(4)}@mail.example"
    page.get_by_role("link", name="ask for a copy").click()
    page.get_by_label("Your email", exact=True).fill(email)
    page.get_by_label("Object to a use").check()
    page.get_by_label("In your own words").fill("\nplease stop\nat once")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("group", name="Which use")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Object to a use")).to_be_checked()
    expect(page.get_by_label("In your own words")).to_have_value("\nplease stop\nat once")
    shoot(page, "privacy-request-refused")

    page.get_by_label("analyze usage").check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text(f"a code is on its way to {email}")
    page.get_by_label("Code from the mail").fill(mailed_token(visitor.site.services, email, prefix="pcf_"))
    shoot(page, "privacy-request-confirm")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("status")).to_contain_text("You are answered by")
    shoot(page, "privacy-request-taken-in")
    assert visitor.cookies() == set()


def test_what_changed_is_marked(visitor: Visitor) -> None:
    old = policy(on="2040-01-01", text="We keep little.\n\n## Rights\n\nAsk your ISP.")
    new = policy(on="2041-01-01", text="We keep less than before.\n\n## Rights\n\nAsk your ISP, or us.")
    with announced(visitor.site.services, old, new):
        visitor.open("/policies/privacy/2041-01-01")
        expect(visitor.page.locator("del").first).to_have_text("little.")
        shoot(visitor.page, "changes")

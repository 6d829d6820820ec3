"""The public pages: what a browser gets before, after and without consent, and signing up by a form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import pytest
from chalice.app import Chalice

from chalicelib.api.routes import register
from chalicelib.domain.consent_texts import current_text
from chalicelib.local.gateway import Gateway
from chalicelib.store.activity import ActivityItem
from chalicelib.store.consents import VisitorConsentItem
from tests.fakes.api_client import ApiClient, Reply
from tests.fakes.clock import FakeClock
from tests.integration.conftest import (
    NOW,
    PASSWORD,
    EngineServices,
    SignedIn,
    fresh_caller,
    fresh_subdomain,
    mailed_token,
    sign_up_and_in,
)
from tests.integration.policing import announced, policy
from tests.integration.shop import ok

PAGES = (
    "/privacy",
    "/privacy/request",
    "/privacy/request/confirm",
    "/terms",
    "/cookies",
    "/signup",
    "/signup/verify",
    "/policies/terms/2026-11-26",
)
TEXT = current_text().version
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
COOKIE = re.compile(
    r"(?:__Host-)?(\w+)=([^;]*); Path=/; HttpOnly; SameSite=Lax(?:; Secure)?(?:; Max-Age=(\d+))?"
)


@dataclass
class Browser:
    """A browser: it keeps cookies, and sends the signal where ``gpc``."""

    api: ApiClient
    gpc: bool = False
    jar: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, headers: Mapping[str, str] | None = None, **body: object) -> Reply:
        """Send a request with the cookies, and keep those of the answer."""
        mine = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.jar.items())}
        mine |= {"Sec-GPC": "1"} if self.gpc else {}
        reply = self.api.request(method, path, headers={**mine, **(headers or {})}, **body)  # type: ignore[arg-type]
        given = reply.headers.get("Set-Cookie", [])
        for one in [given] if isinstance(given, str) else given:
            found = COOKIE.fullmatch(one)
            assert found is not None, one
            self.jar[found[1]] = found[2]
            if found[3] == "0":
                del self.jar[found[1]]
        return reply

    def get(self, path: str) -> Reply:
        return self.send("GET", path)

    def post(self, path: str, **form: str) -> Reply:
        return self.send("POST", path, FORM, body=urlencode(form).encode())

    def choose(self, choice: str, **form: str) -> Reply:
        return self.post("/cookies", choice=choice, text=TEXT, **form)

    def count(self, *pages: str) -> bool:
        reply = self.send("POST", "/v1/activity", json={"pages": pages})
        return bool(ok(reply)["counted"])


@dataclass
class Site:
    """The pages of a platform whose operator is known."""

    operator: SignedIn
    services: EngineServices
    gateway: Gateway

    def browser(self, *, gpc: bool = False) -> Browser:
        return Browser(ApiClient(self.gateway, caller=fresh_caller()), gpc)

    def totals(self) -> dict[str, int]:
        shown = ok(self.operator.api.get("/v1/activity/summary?days=90"))["items"]
        return {f"{one['kind']} {one['name']}": one["times"] for one in shown if one["area"] == "public"}


@pytest.fixture(scope="module")
def platform(engine_services: EngineServices) -> Site:
    """Made once: clients of the database take a second to make."""
    subdomain = fresh_subdomain()
    settings = replace(engine_services.settings, platform_subdomain=subdomain)
    ours = EngineServices(
        settings=settings, clock=engine_services.clock, environment=engine_services.environment
    )
    app = Chalice(app_name="isp-billing", configure_logs=False)
    register(app, lambda: ours)
    gateway = Gateway(app)
    operator = sign_up_and_in(ApiClient(gateway, caller=fresh_caller()), ours, subdomain=subdomain)
    return Site(operator, ours, gateway)


@pytest.fixture
def site(platform: Site, services: EngineServices) -> Site:
    """The site, with the clock at ``NOW``, before anybody was counted or agreed to anything."""
    for model in (VisitorConsentItem, ActivityItem):
        for item in model.scan(model.pk.startswith("CONSENT#") | model.pk.contains("#ACTIVITY")):
            item.delete()
    return platform


def records() -> list[str]:
    return sorted({item.pk for item in VisitorConsentItem.scan() if item.pk.startswith("CONSENT#")})


def counting(page: Reply) -> bool:
    """Whether a page has a script at all, or may connect to anything."""
    policy = page.headers["Content-Security-Policy"]
    counts = "<script" in page.text
    assert counts == ("script-src" in policy) == ("connect-src" in policy)
    return counts


def test_every_page_is_one_document_of_ours_that_loads_nothing(site: Site) -> None:
    browser = site.browser()
    for path in PAGES:
        page = browser.get(path)
        assert page.status == 200, page.text
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.text.startswith('<!doctype html><html lang="en">')
        assert re.findall(r'(?:src|action|href)="(?!/|#|data:,|mailto:)', page.text) == []
        assert 'value="accept"' in page.text
        assert 'value="refuse"' in page.text
        assert not counting(page)
    assert browser.jar == {}
    assert records() == []
    for path in ("/policies/terms/2020-01-01", "/policies/other/2026-11-26"):
        assert browser.get(path).status == 404


def test_the_privacy_page_says_what_the_data_map_does(site: Site) -> None:
    text = unescape(site.browser().get("/privacy").text)

    for words in (
        "Names and contact details",
        "7 fiscal years after",
        "30 days after the end of the account",
        "Amazon Simple Email Service",
        "Delivers mails: the address, the subject and the text.",
    ):
        assert words in text
    assert "{{" not in text


def test_who_refuses_keeps_that_answer_and_nothing_else(site: Site) -> None:
    browser = site.browser()

    answer = browser.choose("refuse", back="/policies/terms/2026-11-26")

    assert (answer.status, answer.headers["Location"]) == (303, "/policies/terms/2026-11-26")
    assert list(browser.jar) == ["consent"]
    assert browser.jar["consent"].endswith("~~")  # nothing agreed to, and nothing that finds anybody
    page = browser.get("/terms")
    assert 'value="accept"' not in page.text
    assert not counting(page)
    assert browser.count("terms") is False
    assert browser.jar.keys() == {"consent"}
    assert records() == []
    assert site.totals() == {}


def test_who_accepts_is_counted_and_a_withdrawal_ends_it_at_once(site: Site, clock: FakeClock) -> None:
    browser = site.browser()
    browser.choose("accept")
    (record,) = records()
    assert browser.jar["consent"].rpartition("~")[2] not in record  # found by a hash

    assert counting(browser.get("/privacy"))
    assert browser.count("privacy", "privacy") is True
    clock.advance(timedelta(minutes=6))
    assert browser.count() is True
    assert site.totals() == {"page privacy": 2, "visit 0m": 1, "visit 1m": 1, "visit 5m": 1}
    browser.choose("save", functional="on", analytics="on", theme="dark")
    assert 'data-theme="dark"' in browser.get("/terms").text
    assert browser.jar.keys() == {"consent", "visit", "theme"}

    before = dict(browser.jar)
    browser.choose("refuse")

    assert browser.jar.keys() == {"consent"}
    assert not counting(browser.get("/privacy"))
    assert browser.count("privacy") is False
    stale = replace(browser, jar=before)  # another tab, or a copy of the cookies
    assert stale.count("privacy") is False
    assert stale.jar.keys() == {"consent", "theme"}
    assert site.totals()["page privacy"] == 2
    proof = ok(stale.get("/v1/consents/current"))["history"]
    assert [(one["agreed"], one["how"]) for one in proof] == [
        ([], "banner"),
        (["functional", "analytics"], "banner"),
    ]
    assert (proof[0]["previous"], proof[1]["text"]) == (proof[1]["consent_id"], TEXT)
    assert stale.jar.keys() == {"consent"}
    assert proof[-1]["browser"] == "an unknown program"


def test_the_signal_is_a_refusal_that_only_a_later_choice_takes_back(site: Site) -> None:
    browser = site.browser(gpc=True)
    page = browser.get("/privacy")
    assert not counting(page)
    assert 'value="accept"' not in page.text
    assert "Global Privacy Control" in page.text
    shown = ok(browser.get("/v1/consents/current"))
    assert (shown["gpc"], shown["asked"], shown["allowed"]) == (True, False, ["essential"])
    assert browser.jar == {}

    without = site.browser()
    without.choose("accept")
    without.count("privacy")
    without.gpc = True
    assert not counting(without.get("/privacy"))
    assert without.jar.keys() == {"consent"}
    assert without.count("privacy") is False

    browser.choose("save", analytics="on")
    assert browser.count("privacy") is True


def test_a_form_of_another_site_chooses_nothing_and_signs_nobody_up(site: Site) -> None:
    browser, sent = site.browser(), urlencode({"choice": "accept", "text": TEXT}).encode()
    form = {"Content-Type": FORM["Content-Type"]}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        for path in ("/cookies", "/privacy/request", "/privacy/request/confirm", "/signup", "/signup/verify"):
            refused = browser.send("POST", path, {**form, **headers}, body=sent)
            assert refused.problem == (403, "csrf_token_invalid", "Origin")
    assert browser.jar == {}

    outdated = browser.post("/cookies", choice="accept", text="20200101-00000000")
    assert (outdated.status, browser.jar) == (422, {})
    assert "has changed" in outdated.text
    for back in ("https://evil.example", "//evil.example", "/v1/me", ""):
        assert browser.choose("accept", back=back).headers["Location"] == "/cookies?saved=1#choices"


def test_who_has_no_session_asks_for_their_rights_by_the_form(site: Site) -> None:
    browser, email = site.browser(), f"zainab@{fresh_subdomain()}.example"
    isp = site.operator.subdomain
    asked = {"subdomain": isp, "email": email, "kind": "objection", "text": "<b>Stop</b> counting me"}
    form = {**asked, "purpose.ANALYSIS": "on"}
    assert f'value="{isp}"' in browser.get(f"/privacy/request?isp={isp}").text
    assert "&lt;b&gt;" in browser.get("/privacy/request?isp=%3Cb%3E").text
    for changed, param, said in (
        ({"kind": ""}, "kind", "this field is needed"),
        ({"subdomain": "Lahore Net"}, "subdomain", "lower-case letters"),
        ({"kind": "everything"}, "kind", "access"),
        ({"purpose.ANALYSIS": ""}, "purposes", "say which use"),
        ({"kind": "access"}, "purposes", "say which use"),
        ({"email": "zainab"}, "email", "email"),
        ({"email": ""}, "email", "email"),
        ({"text": "4242 4242 4242 4242"}, "text", "card"),
        ({"text": "x" * 1_001}, "text", "1000"),
        ({"subdomain": "x" * 100}, "subdomain", "at most"),
    ):
        refused = browser.post("/privacy/request", **{**form, **changed})
        assert (refused.status, said in refused.text) == (422, True), refused.text
        assert f'id="{param}-error"' in refused.text
        assert refused.text.count('aria-invalid="true"') == 1
        assert "&lt;b&gt;Stop" in refused.text or param == "text"
    assert 'id="kind-error"' in browser.post("/privacy/request").text
    wordless = {**form, "kind": "correction", "purpose.ANALYSIS": "", "text": " "}
    assert "say what is wrong" in browser.post("/privacy/request", **wordless).text
    assert browser.get("/privacy/request?isp=a&isp=b").status == 200
    assert [mail for mail in site.services.mailer.sent if mail.to == email] == []

    sent = browser.post("/privacy/request", **form)

    assert (sent.status, f"a code is on its way to {email}" in sent.text) == (202, True)
    assert "/privacy/request/confirm:" in site.services.mailer.last_to(email).text
    token = mailed_token(site.services, email, prefix="pcf_")
    wrong = browser.post("/privacy/request/confirm", token="pcf_another")
    assert (wrong.status, 'id="token-error"' in wrong.text) == (422, True)
    done = browser.post("/privacy/request/confirm", token=f" {token} ")
    due = (NOW + timedelta(days=30)).date()
    assert (done.status, f"{due:%d %B %Y}" in done.text) == (200, True)
    assert browser.post("/privacy/request/confirm", token=token).status == 422
    waiting = ok(site.operator.api.get("/v1/privacy-requests"))["items"]
    [found] = [one for one in waiting if one["privacy_request_id"] in done.text]
    shown = ok(site.operator.api.get(f"/v1/privacy-requests/{found['privacy_request_id']}"))
    assert (shown["kind"], shown["channel"], shown["due_on"]) == ("objection", "mail", due.isoformat())
    often = [browser.post("/privacy/request", **form) for _ in range(20)][-1]
    assert (often.status, "try again in" in often.text) == (429, True)
    assert 0 < int(often.headers["Retry-After"]) <= 86_400
    assert shown["purposes"] == ["analyze usage patterns and optimize the platform"]


def test_an_isp_signs_up_by_the_form_and_confirms_its_mailbox(site: Site) -> None:
    browser, subdomain = site.browser(), fresh_subdomain()
    email = f"owner@{subdomain}.example"
    form = {
        "company": "<b>Lahore</b> Net",
        "subdomain": subdomain,
        "owner.name": "Ayesha Khan",
        "owner.email": email,
        "owner.password": PASSWORD,
        "country": "PK",
        "currency": "PKR",
        "time_zone": "Asia/Karachi",
        "fiscal_year_start_month": "7",
        "accept": "on",
        "terms_version": "2026-11-26",
    }
    for name, value, said in (
        ("accept", "", "accept them"),
        ("terms_version", "2020-01-01", "other terms are in force"),
        ("owner.password", "short", "at least 12"),
        ("subdomain", "a b", "subdomain"),
        ("fiscal_year_start_month", "13", "12"),
        ("fiscal_year_start_month", "7" * 5_000, "integer"),
        ("company", "", "at least 1 character"),
    ):
        refused = browser.post("/signup", **{**form, name: value})
        assert refused.status == 422, refused.text
        assert said in refused.text
        assert "&lt;b&gt;Lahore" in refused.text or name == "company"
        assert PASSWORD not in refused.text
        if name != "terms_version":
            assert f'id="{name}-error"' in refused.text
            assert refused.text.count('aria-invalid="true"') == 1

    three = {"company": "", "subdomain": "a", "fiscal_year_start_month": "13"}
    refused = browser.post("/signup", **{**form, **three})
    assert (refused.status, refused.text.count('aria-invalid="true"')) == (422, 3)
    assert "Something is to be corrected below" in refused.text

    made = browser.post("/signup", **{**form, "country": "pk", "currency": "pkr"})

    assert (made.status, "&lt;b&gt;Lahore&lt;/b&gt; Net is signed up" in made.text) == (201, True)
    assert browser.post("/signup", **form).status == 409
    token = mailed_token(site.services, email)
    wrong = browser.post("/signup/verify", token=token, password="another password")
    assert wrong.status == 401
    done = browser.post("/signup/verify", token=token, password=PASSWORD)
    assert (done.status, subdomain in done.text) == (200, True)
    credentials = {"subdomain": subdomain, "email": email, "password": PASSWORD}
    session = browser.send("POST", "/v1/sessions", json=credentials)
    owner = browser.api.bearer(session.json["token"])
    assert ok(owner.get("/v1/me/policy-notices"))["items"] == []
    actions = [
        one["details"] for one in ok(owner.get("/v1/audit"))["items"] if one["action"] == "tenant.signed_up"
    ]
    assert actions[0]["terms"] == "2026-11-26"


def test_what_changed_is_shown_between_versions(api: ApiClient, services: EngineServices) -> None:
    first, second = policy(on="2040-01-01"), policy(on="2042-01-01", text="We keep <little> less.")
    with announced(services, first, second):
        (listed,) = [one for one in ok(api.get("/v1/policies"))["items"] if one["document"] == "privacy"]
        told = ok(api.get("/v1/policies/privacy/versions/2042-01-01"))
        page = api.get("/policies/privacy/2042-01-01").text
        now = api.get("/privacy").text

    assert (listed["current"], [one["version"] for one in listed["versions"]]) == (
        "2040-01-01",
        ["2042-01-01", "2040-01-01"],
    )
    assert [(one["kind"], one["words"]) for one in told["changes"]] == [
        ("same", "We keep"),
        ("removed", "little."),
        ("added", "<little> less."),
    ]
    assert "We keep <del>little.</del> <ins>&lt;little&gt; less.</ins>" in page
    assert "In force from" in now
    assert '<a href="/policies/privacy/2042-01-01">' in now

"""Valid requests about the company, its staff, and the portal."""

from __future__ import annotations

from datetime import timedelta

from pyotp import TOTP

from chalicelib.domain.data_map import Category
from tests.integration.conftest import PASSWORD, fresh_subdomain, mailed_token, sign_up_body
from tests.integration.counter import TAX_ROWS, Counter, line, pkr
from tests.integration.importing import COLUMNS, Importer, people
from tests.integration.portal_user import SECRET, portal_session_as
from tests.integration.shop import Item, created, ok
from tests.integration.staffing import CHOSEN
from tests.security.asking import (
    Valid,
    api_of,
    firm_of,
    front_of,
    reachable,
    shop_of,
    stepped,
    visitor_of,
)
from tests.security.races import Company
from tests.security.valid_service import today


def invited(company: Company) -> Valid:
    firm = firm_of(company)
    firm.invited = 3
    email = created(firm.invite("support"))["invitation"]["email"]
    return Valid({"token": firm.code(email), "name": "Bilal", "password": CHOSEN}, api=firm.visitor)


def by_password(company: Company) -> Valid:
    return Valid({"password": PASSWORD})


def second_factor_begun(company: Company) -> Item:
    return created(api_of(company).post("/v1/me/second-factor", json={"password": PASSWORD}))


def code_for(company: Company) -> Valid:
    secret = second_factor_begun(company)["secret"]
    return Valid({"code": TOTP(secret).at(company.services.clock.now())})


def factor_on(company: Company) -> Valid:
    codes = ok(api_of(company).post("/v1/me/second-factor/confirmation", json=code_for(company).body))
    return Valid({"password": PASSWORD, "code": codes["recovery_codes"][0]})


def second_step(company: Company) -> Valid:
    codes = ok(api_of(company).post("/v1/me/second-factor/confirmation", json=code_for(company).body))
    mine = company.isp.shop.tenant
    credentials = {"subdomain": mine.subdomain, "email": mine.email, "password": mine.password}
    asked = visitor_of(company).post("/v1/sessions", json=credentials).json["second_step_token"]
    return Valid({"token": asked, "code": codes["recovery_codes"][0]}, api=visitor_of(company))


def log_in(company: Company) -> Valid:
    mine = company.isp.shop.tenant
    credentials = {"subdomain": mine.subdomain, "email": mine.email, "password": mine.password}
    return Valid(credentials, api=visitor_of(company))


def reset(company: Company) -> Valid:
    mine = company.isp.shop.tenant
    asked = visitor_of(company).post(
        "/v1/password-resets", json={"subdomain": mine.subdomain, "email": mine.email}
    )
    assert asked.status == 202, asked.text
    text = company.services.mailer.last_to(mine.email).text
    token = next(word for word in text.split() if word.startswith("pwr_"))
    return Valid({"token": token, "password": "four random words now"}, api=visitor_of(company))


def cancelling(company: Company) -> Valid:
    mine = company.isp.shop.tenant
    return Valid({"password": PASSWORD, "when": "now", "confirm": mine.subdomain, "reason": "We merge"})


def cancelled_later(company: Company) -> Valid:
    body = {**cancelling(company).body, "when": "end_of_month"}
    stepped(company, "/v1/tenant/cancellation", body, status=200)
    return Valid()


def cancelled(company: Company) -> Valid:
    stepped(company, "/v1/tenant/cancellation", cancelling(company).body, status=200)
    return Valid()


def tax_group(company: Company) -> Valid:
    return Valid({"name": "Internet", "rows": TAX_ROWS}, {"code": "internet"})


def an_import(company: Company) -> tuple[Importer, str, Item]:
    importer = Importer(company.services, company.isp.shop.tenant)
    package = shop_of(company).package()
    body = {"columns": COLUMNS, "defaults": {"start_date": today(company)}}
    return importer, importer.upload(people(f"Z-1,Ali,0300-1111111,{package['name']},310")), body


def import_to_map(company: Company) -> Valid:
    _, import_id, body = an_import(company)
    return Valid(body, {"import_id": import_id})


def import_to_start(company: Company) -> Valid:
    importer, import_id, body = an_import(company)
    ok(importer.map(import_id, body))
    return Valid(names={"import_id": import_id})


def breach(company: Company) -> Valid:
    now = company.services.clock.now()
    at, before = (f"{one:%Y-%m-%dT%H:%M:%SZ}" for one in (now, now - timedelta(hours=1)))
    body = {
        "noticed_at": at,
        "began_at": before,
        "ended_at": at,
        "what": "a laptop",
        "categories": [Category.IDENTITY.value],
    }
    return Valid(body)


def told_breach(company: Company) -> Valid:
    path = f"/v1/breaches/{company.isp.ids['breach_id']}/steps"
    stepped(company, path, {"step": "authority_told", "words": "form 4711"}, status=200)
    return Valid()


def rule(company: Company) -> Valid:
    return Valid({"name": "Late", "amount": 200})


def edition(company: Company) -> Valid:
    return Valid({"price": pkr(164_900)})


def portal_log_in(company: Company) -> Valid:
    front = front_of(company)
    person = front.activated()
    body = {"subdomain": front.shop.tenant.subdomain, "login": person["code"], "password": SECRET}
    return Valid(body, api=front.visitor)


def portal_code(company: Company) -> Valid:
    front = front_of(company)
    person = front.person()
    challenge = front.challenge(person["email"])
    return Valid({"challenge": challenge, "code": front.mailed_code(person["email"])}, api=front.visitor)


def portal_activation(company: Company) -> Valid:
    front = front_of(company)
    person = front.person()
    front.invite(person)
    return Valid({"token": front.activation(person["email"]), "password": SECRET}, api=front.visitor)


def to_activate(company: Company) -> Valid:
    return Valid({"channel": "mail"}, {"subscriber_id": front_of(company).person()["subscriber_id"]})


def mailed_receipt(company: Company) -> Valid:
    return Valid(names={"document_id": reachable(company).pay(1_000)["document_id"]})


def own_owing(company: Company) -> Valid:
    """The subscriber whose portal is asked owes an invoice."""
    ids = company.isp.ids
    counter = Counter.__new__(Counter)
    counter.shop, counter.subscriber = shop_of(company), {"subscriber_id": ids["subscriber_id"]}
    counter.path = f"/v1/subscribers/{ids['subscriber_id']}"
    invoice = counter.invoice(line(5_000_000))
    return Valid({"gateway": "sandbox", "invoice_id": invoice["invoice_id"]})


def own_session(company: Company) -> Valid:
    ids, services = company.isp.ids, company.services
    portal_session_as(services, company.isp.shop.tenant, ids["subscriber_id"], services.clock.now())
    sessions = ok(api_of(company).get("/v1/portal/me/sessions"))["items"]
    return Valid(names={"session_id": next(one["session_id"] for one in sessions if not one["current"])})


def own_request(company: Company) -> Valid:
    made = created(api_of(company).post("/v1/me/privacy-requests", json={"kind": "correction"}))
    return Valid(names={"privacy_request_id": made["privacy_request_id"]})


def request_from_outside(company: Company) -> Valid:
    where = "somebody@mail.example"
    body = {"subdomain": company.isp.shop.tenant.subdomain, "email": where, "kind": "access"}
    asked = visitor_of(company).post("/v1/privacy-requests", json=body)
    assert asked.status == 202, asked.text
    token = next(one for one in company.services.mailer.last_to(where).text.split() if one.startswith("pcf_"))
    return Valid({"token": token}, api=visitor_of(company))


def sign_up_to_verify(company: Company) -> Valid:
    subdomain = fresh_subdomain()
    created(visitor_of(company).post("/v1/signups", json=sign_up_body(subdomain)))
    token = mailed_token(company.services, f"owner@{subdomain}.example")
    return Valid({"token": token, "password": PASSWORD}, api=visitor_of(company))


def correction(company: Company) -> Valid:
    path = f"/v1/privacy-requests/{company.isp.ids['privacy_request_id']}/identity"
    stepped(company, path, {"seen": "his card, at the office"}, status=200)
    return Valid({"words": "done", "changes": {"name": "Ali Raza Khan"}})


def rehearsal(company: Company) -> Valid:
    return Valid({"through": "2041-05-20"})

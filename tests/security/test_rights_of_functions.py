"""Each function does a full pass of its work by the policy file that is deployed for it, and no other's.

The wall knows whose rights a request has (tests/wall.py); what is refused here is missing there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib.adapters.payments.sandbox import MEMORY
from chalicelib.domain.data_map import Purpose
from chalicelib.jobs.billing import plan_billing, work_billing
from chalicelib.jobs.exports import work_exports
from chalicelib.jobs.gateway_collections import keep_collections
from chalicelib.jobs.imports import work_imports
from chalicelib.jobs.keys import keep_keys
from chalicelib.jobs.mails import send_mails
from chalicelib.jobs.plans import keep_plans
from chalicelib.jobs.policies import tell_of_policies
from chalicelib.jobs.prepaid import expire_prepaid_lines
from chalicelib.jobs.privacy import keep_privacy_requests
from chalicelib.jobs.retention import keep_retention
from chalicelib.jobs.tenants import PassIncomplete
from chalicelib.ports.services import QueueUnavailable
from chalicelib.usecases.audit_rounds import BROKEN
from chalicelib.usecases.support import NOTICE
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.fakes.queues import AtOnce
from tests.integration.conftest import EngineServices, SignedIn, fresh_subdomain
from tests.integration.counter import Counter, line, pkr
from tests.integration.endings import Ending
from tests.integration.exporting import Exporter
from tests.integration.gatewaying import Till
from tests.integration.importing import Importer, mapping, people
from tests.integration.policing import announced, policy
from tests.integration.portal_user import Front
from tests.integration.raw import raw_items
from tests.integration.shop import Shop, created, if_match, ok
from tests.integration.staffing import Company
from tests.integration.supporting import entered
from tests.integration.test_settlements import Accountant
from tests.integration.test_signing_up import sign_up
from tests.integration.voucher_desk import VoucherDesk
from tests.security.containers import order_keys, stored_keys
from tests.wall import API_POLICY, ROOT, STEWARDS, policies_of_jobs, policy_at_work


@dataclass
class WalledQueue:
    """A queue that takes messages of functions alone whose policy lets them send there."""

    name: str
    sent: list[Mapping[str, object]] = field(default_factory=list)

    def send(self, *, message: Mapping[str, object], delay_seconds: int = 0) -> None:
        """Keep the message, or answer as where the policy refuses it."""
        policy = policy_at_work()
        assert policy is not None, "a function sends it"
        if not may_send(policy, self.name):
            raise QueueUnavailable(f"{policy} lets nothing be sent to {self.name}")
        self.sent.append(message)


def may_send(policy: str, queue: str) -> bool:
    """Whether a policy lets its function send to a queue, which is encrypted by the data key."""
    found = json.loads((ROOT / ".chalice" / policy).read_text())["Statement"]
    sends = [one for one in found if one["Action"] == "sqs:SendMessage"]
    named = {one["Fn::GetAtt"][0] for statement in sends for one in statement["Resource"]}
    through = json.dumps([one["Condition"] for one in found if one.get("Sid") == "UseDataKeyThroughServices"])
    return queue in named and "sqs." in through


SECURITY = Purpose.SECURITY.value


@dataclass
class Pass:
    """An ISP, and the services by which a function works for it."""

    services: EngineServices
    shop: Shop
    visitor: ApiClient
    clock: FakeClock

    @property
    def tenant(self) -> SignedIn:
        """The ISP, its owner signed in."""
        return self.shop.tenant

    def bill(self) -> None:
        """Plan a day on which something is due, bill it, and rehearse another."""
        vars(self.services)["billing_queue"] = AtOnce(self.services, work_billing)
        sold = self.shop.subscriber(name="Zainab Aslam")
        self.shop.subscribe(sold, self.shop.package())
        created(
            self.tenant.api.post("/v1/late-fee-rules", json={"name": "Late", "grace_days": 1, "amount": 100})
        )
        self.clock.advance(timedelta(days=1))
        with suppress(RuntimeError):  # tenants of other tests may be in a state that cannot be dealt with
            plan_billing(self.services, {})
        self.shop.sign_in_again()
        assert len(self.shop.invoices(sold)) == 1
        through = {"through": f"{self.clock.now().date() + timedelta(days=30)}"}
        asked = self.tenant.api.post("/v1/billing/rehearsals", json=through)
        rehearsal = ok(self.tenant.api.get(f"/v1/billing/rehearsals/{asked.json['rehearsal_id']}"))
        assert rehearsal["state"] == "succeeded"

    def import_file(self) -> None:
        """Import a file with a good row and a bad one, and compare a settlement."""
        rows = people("A-1,Zainab Aslam,0300-1234567,,", "B-1,=Nobody,,,")
        shown = Importer(self.services, self.tenant).run(rows, mapping(self.clock.now().date()))
        assert shown["state"] == "succeeded"
        with patch.dict(vars(self.services), import_queue=AtOnce(self.services, work_imports)):
            accountant = Accountant(Counter(self.shop), self.services)
            accountant.paid("T1", 50_000)
            assert accountant.compare("T1,,500.00,,Success,PKR\n")["state"] == "succeeded"

    def export(self) -> None:
        """Export everything, and make vouchers."""
        self.shop.subscriber()
        operated = replace(self.services.settings, platform_subdomain=self.tenant.subdomain)
        with patch.dict(vars(self.services), settings=operated):  # whose bills are in the export, too
            shown, _ = Exporter(self.services, self.tenant).run()
        assert shown["state"] == "succeeded"
        assert VoucherDesk(self.shop).batch(2)["state"] == "ready"

    def answer_privacy(self) -> None:
        """Make a copy of somebody's data, erase somebody, and remind of what waits."""
        vars(self.services)["export_queue"] = AtOnce(self.services, work_exports)
        person = self.shop.subscriber(name="Zainab", email="zainab@mail.example")
        path = f"/v1/subscribers/{person['subscriber_id']}/privacy-requests"
        for kind in ("access", "deletion"):
            asked = created(self.tenant.api.post(path, json={"kind": kind, "seen": "identity card"}))
            found = f"/v1/privacy-requests/{asked['privacy_request_id']}"
            ok(self.tenant.api.post(f"{found}/completion", json={}))
            assert ok(self.tenant.api.get(found))["state"] == "done"
        company = Company(self.tenant, self.services, self.visitor)
        leaving = company.join("billing")
        asked = created(leaving.api.post("/v1/me/privacy-requests", json={"kind": "deletion"}))
        ok(self.tenant.api.post(f"/v1/staff/{leaving.staff_id}/disable", json={}))
        found = f"/v1/privacy-requests/{asked['privacy_request_id']}"
        ok(self.tenant.api.post(f"{found}/completion", json={}))
        assert ok(self.tenant.api.get(found))["state"] == "done"
        created(self.tenant.api.post(path, json={"kind": "withdrawal", "purposes": [SECURITY]}))
        self.clock.advance(timedelta(days=31))
        with suppress(PassIncomplete):  # as above
            keep_privacy_requests(self.services, {})
        assert self.services.mailer.last_to(self.tenant.email).subject == "A privacy request is late"
        del vars(self.services)["export_queue"]

    def send_mails(self) -> None:
        """Have every kind of mail sent."""
        mailer, texter = self.services.mailer, self.services.texter
        fresh = fresh_subdomain()
        sign_up(self.visitor, fresh)
        front = Front(self.shop, self.services, self.visitor)
        front.settings(portal_sms=True)
        person = front.person()
        before = len(mailer.sent)
        hold = {"subdomain": fresh, "email": f"owner@{fresh}.example"}
        assert self.visitor.post("/v1/signups/resend", json=hold).status == 202
        mine = {"subdomain": self.tenant.subdomain, "email": self.tenant.email}
        assert self.visitor.post("/v1/password-resets", json=mine).status == 202
        front.invite(person)
        front.invite(person, "sms")
        front.challenge(person["email"])
        front.challenge(person["phone"])
        access_id = entered(self.tenant, self.services)
        self.mail(mail=NOTICE, tenant_id=self.tenant.tenant_id, access_id=access_id)
        self.mail(mail=BROKEN, tenant_id=self.tenant.tenant_id)
        till = self.mailing_till()
        invoice = till.counter.invoice(line(5_000))
        asked = self.tenant.api.post(f"/v1/invoices/{invoice['invoice_id']}/mails")
        assert asked.status == 202
        till.counter.pay(1_000)
        assert (len(mailer.sent) - before, len(texter.sent)) == (8, 2)

    def mailing_till(self) -> Till:
        """A subscriber with an address, who pays online, of an ISP that mails receipts."""
        till, api = Till.open(self.shop, self.visitor), self.tenant.api
        match = if_match(ok(api.get(till.counter.path)))
        ok(api.patch(till.counter.path, json={"email": "payer@mail.example"}, headers=match))
        ok(api.patch("/v1/tenant", json={"receipt_mails": True}, headers=if_match(ok(api.get("/v1/tenant")))))
        return till

    def mail(self, **message: str) -> None:
        """Do what the queue makes the worker do."""
        event = {"Records": [{"messageId": "m", "body": json.dumps(message)}]}
        assert send_mails(self.services, event) == {"batchItemFailures": []}

    def replace_keys(self) -> None:
        """Replace a tenant's keys by order, and look for old ones."""
        before = set(stored_keys(self.tenant))
        self.clock.advance(timedelta(minutes=1))
        order_keys(self.services, self.tenant)
        assert set(stored_keys(self.tenant)) > before
        with suppress(PassIncomplete):
            keep_keys(self.services, {})

    def renew(self) -> None:
        """See to a recharge that runs out."""
        counter = Counter(self.shop)
        package = self.shop.package(kind="prepaid")
        counter.pay(1_000_000)
        recharge = created(counter.send("recharges", {"package_id": package["package_id"]}))
        self.clock.advance(timedelta(days=32))
        with suppress(PassIncomplete):
            expire_prepaid_lines(self.services, {})
        self.shop.sign_in_again()
        line = ok(self.tenant.api.get(f"/v1/prepaid/{recharge['line']['subscription_id']}"))
        assert line["state"] != "active"

    def tell_of_policies(self) -> None:
        """Mail the staff about a version that they have not seen, which most of them joined before."""
        with announced(self.services, policy(on="2041-12-01")), suppress(PassIncomplete):
            tell_of_policies(self.services, {})
        assert "A new version" in self.services.mailer.last_to(self.tenant.email).subject

    def keep_collections(self) -> None:
        """Find a payment of which the notice was lost, and one that came twice; have receipts mailed."""
        till, queue = self.mailing_till(), WalledQueue("MailQueue")
        invoice, found = till.invoice_and_collection()
        till.counter.pay(50_000, allocations=[{"invoice_id": invoice["invoice_id"], "amount": pkr(50_000)}])
        MEMORY.keep(reference=found["reference"], body=till.told(found))
        self.clock.advance(timedelta(minutes=31))
        with patch.dict(vars(self.services), mail_queue=queue):
            del vars(self.services)["gateways"]  # made anew, with this queue
            keep_collections(self.services, {})
        assert till.now(found)["state"] == "paid"
        assert {one["mail"] for one in queue.sent} == {"receipt"}

    def keep_retention(self) -> None:
        """Take away what is more than a year old, and a sign-up that nobody confirmed."""
        lapsed = created(sign_up(self.visitor, fresh_subdomain()))["tenant"]["tenant_id"]
        sold = self.shop.subscribe(self.shop.subscriber(), self.shop.package())
        used = {"record_id": "a", "up_mib": 1, "down_mib": 2}
        ok(self.tenant.api.post(f"/v1/subscriptions/{sold['subscription_id']}/usage", json=used))
        created(self.tenant.api.post("/v1/imports", json={"file_name": "a.csv", "size_bytes": 10}))
        self.clock.advance(timedelta(days=800))
        with suppress(PassIncomplete):
            keep_retention(self.services, {})
        self.shop.sign_in_again()
        [day] = ok(self.tenant.api.get("/v1/retention/reports"))["items"]
        assert set(day["counts"]) == {"access_log", "jobs", "traffic"}
        assert list(raw_items(self.services, f"{lapsed}#")) == []

    def end_a_company(self) -> None:
        """Hold a company, see it through recovery and purge to its certificate, and its subdomain freed."""
        ending = Ending(self.shop, self.services)
        self.import_file()
        self.services.watch.exported(tenant_id=ending.tenant_id, address="198.51.100.7", at=self.clock.now())
        self.shop.subscriber(name="Zainab Aslam")
        ending.order(hold={"tenant_id": ending.tenant_id, "category": "everything", "reason": "a lawsuit"})
        ending.keep(timedelta(days=20))
        (held,) = ending.order(holds={"tenant_id": ending.tenant_id})["holds"]
        ending.order(lift={"tenant_id": ending.tenant_id, "hold_id": held["hold_id"]})
        self.shop.sign_in_again()
        ending.cancel()
        ending.purge()
        ending.keep(timedelta(days=90))
        assert (ending.state, len(ending.certificates())) == ("purged", 1)
        ending.keep(timedelta(days=366 * 8))
        assert (ending.state, len(ending.certificates())) == ("shredded", 2)

    def keep_plans(self) -> None:
        """Look at every tenant's plan."""
        with suppress(PassIncomplete):
            keep_plans(self.services, {})


PASSES: Mapping[str, Callable[[Pass], Any]] = {
    "billing_worker": Pass.bill,
    "import_worker": Pass.import_file,
    "export_worker": Pass.export,
    "mail_worker": Pass.send_mails,
    "key_keeper": Pass.replace_keys,
    "prepaid_expirer": Pass.renew,
    "plan_keeper": Pass.keep_plans,
    "policy_teller": Pass.tell_of_policies,
    "collection_keeper": Pass.keep_collections,
    "retention_keeper": Pass.keep_retention,
    "privacy_keeper": Pass.answer_privacy,
    "tenant_keeper": Pass.end_a_company,
}


@pytest.fixture
def one_pass(services: EngineServices, signed_in: SignedIn, api: ApiClient, clock: FakeClock) -> Pass:
    return Pass(services, Shop(signed_in, services), api, clock)


def test_every_function_has_a_pass_here_or_among_those_that_visit_every_tenant() -> None:
    assert {f"policy-{name}.json" for name in PASSES} | STEWARDS == set(policies_of_jobs().values())


@pytest.mark.parametrize("name", PASSES)
def test_a_full_pass_needs_no_right_but_the_functions_own(
    one_pass: Pass, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = one_pass.services.wall
    monkeypatch.setitem(vars(one_pass.services), "billing_queue", one_pass.services.billing_queue)
    refused = len(wall.refused)
    wall.jobs.clear()

    PASSES[name](one_pass)

    assert wall.refused[refused:] == []
    assert f"policy-{name}.json" in wall.jobs


def test_a_queue_refuses_who_has_no_right_to_it() -> None:
    assert may_send("policy-collection_keeper.json", "MailQueue")
    assert not may_send("policy-collection_keeper.json", "ExportQueue")
    assert not may_send("policy-prepaid_expirer.json", "MailQueue")


def test_a_request_has_the_rights_of_the_api(one_pass: Pass) -> None:
    wall = one_pass.services.wall
    wall.jobs.clear()

    ok(one_pass.tenant.api.get("/v1/me"))

    assert wall.jobs == {API_POLICY}


def test_a_function_has_no_right_of_anothers(one_pass: Pass, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an export worker that looks at sessions, which only the API may, it is refused."""
    from chalicelib.jobs import exports

    wall, sessions = one_pass.services.wall, one_pass.services.sessions
    exporter = Exporter(one_pass.services, one_pass.tenant)
    export_id = exporter.ask()

    def look(*_: object, **__: object) -> None:
        sessions.get(token_hash="x", at=one_pass.clock.now())

    monkeypatch.setattr(exports, "each_job", look)
    with pytest.raises(Exception, match="not authorized"):
        exporter.work(export_id)

    tenant, use = wall.refused[-1]
    assert (tenant, use.pk) == (None, "SESSION#x")

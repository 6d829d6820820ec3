"""What is out of the ordinary is told: to the owner by mail, to the operator by a line with a metric."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.anomalies import RULES, Anomaly
from chalicelib.jobs.audit import seal_audit_logs
from chalicelib.jobs.tenants import PassIncomplete
from chalicelib.local.gateway import Gateway
from chalicelib.usecases.audit_sealing import ChainDamaged
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.auditing import Auditor
from tests.integration.conftest import EngineServices, SignedIn, fresh_caller
from tests.integration.counter import Counter, pkr
from tests.integration.shop import Shop

SUBJECT = "Out of the ordinary at ISP Billing"


def mails(services: EngineServices, tenant: SignedIn) -> list[str]:
    return [mail.text for mail in services.mailer.sent if mail.to == tenant.email and mail.subject == SUBJECT]


def told(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, Any]]:
    """Kind and tenant of each anomaly that the operator was told."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    found = [line for line in lines if line["message"] == "anomaly"]
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"] == "Anomalies" for line in found)
    assert all(line["Anomalies"] == 1 for line in found)
    return [(line["kind"], line.get("tenant_id")) for line in found]


def guess(gateway: Gateway, tenant: SignedIn, email: str) -> int:
    body = {"subdomain": tenant.subdomain, "email": email, "password": "a wrong password"}
    return ApiClient(gateway, caller=fresh_caller()).post("/v1/sessions", json=body).status


def test_many_wrong_passwords_for_one_account(
    signed_in: SignedIn,
    gateway: Gateway,
    services: EngineServices,
    clock: FakeClock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    most = RULES[Anomaly.ACCOUNT_LOG_INS].most
    for _ in range(most):
        assert guess(gateway, signed_in, signed_in.email) == 401
    assert (mails(services, signed_in), told(capsys)) == ([], [])

    for _ in range(5):
        guess(gateway, signed_in, signed_in.email)

    (mail,) = mails(services, signed_in)  # one an hour, however it goes on
    assert "more than 20 wrong passwords for one account" in mail
    assert told(capsys) == [("many_failed_log_ins_of_an_account", signed_in.tenant_id)]

    clock.advance(timedelta(hours=1))
    for _ in range(most + 1):
        guess(gateway, signed_in, signed_in.email)
    assert len(mails(services, signed_in)) == 2


def test_many_wrong_passwords_for_many_accounts_that_need_not_exist(
    signed_in: SignedIn,
    gateway: Gateway,
    services: EngineServices,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number in range(RULES[Anomaly.TENANT_LOG_INS].most + 1):
        assert guess(gateway, signed_in, f"nobody{number}@isp.example") == 401

    (mail,) = mails(services, signed_in)
    assert "more than 100 wrong passwords" in mail
    assert "nobody" not in mail  # what a stranger writes is in no mail of ours
    assert told(capsys) == [("many_failed_log_ins", signed_in.tenant_id)]


def test_guesses_at_a_tenant_that_does_not_exist_are_told_to_the_operator_alone(
    signed_in: SignedIn,
    gateway: Gateway,
    services: EngineServices,
    capsys: pytest.CaptureFixture[str],
) -> None:
    absent = replace(signed_in, subdomain=f"{signed_in.subdomain[:20]}no")
    for _ in range(RULES[Anomaly.ACCOUNT_LOG_INS].most + 1):
        guess(gateway, absent, "owner@isp.example")

    assert mails(services, signed_in) == []
    assert told(capsys) == [("many_failed_log_ins_of_an_account", None)]


def test_right_passwords_are_no_news(
    signed_in: SignedIn, gateway: Gateway, services: EngineServices, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"subdomain": signed_in.subdomain, "email": signed_in.email, "password": signed_in.password}
    for _ in range(RULES[Anomaly.ACCOUNT_LOG_INS].most + 1):
        assert ApiClient(gateway, caller=fresh_caller()).post("/v1/sessions", json=body).status == 201

    assert (mails(services, signed_in), told(capsys)) == ([], [])


def test_mass_suspension(
    signed_in: SignedIn, services: EngineServices, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop(signed_in, services)
    package, someone = shop.package(), shop.subscriber()
    sold = shop.subscribe(someone, package)
    most = RULES[Anomaly.SUSPENSIONS].most
    for _ in range(most):
        sold = shop.change(sold, state="suspended")
        sold = shop.change(sold, state="active")
    assert mails(services, signed_in) == []

    shop.change(sold, state="suspended")

    (mail,) = mails(services, signed_in)
    assert "more than 50 subscriptions were suspended" in mail
    assert told(capsys) == [("mass_suspension", signed_in.tenant_id)]


def test_a_spike_of_refunds_reversals_and_what_is_refused_does_not_count(
    signed_in: SignedIn, services: EngineServices, capsys: pytest.CaptureFixture[str]
) -> None:
    counter = Counter(Shop(signed_in, services))
    receipts = [counter.pay(1_000) for _ in range(5)]
    refund = {"amount": pkr(1), "channel": "cash"}
    assert counter.send("refunds", refund | {"amount": pkr(9_999_999)}).status == 409
    repeated = [counter.send("refunds", refund, key="the-same").status for _ in range(30)]
    assert set(repeated) == {201}
    for _ in range(RULES[Anomaly.REFUNDS].most - 2):
        assert counter.send("refunds", refund).status == 201
    assert counter.reverse(receipts[-1]).status == 201
    assert mails(services, signed_in) == []

    assert counter.send("refunds", refund).status == 201

    (mail,) = mails(services, signed_in)
    assert "more than 20 refunds" in mail
    assert told(capsys) == [("refund_spike", signed_in.tenant_id)]


def test_an_export_from_a_new_network(
    signed_in: SignedIn,
    gateway: Gateway,
    services: EngineServices,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def export_from(address: str) -> None:
        asked = ApiClient(gateway, caller=address).bearer(signed_in.token).post("/v1/exports")
        assert asked.status in {202, 409}, asked.text

    export_from("203.0.113.7")  # the first is what the others are compared with
    export_from("203.0.113.200")  # the same network
    assert mails(services, signed_in) == []

    export_from("198.51.100.7")

    (mail,) = mails(services, signed_in)
    assert "network not seen before" in mail
    assert "198.51" not in mail
    assert told(capsys) == [("export_from_a_new_network", signed_in.tenant_id)]
    known = services.watch._ports.networks.known(tenant_id=signed_in.tenant_id)
    assert len(known) == 2
    assert not [one for one in known if "203" in one and "." in one]  # kept by hash


def test_an_audit_log_that_verifying_finds_changed(
    signed_in: SignedIn, services: EngineServices, capsys: pytest.CaptureFixture[str]
) -> None:
    auditor = Auditor(signed_in, services)
    auditor.write(3)
    auditor.seal()
    assert auditor.verified() == []
    assert mails(services, signed_in) == []
    entry = auditor.raw()[1]
    auditor.put({**entry, "actor_id": {"S": "stf_another"}})

    assert auditor.verified() != []

    (mail,) = mails(services, signed_in)
    assert "audit log was found changed" in mail
    assert "audit verify" in mail
    assert "change passwords" not in mail  # nobody's password changes the log
    assert told(capsys) == [("audit_chain_broken", signed_in.tenant_id)]


def test_a_chain_that_no_sealer_can_go_on_with(
    signed_in: SignedIn,
    services: EngineServices,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def damaged(**_: object) -> None:
        raise ChainDamaged("records lie beyond the head of the audit chain")

    monkeypatch.setattr("chalicelib.jobs.audit.seal_entries", damaged)

    with pytest.raises(PassIncomplete):
        seal_audit_logs(services, {})

    assert ("audit_chain_broken", signed_in.tenant_id) in told(capsys)


def test_an_owner_who_cannot_be_reached_stops_nothing(
    signed_in: SignedIn, gateway: Gateway, services: EngineServices, capsys: pytest.CaptureFixture[str]
) -> None:
    services.mailer.broken = True
    for _ in range(RULES[Anomaly.ACCOUNT_LOG_INS].most + 1):
        assert guess(gateway, signed_in, signed_in.email) == 401

    assert told(capsys) == [("many_failed_log_ins_of_an_account", signed_in.tenant_id)]

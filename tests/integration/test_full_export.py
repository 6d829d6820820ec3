"""The export of everything: each kind of thing is in it, no secret is, and its totals are the ledger's."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib.domain.activity import Area
from chalicelib.domain.chargebacks import Chargeback
from chalicelib.domain.consent_texts import Category
from chalicelib.domain.consents import Consent, Means, SubjectKind
from chalicelib.domain.data_map_handlings import PASSWORD, SECRET
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.domain.dealers import CommissionTotals, DealerPrice
from chalicelib.domain.export_tables import Kind
from chalicelib.domain.late_fees import FeeState, LateFee
from chalicelib.domain.ledger import Closing, LedgerRow
from chalicelib.domain.plans import Enrolment, PlanLimits, PlanTerms
from chalicelib.domain.policies import Document, shipped_policies
from chalicelib.domain.prepaid import PrepaidLine, Validity
from chalicelib.domain.reconciliation import Line, LineResult, Resolution, ResolutionKind
from chalicelib.domain.taxes import TaxGroup, TaxRow
from chalicelib.domain.till_closings import TillClosing
from chalicelib.domain.usage import UsageRecord
from chalicelib.local.gateway import Gateway
from chalicelib.ports.privacy import Erased
from chalicelib.store import keys
from chalicelib.store.acting import acting_for
from chalicelib.store.privacy import DynamoPrivacy
from chalicelib.store.retention import ReportItem
from chalicelib.usecases.export_records import EVERYTHING
from chalicelib.usecases.ledger import total_balances
from tests.fakes.api_client import ApiClient
from tests.integration.conftest import EngineServices, fresh_caller
from tests.integration.exporting import Exporter
from tests.integration.furnishing import Isp, furnished
from tests.integration.gatewaying import SECRET as GATEWAY_SECRET
from tests.integration.rights import plant_words
from tests.integration.shop import created
from tests.integration.staffing import Company

WORD = "walnut"
TODAY = datetime(2041, 5, 15, tzinfo=UTC)
# Tables that have the word, by what was planted.
PLANTED = (
    "api_keys chargebacks consents gateway_refunds late_fees parked_notices plans settlement_lines "
    "till_closings closed_months"
).split()
OF_SUBSCRIBER = ("consumer_numbers", "coupon_redemptions", "prepaid_lines", "late_fees", "field_receipts")
# Attributes that stand beside credentials, and hashes of the audit log that hide nothing.
NO_SECRETS = {"version", "confirmed", "created_at", "last_step", "personal_hash", "access_hash"}


@dataclass
class Home:
    """An ISP with one of everything, and its exports."""

    isp: Isp
    services: EngineServices
    exporter: Exporter

    def archive(self, export_id: str) -> zipfile.ZipFile:
        """Download an export."""
        return zipfile.ZipFile(io.BytesIO(self.exporter.download(export_id)))


def rows_of(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    """The rows of a table."""
    return [json.loads(line) for line in archive.read(f"{name}.jsonl").splitlines()]


@pytest.fixture
def home(gateway: Gateway, services: EngineServices) -> Iterator[Home]:
    isp = furnished(gateway, services)
    plant_words(isp.shop, isp.ids["subscriber_id"], WORD)
    plant(isp)
    # Its own operator: so that the platform's bills are found in books that there are.
    with patch.object(EngineServices, "operator", isp.shop.tenant.store):
        yield Home(isp, services, Exporter(services, isp.shop.tenant))


def plant(isp: Isp) -> None:
    """Write what furnishing leaves out, with the repositories that keep it."""
    store, ids, today = isp.shop.tenant.store, isp.ids, TODAY.date()
    subscriber_id, month = ids["subscriber_id"], today.replace(day=1)
    record = UsageRecord(f"{WORD}-1", 3, 4)
    staff_id = store.staff.list(limit=1, after=None).items[0].staff_id
    line = Line(LineResult.MISSING_HERE, 1, 2, f"{WORD}-order", "V1", 700)
    explained = Resolution(ResolutionKind.EXPLAINED, staff_id, TODAY, note=f"{WORD} explained")
    enrolment = Enrolment("pkg_1", f"{WORD} plan", subscriber_id, "PKR", 1, (), PlanLimits(), today, today)
    closing = Closing(month, "PKR", (LedgerRow("receivable", 0, 1, 1),), TODAY, staff_id, reason=WORD)
    till = TillClosing("clo_1", ids["fund_id"], today, "PKR", 5, 4, staff_id, TODAY, f"{WORD} missing")
    prepaid = PrepaidLine(subscriber_id, 90, "pkg_1", 1, TODAY, Validity(days=1), TODAY)
    coupon = store.coupons.get(code=ids["code"])
    account = store.subscribers.get(subscriber_id=subscriber_id).account
    bill = store.invoices.get(invoice_id=ids["invoice_id"])
    fee = LateFee(subscriber_id, bill.invoice_id, ids["rule_id"], 1, today, FeeState.WAIVED, f"{WORD} late")
    writes = (
        *store.usage.record(
            account_id=subscriber_id,
            slot=1,
            start=month,
            record=record,
            actor_id=WORD,
            file_on=None,
            first=True,
        ),
        *store.prepaid.change(before=None, after=prepaid),
        *store.coupons.redeem(coupon=coupon, account_id=subscriber_id),
        *store.late_fees.charge(before=account, after=account, fees=[(fee, bill)]),
        store.till_closings.add(closing=till),
        *store.dealers.add_price(dealer_id=ids["dealer_id"], row=DealerPrice("pkg_1", today, 90_000)),
        *store.dealers.sold(month=today, totals=CommissionTotals(ids["dealer_id"], 1, 100_000, 10_000)),
        *store.money.settlements.keep_lines(settlement_id=ids["settlement_id"], lines=[line]),
        store.money.settlements.resolve(settlement_id=ids["settlement_id"], line=line, resolution=explained),
        store.money.chargebacks.add(case=Chargeback("sandbox", f"{WORD}-case", "rcp_1", 100, "PKR", "jrn_1")),
        *store.consumer_numbers.give(account_id=subscriber_id, number="10000000001", serial=1, before=""),
        store.privacy.note_erasure(erased=Erased("sbr_gone", "prq_gone", TODAY)),
        store.policy_states.dismiss(
            staff_id=staff_id, version=shipped_policies().newest(document=Document.PRIVACY), at=TODAY
        ),
        *store.plans.enrol(before=None, after=enrolment),
        *store.plans.put_terms(terms=PlanTerms("pkg_1")),
    )
    store.commit(*writes)
    *_, closed = store.ledger.close(closing=closing, before=None, state=store.billing_state())
    store.commit(closed)
    internet = TaxGroup("internet", "Internet", (TaxRow(today, ()),))
    profile = store.profile()
    store.commit(*store.change_profile(before=profile, after=replace(profile, tax_groups=(internet,))))
    with acting_for(isp.shop.tenant.tenant_id):
        ReportItem(keys.retention(isp.shop.tenant.tenant_id), f"DAY#{today}", jobs=3).save()
    store.activity.add(area=Area.CONSOLE, on=today, counts={("page", "home"): 2})
    for kind, subject_id in ((SubjectKind.STAFF, staff_id), (SubjectKind.SUBSCRIBER, subscriber_id)):
        consent = Consent(
            consent_id=f"cns_{kind}",
            kind=kind,
            agreed=frozenset({Category.ANALYTICS}),
            text="2026-11-01",
            at=TODAY,
            how=Means.API,
            gpc=False,
            browser=f"{WORD} browser",
            previous=None,
        )
        store.commit(*store.consents.append(subject_id=subject_id, consent=consent))


def secrets_of(isp: Isp) -> set[str]:
    """What the tables hold that is a credential, a hash of one, or what a code is found by."""
    names = {
        attribute
        for stored in ITEMS
        for attribute, handling in stored.attributes.items()
        if handling in {PASSWORD, SECRET} or attribute.endswith("_hash")
    } - NO_SECRETS
    found = {
        value
        for item in isp.shop.items()
        for name in names & item.keys()
        for value in item[name].values()
        if isinstance(value, str)
    }
    return found | {item["sk"]["S"] for item in isp.shop.items("VCC#")}


def test_everything_that_a_company_has_is_in_its_export_and_no_secret(home: Home) -> None:
    tenant = home.isp.shop.tenant
    body = {"name": WORD, "permissions": ["exports:read"]}
    key = created(tenant.api.post("/v1/api-keys", json=body))["token"]

    shown, archive = home.exporter.run()

    assert {name for name, rows in shown["counts"].items() if not rows} == {"quarantined"}
    texts = {name: archive.read(name).decode() for name in archive.namelist()}
    hidden = secrets_of(home.isp)
    assert len(hidden) > 10
    for secret in {*hidden, GATEWAY_SECRET, key, tenant.token, home.isp.ids["callback_key"], "$argon2"}:
        assert not [name for name, text in texts.items() if secret in text], secret
    for name in PLANTED:
        assert WORD in texts[f"{name}.jsonl"], name
        assert WORD in texts[f"{name}.csv"], name
    assert {row["subject_id"][:3] for row in rows_of(archive, "consents")} == {"sbr", "stf"}
    (use,) = rows_of(archive, "usage_periods")
    assert (use["up_mib"], use["down_mib"], use["start"]) == (3, 4, "2041-05-01")
    (line,) = rows_of(archive, "settlement_lines")
    assert (line["reference"], line["amount"], line["resolution"]) == (f"{WORD}-order", 700, "explained")
    assert {one["subscriber_id"] for name in OF_SUBSCRIBER for one in rows_of(archive, name)} == {
        home.isp.ids["subscriber_id"]
    }
    for records in EVERYTHING:
        for row in rows_of(archive, records.name):
            parts = {name for name, value in row.items() if isinstance(value, (list, dict))}
            assert parts <= {name for name, kind in records.table.columns.items() if kind is Kind.JSON}
    schema = json.loads(texts["schema.json"])["tables"]
    assert list(schema) == list(shown["counts"])
    for name, described in schema.items():
        head = texts[f"{name}.csv"].splitlines()[0].split(",")
        assert [one["name"] for one in described["columns"]] == head


def test_its_totals_are_the_ledger_s_also_where_its_first_worker_was_killed(home: Home) -> None:
    export_id = home.exporter.ask()
    killing = patch.object(DynamoPrivacy, "list", lambda *_, **__: sys.exit("killed while it read"))
    with killing, pytest.raises(SystemExit):
        home.exporter.work(export_id)
    assert home.exporter.show(export_id)["state"] == "running"

    assert home.exporter.work(export_id) == {"batchItemFailures": []}

    archive = home.archive(export_id)
    manifest = json.loads(archive.read("manifest.json"))
    sums, totals = manifest["sums"]["PKR"], manifest["totals"]
    books = total_balances(store=home.isp.shop.tenant.store)
    assert sums["postings"] == sums["ledger"] == books
    held: dict[str, int] = {}
    for fund in rows_of(archive, "funds"):
        held[fund["account"]] = held.get(fund["account"], 0) + fund["balance"]
    assert (held["cash:in_hand"], held["payable"]) == (books["cash:in_hand"], -books["payable"])
    moved = sum(one["amount"] for one in rows_of(archive, "fund_movements"))
    assert totals["fund_movements"]["PKR"]["amount"] == moved == totals["funds"]["PKR"]["balance"]
    assert totals["expenses"]["PKR"]["amount"] == books["expense:rent"]
    assert totals["ledger_days"]["PKR"]["debit"] == totals["ledger_days"]["PKR"]["credit"] > 0


def test_who_may_not_see_a_thing_gets_no_table_of_it_and_no_export_that_has_it(
    home: Home, gateway: Gateway
) -> None:
    visitor = ApiClient(gateway, caller=fresh_caller())
    company = Company(home.isp.shop.tenant, home.services, visitor)
    company.invited = 10  # the addresses before are taken
    clerk, auditor = company.join("billing"), company.join("auditor")
    whole = home.exporter.ask()
    part = str(clerk.api.post("/v1/exports").json["export_id"])
    for export_id in (whole, part):
        home.exporter.work(export_id)

    archive = home.archive(part)

    left_out = json.loads(archive.read("manifest.json"))["left_out"]
    assert set(left_out.values()) == {"audit:read", "keys:read", "privacy:read"}
    assert left_out["audit_entries"] == "audit:read"
    assert not {f"{name}.{form}" for name in left_out for form in ("csv", "jsonl")} & set(archive.namelist())
    refused = clerk.api.get(f"/v1/exports/{whole}/download")
    assert refused.problem == (403, "file_not_yours", None)
    assert "audit:read, keys:read, privacy:read" in refused.text
    for by, export_id in ((clerk, part), (auditor, part), (auditor, whole)):
        assert by.api.get(f"/v1/exports/{export_id}/download").status == 200

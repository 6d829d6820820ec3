"""The public Telco sample on the deployed stack: imported, billed, exported."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chalicelib.local.engine import Engine
from tests.e2e.client import Api
from tests.e2e.deployment import ROOT, Deployment
from tests.e2e.steps import Eventually, add_package, bill, import_csv, sign_up

SAMPLE = Path(
    os.environ.get("ISPBILLING_SAMPLE_CSV") or ROOT.parent / "shared" / "data" / "telco-customer-churn.csv"
)
SUBSCRIBERS = 5_517
TOTAL = 42_394_975


@pytest.mark.skipif(not SAMPLE.exists(), reason=f"the Telco sample is not at {SAMPLE}")
def test_the_telco_sample(
    engine: Engine, anonymous: Api, deployment: Deployment, eventually: Eventually
) -> None:
    isp = sign_up(engine, anonymous, subdomain="telco", country="US", currency="USD", zone="America/New_York")
    add_package(isp, name="Fiber optic", price=8_000)
    add_package(isp, name="DSL", price=5_000)
    date = isp.today()

    imported = import_csv(
        isp,
        eventually,
        data=SAMPLE.read_bytes(),
        mapping={
            "columns": {"code": "customerID", "package": "InternetService", "price": "MonthlyCharges"},
            "defaults": {"start_date": date},
            "skip_when": [{"column": "InternetService", "values": ["No"], "reason": "no internet service"}],
        },
    )
    assert imported["state"] == "succeeded", imported
    assert imported["progress"]["created"] == SUBSCRIBERS
    assert imported["progress"]["skipped"] == {"no internet service": 1_526}

    run = bill(isp, deployment, eventually, date=date)
    assert run["invoices"] == SUBSCRIBERS
    assert run["total"] == {"amount": TOTAL, "currency": "USD"}

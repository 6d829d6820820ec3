"""The public Telco sample on the deployed stack: imported, billed, exported."""

from __future__ import annotations

from chalicelib.local.engine import Engine
from tests import sample
from tests.e2e.client import Api
from tests.e2e.deployment import Deployment
from tests.e2e.steps import Eventually, add_package, bill, check_manifest, export, import_csv, sign_up


@sample.needs_sample
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
        data=sample.PATH.read_bytes(),
        mapping=sample.telco_mapping(starts_on=date),
    )
    assert imported["state"] == "succeeded", imported
    assert imported["progress"]["created"] == sample.SUBSCRIBERS
    assert imported["progress"]["skipped"] == {"no internet service": sample.NOT_INTERNET}

    run = bill(isp, deployment, eventually, date=date)
    assert run["invoices"] == sample.SUBSCRIBERS
    assert run["total"] == {"amount": sample.TOTAL_MINOR, "currency": "USD"}

    sums = check_manifest(export(isp, eventually))["sums"]
    assert sums["USD"]["invoices"]["count"] == sample.SUBSCRIBERS
    assert sums["USD"]["invoices"]["total"] == sums["USD"]["balances"] == sample.TOTAL_MINOR

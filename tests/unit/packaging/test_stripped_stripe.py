"""Stripe's package does what we ask of it without the parts of it that do not ship."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# In a process of its own: here all of it may be imported already.
USE = """
import importlib.abc, sys
sys.path[:0] = [".", ".chalice"]
from strip import is_shipped

class Stripped(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        file = name.replace(".", "/")
        ours = name.partition(".")[0] in {"stripe", "requests", "certifi", "idna"}
        if ours and not (is_shipped(f"{file}.py") and is_shipped(f"{file}/__init__.py")):
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Stripped())
from tests.fakes import gateways as g
from chalicelib.domain.gateways import GatewayRefused, RefundAsked
from chalicelib.adapters.payments.stripe import Stripe

api = "https://api.stripe.com/v1"
error = {"type": "card_error", "code": "declined", "charge": {"id": "ch_1", "object": "charge"}}
host = g.FakeHost({
    f"{api}/checkout/sessions": g.json_answer(**g.stripe_session(url="https://checkout.stripe.com/")),
    f"{api}/checkout/sessions/cs_test_1": g.json_answer(**g.stripe_session()),
    f"{api}/payment_intents/pi_1": (402, g.json_answer(error=error)[1]),
    f"{api}/refunds": g.json_answer(id="re_1", object="refund", status="succeeded"),
})
stripe = Stripe(connect=host.connect)
both = {"credentials": g.STRIPE, "now": g.NOW}
print(stripe.begin(asked=g.asked(), **both).vendor_id)
print(stripe.inquire(reference=g.REFERENCE, vendor_id="cs_test_1", **both).status)
print(stripe.refund(asked=RefundAsked("rf_1", g.REFERENCE, "pi_1", g.AMOUNT), **both).vendor_id)
print(stripe.read(received=g.stripe_paid(), **both)[0].status)
try:
    stripe.inquire(reference=g.REFERENCE, vendor_id="pi_1", **both)
except GatewayRefused as error:
    print(error)
print("requests" in sys.modules)
"""


def test_our_use_of_stripes_package_needs_nothing_that_is_stripped() -> None:
    done = subprocess.run(
        [sys.executable, "-c", USE], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )

    assert done.stdout.splitlines() == [
        "cs_test_1",
        "paid",
        "re_1",
        "paid",
        "Stripe refused it: declined",
        "False",
    ], done.stderr

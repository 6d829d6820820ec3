"""What every adapter of a payment gateway does alike, whatever the vendor."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import islice

import pytest

from chalicelib.adapters.payments.payfast import PayFast
from chalicelib.adapters.payments.stripe import Stripe
from chalicelib.domain.errors import DomainError
from chalicelib.domain.gateways import (
    Credentials,
    GatewayUnavailable,
    InvalidCredentials,
    Notice,
    NoticeMalformed,
    NoticeRefused,
    NoticeStatus,
    NoticeTooOld,
    Outcome,
    Received,
)
from chalicelib.domain.money import Money
from chalicelib.ports.gateways import PaymentGateway
from tests.fakes import gateways
from tests.fakes.altered_messages import altered
from tests.fakes.gateways import AMOUNT, NOW, Vendor, asked

ALTERATIONS = 1000
VENDORS = gateways.vendors()
EASYPAISA: tuple[PaymentGateway, Credentials] = (gateways.easypaisa(), gateways.EASYPAISA)


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return VENDORS[request.param]


def believed(vendor: Vendor, received: Received, credentials: Credentials | None = None) -> list[Notice]:
    found = vendor.gateway.read(received=received, credentials=credentials or vendor.credentials, now=NOW)
    return list(found)


def test_a_payment_is_told_the_same_however_often_it_comes(vendor: Vendor) -> None:
    once = vendor.gateway.read(received=vendor.paid(), credentials=vendor.credentials, now=NOW)
    later = NOW + timedelta(minutes=4)
    again = vendor.gateway.read(received=vendor.paid(), credentials=vendor.credentials, now=later)

    (notice,) = once
    assert (notice.status, notice.amount) == (NoticeStatus.PAID, AMOUNT)
    assert notice.reference in {gateways.REFERENCE, gateways.CONSUMER_NUMBER}
    assert notice.event_id
    assert notice.vendor_id
    assert list(again) == [notice]


def test_no_alteration_of_what_is_signed_is_believed(vendor: Vendor) -> None:
    received = vendor.paid()
    meaning = vendor.covered(received)
    part = "headers" if vendor.gateway.kind == "onebill" else "all"  # its bodies are not signed
    # What comes to the same once it is decoded, or is of what the vendor does not sign, is no forgery.
    forged = (one for one in altered(received, seed=41, part=part) if vendor.covered(one) != meaning)

    for one in islice(forged, ALTERATIONS):
        with pytest.raises((NoticeRefused, NoticeMalformed)):
            believed(vendor, one)


def test_no_alteration_of_easypaisas_notice_is_believed() -> None:
    gateway, credentials = EASYPAISA
    received = gateways.easypaisa_notice()
    meaning = gateways._form(received.query)
    forged = (one for one in altered(received, seed=41) if gateways._form(one.query) != meaning)

    for one in islice(forged, ALTERATIONS):
        with pytest.raises((NoticeRefused, GatewayUnavailable)):
            gateway.read(received=one, credentials=credentials, now=NOW)


def test_without_its_signature_nothing_is_believed(vendor: Vendor) -> None:
    assert vendor.unsigned is not None
    with pytest.raises(NoticeRefused):
        believed(vendor, vendor.unsigned(vendor.paid()))


def test_another_tenants_key_signs_nothing_here(vendor: Vendor) -> None:
    assert believed(vendor, vendor.paid())
    with pytest.raises(NoticeRefused):
        believed(vendor, vendor.paid(), vendor.of_another_tenant)


@pytest.mark.parametrize("days", [-30, 1])
def test_what_is_old_or_to_come_is_not_believed(vendor: Vendor, days: int) -> None:
    received = vendor.paid(at=NOW + timedelta(days=days))
    if vendor.timed:
        with pytest.raises(NoticeTooOld):
            believed(vendor, received)
    else:  # it signs no time, so it is the same event for ever
        assert believed(vendor, received) == believed(vendor, vendor.paid())


def test_an_amount_that_is_none_is_not_read(vendor: Vendor) -> None:
    for amount in vendor.amounts:
        with pytest.raises(NoticeMalformed):
            believed(vendor, vendor.paid(amount=amount))


def test_what_is_too_long_is_not_read(vendor: Vendor) -> None:
    received = vendor.paid()
    with pytest.raises(NoticeRefused):
        believed(vendor, replace(received, body=received.body + b" " * (1 << 20)))


def test_the_answer_is_in_the_vendors_shape_whatever_became_of_it(vendor: Vendor) -> None:
    answers = {one: vendor.gateway.answer(outcome=one, received=vendor.paid()) for one in Outcome}

    assert all(answers[one].status < 400 for one in (Outcome.DONE, Outcome.REPEATED, Outcome.PARKED))
    assert answers[Outcome.TRY_AGAIN].status == 503
    if vendor.gateway.kind == "onebill":  # its refusals come with 200
        assert '"response_Code":"04"' in answers[Outcome.REFUSED].body
    else:
        assert {answers[one].status for one in (Outcome.REFUSED, Outcome.MALFORMED)} <= {400, 401}


def every_adapter() -> dict[str, tuple[PaymentGateway, Credentials]]:
    raast = Credentials({}, {"alias": "03001234567", "merchant_name": "Ravi", "city": "Lahore"})
    believed_by = {name: (one.gateway, one.credentials) for name, one in VENDORS.items()}
    return {**believed_by, "easypaisa": EASYPAISA, "raast": (gateways.raast(), raast)}


EVERY = every_adapter()


def with_field(credentials: Credentials, kind: str, name: str, value: str) -> Credentials:
    if kind == "secrets":
        return replace(credentials, secrets={**credentials.secrets, name: value})
    return replace(credentials, settings={**credentials.settings, name: value})


@pytest.mark.parametrize(("gateway", "credentials"), EVERY.values(), ids=EVERY)
def test_credentials_are_checked_field_by_field(gateway: PaymentGateway, credentials: Credentials) -> None:
    gateway.check_credentials(credentials=credentials)

    for kind in ("secrets", "settings"):
        given = getattr(credentials, kind)
        for name in given:
            if (gateway.kind, name) == ("raast", "alias"):
                continue  # the IBAN is named where both are missing
            # The sandbox takes a secret of any length.
            for value in ("", "\n", "ü", *([] if gateway.kind == "sandbox" else ["a" * 2000])):
                wrong = with_field(credentials, kind, name, value)
                with pytest.raises(InvalidCredentials) as refused:
                    gateway.check_credentials(credentials=wrong)
                assert refused.value.param in {f"{kind}.{name}", name}
                assert value == "" or value not in refused.value.message
        with pytest.raises(InvalidCredentials) as unknown:
            gateway.check_credentials(credentials=with_field(credentials, kind, "more", "x"))
        assert unknown.value.param in {f"{kind}.more", "more"}


@pytest.mark.parametrize(("gateway", "credentials"), EVERY.values(), ids=EVERY)
def test_only_what_the_vendor_takes_is_asked_of_it(gateway: PaymentGateway, credentials: Credentials) -> None:
    if gateway.kind == "sandbox":
        return  # it takes no money, of whatever currency
    for amount in (Money(0, "PKR"), Money(-1, "PKR"), Money(1, "XYZ")):
        with pytest.raises(DomainError):
            gateway.begin(asked=asked(amount=amount), credentials=credentials, now=NOW)


def who_can_begin() -> dict[str, tuple[PaymentGateway, Credentials]]:
    """Each adapter; those that ask their vendor for a page have one that gives it."""
    token = "https://ipguat.apps.net.pk/Ecommerce/api/Transaction/GetAccessToken"
    page = gateways.json_answer(**gateways.stripe_session(url="https://checkout.stripe.com/c/pay/cs_test_1"))
    host = gateways.FakeHost(
        {
            token: gateways.json_answer(ACCESS_TOKEN="tok-1"),
            "https://api.stripe.com/v1/checkout/sessions": page,
        }
    )
    return {
        **EVERY,
        "payfast": (PayFast(connect=host.connect), gateways.PAYFAST),
        "stripe": (Stripe(connect=host.connect), gateways.STRIPE),
    }


@pytest.mark.parametrize(("gateway", "credentials"), who_can_begin().values(), ids=EVERY)
def test_asked_again_it_is_the_same_checkout(gateway: PaymentGateway, credentials: Credentials) -> None:
    once = gateway.begin(asked=asked(), credentials=credentials, now=NOW)
    later = gateway.begin(asked=asked(), credentials=credentials, now=NOW + timedelta(minutes=5))

    assert gateway.begin(asked=asked(), credentials=credentials, now=NOW) == once
    assert (later.step, later.url, later.vendor_id) == (once.step, once.url, once.vendor_id)
    # Two vendors' forms say when they were made, and are hashed over it.
    dated = {"pp_TxnDateTime", "pp_SecureHash", "ORDER_DATE"}
    assert {name for name in once.fields if once.fields[name] != later.fields[name]} <= dated
    secrets = [
        one for name, one in credentials.secrets.items() if (gateway.kind, name) != ("jazzcash", "password")
    ]
    assert not [one for one in secrets if one in repr(once)]


def test_no_secret_is_shown(vendor: Vendor) -> None:
    secrets = list(vendor.credentials.secrets.values())
    with pytest.raises(NoticeRefused) as refused:
        believed(vendor, vendor.paid(), vendor.of_another_tenant)

    shown = [repr(vendor.credentials), repr(refused.value), repr(refused.value.__cause__)]
    assert not [one for one in secrets for text in shown if one in text]

"""What every adapter of a payment gateway does alike, whatever the vendor."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import islice

import pytest

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
EASYPAISA = (gateways.easypaisa(), gateways.EASYPAISA)


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


def every_adapter() -> list[object]:
    adapters = [pytest.param(one.gateway, one.credentials, id=name) for name, one in VENDORS.items()]
    raast = Credentials({}, {"alias": "03001234567", "merchant_name": "Ravi", "city": "Lahore"})
    return [
        *adapters,
        pytest.param(*EASYPAISA, id="easypaisa"),
        pytest.param(gateways.raast(), raast, id="raast"),
    ]


def with_field(credentials: Credentials, kind: str, name: str, value: str) -> Credentials:
    if kind == "secrets":
        return replace(credentials, secrets={**credentials.secrets, name: value})
    return replace(credentials, settings={**credentials.settings, name: value})


@pytest.mark.parametrize(("gateway", "credentials"), every_adapter())
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


@pytest.mark.parametrize(("gateway", "credentials"), every_adapter())
def test_only_what_the_vendor_takes_is_asked_of_it(gateway: PaymentGateway, credentials: Credentials) -> None:
    if gateway.kind == "sandbox":
        return  # it takes no money, of whatever currency
    for amount in (Money(0, "PKR"), Money(-1, "PKR"), Money(1, "XYZ")):
        with pytest.raises(DomainError):
            gateway.begin(asked=asked(amount=amount), credentials=credentials, now=NOW)


def test_no_secret_is_shown(vendor: Vendor) -> None:
    secrets = list(vendor.credentials.secrets.values())
    with pytest.raises(NoticeRefused) as refused:
        believed(vendor, vendor.paid(), vendor.of_another_tenant)

    shown = [repr(vendor.credentials), repr(refused.value), repr(refused.value.__cause__)]
    assert not [one for one in secrets for text in shown if one in text]

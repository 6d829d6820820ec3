"""Stripe: amounts, its page, its events, and what is asked of it, in shapes that its documentation has."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from chalicelib.adapters.payments.stripe import Stripe, from_stripe, to_stripe
from chalicelib.domain.gateways import (
    Credentials,
    GatewayRefused,
    GatewayUnavailable,
    InvalidCredentials,
    Notice,
    NoticeMalformed,
    NoticeRefused,
    NoticeStatus,
    NoticeTooOld,
    RefundAsked,
    Step,
)
from chalicelib.domain.money import Money
from tests.fakes.gateways import (
    AMOUNT,
    NOW,
    REFERENCE,
    RETURN_URL,
    STRIPE,
    FakeHost,
    asked,
    json_answer,
    stripe_event,
    stripe_paid,
    stripe_session,
    stripe_signed,
)

SESSIONS = "https://api.stripe.com/v1/checkout/sessions"
INTENT = "https://api.stripe.com/v1/payment_intents/pi_1"
REFUNDS = "https://api.stripe.com/v1/refunds"
PAGE = json_answer(**stripe_session(url="https://checkout.stripe.com/c/pay/cs_test_1", status="open"))
OURS = json_answer(id="pi_1", object="payment_intent", metadata={"reference": REFERENCE})
DISPUTE = {
    "id": "dp_1",
    "object": "dispute",
    "amount": 249900,
    "currency": "pkr",
    "charge": "ch_1",
    "payment_intent": "pi_1",
    "reason": "fraudulent",
    "status": "needs_response",
}
CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "amount": 249900,
    "amount_refunded": 150000,
    "currency": "pkr",
    "metadata": {"reference": REFERENCE},
    "payment_intent": "pi_1",
}


def read(event: dict[str, Any], answers: dict[str, tuple[int, bytes]] | None = None, **signed: Any) -> Notice:
    gateway = Stripe(connect=FakeHost(answers or {}).connect)
    (notice,) = gateway.read(received=stripe_signed(event, **signed), credentials=STRIPE, now=NOW)
    return notice


# ---- amounts -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("amount", "units"),
    [
        (Money(249900, "PKR"), 249900),
        (Money(500, "JPY"), 500),
        (Money(500, "UGX"), 50000),
        (Money(500, "ISK"), 50000),
        (Money(50000, "MGA"), 500),
        (Money(5120, "KWD"), 5120),
    ],
)
def test_amounts_are_in_stripes_minor_units_and_back(amount: Money, units: int) -> None:
    assert to_stripe(amount) == units
    assert from_stripe(units, amount.currency.lower()) == amount


@pytest.mark.parametrize(
    "amount", [Money(5124, "KWD"), Money(50001, "MGA"), Money(0, "PKR"), Money(-5, "PKR")]
)
def test_what_stripe_cannot_take_is_not_rounded(amount: Money) -> None:
    with pytest.raises(GatewayRefused):
        to_stripe(amount)


@pytest.mark.parametrize(
    ("units", "currency"), [(1.5, "pkr"), (True, "pkr"), ("1", "pkr"), (50001, "ugx"), (1, "xyz"), (1, None)]
)
def test_an_amount_of_stripes_that_is_none_is_malformed(units: object, currency: object) -> None:
    with pytest.raises(NoticeMalformed):
        from_stripe(units, currency)


# ---- its page ------------------------------------------------------------------------------
def test_a_payer_is_led_to_stripes_page_for_one_reference() -> None:
    host = FakeHost({SESSIONS: PAGE})
    gateway = Stripe(connect=host.connect)
    checkout = gateway.begin(asked=asked(), credentials=STRIPE, now=NOW)
    gateway.begin(asked=asked(), credentials=STRIPE, now=NOW + timedelta(minutes=5))

    assert (checkout.step, checkout.vendor_id) == (Step.REDIRECT, "cs_test_1")
    assert checkout.url == "https://checkout.stripe.com/c/pay/cs_test_1"
    (_, _, headers, body), (_, _, again, same) = host.requests
    # Stripe answers the same for the same key, and refuses it with another body.
    assert headers["Idempotency-Key"] == again["Idempotency-Key"] == REFERENCE
    assert body == same
    sent = parse_qs(body.decode())
    assert sent["client_reference_id"] == sent["payment_intent_data[metadata][reference]"] == [REFERENCE]
    assert sent["line_items[0][price_data][unit_amount]"] == ["249900"]
    assert sent["line_items[0][price_data][currency]"] == ["pkr"]
    assert sent["success_url"] == sent["cancel_url"] == [RETURN_URL]
    ends = datetime.fromtimestamp(int(sent["expires_at"][0]), tz=NOW.tzinfo)
    assert ends >= NOW + timedelta(minutes=30)  # Stripe takes no earlier one
    assert host.hosts[0] == ["api.stripe.com"]


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (
            (400, b'{"error":{"type":"invalid_request_error","code":"amount_too_small","message":"m"}}'),
            GatewayRefused,
        ),
        (
            (401, b'{"error":{"type":"invalid_request_error","message":"key sk_test_4711abc"}}'),
            GatewayRefused,
        ),
        ((402, b'{"error":{"type":"card_error","code":"card_declined"}}'), GatewayRefused),
        ((429, b'{"error":{"type":"invalid_request_error"}}'), GatewayUnavailable),
        ((500, b'{"error":{"type":"api_error"}}'), GatewayUnavailable),
        ((502, b"<html>"), GatewayUnavailable),
        ((200, b"<html>"), GatewayUnavailable),
        (json_answer(**stripe_session(url=None)), GatewayUnavailable),
    ],
)
def test_what_stripe_refuses_is_told_from_what_it_does_not_answer(
    answer: tuple[int, bytes], raised: type[Exception]
) -> None:
    with pytest.raises(raised) as refused:
        Stripe(connect=FakeHost({SESSIONS: answer}).connect).begin(asked=asked(), credentials=STRIPE, now=NOW)
    assert "sk_test" not in str(refused.value)
    assert refused.value.__cause__ is None


# ---- its events ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "changes", "status"),
    [
        ("completed", {}, NoticeStatus.PAID),
        ("completed", {"payment_status": "unpaid"}, NoticeStatus.PENDING),
        ("async_payment_succeeded", {}, NoticeStatus.PAID),
        ("async_payment_failed", {"payment_status": "unpaid"}, NoticeStatus.FAILED),
        ("expired", {"payment_status": "unpaid", "payment_intent": None}, NoticeStatus.EXPIRED),
        ("something_new", {}, NoticeStatus.IGNORED),
        ("completed", {"client_reference_id": None}, NoticeStatus.IGNORED),
        ("completed", {"client_reference_id": "order 17 of another shop"}, NoticeStatus.IGNORED),
    ],
)
def test_events_of_a_page_say_what_became_of_it(
    kind: str, changes: dict[str, Any], status: NoticeStatus
) -> None:
    notice = read(stripe_event(f"checkout.session.{kind}", stripe_session(**changes)))

    assert notice.status is status
    if status is not NoticeStatus.IGNORED:
        assert (notice.reference, notice.amount, notice.occurred_at) == (REFERENCE, AMOUNT, NOW)


def test_two_events_of_one_payment_are_one() -> None:
    at_once = read(stripe_event("checkout.session.completed", stripe_session(), id="evt_1"))
    later = read(stripe_event("checkout.session.async_payment_succeeded", stripe_session(), id="evt_2"))

    assert at_once.event_id == later.event_id
    assert at_once.vendor_id == "pi_1"


def test_what_was_given_back_just_now_is_told_and_not_the_sum() -> None:
    notice = read(
        stripe_event("charge.refunded", CHARGE, data={"previous_attributes": {"amount_refunded": 100000}})
    )

    assert (notice.status, notice.amount) == (NoticeStatus.REFUNDED, Money(50000, "PKR"))
    assert (notice.reference, notice.vendor_id, notice.event_id) == (REFERENCE, "pi_1", "evt_1")
    with pytest.raises(NoticeMalformed):
        read(stripe_event("charge.refunded", CHARGE))
    assert read(stripe_event("charge.refunded", {**CHARGE, "metadata": {}})).status is NoticeStatus.IGNORED


@pytest.mark.parametrize(
    ("kind", "status", "found"),
    [
        ("created", "needs_response", NoticeStatus.CHARGEBACK),
        ("closed", "won", NoticeStatus.CHARGEBACK_WON),
        ("closed", "lost", NoticeStatus.IGNORED),
        ("created", "warning_needs_response", NoticeStatus.IGNORED),
        ("closed", "warning_closed", NoticeStatus.IGNORED),
    ],
)
def test_a_dispute_takes_the_money_back_and_a_won_one_returns_it(
    kind: str, status: str, found: NoticeStatus
) -> None:
    event = stripe_event(f"charge.dispute.{kind}", {**DISPUTE, "status": status})
    notice = read(event, {INTENT: OURS})

    assert notice.status is found
    if found is not NoticeStatus.IGNORED:
        assert (notice.reference, notice.amount, notice.vendor_id) == (REFERENCE, AMOUNT, "pi_1")


def test_a_dispute_of_another_shops_payment_is_not_ours() -> None:
    answer = json_answer(id="pi_1", object="payment_intent", metadata={})
    notice = read(stripe_event("charge.dispute.created", DISPUTE), {INTENT: answer})

    assert notice.status is NoticeStatus.IGNORED


@pytest.mark.parametrize("status", [403, 404, 500])
def test_where_stripe_cannot_be_asked_a_dispute_is_to_come_again(status: int) -> None:
    with pytest.raises(GatewayUnavailable):
        read(stripe_event("charge.dispute.created", DISPUTE), {INTENT: (status, b"{}")})


def test_a_dispute_of_what_was_not_paid_on_a_page_is_not_ours() -> None:
    event = stripe_event("charge.dispute.created", {**DISPUTE, "payment_intent": None})
    assert read(event).status is NoticeStatus.IGNORED


@pytest.mark.parametrize(("seconds", "believed"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_five_minutes_either_way_are_believed(*, seconds: int, believed: bool) -> None:
    received = stripe_paid(at=NOW + timedelta(seconds=seconds))
    gateway = Stripe(connect=FakeHost().connect)
    if believed:
        assert gateway.read(received=received, credentials=STRIPE, now=NOW)
    else:
        with pytest.raises(NoticeTooOld):
            gateway.read(received=received, credentials=STRIPE, now=NOW)


def test_two_secrets_are_believed_while_one_replaces_the_other() -> None:
    both = replace(
        STRIPE,
        secrets={
            **STRIPE.secrets,
            "webhook_secret": "whsec_newone123",
            "previous_webhook_secret": "whsec_4711abcdef",
        },
    )
    gateway = Stripe(connect=FakeHost().connect)
    gateway.check_credentials(credentials=both)
    session = stripe_event("checkout.session.completed", stripe_session())

    for secret in ("whsec_newone123", "whsec_4711abcdef"):
        assert gateway.read(received=stripe_signed(session, secret=secret), credentials=both, now=NOW)
    with pytest.raises(NoticeRefused):
        gateway.read(received=stripe_signed(session, secret="whsec_another1"), credentials=both, now=NOW)


def test_one_right_signature_among_several_is_enough() -> None:
    received = stripe_paid()
    time, right = received.headers["stripe-signature"].split(",")
    gateway = Stripe(connect=FakeHost().connect)

    for header in (f"{time},v1={'0' * 64},{right}", f"{time},{right},v0=abc"):
        assert gateway.read(
            received=replace(received, headers={"stripe-signature": header}), credentials=STRIPE, now=NOW
        )
    for header in (
        f"{time},{right.replace('v1', 'v0')}",
        f"{right}",
        f"{time}",
        f" {time},{right}",
        f"t=+1,{right}",
    ):
        with pytest.raises(NoticeRefused):
            gateway.read(
                received=replace(received, headers={"stripe-signature": header}), credentials=STRIPE, now=NOW
            )


@pytest.mark.parametrize(
    "event",
    [
        "[]",
        "null",
        "{}",
        "not JSON",
        '{"id":"evt_1","id":"evt_2","livemode":false,"type":"x","data":{"object":{}}}',
        json.dumps({**stripe_event("x", {}), "data": None}),
        json.dumps({**stripe_event("x", {}), "id": 7}),
        json.dumps(stripe_event("checkout.session.completed", stripe_session(), created="now")),
        json.dumps(stripe_event("checkout.session.completed", stripe_session(currency=None))),
        json.dumps(stripe_event("checkout.session.completed", stripe_session(id=None))),
        json.dumps(stripe_event("charge.dispute.created", {**DISPUTE, "currency": None})),
    ],
)
def test_what_stripe_signed_and_cannot_be_read_is_malformed_or_of_the_other_mode(event: str) -> None:
    with pytest.raises((NoticeMalformed, NoticeRefused)) as refused:
        Stripe(connect=FakeHost({INTENT: OURS}).connect).read(
            received=stripe_signed(event), credentials=STRIPE, now=NOW
        )
    assert isinstance(refused.value, NoticeMalformed) or event == "{}"


def test_an_event_of_test_mode_is_none_where_it_is_live() -> None:
    live = replace(STRIPE, live=True)
    with pytest.raises(NoticeRefused):
        Stripe(connect=FakeHost().connect).read(received=stripe_paid(), credentials=live, now=NOW)


# ---- what is asked -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, NoticeStatus.PAID),
        ({"payment_status": "unpaid"}, NoticeStatus.PENDING),
        ({"status": "open", "payment_status": "unpaid"}, NoticeStatus.IGNORED),
        ({"status": "expired", "payment_status": "unpaid"}, NoticeStatus.EXPIRED),
    ],
)
def test_an_inquiry_tells_the_same_event_as_the_webhook(
    changes: dict[str, Any], status: NoticeStatus
) -> None:
    answer = json_answer(**stripe_session(**changes))
    notice = Stripe(connect=FakeHost({f"{SESSIONS}/cs_test_1": answer}).connect).inquire(
        reference=REFERENCE, vendor_id="cs_test_1", credentials=STRIPE, now=NOW
    )

    assert notice.status is status
    if status is NoticeStatus.PAID:
        assert notice.event_id == read(stripe_event("checkout.session.completed", stripe_session())).event_id


def test_an_inquiry_is_about_the_collection_that_is_asked_for() -> None:
    other = json_answer(**stripe_session(client_reference_id="R000000000000000000X"))
    gateway = Stripe(connect=FakeHost({f"{SESSIONS}/cs_test_1": other}).connect)
    for vendor_id in ("cs_test_1", "", "../refunds"):
        with pytest.raises(GatewayRefused):
            gateway.inquire(reference=REFERENCE, vendor_id=vendor_id, credentials=STRIPE, now=NOW)


@pytest.mark.parametrize(
    ("status", "pending"), [("succeeded", False), ("pending", True), ("requires_action", True)]
)
def test_a_refund_is_asked_for_once_by_its_key(*, status: str, pending: bool) -> None:
    host = FakeHost({REFUNDS: json_answer(id="re_1", object="refund", status=status)})
    made = Stripe(connect=host.connect).refund(
        asked=RefundAsked("rf_1", REFERENCE, "pi_1", Money(500, "UGX")), credentials=STRIPE, now=NOW
    )

    assert (made.vendor_id, made.pending) == ("re_1", pending)
    _, _, headers, body = host.requests[0]
    assert headers["Idempotency-Key"] == "refund-rf_1"
    assert parse_qs(body.decode())["amount"] == ["50000"]


def test_a_refund_that_failed_is_refused() -> None:
    host = FakeHost({REFUNDS: json_answer(id="re_1", object="refund", status="failed")})
    with pytest.raises(GatewayRefused):
        Stripe(connect=host.connect).refund(
            asked=RefundAsked("rf_1", REFERENCE, "pi_1", AMOUNT), credentials=STRIPE, now=NOW
        )


# ---- credentials ---------------------------------------------------------------------------
def test_a_test_key_is_no_live_one_and_the_other_way_round() -> None:
    gateway = Stripe(connect=FakeHost().connect)
    for credentials in (
        replace(STRIPE, live=True),
        Credentials({**STRIPE.secrets, "secret_key": "rk_live_4711abc"}),
    ):
        with pytest.raises(InvalidCredentials) as refused:
            gateway.check_credentials(credentials=credentials)
        assert refused.value.param == "secrets.secret_key"


@pytest.mark.parametrize("base", ["http://127.0.0.1:8420", "https://evil.example"])
def test_another_address_than_stripes_is_for_one_machine_alone(base: str) -> None:
    credentials = replace(STRIPE, settings={"api_base": base})
    with pytest.raises(InvalidCredentials):
        Stripe(connect=FakeHost().connect).check_credentials(credentials=credentials)
    here = Stripe(connect=FakeHost().connect, local=True)
    if base.startswith("http://"):
        here.check_credentials(credentials=credentials)
    else:
        with pytest.raises(InvalidCredentials):
            here.check_credentials(credentials=credentials)

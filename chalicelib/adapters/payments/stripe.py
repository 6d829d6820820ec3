"""Stripe: its own Checkout page, signed webhooks, refunds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from chalicelib.adapters.payments import reading
from chalicelib.adapters.payments.vendor import STATUS, Connect, Field, check_fields, connecting
from chalicelib.domain.gateways import (
    Checkout,
    CheckoutAsked,
    Credentials,
    GatewayKind,
    GatewayRefused,
    GatewayUnavailable,
    InvalidCredentials,
    Notice,
    NoticeMalformed,
    NoticeRefused,
    NoticeStatus,
    Outcome,
    Received,
    RefundAsked,
    RefundMade,
    Step,
    VendorAnswer,
)
from chalicelib.domain.money import CURRENCY_DIGITS, Money, currency_digits

TOLERANCE_SECONDS: Final = 300
# Stripe takes a page's end only from half an hour after it was asked for. Collections may live just as
# long, and one may be asked for again: so its page ends somewhat later than the collection.
PAGE_MARGIN: Final = timedelta(minutes=10)
# Where Stripe counts in other minor units than ISO 4217 has.
STRIPE_DIGITS: Final = {"ISK": 2, "UGX": 2, "MGA": 0}

_HEADER: Final = re.compile(r"t=([0-9]{1,12})(?:,v[0-9]=[0-9a-f]{1,128}){1,10}")
_KEY: Final = re.compile(r"[sr]k_(?:test|live)_[A-Za-z0-9_]{3,200}")
_WEBHOOK_SECRET: Final = re.compile(r"whsec_[A-Za-z0-9_+/=-]{8,200}")
_LOOPBACK: Final = re.compile(r"http://(?:127\.0\.0\.1|localhost):[0-9]{1,5}")
SECRETS: Final = (
    Field("secret_key", _KEY, "a key that begins with sk_ or rk_"),
    Field("webhook_secret", _WEBHOOK_SECRET, "a secret that begins with whsec_"),
    Field("previous_webhook_secret", _WEBHOOK_SECRET, "a secret that begins with whsec_", required=False),
)
LOCAL_SETTINGS: Final = (Field("api_base", _LOOPBACK, "an http address of this machine", required=False),)
# Of a dispute that Stripe calls an inquiry no money is taken back yet.
_INQUIRY: Final = "warning_"


def stripe_digits(currency: str) -> int:
    """Return how many digits of a currency Stripe's minor units have, or raise UnknownCurrency."""
    return STRIPE_DIGITS.get(currency, currency_digits(currency=currency))


def to_stripe(amount: Money) -> int:
    """Return an amount in Stripe's minor units, or raise GatewayRefused for what it cannot take.

    Of a currency with three digits the last must be 0.
    """
    shift = stripe_digits(amount.currency) - currency_digits(currency=amount.currency)
    units, rest = divmod(amount.amount * 10 ** max(shift, 0), 10 ** max(-shift, 0))
    if amount.amount <= 0 or rest or (stripe_digits(amount.currency) == 3 and units % 10):
        raise GatewayRefused(f"Stripe cannot take {amount}")
    return int(units)


def from_stripe(units: object, currency: object) -> Money:
    """Return Stripe's minor units as an amount, or raise NoticeMalformed for what is none."""
    code = currency.upper() if isinstance(currency, str) else ""
    if code not in CURRENCY_DIGITS:
        raise NoticeMalformed("there is no such currency", param="currency")
    if isinstance(units, bool) or not isinstance(units, int) or not 0 < units < 10**13:
        raise NoticeMalformed("the amount is none", param="amount")
    shift = stripe_digits(code) - currency_digits(currency=code)
    amount, rest = divmod(units * 10 ** max(-shift, 0), 10 ** max(shift, 0))
    if rest:
        raise NoticeMalformed("the amount has parts that the currency has not", param="amount")
    return Money(amount, code)


class Stripe:
    """Stripe's hosted Checkout. ``local`` lets ``settings.api_base`` name a stand-in on this machine."""

    kind = GatewayKind.STRIPE
    currencies: frozenset[str] = frozenset()
    refunds = True
    refunds_by_key = True

    def __init__(self, *, connect: Connect, local: bool = False) -> None:
        self._connect = connect
        self._local = local

    def check_credentials(self, *, credentials: Credentials) -> None:
        """Raise InvalidCredentials for what can never work: a test key where it is live among it."""
        check_fields(credentials, secrets=SECRETS, settings=LOCAL_SETTINGS if self._local else ())
        kind = "live" if credentials.live else "test"
        if credentials.secrets["secret_key"].split("_")[1] != kind:
            raise InvalidCredentials(f"the key must be one of {kind} mode", param="secrets.secret_key")

    def begin(self, *, asked: CheckoutAsked, credentials: Credentials, now: datetime) -> Checkout:
        """Make a Checkout Session, the reference its idempotency key: Stripe answers the same again."""
        from chalicelib.adapters.payments import stripe_client

        tag = {"reference": asked.reference}
        with stripe_client.refusals():
            session = self._client(credentials).v1.checkout.sessions.create(
                params={
                    "mode": "payment",
                    "line_items": [
                        {
                            "quantity": 1,
                            "price_data": {
                                "currency": asked.amount.currency.lower(),
                                "unit_amount": to_stripe(asked.amount),
                                "product_data": {"name": asked.description},
                            },
                        }
                    ],
                    "client_reference_id": asked.reference,
                    "metadata": tag,
                    "payment_intent_data": {"metadata": tag},
                    "success_url": asked.return_url,
                    "cancel_url": asked.return_url,
                    "expires_at": int((asked.expires_at + PAGE_MARGIN).timestamp()),
                },
                options={"idempotency_key": asked.reference},
            )
        url = session.url or ""
        if not url.startswith("https://"):
            raise GatewayUnavailable("Stripe named no page")
        return Checkout(Step.REDIRECT, url=url, vendor_id=session.id)

    def read(self, *, received: Received, credentials: Credentials, now: datetime) -> Sequence[Notice]:
        """Return what an event tells, its raw bytes verified first."""
        _believe(received, credentials=credentials, now=now)
        event = reading.json_object(received.body)
        if event.get("livemode") is not credentials.live:
            raise NoticeRefused("the event is of the other mode")
        event_id, kind = reading.text_of(event, "id"), reading.text_of(event, "type")
        data = event.get("data")
        found = data.get("object") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(found, dict):
            raise NoticeMalformed("the event is about nothing", param="data.object")
        if kind.startswith("checkout.session."):
            return [_of_session(found, event_id=event_id, kind=kind, at=_instant(event))]
        if kind == "charge.refunded":
            previous = data.get("previous_attributes")
            return [_of_refund(found, previous=previous, event_id=event_id, at=_instant(event))]
        if kind in {"charge.dispute.created", "charge.dispute.closed"}:
            return [self._of_dispute(found, event, credentials=credentials)]
        return [_ignored(event_id, kind)]

    def _of_dispute(
        self, dispute: Mapping[str, Any], event: Mapping[str, Any], *, credentials: Credentials
    ) -> Notice:
        """Return what a dispute does to a payment; Stripe is asked which payment of ours it is."""
        event_id, status = event["id"], str(dispute.get("status", ""))
        closed = event["type"] == "charge.dispute.closed"
        if status.startswith(_INQUIRY) or (closed and status != "won"):
            return _ignored(event_id, f"dispute {status}")
        intent = dispute.get("payment_intent")
        if not isinstance(intent, str) or not intent.startswith("pi_"):
            return _ignored(event_id, "the dispute is about no payment of a page")
        try:
            reference = _tag(self._intent(intent, credentials=credentials))
        except GatewayRefused as error:  # so the event comes again, when the key may read payments
            raise GatewayUnavailable(error.message) from None
        if not reading.REFERENCE.fullmatch(reference):
            return _ignored(event_id, "the dispute is about no collection of ours")
        return Notice(
            event_id=event_id,
            reference=reference,
            status=NoticeStatus.CHARGEBACK_WON if closed else NoticeStatus.CHARGEBACK,
            amount=from_stripe(dispute.get("amount"), dispute.get("currency")),
            vendor_id=intent,
            occurred_at=_instant(event),
            reason=reading.told(dispute.get("reason")),
        )

    def answer(self, *, outcome: Outcome, received: Received) -> VendorAnswer:
        """Say it by status; Stripe sends again for three days whatever is not 2xx."""
        return VendorAnswer(STATUS[outcome], body="{}")

    def inquire(self, *, reference: str, vendor_id: str, credentials: Credentials, now: datetime) -> Notice:
        """Ask by the Checkout Session (``cs_…``), or by the payment (``pi_…``) of one."""
        from chalicelib.adapters.payments import stripe_client

        try:
            if vendor_id.startswith("pi_"):
                return _of_intent(self._intent(vendor_id, credentials=credentials), reference=reference)
            if not vendor_id.startswith("cs_"):
                raise GatewayRefused("Stripe is asked by the id of its session")
            with stripe_client.refusals():
                session = self._client(credentials).v1.checkout.sessions.retrieve(vendor_id)
            found = session.to_dict()
            if found.get("client_reference_id") != reference:
                raise GatewayRefused("the session is another collection's")
            return _of_state(found)
        except NoticeMalformed:
            raise GatewayUnavailable("Stripe's answer cannot be read") from None

    def refund(self, *, asked: RefundAsked, credentials: Credentials, now: datetime) -> RefundMade:
        """Give money back, ``key`` its idempotency key."""
        from chalicelib.adapters.payments import stripe_client

        with stripe_client.refusals():
            made = self._client(credentials).v1.refunds.create(
                params={
                    "payment_intent": asked.vendor_id,
                    "amount": to_stripe(asked.amount),
                    "metadata": {"reference": asked.reference, "refund": asked.key},
                },
                options={"idempotency_key": f"refund-{asked.key}"},
            )
        if made.status in {"failed", "canceled"}:
            raise GatewayRefused(f"Stripe refused it: the refund is {made.status}")
        return RefundMade(made.id, pending=made.status != "succeeded")

    def _client(self, credentials: Credentials) -> Any:
        from chalicelib.adapters.payments import stripe_client

        return stripe_client.client_of(credentials, connect=self._connect)

    def _intent(self, vendor_id: str, *, credentials: Credentials) -> dict[str, Any]:
        from chalicelib.adapters.payments import stripe_client

        with stripe_client.refusals():
            found: dict[str, Any] = self._client(credentials).v1.payment_intents.retrieve(vendor_id).to_dict()
        return found


def make(*, local: bool) -> Stripe:
    """Return the adapter."""
    return Stripe(connect=connecting(local=local), local=local)


def _believe(received: Received, *, credentials: Credentials, now: datetime) -> None:
    """Raise NoticeRefused or NoticeTooOld for what Stripe did not sign now."""
    from chalicelib.adapters.payments import stripe_client

    body = reading.bounded(received.body)
    header = received.headers.get("stripe-signature", "")
    found = _HEADER.fullmatch(header)
    if found is None:
        raise NoticeRefused("the signature is missing")
    secrets = [credentials.secrets["webhook_secret"], credentials.secrets.get("previous_webhook_secret", "")]
    for secret in (one for one in secrets if one):
        try:
            stripe_client.verify(body=body, header=header, secret=secret)
            break
        except NoticeRefused:
            continue
    else:
        raise NoticeRefused("the signature is wrong")
    signed_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(found[1]))
    # The package looks at the past alone, by a clock of its own.
    reading.check_time(signed_at, now=now, past_seconds=TOLERANCE_SECONDS)


def _of_session(found: Mapping[str, Any], *, event_id: str, kind: str, at: datetime | None) -> Notice:
    """Return what an event, or a state, of a Checkout Session means."""
    reference = found.get("client_reference_id")
    if not isinstance(reference, str) or not reading.REFERENCE.fullmatch(reference):
        return _ignored(event_id, "the session is no collection of ours")
    status = {
        "checkout.session.completed": NoticeStatus.PAID,
        "checkout.session.async_payment_succeeded": NoticeStatus.PAID,
        "checkout.session.async_payment_failed": NoticeStatus.FAILED,
        "checkout.session.expired": NoticeStatus.EXPIRED,
    }.get(kind)
    if status is None:
        return _ignored(event_id, kind)
    if kind == "checkout.session.completed" and found.get("payment_status") == "unpaid":
        status = NoticeStatus.PENDING  # by bank debit and the like: one of the async events follows
    return Notice(
        # By what became of it: two events and an inquiry can tell of one payment.
        event_id=f"{reading.text_of(found, 'id')}:{status.value}",
        reference=reference,
        status=status,
        amount=from_stripe(found.get("amount_total"), found.get("currency")),
        vendor_id=str(found.get("payment_intent") or ""),
        occurred_at=at,
        reason="" if status is NoticeStatus.PAID else kind,
    )


def _of_state(session: Mapping[str, Any]) -> Notice:
    """Return what an inquiry found: of a page that nobody has paid yet there is nothing to tell."""
    kinds = {"complete": "checkout.session.completed", "expired": "checkout.session.expired"}
    state = str(session.get("status"))
    if state in kinds:
        return _of_session(session, event_id="", kind=kinds[state], at=None)
    name, reference = reading.text_of(session, "id"), str(session["client_reference_id"])
    return Notice(f"{name}:{state}", reference, NoticeStatus.IGNORED, reason=reading.told(state))


def _of_intent(found: Mapping[str, Any], *, reference: str) -> Notice:
    if _tag(found) != reference:
        raise GatewayRefused("the payment is another collection's")
    status = {
        "succeeded": NoticeStatus.PAID,
        "canceled": NoticeStatus.FAILED,
        "processing": NoticeStatus.PENDING,
    }.get(str(found.get("status")), NoticeStatus.IGNORED)
    return Notice(
        event_id=f"{found['id']}:{status.value}",
        reference=reference,
        status=status,
        amount=from_stripe(found.get("amount"), found.get("currency")),
        vendor_id=str(found["id"]),
        reason="" if status is NoticeStatus.PAID else str(found.get("status")),
    )


def _of_refund(charge: Mapping[str, Any], *, previous: object, event_id: str, at: datetime) -> Notice:
    """Return what was given back just now: a charge says how much it is in all."""
    reference = _tag(charge)
    if not reading.REFERENCE.fullmatch(reference):
        return _ignored(event_id, "the charge is no collection of ours")
    before = previous.get("amount_refunded") if isinstance(previous, dict) else None
    total = charge.get("amount_refunded")
    if not isinstance(before, int) or not isinstance(total, int):
        raise NoticeMalformed("the event does not say how much was given back", param="amount_refunded")
    return Notice(
        event_id=event_id,
        reference=reference,
        status=NoticeStatus.REFUNDED,
        amount=from_stripe(total - before, charge.get("currency")),
        vendor_id=str(charge.get("payment_intent") or ""),
        occurred_at=at,
    )


def _tag(found: Mapping[str, Any]) -> str:
    """Return our reference in the metadata of an object of Stripe's, empty where there is none."""
    tags = found.get("metadata")
    return str(tags.get("reference", "")) if isinstance(tags, dict) else ""


def _ignored(event_id: str, reason: str) -> Notice:
    return Notice(event_id=event_id, reference="", status=NoticeStatus.IGNORED, reason=reading.told(reason))


def _instant(event: Mapping[str, Any]) -> datetime:
    created = event.get("created")
    if isinstance(created, bool) or not isinstance(created, int) or not 0 < created < 10**11:
        raise NoticeMalformed("created is no time", param="created")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=created)

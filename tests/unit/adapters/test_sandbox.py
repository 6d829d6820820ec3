"""The sandbox believes its own signature over its own bytes, and nothing that was touched."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.adapters.payments import sandbox
from chalicelib.adapters.payments.registry import gateway_finder
from chalicelib.domain.gateways import (
    CheckoutAsked,
    Credentials,
    GatewayKind,
    InvalidCredentials,
    NoticeMalformed,
    NoticeRefused,
    NoticeStatus,
    NoticeTooOld,
    Outcome,
    Received,
    Step,
)
from chalicelib.domain.money import Money
from chalicelib.usecases.gateways import GatewayNotOffered, SandboxRefused

AT = datetime(2041, 5, 15, 6, 0, tzinfo=UTC)
OURS = Credentials({"signing_secret": "a lamp in the corner shop"})
THEIRS = Credentials({"signing_secret": "another lamp altogether"})
ORDER = sandbox.Order("C01JD0000000000000AB", "164900", "PKR", "Lahore Net: INV-1", "http://here/pay/x")
GATEWAY = sandbox.make(local=False)
MUTATIONS = 1_000


def told(**changes: object) -> bytes:
    body = sandbox.message(order=ORDER, paid=True, event_id="evt_1", transaction="txn_1", at=AT)
    return json.dumps({**json.loads(body), **changes}).encode()


def received(body: bytes, header: str | None = None, *, at: datetime = AT, **changes: str) -> Received:
    signed = sandbox.signature(body=body, credentials=OURS, at=at) if header is None else header
    headers = {sandbox.SIGNATURE_HEADER: signed} if signed else {}
    return Received(changes.get("method", "POST"), headers, changes.get("query", ""), body)


def read(sent: Received, credentials: Credentials = OURS) -> None:
    GATEWAY.read(received=sent, credentials=credentials, now=AT)


def test_a_signed_message_tells_what_was_paid() -> None:
    [notice] = GATEWAY.read(received=received(told()), credentials=OURS, now=AT)
    assert (notice.event_id, notice.reference, notice.vendor_id) == ("evt_1", ORDER.reference, "txn_1")
    assert (notice.status, notice.amount) == (NoticeStatus.PAID, Money(164_900, "PKR"))


def test_a_thousand_mutations_are_refused() -> None:
    chance, body = random.Random(7), told()
    header = sandbox.signature(body=body, credentials=OURS, at=AT)
    for number in range(MUTATIONS):
        changed, signed = bytearray(body), header
        place, kind = chance.randrange(len(body)), number % 5
        if kind == 0:
            changed[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del changed[place]
        elif kind == 2:
            changed.insert(place, chance.randrange(256))
        elif kind == 3:
            at = chance.randrange(len(header))
            signed = header[:at] + chr((ord(header[at]) + chance.randrange(1, 90)) % 127) + header[at + 1 :]
        else:
            changed = changed[:place]
        if (bytes(changed), signed) != (body, header):
            with pytest.raises(NoticeRefused):
                read(received(bytes(changed), signed))


def test_what_is_not_signed_for_this_tenant_now_is_refused() -> None:
    body = told()
    for header in ("", "v1=", "t=1", f"t={'9' * 13},v1={'0' * 64}"):
        with pytest.raises(NoticeRefused):
            read(received(body, header))
    for sent in (received(body, method="GET"), received(body, query="a=b")):
        with pytest.raises(NoticeRefused):
            read(sent)
    with pytest.raises(NoticeRefused):
        read(received(body), THEIRS)
    for seconds in (-301, 301):
        with pytest.raises(NoticeTooOld):
            read(received(body, at=AT + timedelta(seconds=seconds)))
    for seconds in (-300, 300):
        read(received(body, at=AT + timedelta(seconds=seconds)))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b"\xff", b"null", b'{"a":1,"a":2}', told(more=1), told(amount=-1), told(amount=0),
        told(amount=True), told(amount=1.5), told(amount="1"), told(amount=10**20), told(currency="pkr"),
        told(currency="\u0660KR"), told(status="refunded"), told(id=""), told(id="x" * 101), told(id=5),
        told(reference="a b"), told(transaction=None), told(created=10**18), told(created="now"),
        told(reason=1),
    ],
)  # fmt: skip
def test_signed_nonsense_is_malformed(body: bytes) -> None:
    with pytest.raises(NoticeMalformed):
        read(received(body))


def test_a_checkout_is_the_same_each_time_and_sealed() -> None:
    asked = CheckoutAsked(
        reference=ORDER.reference,
        amount=Money(164_900, "PKR"),
        description=ORDER.what,
        return_url=ORDER.back,
        callback_url="http://here/v1/gateway-callbacks/gcb_x",
        expires_at=AT,
    )
    first = GATEWAY.begin(asked=asked, credentials=OURS, now=AT)
    assert first == GATEWAY.begin(asked=asked, credentials=OURS, now=AT)
    assert first.step is Step.REDIRECT
    assert urlsplit(first.url).path == f"/sandbox-pay/gcb_x/{ORDER.reference}"
    [seal] = parse_qs(urlsplit(first.url).query)["seal"]
    assert ORDER.holds(seal=seal, credentials=OURS)
    assert not ORDER.holds(seal=seal, credentials=THEIRS)
    assert not sandbox.Order(ORDER.reference, "1", "PKR", ORDER.what, ORDER.back).holds(
        seal=seal, credentials=OURS
    )
    assert "lamp" not in repr(OURS) + repr(first)


@pytest.mark.parametrize(
    ("credentials", "param"),
    [
        (Credentials({}), "signing_secret"),
        (Credentials({"signing_secret": "short"}), "signing_secret"),
        (Credentials({**OURS.secrets, "more": "x"}), "more"),
        (Credentials(OURS.secrets, {"more": "x"}), "more"),
        (Credentials(OURS.secrets, live=True), "live"),
    ],
)
def test_what_can_never_work_is_named(credentials: Credentials, param: str) -> None:
    with pytest.raises(InvalidCredentials) as raised:
        GATEWAY.check_credentials(credentials=credentials)
    assert raised.value.param == param


def test_answers_tell_whether_to_send_again() -> None:
    statuses = {
        outcome: GATEWAY.answer(outcome=outcome, received=received(b"")).status for outcome in Outcome
    }
    assert {one for one, status in statuses.items() if status == 200} == {
        Outcome.DONE, Outcome.REPEATED, Outcome.PARKED,
    }  # fmt: skip
    assert statuses[Outcome.TRY_AGAIN] == 503


def test_the_sandbox_is_refused_where_the_operator_does_not_allow_it() -> None:
    with pytest.raises(SandboxRefused):
        gateway_finder(sandbox=False, local=True)(GatewayKind.SANDBOX)
    assert gateway_finder(sandbox=True, local=False)(GatewayKind.SANDBOX).kind is GatewayKind.SANDBOX


def test_a_kind_without_an_adapter_is_none() -> None:
    from chalicelib.adapters.payments.registry import ADAPTERS

    for kind in set(GatewayKind) - set(ADAPTERS):
        with pytest.raises(GatewayNotOffered):
            gateway_finder(sandbox=True, local=False)(kind)

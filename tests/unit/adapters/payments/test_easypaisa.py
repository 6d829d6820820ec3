"""Easypaisa: its form in two steps, and a notice that must not make us ask anybody else."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

import pytest

from chalicelib.adapters.payments.easypaisa import Easypaisa, merchant_hash, rupees_text
from chalicelib.domain.gateways import (
    Credentials,
    GatewayRefused,
    GatewayUnavailable,
    InvalidCredentials,
    NoticeMalformed,
    NoticeRefused,
    NoticeStatus,
    NotSupported,
    Received,
    RefundAsked,
)
from chalicelib.domain.money import Money
from tests.fakes.gateways import (
    AMOUNT,
    EASYPAISA,
    NOTICE_ADDRESS,
    NOW,
    REFERENCE,
    RETURN_URL,
    FakeHost,
    asked,
    easypaisa,
    easypaisa_answer,
    easypaisa_notice,
    json_answer,
)

HOST = "easypaystg.easypaisa.com.pk"
INQUIRY = f"https://{HOST}/easypay-service/rest/v4/inquire-transaction"
ASKING = Credentials(
    {**EASYPAISA.secrets, "inquiry_username": "ravi", "inquiry_password": "word-4711"},
    {**EASYPAISA.settings, "account_number": "173397419"},
)
# Spellings that some reader of addresses takes for Easypaisa's own, and some for another's.
ELSEWHERE = [
    "http://HOST/x",
    "https://evil.example/x",
    "https://HOST.evil.example/x",
    "https://evil.example/HOST/x",
    "https://evil.example?HOST/x",
    "https://evil.example#HOST/x",
    "https://evil.example\\HOST/x",
    "https://HOST@evil.example/x",
    "https://user:word@HOST/x",
    "https://HOST:443@evil.example/x",
    "https://HOST:443/x",
    "https://HOST:8443/x",
    "https://HOST#@evil.example/x",
    "https://HOST\\@evil.example/x",
    "https://HOST%2f@evil.example/x",
    "https://HOST%00.evil.example/x",
    "https://HOST./x",
    "https://.HOST/x",
    "https://notHOST/x",
    "https://x.HOST/x",
    "https://EASYPAYSTG.easypaisa.com.pk/x",
    "https://\uff45asypaystg.easypaisa.com.pk/x",
    "https://easypaystg。easypaisa.com.pk/x",
    "https://easypaystg.easypaisa.com.pk\u200b/x",
    "https:/HOST/x",
    "https:HOST/x",
    "https:///HOST/x",
    "https:\\\\HOST/x",
    "//HOST/x",
    "HOST/x",
    "HTTPS://HOST/x",
    " https://HOST/x",
    "https://HOST/x ",
    "https://HOST/x\r\nHost: evil.example",
    "https://HOST/x\t",
    "https://HOST/../x",
    "https://HOST/a/../x",
    "https://HOST/./x",
    "https://HOST//evil.example/x",
    "https://HOST/%2e%2e/x",
    "https://HOST/x?next=https://evil.example/",
    "https://HOST/x#y",
    "https://HOST/x;y",
    "https://HOST",
    "https://127.0.0.1/x",
    "https://[::1]/x",
    "https://[::ffff:169.254.169.254]/x",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/x",
    "https://0xa9fea9fe/x",
    "https://0251.0376.0251.0376/x",
    "https://localhost/x",
    "file:///etc/passwd",
    "gopher://HOST/x",
    "ftp://HOST/x",
    "data:application/json,{}",
    "javascript:alert(1)",
    "jar:https://HOST/x!/",
    "https://" + "a" * 600 + "/x",
    "",
]


@pytest.mark.parametrize("address", [one.replace("HOST", HOST) for one in ELSEWHERE])
def test_nobody_but_easypaisa_is_asked(address: str) -> None:
    host = FakeHost()
    gateway = Easypaisa(connect=host.connect)

    for query in (urlencode({"url": address}), f"url={quote(quote(address, safe=''), safe='')}"):
        with pytest.raises(NoticeRefused):
            gateway.read(received=Received("GET", {}, query, b""), credentials=EASYPAISA, now=NOW)
    assert host.requests == []


@pytest.mark.parametrize(
    "received",
    [
        Received("GET", {}, "", b""),
        Received("GET", {}, f"url={NOTICE_ADDRESS}&url={NOTICE_ADDRESS}", b""),
        Received("GET", {}, f"url={NOTICE_ADDRESS}&more=1", b""),
        Received("GET", {}, f"URL={NOTICE_ADDRESS}", b""),
        Received("POST", {}, "", f"url={NOTICE_ADDRESS}".encode()),
        Received("GET", {}, f"url={NOTICE_ADDRESS}", b"{}"),
    ],
)
def test_a_notice_has_one_address_and_nothing_else(received: Received) -> None:
    with pytest.raises(NoticeRefused):
        easypaisa().read(received=received, credentials=EASYPAISA, now=NOW)


def test_the_live_host_is_not_asked_for_a_test_and_the_other_way_round() -> None:
    live = Credentials(EASYPAISA.secrets, EASYPAISA.settings, live=True)
    with pytest.raises(NoticeRefused):
        easypaisa().read(received=easypaisa_notice(), credentials=live, now=NOW)


def test_more_hosts_and_one_path_can_be_entered() -> None:
    address = "https://ipn.easypaisa.com.pk/notices/1"
    settings = {**EASYPAISA.settings, "notice_hosts": "ipn.easypaisa.com.pk", "notice_path": "/notices/"}
    credentials = Credentials(EASYPAISA.secrets, settings)
    gateway = Easypaisa(connect=FakeHost({address: easypaisa_answer()}).connect)
    gateway.check_credentials(credentials=credentials)

    assert gateway.read(received=easypaisa_notice(address), credentials=credentials, now=NOW)
    with pytest.raises(NoticeRefused):
        gateway.read(received=easypaisa_notice(NOTICE_ADDRESS), credentials=credentials, now=NOW)


@pytest.mark.parametrize(
    "hosts", ["evil.example", "easypaisa.com.pk.evil.example", "https://x.easypaisa.com.pk"]
)
def test_only_the_vendors_own_hosts_can_be_entered(hosts: str) -> None:
    for name in ("host", "notice_hosts"):
        credentials = Credentials(EASYPAISA.secrets, {**EASYPAISA.settings, name: hosts})
        with pytest.raises(InvalidCredentials):
            easypaisa().check_credentials(credentials=credentials)


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("PAID", NoticeStatus.PAID),
        ("FAILED", NoticeStatus.FAILED),
        ("DROPPED", NoticeStatus.FAILED),
        ("EXPIRED", NoticeStatus.EXPIRED),
        ("PENDING", NoticeStatus.PENDING),
    ],
)
def test_what_the_vendor_answers_is_what_happened(told: str, status: NoticeStatus) -> None:
    (notice,) = easypaisa(transaction_status=told).read(
        received=easypaisa_notice(), credentials=EASYPAISA, now=NOW
    )

    assert (notice.status, notice.amount, notice.reference) == (status, AMOUNT, REFERENCE)
    assert notice.vendor_id == "70015"


@pytest.mark.parametrize(
    "changes",
    [
        {"transaction_status": "paid"},
        {"transaction_status": None},
        {"order_id": None},
        {"order_id": 17},
        {"transaction_amount": "-2499.0"},
        {"transaction_amount": "0.0"},
        {"transaction_amount": "2499.001"},
        {"transaction_amount": "٢٤٩٩"},
        {"transaction_amount": "9" * 14},
    ],
)
def test_an_answer_that_cannot_be_read_is_no_payment(changes: dict[str, object]) -> None:
    with pytest.raises(NoticeMalformed):
        easypaisa(**changes).read(received=easypaisa_notice(), credentials=EASYPAISA, now=NOW)


def test_a_payment_into_somebody_elses_store_is_none() -> None:
    """Whoever has a store can pay themselves a rupee under a reference of ours."""
    for store in ("12256", None):
        with pytest.raises(NoticeRefused):
            easypaisa(store_id=store).read(received=easypaisa_notice(), credentials=EASYPAISA, now=NOW)


@pytest.mark.parametrize("answer", [(302, b""), (404, b""), (500, b"")])
def test_what_is_not_answered_is_asked_again_later(answer: tuple[int, bytes]) -> None:
    gateway = Easypaisa(connect=FakeHost({NOTICE_ADDRESS: answer}).connect)
    with pytest.raises(GatewayUnavailable):
        gateway.read(received=easypaisa_notice(), credentials=EASYPAISA, now=NOW)


def test_the_hash_is_the_one_that_openssl_makes() -> None:
    # printf '%s' 'amount=2499.0&storeId=12255' | openssl enc -aes-128-ecb -K <key in hex> -base64
    fields = {"storeId": "12255", "amount": "2499.0"}

    assert merchant_hash(fields, key="0123456789ABCDEF") == "cDz7UYGfxBjD5t/uwloIRbxf4Yp6tPiOsjPR2QW3JwQ="
    assert (
        merchant_hash(fields, key="0123456789ABCDEF01234567")
        == "RRHnPGrporhY3uEL5yLYZKZZ/z4XBT1NFKSO6mwemPI="
    )
    assert (
        merchant_hash(fields, key="0123456789ABCDEF0123456789ABCDEF")
        == "/+wc9b2U4RYNTe2xd5iwdGVZG6zsSJ+RegPQS1XX9LI="
    )


@pytest.mark.parametrize(
    ("paisa", "text"), [(249900, "2499.0"), (249950, "2499.5"), (249955, "2499.55"), (5, "0.05")]
)
def test_amounts_are_rupees_with_a_decimal_at_least(paisa: int, text: str) -> None:
    assert rupees_text(paisa) == text


def test_the_form_has_its_fields_and_their_hash() -> None:
    checkout = easypaisa().begin(asked=asked(), credentials=EASYPAISA, now=NOW)
    fields = dict(checkout.fields)
    hashed = fields.pop("merchantHashedReq")

    assert checkout.url == f"https://{HOST}/easypay/Index.jsf"
    assert fields == {
        "amount": "2499.0",
        "autoRedirect": "1",
        "expiryDate": "20410515 150000",
        "orderRefNum": REFERENCE,
        "postBackURL": RETURN_URL,
        "storeId": "12255",
    }
    assert hashed == merchant_hash(fields, key="0123456789ABCDEF")


def test_a_payer_who_comes_back_with_a_token_is_sent_on_to_confirm() -> None:
    step = easypaisa().next_step(query="auth_token=ab%2Bc%3D", asked=asked(), credentials=EASYPAISA)

    assert step is not None
    assert step.url == f"https://{HOST}/easypay/Confirm.jsf"
    assert step.fields == {"auth_token": "ab+c=", "postBackURL": RETURN_URL}


@pytest.mark.parametrize(
    "query", ["", "status=0000", "auth_token=", "auth_token=%3Cb%3E", "auth_token=a&auth_token=b", "%"]
)
def test_a_payer_who_comes_back_at_the_end_stays(query: str) -> None:
    assert easypaisa().next_step(query=query, asked=asked(), credentials=EASYPAISA) is None


def test_an_inquiry_tells_the_same_event_as_the_notice() -> None:
    answer = {"responseCode": "0000", "transactionStatus": "PAID", "transactionAmount": 2499.0}
    host = FakeHost({INQUIRY: json_answer(**answer)})
    notice = Easypaisa(connect=host.connect).inquire(
        reference=REFERENCE, vendor_id="", credentials=ASKING, now=NOW
    )
    (told,) = easypaisa().read(received=easypaisa_notice(), credentials=EASYPAISA, now=NOW)

    assert (notice.event_id, notice.amount) == (told.event_id, AMOUNT)
    _, _, headers, body = host.requests[0]
    assert headers["Credentials"] == "cmF2aTp3b3JkLTQ3MTE="
    assert json.loads(body) == {"orderId": REFERENCE, "storeId": "12255", "accountNum": "173397419"}


def test_an_inquiry_that_fails_says_nothing_of_the_payment() -> None:
    for answer, raised in (
        (json_answer(responseCode="0003"), GatewayRefused),
        (json_answer(responseCode="0000", transactionStatus="?"), GatewayUnavailable),
    ):
        with pytest.raises(raised):
            Easypaisa(connect=FakeHost({INQUIRY: answer}).connect).inquire(
                reference=REFERENCE, vendor_id="", credentials=ASKING, now=NOW
            )


def test_what_is_not_set_up_or_not_offered_says_so() -> None:
    with pytest.raises(NotSupported):
        easypaisa().inquire(reference=REFERENCE, vendor_id="", credentials=EASYPAISA, now=NOW)
    refund = RefundAsked("rf_1", REFERENCE, "7", Money(1, "PKR"))
    with pytest.raises(NotSupported):
        easypaisa().refund(asked=refund, credentials=EASYPAISA, now=NOW)


def test_half_of_what_inquiries_need_is_refused() -> None:
    half = Credentials({**EASYPAISA.secrets, "inquiry_username": "ravi"}, EASYPAISA.settings)
    with pytest.raises(InvalidCredentials):
        easypaisa().check_credentials(credentials=half)
    easypaisa().check_credentials(credentials=ASKING)

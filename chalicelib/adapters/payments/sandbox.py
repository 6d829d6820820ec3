"""A gateway that takes no money: for a first look, for tests, and for trying the platform out.

It behaves as vendors do. A checkout is a page of its own (``api/sandbox_pages.py``), whose address
holds what is to be paid, sealed by an HMAC under the tenant's secret. What became of it is told by
a message to the callback address, signed over its time and raw bytes.

The vendor's own memory, for who asks later, is this process's, and small: in a deployment of
several containers a sandbox payment may be forgotten.
"""

from __future__ import annotations

import hmac
import json
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from threading import Lock
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from chalicelib.domain.gateways import (
    Checkout,
    CheckoutAsked,
    Credentials,
    GatewayKind,
    InvalidCredentials,
    Notice,
    NoticeMalformed,
    NoticeRefused,
    NoticeStatus,
    NoticeTooOld,
    Outcome,
    Received,
    RefundAsked,
    RefundMade,
    Step,
    VendorAnswer,
)
from chalicelib.domain.money import AMOUNT_MINOR_MAX, Money

PAGE_PATH: Final = "/sandbox-pay"
SIGNATURE_HEADER: Final = "sandbox-signature"
SECRET: Final = "signing_secret"  # noqa: S105 - the name of the field
SECRET_CHARS_MIN: Final = 16
TOLERANCE_SECONDS: Final = 300
_REMEMBERED_MAX: Final = 1_000
_SIGNATURE: Final = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})", re.ASCII)
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,100}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_FIELDS: Final = frozenset(
    {"id", "reference", "status", "amount", "currency", "transaction", "created", "reason"}
)
_STATUSES: Final = {"paid": NoticeStatus.PAID, "declined": NoticeStatus.FAILED}
_ANSWERS: Final = {
    Outcome.REFUSED: 401,
    Outcome.MALFORMED: 400,
    Outcome.TRY_AGAIN: 503,
}


@dataclass(frozen=True, slots=True)
class Order:
    """What a checkout page is asked to collect, and where it leads back to."""

    reference: str
    amount: str
    currency: str
    what: str
    back: str

    def signed(self, *, credentials: Credentials) -> str:
        """Return the query of the page's address."""
        parts = {name: getattr(self, name) for name in self.__slots__ if name != "reference"}
        return urlencode({**parts, "seal": self._seal(credentials)})

    def holds(self, *, seal: str, credentials: Credentials) -> bool:
        """Whether the seal is of this order."""
        return hmac.compare_digest(self._seal(credentials).encode(), seal.encode())

    def _seal(self, credentials: Credentials) -> str:
        told = json.dumps([self.reference, self.amount, self.currency, self.what, self.back])
        return _hmac(credentials, b"order." + told.encode())


class _Memory:
    """The last message about each reference, as the vendor would know it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def keep(self, *, reference: str, body: bytes) -> None:
        """Remember a message."""
        with self._lock:
            self._kept[reference] = body
            while len(self._kept) > _REMEMBERED_MAX:
                self._kept.popitem(last=False)

    def of(self, *, reference: str) -> bytes | None:
        """Return what is known of a reference."""
        with self._lock:
            return self._kept.get(reference)


MEMORY: Final = _Memory()


class SandboxGateway:
    """The sandbox behind the port."""

    kind = GatewayKind.SANDBOX
    currencies: frozenset[str] = frozenset()
    refunds = True
    refunds_by_key = True

    def check_credentials(self, *, credentials: Credentials) -> None:
        """Raise InvalidCredentials unless there is a signing secret, and nothing else."""
        unknown = sorted({*credentials.secrets, *credentials.settings} - {SECRET})
        if unknown or SECRET in credentials.settings:
            raise InvalidCredentials("the sandbox has no such field", param=(unknown or [SECRET])[0])
        if len(credentials.secrets.get(SECRET, "")) < SECRET_CHARS_MIN:
            message = f"a secret of at least {SECRET_CHARS_MIN} characters is needed"
            raise InvalidCredentials(message, param=SECRET)
        if credentials.live:
            raise InvalidCredentials("the sandbox is never live", param="live")

    def begin(self, *, asked: CheckoutAsked, credentials: Credentials, now: datetime) -> Checkout:  # noqa: ARG002
        """Return the address of the sandbox's own page."""
        order = Order(
            reference=asked.reference,
            amount=str(asked.amount.amount),
            currency=asked.amount.currency,
            what=asked.description,
            back=asked.return_url,
        )
        parts = urlsplit(asked.callback_url)
        key = parts.path.rpartition("/")[2]
        page = f"{parts.scheme}://{parts.netloc}{PAGE_PATH}/{key}/{asked.reference}"
        return Checkout(Step.REDIRECT, url=f"{page}?{order.signed(credentials=credentials)}")

    def read(self, *, received: Received, credentials: Credentials, now: datetime) -> Sequence[Notice]:
        """Return what a signed message tells."""
        found = _SIGNATURE.fullmatch(received.headers.get(SIGNATURE_HEADER, ""))
        if received.method != "POST" or received.query or found is None:
            raise NoticeRefused("the signature is missing")
        signed = _hmac(credentials, found[1].encode() + b"." + received.body)
        if not hmac.compare_digest(signed, found[2]):
            raise NoticeRefused("the signature is not over this message")
        if abs(int(now.timestamp()) - int(found[1])) > TOLERANCE_SECONDS:
            raise NoticeTooOld("the message is not of the present")
        return [_notice(received.body)]

    def answer(self, *, outcome: Outcome, received: Received) -> VendorAnswer:  # noqa: ARG002
        """Return the answer; anything but 2xx makes the sandbox's user look."""
        return VendorAnswer(_ANSWERS.get(outcome, 200), json.dumps({"received": outcome.value}))

    def inquire(
        self,
        *,
        reference: str,
        vendor_id: str,  # noqa: ARG002
        credentials: Credentials,  # noqa: ARG002
        now: datetime,
    ) -> Notice:
        """Return what became of a collection, as far as this process knows."""
        body = MEMORY.of(reference=reference)
        if body is None:
            return Notice(f"unknown-{reference}", reference, NoticeStatus.IGNORED, occurred_at=now)
        return _notice(body)

    def refund(self, *, asked: RefundAsked, credentials: Credentials, now: datetime) -> RefundMade:  # noqa: ARG002
        """Give nothing back, for nothing was taken, and say so by an identifier of the key."""
        return RefundMade(vendor_id=f"sbxr_{sha256(asked.key.encode()).hexdigest()[:24]}")


def make(*, local: bool) -> SandboxGateway:  # noqa: ARG001 - it asks nobody
    """Return the adapter."""
    return SandboxGateway()


# -- the vendor's side -----------------------------------------------------------------------


def message(*, order: Order, paid: bool, event_id: str, transaction: str, at: datetime) -> bytes:
    """Return the message about what a payer did."""
    told = {
        "id": event_id,
        "reference": order.reference,
        "status": "paid" if paid else "declined",
        "amount": int(order.amount),
        "currency": order.currency,
        "transaction": transaction,
        "created": int(at.timestamp()),
        "reason": "" if paid else "the payer declined",
    }
    return json.dumps(told).encode()


def signature(*, body: bytes, credentials: Credentials, at: datetime) -> str:
    """Return the header that makes a message believed."""
    stamp = str(int(at.timestamp()))
    return f"t={stamp},v1={_hmac(credentials, stamp.encode() + b'.' + body)}"


def _hmac(credentials: Credentials, message: bytes) -> str:
    return hmac.new(credentials.secrets[SECRET].encode(), message, sha256).hexdigest()


def _notice(body: bytes) -> Notice:
    told = _parsed(body)
    amount, currency, status = told["amount"], told["currency"], told["status"]
    texts = {name: told[name] for name in ("id", "reference", "transaction")}
    if not all(isinstance(text, str) and _TOKEN.fullmatch(text) for text in texts.values()):
        raise NoticeMalformed("a name is missing, or too long")
    if type(amount) is not int or not 0 < amount <= AMOUNT_MINOR_MAX:
        raise NoticeMalformed("the amount is none", param="amount")
    if not (isinstance(currency, str) and _CURRENCY.fullmatch(currency)) or status not in _STATUSES:
        raise NoticeMalformed("the currency or the status is none")
    if type(told["created"]) is not int or not isinstance(told["reason"], str):
        raise NoticeMalformed("the time or the reason is none")
    return Notice(
        event_id=told["id"],
        reference=told["reference"],
        status=_STATUSES[status],
        amount=Money(amount, currency),
        vendor_id=told["transaction"],
        occurred_at=_instant(told["created"]),
        reason=told["reason"],
    )


def _instant(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise NoticeMalformed("the time is none", param="created") from None


def _parsed(body: bytes) -> Mapping[str, Any]:
    """Return the fields of a message; refuse what readers of JSON would not agree on."""
    try:
        told = json.loads(body.decode("utf-8"), object_pairs_hook=_once_each)
    except (ValueError, RecursionError):
        raise NoticeMalformed("the message is no JSON") from None
    if not isinstance(told, dict) or set(told) != _FIELDS:
        raise NoticeMalformed("the message has other fields")
    return told


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field is there twice")
    return found

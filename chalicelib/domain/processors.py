"""The register of third parties: what each is for, where it is, and which fields it may be sent.

Section 6 of the policy: only for named purposes. An adapter passes what it is about to send through
``sendable``, which refuses a field that the register does not name: a field that is added to a
message goes nowhere until somebody wrote down here that it may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from chalicelib.domain.data_map import Category, Purpose
from chalicelib.domain.errors import DomainError
from chalicelib.domain.tenants import Tenant


class FieldNotAllowed(DomainError):
    """A message holds a field that the register does not let its receiver have: nothing was sent."""

    code = "field_not_allowed"


@dataclass(frozen=True, slots=True)
class Processor:
    """A third party. ``fields`` are the exact fields of messages to it; ``where`` is a country or region.

    ``switch`` names the tenant's setting that lets it be used; empty for what the platform cannot do
    without. ``controller`` is true for who decides by itself what to do with what it is told.
    """

    code: str
    name: str
    purpose: Purpose
    where: str
    categories: tuple[Category, ...]
    fields: frozenset[str]
    words: str
    switch: str = ""
    controller: bool = False

    def on(self, *, tenant: Tenant) -> bool:
        """Whether a tenant uses it."""
        return bool(getattr(tenant, self.switch)) if self.switch else True


HOSTING: Final = Processor(
    code="aws",
    name="Amazon Web Services",
    purpose=Purpose.SERVICE,
    where="the region that the operator chose for the stage",
    categories=tuple(Category),
    fields=frozenset(),
    words="Hosting, storage, keys and logs. What is about people is encrypted before it is stored.",
)
MAIL: Final = Processor(
    code="aws-ses",
    name="Amazon Simple Email Service",
    purpose=Purpose.SERVICE,
    where="the region that the operator chose for the stage",
    categories=(Category.IDENTITY,),
    fields=frozenset({"to", "subject", "text"}),
    words="Delivers mails: the address, the subject and the text.",
)
SMS: Final = Processor(
    code="aws-sns",
    name="Amazon Simple Notification Service",
    purpose=Purpose.SERVICE,
    where="the region that the operator chose for the stage, and the carriers of the number",
    categories=(Category.IDENTITY,),
    fields=frozenset({"to", "text"}),
    words="Delivers SMS: the number and the text, which names nobody.",
    switch="portal_sms",
)
PAYMENTS: Final = Processor(
    code="payment-gateways",
    name="The payment gateways that the ISP has an agreement with",
    purpose=Purpose.BILLING,
    where="where the gateway is",
    categories=(Category.BILLING,),
    fields=frozenset(
        "reference amount description return_url callback_url expires_at consumer_number "
        "key vendor_id".split()
    ),
    words="Collect and give back amounts, by a reference of ours. Payers give them their card or account "
    "themselves; the platform never has it.",
    controller=True,
)

REGISTER: Final = (HOSTING, MAIL, SMS, PAYMENTS)


def check_fields(*, processor: Processor, names: Iterable[str]) -> None:
    """Raise FieldNotAllowed where a field is none that the register lets the receiver have."""
    over = sorted(set(names) - processor.fields)
    if over:
        raise FieldNotAllowed(f"{processor.code} is not to be sent {', '.join(over)}")


def sendable(*, processor: Processor, message: Any) -> Mapping[str, Any]:
    """Return the fields of a message (a dataclass) that go to a third party, or raise FieldNotAllowed."""
    names = [one.name for one in fields(message)]
    check_fields(processor=processor, names=names)
    return {name: getattr(message, name) for name in names}

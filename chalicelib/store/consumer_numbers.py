"""Consumer numbers by which banks pay a subscriber's bills.

- ``<tenant>#A#<ulid>`` / ``CONSUMER``: the subscriber's number.
- ``<tenant>#CNUM`` / number: whose it is; a number is never given to anybody else.
- ``<tenant>#CNUM`` / ``SERIAL``: the next serial, before the numbers' digits in no order that matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition

from chalicelib.ports.gateway_collections import NumberTaken
from chalicelib.store import keys
from chalicelib.store.acting import OfTenant
from chalicelib.store.base import ModelWrite, TenantsItem, put, put_new, update

SERIAL = "SERIAL"
CONSUMER = "CONSUMER"


class ConsumerItem(TenantsItem):
    """``<tenant>#A#<ulid>`` / ``CONSUMER``."""

    number = UnicodeAttribute()


class ConsumerNumberItem(TenantsItem):
    """``<tenant>#CNUM`` / number, and ``SERIAL``."""

    account_id = UnicodeAttribute(attr_name="a", null=True)
    following = NumberAttribute(attr_name="n", null=True)


class DynamoConsumerNumbers(OfTenant):
    """The consumer numbers of one tenant."""

    def __init__(self, *, tenant_id: str) -> None:
        self._tenant_id = tenant_id
        self._pk = keys.consumer_numbers(tenant_id)

    def of(self, *, account_id: str) -> str:
        """Return a subscriber's number, or the empty text."""
        try:
            return str(
                ConsumerItem.get(
                    keys.account(self._tenant_id, account_id), CONSUMER, consistent_read=True
                ).number
            )
        except DoesNotExist:
            return ""

    def account_of(self, *, number: str) -> str | None:
        """Return whose a number is, or None."""
        try:
            return str(ConsumerNumberItem.get(self._pk, number, consistent_read=True).account_id)
        except DoesNotExist:
            return None

    def each(self) -> Iterator[tuple[str, str]]:
        """Yield every number and whose it is, in the order of numbers."""
        numbers = ConsumerNumberItem.sk < SERIAL
        for item in ConsumerNumberItem.query(self._pk, numbers, consistent_read=True):
            yield str(item.sk), str(item.account_id)

    def next_serial(self) -> int:
        """Return the serial that no number was made of yet, from 1 on."""
        try:
            return int(ConsumerNumberItem.get(self._pk, SERIAL, consistent_read=True).following)
        except DoesNotExist:
            return 1

    def give(self, *, account_id: str, number: str, serial: int, before: str) -> Sequence[ModelWrite]:
        """Describe giving a number made of a serial to a subscriber, in the place of the one before."""
        mine = ConsumerItem(keys.account(self._tenant_id, account_id), CONSUMER, number=number)
        as_read: Condition = ConsumerItem.pk.does_not_exist()
        if before:
            as_read = ConsumerItem.number == before
        following = ConsumerNumberItem.following
        counted = ConsumerNumberItem(self._pk, SERIAL)
        unmoved = following == serial if serial > 1 else following.does_not_exist()
        taken = NumberTaken("other numbers were given at this moment")
        return [
            put(mine, condition=as_read, refused=taken),
            put_new(ConsumerNumberItem(self._pk, number, account_id=account_id), refused=taken),
            update(counted, actions=[following.set(serial + 1)], condition=unmoved, refused=taken),
        ]

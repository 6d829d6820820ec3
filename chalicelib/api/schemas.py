"""What bodies, queries and answers have in common.

A body refuses unknown fields and wrong types (``"1"`` is no number). An answer model has a
class method ``of`` that renders the domain value: with it the kept answer of an
``Idempotency-Key`` is rendered too.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from chalicelib.api.errors import InvalidField
from chalicelib.domain.money import AMOUNT_MINOR_MAX, Money

PAGE_ITEMS_MAX: Final = 200
PAGE_ITEMS_DEFAULT: Final = 50
CURSOR_CHARS_MAX: Final = 1_000
# Above what the rules allow of any list of parts, whose refusals say more; what is longer is not looked at.
PARTS_MAX: Final = 1_000


def _clean(text: str) -> str:
    """Normalise to NFC and refuse control characters, which no name or address has."""
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in text):
        raise ValueError("control characters are not allowed")
    return unicodedata.normalize("NFC", text)


# One line of text as people write it: trimmed, normalised, without control characters.
Line = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_clean)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class Schema(BaseModel):
    """A JSON object of the API."""

    # Built when first used: a cold start serves one route, not all. An error that reaches the log
    # does not tell what was sent.
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, defer_build=True, hide_input_in_errors=True
    )


class Patch(Schema):
    """Changes: a field that is left out stays as it is, and something changes.

    Null is a value of the ``NULLABLE`` fields alone: it empties them.
    """

    NULLABLE: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one field to change")
        for name in sorted(self.model_fields_set - self.NULLABLE):
            if getattr(self, name) is None:
                raise InvalidField("null is not a value of this field", param=name, code="invalid_type")
        return self


class MoneyOut(Schema):
    """An amount in minor units of a currency."""

    amount: int = Field(examples=[164900])
    currency: str = Field(examples=["PKR"])

    @classmethod
    def of(cls, money: Money) -> MoneyOut:
        """Render an amount."""
        return cls(amount=money.amount, currency=money.currency)


class MoneyIn(Schema):
    """An amount in minor units of a currency, zero or more."""

    amount: int = Field(ge=0, le=AMOUNT_MINOR_MAX, examples=[164900])
    currency: Currency = Field(examples=["PKR"])

    def money(self) -> Money:
        """Return the domain's value."""
        return Money(self.amount, self.currency)


class ListQuery(Schema):
    """A page of a list: at most ``limit`` items, continued by the ``cursor`` of the page before."""

    limit: int = Field(default=PAGE_ITEMS_DEFAULT, ge=1, le=PAGE_ITEMS_MAX)
    cursor: str | None = Field(default=None, min_length=1, max_length=CURSOR_CHARS_MAX)


class ListAnswer(Schema):
    """A page; ``next_cursor`` is null at the end.

    Each list says what its ``items`` are. Not a generic model: the first of those costs 20 ms
    of a cold start.
    """

    items: list[Any]
    next_cursor: str | None

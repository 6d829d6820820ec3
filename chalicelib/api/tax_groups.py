"""Tax groups: schedules of taxes that packages name."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from chalicelib.api.schemas import Line, Schema
from chalicelib.domain.taxes import (
    JURISDICTION_CHARS_MAX,
    TAX_COMPONENTS_MAX,
    TAX_NAME_CHARS_MAX,
    TAX_RATE_MAX,
    TAX_ROWS_MAX,
    TaxBase,
    TaxComponent,
    TaxGroup,
    TaxRow,
)


class TaxComponentBody(Schema):
    """One tax; 19.5 % is 195000 millionths."""

    code: str = Field(min_length=1, max_length=40, examples=["sales_tax"])
    name: Line = Field(min_length=1, max_length=TAX_NAME_CHARS_MAX, examples=["Sales tax"])
    rate_millionths: int = Field(ge=0, le=TAX_RATE_MAX, examples=[195000])
    base: TaxBase = TaxBase.NET


class TaxRowBody(Schema):
    """The taxes in force from a date until the next row of the jurisdiction.

    A ``jurisdiction`` names an area from the largest to the smallest, such as ``PK-SD`` or ``US-CA-LA``. The
    row is for customers there who have none that is more precise; empty is everywhere.
    """

    starts_on: date
    jurisdiction: str = Field(default="", max_length=JURISDICTION_CHARS_MAX, examples=["PK-SD"])
    components: list[TaxComponentBody] = Field(max_length=TAX_COMPONENTS_MAX)


class TaxGroupIn(Schema):
    """A schedule of taxes: the rows of a jurisdiction in the order of their dates.

    ``inclusive`` where prices contain the taxes. What runs have billed is fixed: until the newest run's
    date every date keeps its taxes; change them by a row that starts later.
    """

    name: Line = Field(min_length=1, max_length=TAX_NAME_CHARS_MAX, examples=["Internet service"])
    inclusive: bool = False
    rows: list[TaxRowBody] = Field(min_length=1, max_length=TAX_ROWS_MAX)

    def group(self, *, code: str) -> TaxGroup:
        """Return the domain's value."""
        rows = tuple(map(_row, self.rows))
        return TaxGroup(code=code, name=self.name, rows=rows, inclusive=self.inclusive)


def _row(body: TaxRowBody) -> TaxRow:
    components = (TaxComponent(one.code, one.name, one.rate_millionths, one.base) for one in body.components)
    return TaxRow(starts_on=body.starts_on, components=tuple(components), jurisdiction=body.jurisdiction)


class TaxGroupOut(TaxGroupIn):
    """A tax group with its code, which packages name."""

    code: str

    @classmethod
    def of(cls, group: TaxGroup) -> TaxGroupOut:
        """Render a group."""
        rows = [
            TaxRowBody(
                starts_on=row.starts_on,
                jurisdiction=row.jurisdiction,
                components=[
                    TaxComponentBody(
                        code=one.code, name=one.name, rate_millionths=one.rate_millionths, base=one.base
                    )
                    for one in row.components
                ],
            )
            for row in group.rows
        ]
        return cls(code=group.code, name=group.name, inclusive=group.inclusive, rows=rows)

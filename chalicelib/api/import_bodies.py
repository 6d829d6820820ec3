"""Bodies of imports: the file, and the mapping of its columns."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from chalicelib.api.schemas import Line, MoneyIn, Schema
from chalicelib.domain.contacts import AREA_CHARS_MAX
from chalicelib.domain.csv_inspect import FILE_BYTES_MAX, HEADER_CHARS_MAX
from chalicelib.domain.import_mapping import (
    SKIP_REASON_CHARS_MAX,
    SKIP_RULES_MAX,
    SKIP_VALUES_MAX,
    DateFormat,
    DecimalFormat,
    ImportDefaults,
    ImportField,
    ImportMapping,
    SkipRule,
)
from chalicelib.domain.imports import FILE_NAME_CHARS_MAX
from chalicelib.domain.packages import PACKAGE_NAME_CHARS_MAX

ColumnName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=HEADER_CHARS_MAX),
    Field(description="a column of the file, by its name"),
]


class ImportIn(Schema):
    """A CSV file to import. Its size is fixed here: the upload takes exactly so many bytes."""

    file_name: Annotated[Line, Field(min_length=1, max_length=FILE_NAME_CHARS_MAX)] = Field(
        examples=["customers.csv"]
    )
    size_bytes: int = Field(ge=1, description=f"at most {FILE_BYTES_MAX}", examples=[977_501])


class ColumnsBody(Schema):
    """Which column holds what. The code makes a subscriber unique."""

    code: ColumnName
    name: ColumnName | None = None
    email: ColumnName | None = None
    phone: ColumnName | None = None
    address: ColumnName | None = None
    national_id: ColumnName | None = None
    tax_id: ColumnName | None = None
    area: ColumnName | None = None
    note: ColumnName | None = None
    package: ColumnName | None = Field(default=None, description="holds names of packages")
    price: ColumnName | None = Field(default=None, description="holds a price of their own")
    start_date: ColumnName | None = Field(default=None, description="first day to be billed")
    anchor_day: ColumnName | None = None


class DefaultsBody(Schema):
    """What holds where a row has nothing in that column."""

    package: Annotated[Line, Field(min_length=1, max_length=PACKAGE_NAME_CHARS_MAX)] | None = None
    price: MoneyIn | None = None
    start_date: date | None = Field(default=None, examples=["2026-11-01"])
    anchor_day: int | None = Field(default=None, ge=1, le=31)
    area: Annotated[Line, Field(min_length=1, max_length=AREA_CHARS_MAX)] | None = None

    @classmethod
    def of(cls, defaults: ImportDefaults) -> DefaultsBody:
        """Render defaults."""
        price = defaults.price
        return cls.model_construct(
            package=defaults.package,
            price=MoneyIn.model_construct(amount=price.amount, currency=price.currency) if price else None,
            start_date=defaults.start_date,
            anchor_day=defaults.anchor_day,
            area=defaults.area,
        )


class SkipRuleBody(Schema):
    """Rows whose column holds one of the values (case aside) are left out, for the reason."""

    column: ColumnName
    values: Annotated[
        list[Annotated[str, Field(max_length=HEADER_CHARS_MAX)]],
        Field(min_length=1, max_length=SKIP_VALUES_MAX),
    ]
    reason: Annotated[Line, Field(min_length=1, max_length=SKIP_REASON_CHARS_MAX)] = Field(
        examples=["no internet service"]
    )


class MappingBody(Schema):
    """How rows become subscribers, and subscriptions where a package is named."""

    columns: ColumnsBody
    defaults: DefaultsBody = DefaultsBody()
    skip_when: list[SkipRuleBody] = Field(default_factory=list, max_length=SKIP_RULES_MAX)
    date_format: DateFormat = DateFormat.YMD
    decimal_format: DecimalFormat = DecimalFormat.POINT

    def mapping(self) -> ImportMapping:
        """Return the domain's value."""
        columns = self.columns.model_dump(exclude_none=True)
        price = self.defaults.price
        return ImportMapping(
            columns={ImportField(name): column.strip() for name, column in columns.items()},
            defaults=ImportDefaults(
                package=self.defaults.package,
                price=price.money() if price else None,
                start_date=self.defaults.start_date,
                anchor_day=self.defaults.anchor_day,
                area=self.defaults.area,
            ),
            skip_when=tuple(
                SkipRule(rule.column.strip(), tuple(rule.values), rule.reason) for rule in self.skip_when
            ),
            date_format=self.date_format,
            decimal_format=self.decimal_format,
        )

    @classmethod
    def of(cls, mapping: ImportMapping) -> MappingBody:
        """Render a mapping. It is not checked again: what is stored is shown, whatever the rules are now."""
        columns: dict[str, Any] = {name.value: column for name, column in mapping.columns.items()}
        return cls.model_construct(
            columns=ColumnsBody.model_construct(**columns),
            defaults=DefaultsBody.of(mapping.defaults),
            skip_when=[
                SkipRuleBody.model_construct(column=rule.column, values=list(rule.values), reason=rule.reason)
                for rule in mapping.skip_when
            ],
            date_format=mapping.date_format,
            decimal_format=mapping.decimal_format,
        )

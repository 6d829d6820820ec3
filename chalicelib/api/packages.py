"""Packages: what the ISP sells."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, MoneyIn, MoneyOut, Patch, Schema
from chalicelib.domain.packages import PACKAGE_NAME_CHARS_MAX, SPEED_KBPS_MAX, Package, PackageState
from chalicelib.domain.periods import CYCLE_COUNT_MAX, NAMED_CYCLES, BillingTiming, Cycle, CycleUnit
from chalicelib.domain.staff import Permission
from chalicelib.usecases import packages
from chalicelib.usecases.changes import UNCHANGED

CycleName = Literal["day", "week", "month", "quarter", "half_year", "year"]


class CycleBody(Schema):
    """Every ``count`` units: a quarter is 3 months."""

    unit: CycleUnit
    count: int = Field(ge=1, le=CYCLE_COUNT_MAX, examples=[1])

    @classmethod
    def of(cls, cycle: Cycle) -> CycleBody:
        """Render a cycle."""
        return cls(unit=cycle.unit, count=cycle.count)


def _named(given: Any) -> Any:
    """Read a cycle's name."""
    if not isinstance(given, str):
        return given
    if given not in NAMED_CYCLES:
        raise ValueError(f"a cycle is {', '.join(NAMED_CYCLES)}, or a unit with a count")
    return CycleBody.of(NAMED_CYCLES[given])


CycleIn = Annotated[CycleBody, BeforeValidator(_named, json_schema_input_type=CycleName | CycleBody)]
Speed = Annotated[int, Field(ge=1, le=SPEED_KBPS_MAX, examples=[20_000])]
PackageName = Annotated[Line, Field(min_length=1, max_length=PACKAGE_NAME_CHARS_MAX, examples=["Home 20"])]
TaxGroupCode = Annotated[str, Field(min_length=1, max_length=40, examples=["internet"])]


class PackageIn(Schema):
    """A package to sell. The price is for one cycle and before tax, in the tenant's currency."""

    name: PackageName
    price: MoneyIn
    cycle: CycleIn = Field(examples=["month", {"unit": "month", "count": 3}])
    timing: BillingTiming = Field(
        default=BillingTiming.ADVANCE,
        description="advance: billed on the first day of a period; arrears: on the day after its last",
    )
    download_kbps: Speed
    upload_kbps: Speed
    tax_group: TaxGroupCode | None = Field(default=None, description="one of the tenant's; null: untaxed")

    def new(self) -> packages.NewPackage:
        """Return the use case's value."""
        return packages.NewPackage(
            name=self.name,
            price=self.price.money(),
            cycle=Cycle(self.cycle.unit, self.cycle.count),
            timing=self.timing,
            download_kbps=self.download_kbps,
            upload_kbps=self.upload_kbps,
            tax_group=self.tax_group,
        )


class PackagePatch(Patch):
    """What changes. A new price holds for every period that is not invoiced yet.

    Cycle and timing never change, for subscriptions were sold by them: archive the package
    and create another.
    """

    NULLABLE = frozenset({"tax_group"})

    name: PackageName | None = None
    price: MoneyIn | None = None
    download_kbps: Speed | None = None
    upload_kbps: Speed | None = None
    tax_group: TaxGroupCode | None = None

    def change(self) -> packages.PackageChange:
        """Return the use case's value."""
        return packages.PackageChange(
            name=self.name,
            price=self.price.money() if self.price else None,
            download_kbps=self.download_kbps,
            upload_kbps=self.upload_kbps,
            tax_group=self.tax_group if "tax_group" in self.model_fields_set else UNCHANGED,
        )


class PackageOut(Schema):
    """A package."""

    package_id: str = Field(examples=["pkg_01JD0000000000000000000000"])
    name: str
    price: MoneyOut
    cycle: CycleBody
    timing: BillingTiming
    download_kbps: int
    upload_kbps: int
    tax_group: str | None
    state: PackageState
    created_at: datetime
    version: int

    @classmethod
    def of(cls, package: Package) -> PackageOut:
        """Render a package."""
        return cls(
            package_id=package.package_id,
            name=package.name,
            price=MoneyOut.of(package.price),
            cycle=CycleBody.of(package.cycle),
            timing=package.timing,
            download_kbps=package.download_kbps,
            upload_kbps=package.upload_kbps,
            tax_group=package.tax_group,
            state=package.state,
            created_at=package.created_at,
            version=package.version,
        )


class PackageList(ListAnswer):
    """Packages, oldest first."""

    items: list[PackageOut]


@endpoint("GET", "/v1/packages", permission=Permission.PACKAGES_READ, query=ListQuery, answer=PackageList)
def list_packages(request: Request) -> PackageList:
    """List the catalogue, archived packages too, oldest first."""
    page = request.store.packages.list(limit=request.query_as(ListQuery).limit, after=request.after)
    return request.listing(PackageList, page, PackageOut.of)


@endpoint(
    "POST",
    "/v1/packages",
    permission=Permission.PACKAGES_WRITE,
    body=PackageIn,
    answer=PackageOut,
    status=201,
    idempotent=True,
)
def create_package(request: Request) -> PackageOut:
    """Add a package to the catalogue."""
    package_id = request.services.ids.new(prefix="pkg")
    package = packages.create_package(
        store=request.store,
        package_id=package_id,
        new=request.body_as(PackageIn).new(),
        at=request.now,
        note=request.note("package.created", package_id),
        idempotency=request.idempotency,
    )
    return PackageOut.of(package)


@endpoint("GET", "/v1/packages/{package_id}", permission=Permission.PACKAGES_READ, answer=PackageOut)
def get_package(request: Request) -> PackageOut:
    """Show a package."""
    return PackageOut.of(request.store.packages.get(package_id=request.path["package_id"]))


@endpoint(
    "PATCH",
    "/v1/packages/{package_id}",
    permission=Permission.PACKAGES_WRITE,
    body=PackagePatch,
    answer=PackageOut,
    if_match=True,
)
def change_package(request: Request) -> PackageOut:
    """Change name, price, speeds or tax group."""
    package_id = request.path["package_id"]
    package = packages.change_package(
        store=request.store,
        package_id=package_id,
        change=request.body_as(PackagePatch).change(),
        if_match=request.if_match,
        note=request.note("package.changed", package_id),
    )
    return PackageOut.of(package)


@endpoint(
    "POST", "/v1/packages/{package_id}/archive", permission=Permission.PACKAGES_WRITE, answer=PackageOut
)
def archive_package(request: Request) -> PackageOut:
    """Take a package off sale. Its subscriptions go on; archiving twice changes nothing."""
    package_id = request.path["package_id"]
    package = packages.archive_package(
        store=request.store,
        package_id=package_id,
        if_match=request.if_match,
        note=request.note("package.archived", package_id),
    )
    return PackageOut.of(package)


@endpoint(
    "POST", "/v1/packages/{package_id}/unarchive", permission=Permission.PACKAGES_WRITE, answer=PackageOut
)
def unarchive_package(request: Request) -> PackageOut:
    """Put a package on sale again; unarchiving twice changes nothing."""
    package_id = request.path["package_id"]
    package = packages.unarchive_package(
        store=request.store,
        package_id=package_id,
        if_match=request.if_match,
        note=request.note("package.unarchived", package_id),
    )
    return PackageOut.of(package)

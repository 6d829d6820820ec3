"""Packages: what the ISP sells."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, NoReturn

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic.json_schema import SkipJsonSchema

from chalicelib.api.errors import InvalidField
from chalicelib.api.package_terms import (
    BundlePartBody,
    CapIn,
    PauseShare,
    PhaseIn,
    TermsIn,
    TermsOut,
    TopUpMib,
    ValidMinutes,
    terms_of,
)
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, MoneyIn, MoneyOut, Patch, Schema
from chalicelib.domain.package_terms import BUNDLE_PARTS_MAX, PHASES_MAX
from chalicelib.domain.packages import (
    PACKAGE_NAME_CHARS_MAX,
    SPEED_KBPS_MAX,
    Package,
    PackageKind,
    PackageState,
    RefundPolicy,
)
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


def _never_changes(_given: Any, info: ValidationInfo) -> NoReturn:
    """Refuse what subscriptions were sold by: a package that differs in it is another package."""
    message = f"the {info.field_name} never changes: archive the package and create another"
    raise InvalidField(message, param=info.field_name, code=f"{info.field_name}_fixed")


# Named only to be refused with the reason.
Fixed = Annotated[SkipJsonSchema[Any], AfterValidator(_never_changes)]


class PackageIn(TermsIn):
    """A package to sell. The price is for one cycle and before tax, in the tenant's currency.

    A ``service`` is billed by its cycle, an ``addon`` too, beside a service of the same
    subscriber. A ``prepaid`` package is bought for a time, and a ``top_up`` once for more data.
    """

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
    kind: PackageKind = PackageKind.SERVICE

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
            kind=self.kind,
            terms=self.terms(),
        )


class PackagePatch(Patch):
    """What changes. Another price or other terms make a new edition, which is sold from then on.

    Existing subscriptions keep the edition they were sold, unless ``moves_existing_on`` takes
    them along. Name and speeds change for all. Cycle, timing and kind never change, for
    subscriptions were sold by them: archive the package and create another.
    """

    NULLABLE = frozenset({"tax_group", "cap", "valid_minutes", "moves_existing_on"})

    name: PackageName | None = None
    price: MoneyIn | None = None
    download_kbps: Speed | None = None
    upload_kbps: Speed | None = None
    tax_group: TaxGroupCode | None = None
    phases: list[PhaseIn] | None = Field(default=None, max_length=PHASES_MAX)
    bundle: list[BundlePartBody] | None = Field(default=None, max_length=BUNDLE_PARTS_MAX)
    activation_fee: MoneyIn | None = None
    deposit: MoneyIn | None = None
    pause_share: PauseShare | None = None
    refund: RefundPolicy | None = None
    cap: CapIn | None = None
    valid_minutes: ValidMinutes | None = None
    top_up_mib: TopUpMib | None = None
    moves_existing_on: date | None = Field(
        default=None,
        description="existing subscriptions are billed by the newest edition for periods that start "
        "on this date or later; no billing run has started for it; null: they keep theirs",
    )
    cycle: Fixed = None
    timing: Fixed = None
    kind: Fixed = None

    def change(self) -> packages.PackageChange:
        """Return the use case's value."""
        return packages.PackageChange(
            name=self.name,
            price=self.price.money() if self.price else None,
            download_kbps=self.download_kbps,
            upload_kbps=self.upload_kbps,
            tax_group=self.tax_group if "tax_group" in self.model_fields_set else UNCHANGED,
            terms=terms_of(self),
            moves_existing_on=self.moves_existing_on
            if "moves_existing_on" in self.model_fields_set
            else UNCHANGED,
        )


class PackageOut(TermsOut):
    """A package; ``edition`` counts the changes of price and terms, ``version`` every change."""

    package_id: str = Field(examples=["pkg_01JD0000000000000000000000"])
    name: str
    price: MoneyOut
    cycle: CycleBody
    timing: BillingTiming
    download_kbps: int
    upload_kbps: int
    tax_group: str | None
    kind: PackageKind
    edition: int
    moves_existing_on: date | None
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
            kind=package.kind,
            edition=package.edition,
            moves_existing_on=package.moves_existing_on,
            state=package.state,
            created_at=package.created_at,
            version=package.version,
            **cls.told(package),
        )


class PackageList(ListAnswer):
    """Packages, oldest first."""

    items: list[PackageOut]


class EditionList(Schema):
    """Every edition of a package, oldest first; the last is sold now."""

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
    """Change name, speeds, price or terms; another price or other terms make a new edition."""
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
    "GET",
    "/v1/packages/{package_id}/editions",
    permission=Permission.PACKAGES_READ,
    answer=EditionList,
)
def list_package_editions(request: Request) -> EditionList:
    """List the editions of a package, oldest first. Subscriptions name the one they were sold."""
    editions = packages.list_editions(store=request.store, package_id=request.path["package_id"])
    return EditionList(items=[PackageOut.of(one) for one in editions])


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

"""Late and reconnect fees: their rules, what was charged, waiving, and what keeps from service."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import Line, ListAnswer, ListQuery, MoneyOut, Patch, Schema
from chalicelib.domain.accounts import ChargeKind
from chalicelib.domain.late_fees import (
    GRACE_DAYS_MAX,
    REASON_CHARS_MAX,
    RECONNECT_PACKAGES_MAX,
    RULE_NAME_CHARS_MAX,
    SHARE_PER_UNIT,
    FeeState,
    LateFee,
    LateFeeRule,
    MustPayItem,
    ReconnectFee,
)
from chalicelib.domain.money import AMOUNT_MINOR_MAX
from chalicelib.domain.staff import Permission
from chalicelib.usecases import late_fees
from chalicelib.usecases.restoring import must_pay

Minor = Annotated[int, Field(ge=0, le=AMOUNT_MINOR_MAX, description="minor units of the tenant's currency")]
Above = Annotated[int, Field(ge=1, le=AMOUNT_MINOR_MAX, description="minor units of the tenant's currency")]
RuleName = Annotated[Line, Field(min_length=1, max_length=RULE_NAME_CHARS_MAX, examples=["Late payment fee"])]
Share = Annotated[int, Field(ge=0, le=SHARE_PER_UNIT, examples=[20_000])]
TaxGroupCode = Annotated[str, Field(min_length=1, max_length=40, examples=["internet"])]
PackageId = Annotated[str, Field(min_length=1, max_length=40, examples=["pkg_01JD0000000000000000000000"])]
# Names of the domain's rule that differ from the API's.
_NAMES = {"share_millionths": "share"}


class LateFeeRuleIn(Schema):
    """What is charged for an invoice not paid in time: a share of what is open, or an amount.

    It is charged on the day after the last day to pay and ``grace_days`` more, once, and billed with
    the next bill. Invoices to be paid before ``active_from`` are left alone.
    """

    name: RuleName
    grace_days: int = Field(ge=0, le=GRACE_DAYS_MAX, examples=[5])
    share_millionths: Share = Field(default=0, description="of what is open, without fees; 2 % is 20000")
    amount: Minor = 0
    cap: Above | None = Field(default=None, description="the fee is never more; null: no cap")
    minimum_open: Above = Field(default=1, description="where less is open, nothing is charged")
    tax_group: TaxGroupCode | None = None
    must_pay: bool = Field(default=True, description="to be paid before suspended service is restored")
    active_from: date | None = Field(default=None, description="today unless given; never earlier")

    def rule(self, *, rule_id: str, today: date) -> LateFeeRule:
        """Return the domain's value."""
        return LateFeeRule(
            rule_id=rule_id,
            name=self.name,
            grace_days=self.grace_days,
            active_from=self.active_from or today,
            share=self.share_millionths,
            amount=self.amount,
            cap=self.cap,
            minimum_open=self.minimum_open,
            tax_group=self.tax_group,
            must_pay=self.must_pay,
        )


class LateFeeRulePatch(Patch):
    """What changes, for fees to come. For another grace end the rule (``active``) and add one."""

    NULLABLE = frozenset({"cap", "tax_group"})

    name: RuleName | None = None
    share_millionths: Share | None = None
    amount: Minor | None = None
    cap: Above | None = None
    minimum_open: Above | None = None
    tax_group: TaxGroupCode | None = None
    must_pay: bool | None = None
    active: bool | None = None

    def change(self) -> dict[str, object]:
        """Return the fields of the domain's rule that change."""
        return {_NAMES.get(name, name): getattr(self, name) for name in sorted(self.model_fields_set)}


class LateFeeRuleOut(Schema):
    """A rule of late fees; amounts in minor units of the tenant's currency."""

    rule_id: str = Field(examples=["lfr_01JD0000000000000000000000"])
    name: str
    grace_days: int
    share_millionths: int
    amount: int
    cap: int | None
    minimum_open: int
    tax_group: str | None
    must_pay: bool
    active_from: date
    active: bool
    version: int

    @classmethod
    def of(cls, rule: LateFeeRule) -> LateFeeRuleOut:
        """Render a rule."""
        return cls(
            rule_id=rule.rule_id,
            name=rule.name,
            grace_days=rule.grace_days,
            share_millionths=rule.share,
            amount=rule.amount,
            cap=rule.cap,
            minimum_open=rule.minimum_open,
            tax_group=rule.tax_group,
            must_pay=rule.must_pay,
            active_from=rule.active_from,
            active=rule.active,
            version=rule.version,
        )


class LateFeeRuleList(Schema):
    """Every rule, those not in use too, oldest first."""

    items: list[LateFeeRuleOut]


class ReconnectPackage(Schema):
    """The reconnect fee of one package."""

    package_id: PackageId
    amount: Minor


class ReconnectFeeIn(Schema):
    """What restoring a suspended subscription costs; 0 is nothing. ``packages`` have their own."""

    amount: Minor
    packages: list[ReconnectPackage] = Field(default=[], max_length=RECONNECT_PACKAGES_MAX)
    tax_group: TaxGroupCode | None = None
    must_pay: bool = Field(default=True, description="an unpaid one keeps from being restored again")

    def fee(self) -> ReconnectFee:
        """Return the domain's value; of a package named twice the last counts."""
        packages = {one.package_id: one.amount for one in self.packages}
        return ReconnectFee(self.amount, tuple(packages.items()), self.tax_group, self.must_pay)


class ReconnectFeeOut(ReconnectFeeIn):
    """What restoring a suspended subscription costs."""

    version: int

    @classmethod
    def of(cls, fee: ReconnectFee) -> ReconnectFeeOut:
        """Render the setting."""
        packages = [ReconnectPackage(package_id=one, amount=amount) for one, amount in fee.packages]
        return cls(
            amount=fee.amount,
            packages=packages,
            tax_group=fee.tax_group,
            must_pay=fee.must_pay,
            version=fee.version,
        )


class LateFeeOut(Schema):
    """A late fee of an invoice, as charged before tax; 0 where it was waived before that."""

    invoice_id: str = Field(examples=["inv_01JD0000000000000000000000-20261101-1"])
    rule_id: str
    amount: int
    charged_on: date
    state: FeeState
    reason: str = Field(description="why it was waived")

    @classmethod
    def of(cls, fee: LateFee) -> LateFeeOut:
        """Render a fee."""
        return cls(
            invoice_id=fee.invoice_id,
            rule_id=fee.rule_id,
            amount=fee.amount,
            charged_on=fee.on,
            state=fee.state,
            reason=fee.reason,
        )


class LateFeeList(ListAnswer):
    """Late fees of a subscriber, in the order of the invoices' periods."""

    items: list[LateFeeOut]


class WaiverIn(Schema):
    """Why a fee is waived."""

    reason: Line = Field(min_length=3, max_length=REASON_CHARS_MAX, examples=["Outage in the area"])


class MustPayItemOut(Schema):
    """An unpaid fee; before tax where it waits for the next bill (``invoice_id`` is null)."""

    kind: ChargeKind
    description: str
    open: MoneyOut
    invoice_id: str | None
    number: str | None
    due_on: date | None

    @classmethod
    def of(cls, item: MustPayItem, *, currency: str) -> MustPayItemOut:
        """Render an item."""
        return cls(
            kind=item.kind,
            description=item.description,
            open=MoneyOut(amount=item.open_amount, currency=currency),
            invoice_id=item.invoice_id,
            number=item.number,
            due_on=item.due_on,
        )


class MustPayOut(Schema):
    """What is to be paid before suspended service is restored; ``items`` is empty where nothing is."""

    items: list[MustPayItemOut]
    total: MoneyOut


@endpoint("GET", "/v1/late-fee-rules", permission=Permission.TENANT_READ, answer=LateFeeRuleList)
def list_late_fee_rules(request: Request) -> LateFeeRuleList:
    """List the rules of late fees, oldest first."""
    return LateFeeRuleList(items=[LateFeeRuleOut.of(rule) for rule in request.store.late_fees.rules()])


@endpoint(
    "POST",
    "/v1/late-fee-rules",
    permission=Permission.TENANT_WRITE,
    body=LateFeeRuleIn,
    answer=LateFeeRuleOut,
    status=201,
    idempotent=True,
)
def create_late_fee_rule(request: Request) -> LateFeeRuleOut:
    """Add a rule of late fees. Nothing is charged for what was due before it."""
    rule_id = request.services.ids.new(prefix="lfr")
    today = request.store.known_profile.local_date(at=request.now)
    rule = late_fees.create_rule(
        store=request.store,
        rule=request.body_as(LateFeeRuleIn).rule(rule_id=rule_id, today=today),
        at=request.now,
        note=request.note("late_fee_rule.created", rule_id),
        idempotency=request.idempotency,
    )
    return LateFeeRuleOut.of(rule)


@endpoint("GET", "/v1/late-fee-rules/{rule_id}", permission=Permission.TENANT_READ, answer=LateFeeRuleOut)
def get_late_fee_rule(request: Request) -> LateFeeRuleOut:
    """Show a rule of late fees."""
    return LateFeeRuleOut.of(request.store.late_fees.rule(rule_id=request.path["rule_id"]))


@endpoint(
    "PATCH",
    "/v1/late-fee-rules/{rule_id}",
    permission=Permission.TENANT_WRITE,
    body=LateFeeRulePatch,
    answer=LateFeeRuleOut,
    if_match=True,
)
def change_late_fee_rule(request: Request) -> LateFeeRuleOut:
    """Change a rule for the fees to come, or end it. Fees that were charged stay."""
    change = request.body_as(LateFeeRulePatch).change()
    rule = late_fees.change_rule(
        store=request.store,
        rule_id=request.path["rule_id"],
        change=change,
        if_match=request.if_match,
        note=request.note("late_fee_rule.changed", request.path["rule_id"]),
    )
    return LateFeeRuleOut.of(rule)


@endpoint("GET", "/v1/reconnect-fee", permission=Permission.TENANT_READ, answer=ReconnectFeeOut)
def get_reconnect_fee(request: Request) -> ReconnectFeeOut:
    """Show what restoring a suspended subscription costs."""
    return ReconnectFeeOut.of(request.store.late_fees.reconnect())


@endpoint(
    "PUT",
    "/v1/reconnect-fee",
    permission=Permission.TENANT_WRITE,
    body=ReconnectFeeIn,
    answer=ReconnectFeeOut,
    if_match=True,
)
def put_reconnect_fee(request: Request) -> ReconnectFeeOut:
    """Set what restoring a suspended subscription costs; it is billed with the next bill."""
    body = request.body_as(ReconnectFeeIn)
    fee = late_fees.change_reconnect(
        store=request.store,
        fee=body.fee(),
        if_match=request.if_match,
        note=request.note("reconnect_fee.changed", request.principal.tenant_id),
    )
    return ReconnectFeeOut.of(fee)


@endpoint(
    "GET",
    "/v1/subscribers/{subscriber_id}/late-fees",
    permission=Permission.INVOICES_READ,
    query=ListQuery,
    answer=LateFeeList,
)
def list_late_fees(request: Request) -> LateFeeList:
    """List a subscriber's late fees, the waived ones too."""
    subscriber = request.store.subscribers.get(subscriber_id=request.path["subscriber_id"])
    page = request.store.late_fees.of_account(
        account_id=subscriber.subscriber_id,
        limit=request.query_as(ListQuery).limit,
        after=request.after,
    )
    return request.listing(LateFeeList, page, LateFeeOut.of)


@endpoint(
    "POST",
    "/v1/invoices/{invoice_id}/late-fees/{rule_id}/waive",
    permission=Permission.FEES_WAIVE,
    body=WaiverIn,
    answer=LateFeeOut,
)
def waive_late_fee(request: Request) -> LateFeeOut:
    """Waive a late fee, charged or not yet, until it is billed (409 `fee_billed`). Twice changes nothing."""
    invoice_id = request.path["invoice_id"]
    fee = late_fees.waive_late_fee(
        store=request.store,
        invoice_id=invoice_id,
        rule_id=request.path["rule_id"],
        reason=request.body_as(WaiverIn).reason,
        at=request.now,
        note=request.note("late_fee.waived", invoice_id),
    )
    return LateFeeOut.of(fee)


@endpoint(
    "GET",
    "/v1/subscribers/{subscriber_id}/must-pay",
    permission=Permission.INVOICES_READ,
    answer=MustPayOut,
)
def get_must_pay(request: Request) -> MustPayOut:
    """Show the unpaid fees that keep a suspended subscription from being restored (409 `must_pay`)."""
    account = request.store.subscribers.get(subscriber_id=request.path["subscriber_id"]).account
    items = must_pay(store=request.store, account=account)
    total = sum(item.open_amount for item in items)
    return MustPayOut(
        items=[MustPayItemOut.of(item, currency=account.currency) for item in items],
        total=MoneyOut(amount=total, currency=account.currency),
    )

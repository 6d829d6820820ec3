"""Money for batches of vouchers."""

from __future__ import annotations

from pydantic import Field

from chalicelib.api.dealer_wallets import WalletIn
from chalicelib.api.routing import Request, endpoint
from chalicelib.api.schemas import MoneyIn, MoneyOut, Schema
from chalicelib.domain.staff import Permission
from chalicelib.usecases.voucher_sales import BatchSold, SaleAsked, sell_batch


class VoucherSaleIn(WalletIn):
    """Money that comes in for a batch, and the `commission` that who sells it keeps of its worth."""

    commission: MoneyIn | None = Field(default=None, examples=[{"amount": 5_000, "currency": "PKR"}])

    def sale(self) -> SaleAsked:
        """Return the use case's value."""
        return SaleAsked(self.asked(), self.commission.money() if self.commission else None)


class VoucherSaleOut(Schema):
    """A company journal by which money came in for a batch."""

    document_id: str
    number: str = Field(examples=["CJN-2041-000007"])
    batch_id: str
    amount: MoneyOut

    @classmethod
    def of(cls, sold: BatchSold) -> VoucherSaleOut:
        """Render it."""
        document = sold.document
        return cls(
            document_id=document.document_id,
            number=document.number,
            batch_id=sold.batch_id,
            amount=MoneyOut(amount=document.amount, currency=document.currency),
        )


@endpoint(
    "POST",
    "/v1/voucher-batches/{batch_id}/sales",
    permission=Permission.VOUCHERS_WRITE,
    body=VoucherSaleIn,
    answer=VoucherSaleOut,
    status=201,
    idempotency_required=True,
)
def sell_voucher_batch(request: Request) -> VoucherSaleOut:
    """Record money for a batch: into a fund of the office, or out of a dealer's wallet."""
    body, batch_id = request.body_as(VoucherSaleIn), request.path["batch_id"]
    sold = sell_batch(
        store=request.store,
        batch_id=batch_id,
        fund_id=body.fund_id,
        asked=body.sale(),
        at=request.now,
        note=request.note("voucher_batch.sold", batch_id),
        idempotency=request.idempotency,
    )
    return VoucherSaleOut.of(sold)

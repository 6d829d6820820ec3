"""The data map of vouchers and dealers."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.data_map import Stored, Subject
from chalicelib.domain.data_map_handlings import (
    BOOKKEEPING,
    COLLEAGUE,
    COLLECTING,
    JOB,
    SECRET,
    SETTING,
    WRITTEN,
)

SALES: Final[tuple[Stored, ...]] = (
    Stored(
        "vouchers.BatchItem",
        "a batch of vouchers",
        Subject.STAFF,
        {
            JOB: "attempt failure finished_at made state terms updated_at version voided_at",
            BOOKKEEPING: "redeemed redeemed_amount sold_amount voided",
            WRITTEN: "note",
            SECRET: "seed",
        },
        {"note": "what staff wrote", "seed": "what codes are derived from, until they are made"},
    ),
    Stored("vouchers.NextItem", "the number of the next batch", Subject.NOBODY, {SETTING: "following"}),
    Stored(
        "vouchers.VoucherItem",
        "a voucher, and who redeemed it",
        Subject.SUBSCRIBER,
        {COLLECTING: "amount at document_id state subscriber_id"},
    ),
    Stored(
        "vouchers.CodeItem",
        "which voucher has a code, by a blind digest",
        Subject.NOBODY,
        {SETTING: "batch_id number"},
    ),
    Stored(
        "dealers.DealerItem",
        "a dealer who sells for the ISP",
        Subject.STAFF,
        {
            COLLEAGUE: "name",
            SETTING: "archived at children code commission currency level override parent_id prices version",
        },
        {"name": "the dealer's name"},
    ),
    Stored("dealers.DealerCodeItem", "which dealer has a code", Subject.NOBODY, {SETTING: "dealer_id"}),
    Stored("dealers.DealerPriceItem", "what a dealer pays", Subject.NOBODY, {SETTING: "price"}),
    Stored(
        "dealers.DealerSalesItem",
        "what a dealer sold in a month",
        Subject.STAFF,
        {
            BOOKKEEPING: "commission override refunded_commission refunded_override refunded_retail refunds "
            "retail sales"
        },
    ),
)

"""The data map of money besides documents: chargebacks, refunds by gateways, events, settlements."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.data_map import Stored, Subject
from chalicelib.domain.data_map_handlings import BOOKKEEPING, DOCUMENT, RUNNING, WRITTEN

MONEY_ITEMS: Final[tuple[Stored, ...]] = (
    Stored(
        "chargebacks.ChargebackItem",
        "a case by which a payer's bank took a payment back",
        Subject.SUBSCRIBER,
        {DOCUMENT: "amount currency debit_note_id journal_id receipt_id won_by"},
    ),
    Stored(
        "gateway_refunds.GatewayRefundItem",
        "a refund that a gateway was asked for",
        Subject.SUBSCRIBER,
        {
            DOCUMENT: "amount begun_at channel currency receipt_id state told vendor_id version",
            WRITTEN: "reason",
        },
        {"reason": "why a gateway refused, in its words"},
    ),
    Stored(
        "outbox.OutboxItem",
        "an event for the network, by identifiers",
        Subject.SUBSCRIBER,
        {RUNNING: "about details kind ttl"},
    ),
    Stored(
        "receipt_mails.ReceiptMailItem",
        "a receipt that is to be mailed",
        Subject.SUBSCRIBER,
        {RUNNING: "at taken_until"},
    ),
    Stored(
        "settlements.SettlementItem",
        "a file of a gateway or bank that was compared with the payments",
        Subject.STAFF,
        {
            BOOKKEEPING: "channel created_at created_by currency failure file_name finished_at on profile "
            "sha256 size_bytes state totals version"
        },
    ),
    Stored(
        "settlements.LinesItem",
        "rows of such a file",
        Subject.SUBSCRIBER,
        {WRITTEN: "lines"},
        {"lines": "numbers and amounts of payments, as the vendor lists them"},
    ),
    Stored(
        "settlements.ResolutionItem",
        "how a difference in such a file was resolved",
        Subject.STAFF,
        {BOOKKEEPING: "at by document_id kind", WRITTEN: "note"},
        {"note": "what staff wrote"},
    ),
    Stored(
        "settlements.SettledFileItem",
        "which files were compared",
        Subject.NOBODY,
        {BOOKKEEPING: "settlement_id"},
    ),
    Stored(
        "settlements.SettledDayItem",
        "which days were compared",
        Subject.NOBODY,
        {BOOKKEEPING: "settlement_id"},
    ),
    Stored(
        "settlements.SettledElsewhereItem",
        "which payments the file of another day has",
        Subject.NOBODY,
        {BOOKKEEPING: "settlement_id"},
    ),
)

"""The data map of what is collected online."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.data_map import Stored, Subject
from chalicelib.domain.data_map_handlings import COLLECTING, RUNNING, SECRET, SERVICE, SETTING, WRITTEN

ONLINE: Final[tuple[Stored, ...]] = (
    Stored(
        "gateways.GatewayItem",
        "a payment gateway that the ISP set up",
        Subject.ISP,
        {SETTING: "enabled live version", SECRET: "sealed"},
        {"sealed": "the callback's token, the settings and the secrets"},
    ),
    Stored(
        "gateways.CallbackItem",
        "finds a payment gateway by its callback's token",
        Subject.ISP,
        {SETTING: "kind tenant_id"},
    ),
    Stored(
        "gateway_collections.CollectionItem",
        "an attempt to collect an amount through a gateway",
        Subject.SUBSCRIBER,
        {
            COLLECTING: "amount asked_at captures created_at created_by currency expires_at fee gateway "
            "invoice state vendor_id version",
            WRITTEN: "reason",
        },
        {"reason": "why the vendor refused, in its words"},
    ),
    Stored(
        "gateway_collections.CollectingItem",
        "which collection is at an invoice",
        Subject.SUBSCRIBER,
        {COLLECTING: "reference"},
    ),
    Stored(
        "gateway_collections.ListedItem",
        "the list of collections",
        Subject.SUBSCRIBER,
        {COLLECTING: "account_id gateway over_at"},
    ),
    Stored(
        "gateway_collections.EventItem",
        "that an event of a gateway was handled",
        Subject.NOBODY,
        {RUNNING: "at"},
    ),
    Stored(
        "consumer_numbers.ConsumerItem",
        "the number by which banks pay a subscriber's bills",
        Subject.SUBSCRIBER,
        {SERVICE: "number"},
    ),
    Stored(
        "consumer_numbers.ConsumerNumberItem",
        "whose such a number is",
        Subject.SUBSCRIBER,
        {SERVICE: "account_id following"},
    ),
    Stored(
        "parked_notices.ParkedItem",
        "what a gateway told of and nobody could place",
        Subject.SUBSCRIBER,
        {
            COLLECTING: "account_id amount arrived_at collection_id currency gateway reason receipt_id "
            "resolved_at resolved_by state status",
            WRITTEN: "told",
        },
        {"told": "the message without its headers, and why it was dismissed"},
    ),
)

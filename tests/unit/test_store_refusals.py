"""What the database's own refusals mean to us."""

from __future__ import annotations

import pytest
from pynamodb.exceptions import CancellationReason, PutError, TransactWriteError, VerboseClientError

from chalicelib.store import base
from chalicelib.store.base import ModelWrite, RecordTooLarge, StoreUnavailable, outage_of

TOO_LARGE = "Item size has exceeded the maximum allowed size"
UPDATE_TOO_LARGE = "Item size to update has exceeded the maximum allowed size"
WRITE = ModelWrite("put", lambda _: None, AssertionError("not this one"))


def cause(code: str, message: str, *reasons: CancellationReason) -> VerboseClientError:
    response = {"Error": {"Code": code, "Message": message}}
    return VerboseClientError(response, "TransactWriteItems", {}, cancellation_reasons=reasons)


@pytest.mark.parametrize(
    "error",
    [
        cause("ValidationException", TOO_LARGE),
        cause("TransactionCanceledException", "", CancellationReason("ValidationError", TOO_LARGE)),
        cause(
            "TransactionCanceledException",
            "",
            CancellationReason("ValidationError", UPDATE_TOO_LARGE),
        ),
    ],
)
def test_a_record_that_is_too_large_is_refused_rather_than_tried_again(error: VerboseClientError) -> None:
    with pytest.raises(RecordTooLarge):
        base._raise_refusal(TransactWriteError("refused", error), [WRITE])


def test_another_cancelled_transaction_is_an_outage() -> None:
    error = cause("TransactionCanceledException", "", CancellationReason("ValidationError", "something"))
    with pytest.raises(StoreUnavailable):
        base._raise_refusal(TransactWriteError("refused", error), [WRITE])


def test_an_answer_is_an_outage_unless_it_is_a_refusal() -> None:
    assert isinstance(outage_of(PutError("", cause("ValidationException", TOO_LARGE))), RecordTooLarge)
    assert outage_of(PutError("", cause("ValidationException", "malformed"))) is None
    assert outage_of(PutError("", cause("ConditionalCheckFailedException", "no"))) is None
    assert isinstance(outage_of(PutError("", cause("InternalServerError", "no"))), StoreUnavailable)

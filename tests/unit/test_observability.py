"""What an error came from, in names that the log may keep."""

from __future__ import annotations

from botocore.exceptions import ClientError
from pynamodb.exceptions import CancellationReason, TransactWriteError, VerboseClientError

from chalicelib.observability import CAUSES_MAX, causes_of
from chalicelib.ports.services import FilesUnavailable


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "ayesha@isp.example"}}, "GetObject")


def raised(error: Exception, cause: Exception) -> Exception:
    try:
        raise error from cause
    except type(error) as told:
        return told


def test_causes_are_named_with_the_service_s_own_code() -> None:
    error = raised(FilesUnavailable("try again"), refused("SlowDown"))

    assert causes_of(error) == ["FilesUnavailable", "ClientError:SlowDown"]


def test_a_cancelled_transaction_names_its_reasons() -> None:
    reasons = [None, CancellationReason("ThrottlingError", "ayesha@isp.example")]
    response = {"Error": {"Code": "TransactionCanceledException", "Message": "ayesha@isp.example"}}
    error = VerboseClientError(response, "TransactWriteItems", {}, cancellation_reasons=reasons)

    assert causes_of(TransactWriteError("ayesha@isp.example", error)) == [
        "TransactWriteError",
        "VerboseClientError:TransactionCanceledException:ThrottlingError",
    ]


def test_no_text_of_an_error_is_kept() -> None:
    assert causes_of(refused("ayesha@isp.example")) == ["ClientError"]
    assert causes_of(raised(KeyError("ayesha@isp.example"), ValueError("ayesha"))) == [
        "KeyError",
        "ValueError",
    ]


def test_a_circle_of_causes_ends() -> None:
    error = ValueError()
    error.__cause__ = error

    assert len(causes_of(error)) == CAUSES_MAX

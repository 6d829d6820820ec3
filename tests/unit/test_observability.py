"""What an error came from, in names that the log may keep."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pynamodb.exceptions import CancellationReason, TransactWriteError, VerboseClientError

from chalicelib.observability import CAUSES_MAX, causes_of, logger
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


def logged(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(capsys.readouterr().out)
    return line


@pytest.mark.parametrize("card", ["4111111111111111", "4111 1111 1111 1111", "5555-5555-5555-4444"])
def test_a_card_number_is_masked_wherever_it_stands(card: str, capsys: pytest.CaptureFixture[str]) -> None:
    extra = {"note": f"paid by {card}.", "deep": {"list": [card, 7]}, "tenant_id": "ten_4111111111111111"}
    logger().info(f"paid by {card}", extra=extra)

    line = logged(capsys)

    assert card not in json.dumps(line).replace("ten_4111111111111111", "")
    assert (line["message"], line["note"]) == ("paid by [card number]", "paid by [card number].")
    assert line["deep"] == {"list": ["[card number]", 7]}
    assert line["tenant_id"] == "ten_4111111111111111"


def test_an_exception_is_told_by_its_place_and_names_not_its_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cause = KeyError("ayesha@isp.example")
    cause.add_note("ayesha@isp.example")
    error = raised(ValueError("Ayesha Khan"), cause)

    logger().exception("it failed", exc_info=error)

    line = logged(capsys)
    assert "ayesha" not in json.dumps(line).lower()
    assert line["exception_name"] == "ValueError"
    assert "test_observability.py" in line["exception"]
    assert line["exception"].endswith("\nValueError\nKeyError")


def test_an_exception_of_a_job_tells_the_service_s_own_code(capsys: pytest.CaptureFixture[str]) -> None:
    error = raised(FilesUnavailable("try again"), refused("AccessDenied"))

    logger().exception("it failed", exc_info=error)

    assert logged(capsys)["exception"].endswith("\nFilesUnavailable\nClientError:AccessDenied")


def test_a_line_says_when_where_and_what(capsys: pytest.CaptureFixture[str]) -> None:
    logger().info("hello", extra={"request_id": "r-1"})

    line = logged(capsys)

    assert line["timestamp"].endswith("+00:00")
    assert (line["level"], line["message"], line["service"], line["request_id"]) == (
        "INFO",
        "hello",
        "isp-billing",
        "r-1",
    )


def test_what_a_line_tells_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    logger().info('a\nb\r\n{"level": "ERROR"}\x1b[31m', extra={"note": "c\nd"})

    out = capsys.readouterr().out

    assert out.count("\n") == 1
    assert out.endswith("\n")
    assert json.loads(out)["level"] == "INFO"
    assert out.strip().isprintable()

"""Fields of the API in the words of the command line."""

from __future__ import annotations

import pytest

from chalicelib.cli.client import Refused
from chalicelib.cli.wording import IMPORT, PACKAGE, option_of


@pytest.mark.parametrize(
    ("param", "option"),
    [
        ("defaults.start_date", "--start"),
        ("defaults.price.currency", "--price"),
        ("skip_when.3.values.0", "--skip"),
        ("columns.code", "--map code=COLUMN"),
        ("columns.nonsense", "--map"),
        ("Idempotency-Key", "Idempotency-Key"),
    ],
)
def test_a_field_is_called_by_its_option(param: str, option: str) -> None:
    assert option_of(code="invalid_value", param=param, names=IMPORT) == option


def test_a_refusal_is_told_in_the_words_of_its_command() -> None:
    refused = Refused(422, {"code": "invalid_value", "message": "too slow", "param": "download_kbps"})

    assert refused.told(PACKAGE) == "too slow (--down) [invalid_value]"
    assert refused.told({}) == str(refused) == "too slow (download_kbps) [invalid_value]"


def test_all_that_is_wrong_is_told_at_once() -> None:
    wrong = [
        {"code": "invalid_value", "message": "too slow", "param": "download_kbps"},
        {"code": "missing_field", "message": "this field is needed", "param": "name"},
    ]
    refused = Refused(422, {**wrong[0], "errors": wrong})

    too_slow, needed = "too slow (--down) [invalid_value]", "this field is needed (NAME) [missing_field]"
    assert refused.told(PACKAGE) == f"{too_slow}; {needed}"


def test_a_refusal_that_names_a_request_names_the_command_instead() -> None:
    refused = Refused(409, {"code": "not_mapped", "message": "PUT its mapping", "param": None})

    assert str(refused) == "the import has no mapping: run `import` anew, with --map [not_mapped]"

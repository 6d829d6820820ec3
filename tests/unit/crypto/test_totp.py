"""Codes of authenticators, by the vectors of RFC 6238."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.crypto.totp import TotpAuthenticator

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (1_111_111_111, "050471"),
        (1_111_111_109, "081804"),
        (1_234_567_890, "005924"),
        (20_000_000_000, "353130"),
    ],
)
def test_codes_are_those_of_the_rfc_one_step_around(second: int, code: str) -> None:
    codes, at = TotpAuthenticator(), datetime.fromtimestamp(second, UTC)

    found = {
        steps: codes.step_of(secret=SECRET, code=code, at=at + timedelta(seconds=30 * steps))
        for steps in (-2, -1, 0, 1, 2)
    }

    right = {steps for steps, step in found.items() if step is not None}
    assert right == {-1, 0, 1}
    assert {found[steps] for steps in right} == {second // 30}


def test_secrets_and_recovery_codes_are_random_and_long_enough() -> None:
    codes = TotpAuthenticator()

    assert len(base64.b32decode(codes.new_secret())) == 20
    assert codes.new_secret() != codes.new_secret()
    assert [len(part) for part in codes.new_recovery_code().split("-")] == [6, 6, 6, 6]
    assert codes.new_recovery_code() != codes.new_recovery_code()

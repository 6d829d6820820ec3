"""Passwords at rest: what they cost to try, and what is a right one."""

from __future__ import annotations

import pytest

from chalicelib.crypto.passwords import Argon2Passwords

PASSWORD = "correct horse battery staple"


def test_a_password_costs_what_owasp_asks_for() -> None:
    # https://cheatsheetseries.owasp.org, Password Storage: Argon2id, 19 MiB, 2 passes, 1 lane
    assert Argon2Passwords().hash(password=PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_only_the_password_itself_is_right() -> None:
    passwords = Argon2Passwords()
    stored = passwords.hash(password=PASSWORD)

    assert passwords.matches(password=PASSWORD, stored=stored)
    assert not passwords.matches(password=f"{PASSWORD} ", stored=stored)
    assert passwords.hash(password=PASSWORD) != stored


@pytest.mark.parametrize("stored", [None, "", "no hash", "$argon2id$v=19$m=19456,t=2,p=1$broken"])
def test_nothing_is_right_where_there_is_no_hash(stored: str | None) -> None:
    assert not Argon2Passwords().matches(password="no account has this password", stored=stored)

"""Tokens: what cannot be guessed."""

from __future__ import annotations

import base64

from chalicelib.crypto.tokens import RandomTokens


def test_a_token_has_256_random_bits_and_is_kept_as_its_digest() -> None:
    tokens = RandomTokens()
    made = {tokens.new(prefix="ses") for _ in range(1_000)}

    assert len(made) == 1_000
    for token in made:
        prefix, _, text = token.partition("_")
        assert prefix == "ses"
        assert len(base64.urlsafe_b64decode(f"{text}=")) * 8 == 256
        assert text not in tokens.hash(token=token)

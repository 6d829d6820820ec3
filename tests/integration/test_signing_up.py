"""Signing up over HTTP, on the engine."""

from __future__ import annotations

from tests.integration.conftest import SignedIn


def test_an_owner_signs_up_verifies_signs_in_and_is_who_they_say(signed_in: SignedIn) -> None:
    me = signed_in.api.get("/v1/me")

    assert me.status == 200
    assert me.json["staff"] == {
        "staff_id": me.json["staff"]["staff_id"],
        "name": "Ayesha Khan",
        "email": signed_in.email,
        "role": "owner",
    }
    assert me.json["tenant"]["subdomain"] == signed_in.subdomain
    assert "tenant:write" in me.json["permissions"]

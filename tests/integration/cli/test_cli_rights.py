"""The command line at people's data and at the end of the account."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from chalicelib.domain.data_map import Purpose
from tests.integration.cli.conftest import Terminal
from tests.integration.conftest import PASSWORD, SignedIn
from tests.integration.shop import created, subscriber_body

CODE = "A-1"


@pytest.fixture
def zainab(user: Terminal, signed_in: SignedIn) -> Terminal:
    created(signed_in.api.post("/v1/subscribers", json=subscriber_body(code=CODE, name="Zainab")))
    return user


def test_a_subscriber_at_the_office_gets_a_copy_is_corrected_and_erased(
    zainab: Terminal, tmp_path: Path
) -> None:
    at_office = ("--for", CODE, "--seen", "identity card")
    asked = zainab.json("privacy", "ask", "access", *at_office)["privacy_request_id"]
    assert zainab.run("privacy", "list") == 0
    assert asked in zainab.out
    assert zainab.run("privacy", "answer", asked) == 0
    copy = tmp_path / "copy.zip"
    assert zainab.run("privacy", "download", asked, "--out", str(copy)) == 0, zainab.err
    with zipfile.ZipFile(copy) as archive:
        assert b"Zainab" in archive.read("your-data.html")

    corrected = zainab.json("privacy", "ask", "correction", *at_office, "--set", "name=Zainab Aslam")
    assert zainab.json("privacy", "answer", corrected["privacy_request_id"])["state"] == "done"
    assert zainab.json("subscribers", "show", CODE)["name"] == "Zainab Aslam"

    erased = zainab.json("privacy", "ask", "deletion", *at_office)["privacy_request_id"]
    until = zainab.json("privacy", "extend", erased, "--until", "2041-06-30", "--reason", "a holiday")
    assert until["due_on"] == "2041-06-30"
    assert zainab.run("privacy", "answer", erased) == 0
    assert zainab.run("privacy", "show", erased) == 0
    assert "customer number" in zainab.out
    assert zainab.json("subscribers", "show", CODE)["name"] == ""
    assert zainab.run("privacy", "list") == 0
    assert "(none)" in zainab.err


def test_who_works_there_asks_for_their_own_and_refusals_are_told_in_the_words_of_the_command(
    zainab: Terminal, tmp_path: Path
) -> None:
    own = zainab.json("privacy", "ask", "export")["privacy_request_id"]
    copy = str(tmp_path / "mine.zip")
    assert zainab.run("privacy", "download", own, "--mine", "--out", copy) == 0, zainab.err
    assert zainab.run("privacy", "list", "--mine") == 0
    assert own in zainab.out

    objected = zainab.json("privacy", "ask", "objection", "--purpose", Purpose.SECURITY)
    assert zainab.run("privacy", "answer", objected["privacy_request_id"]) == 0, zainab.err
    assert zainab.run("privacy", "show", objected["privacy_request_id"]) == 0
    assert f"{Purpose.SECURITY}  goes on: " in zainab.out
    assert zainab.out.count(Purpose.SECURITY) == 2, "what it is to, and what came of it"

    asked = zainab.json("privacy", "ask", "access", "--for", CODE)["privacy_request_id"]
    for argv, told in (
        (("answer", asked), "[identity_not_proven]"),
        (("answer", "prq_no"), "(REQUEST) [not_found]"),
        (("ask", "acess"), "invalid choice"),
        (("ask", "correction", "--set", "nmae=Z"), "is not FIELD=VALUE"),
        (("extend", asked, "--until", "2041-05-20", "--reason", "why"), "(--until) [invalid_extension]"),
        (("refuse", asked, "--reason", " "), "(--reason) ["),
    ):
        assert zainab.run("privacy", *argv) != 0
        assert told in zainab.err
    assert zainab.json("privacy", "confirm", asked, "--seen", "identity card")["state"] == "received"
    assert zainab.json("privacy", "refuse", asked, "--reason", "answered last week")["state"] == "refused"


def test_the_account_is_cancelled_kept_ended_looked_at_and_brought_back(
    zainab: Terminal, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def cancel(subdomain: str, *more: str) -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        return zainab.run("account", "cancel", subdomain, "--password-stdin", *more)

    assert cancel("another") == 1
    assert "(SUBDOMAIN) [not_confirmed]" in zainab.err
    assert cancel(signed_in.subdomain) == 0
    assert "account keep" in zainab.err
    assert zainab.run("account", "keep") == 0
    assert zainab.json("account", "show")["ending"] is None

    assert cancel(signed_in.subdomain, "--now") == 0
    assert "account recover" in zainab.err
    assert zainab.json("account", "show")["state"] == "recovery"
    assert zainab.run("packages", "add", "Home", "--price", "5") == 1
    assert "`account recover`" in zainab.err
    assert zainab.run("subscribers", "list") == 0
    assert CODE in zainab.out
    assert zainab.run("export", "--out", str(tmp_path / "all.zip")) == 0, zainab.err
    assert zainab.run("account", "recover") == 0
    assert zainab.run("packages", "add", "Home", "--price", "5") == 0

"""The command line at payments: taking, listing and taking back."""

from __future__ import annotations

import pytest

from chalicelib.cli import payment_commands
from chalicelib.cli.client import Client, Unreachable
from tests.integration.cli.conftest import Terminal
from tests.integration.conftest import SignedIn
from tests.integration.shop import created, subscriber_body

CODE = "A-1"


@pytest.fixture
def owing(user: Terminal, signed_in: SignedIn) -> Terminal:
    created(signed_in.api.post("/v1/subscribers", json=subscriber_body(code=CODE)))
    return user


def test_a_payment_is_taken_listed_and_taken_back(owing: Terminal) -> None:
    assert owing.run("payments", "list", CODE) == 0
    assert "(none)" in owing.err
    receipt = owing.json("payments", "record", CODE, "500.00", "--channel", "cheque", "--reference", "12-34")
    assert receipt["to_credit"] == {"amount": 50_000, "currency": "PKR"}

    assert owing.run("payments", "list", CODE) == 0
    assert "cheque" in owing.out
    assert "500.00 PKR" in owing.out
    assert "12-34" in owing.out
    reverse = ("payments", "reverse", receipt["document_id"], "--reason", "the cheque bounced")
    assert owing.run(*reverse) == 0, owing.err
    assert owing.run(*reverse) == 1
    assert "[already_reversed]" in owing.err
    assert owing.json("payments", "list", CODE)[0]["reversed_by"].startswith("jrn_")


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("record", CODE, "-5"), "(AMOUNT) [invalid_value]"),
        (("record", CODE, "0"), "(AMOUNT) [invalid_amount]"),
        (("record", CODE, "1.005"), "AMOUNT:"),
        (("record", CODE, "1,000"), "without commas"),
        (("record", "nobody", "5"), "no subscriber with the code"),
        (("record", CODE, "5", "--invoice", "inv_no"), "(--invoice) [unknown_invoice]"),
        (("record", CODE, "5", "--invoice", "inv_no", "--keep"), "give one of them"),
        (("reverse", "rcp_no", "--reason", "a typing error"), "(RECEIPT) ["),
    ],
)
def test_what_is_refused_is_told_in_the_words_of_the_command(
    owing: Terminal, argv: tuple[str, ...], told: str
) -> None:
    assert owing.run("payments", *argv) != 0
    assert told in owing.err


def test_what_had_no_answer_is_repeated_with_its_key_and_done_once(
    owing: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payment_commands, "uuid4", lambda: "the-key")
    post = Client.post

    def lost(self: Client, path: str, body: object = None, *, key: str | None = None) -> object:
        answer = post(self, path, body, key=key)
        if path.endswith("/payments"):
            raise Unreachable("the platform does not answer.")
        return answer

    with monkeypatch.context() as broken:
        broken.setattr(Client, "post", lost)
        assert owing.run("payments", "record", CODE, "20.00") == 3
    assert "--key cli-the-key" in owing.err

    assert owing.run("payments", "record", CODE, "20.00", "--key", "cli-the-key") == 0, owing.err
    assert len(owing.json("payments", "list", CODE)) == 1

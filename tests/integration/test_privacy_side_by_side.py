"""A privacy request that one worker mails about while another works on it: both are done once, at once."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import pytest

from chalicelib.jobs.exports import work_exports
from chalicelib.jobs.mails import send_mails
from tests.fakes.clock import FakeClock
from tests.fakes.queues import Kept
from tests.fakes.services import InMemoryMailer
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.privacy_desk import Desk, portal_of
from tests.integration.shop import created, ok

OWN = "/v1/portal/privacy-requests"


class Meanwhile:
    """Something that has a thing happen at its first use, in another worker's middle."""

    def __init__(self, inner: object, name: str, happens: Callable[[], None]) -> None:
        self._inner, self._name, self._happens, self._due = inner, name, happens, True

    def __getattr__(self, name: str) -> object:
        if name == self._name and self._due:
            self._due = False
            self._happens()
        return getattr(self._inner, name)


def worked(work: Callable[..., object], services: EngineServices, *messages: Mapping[str, object]) -> None:
    """Give a worker messages, each by itself."""
    for message in messages:
        work(services, {"Records": [{"messageId": "m", "body": json.dumps(message)}]})


@pytest.fixture
def desk(services: EngineServices, signed_in: SignedIn) -> Iterator[Desk]:
    """A tenant whose messages about requests wait until a test hands them to a worker."""
    usual = {name: vars(services).get(name) for name in ("export_queue", "mail_queue", "mailer", "blobs")}
    vars(services).update(export_queue=Kept(), mail_queue=Kept())
    yield Desk(signed_in, services)
    for name, before in usual.items():
        vars(services).pop(name, None)
        if before is not None:
            vars(services)[name] = before


def asked(desk: Desk) -> tuple[str, Callable[[], dict[str, object]]]:
    """A subscriber who asked for their data: their address, and what they see of their request."""
    email = f"{secrets.token_hex(4)}@mail.example"
    portal = portal_of(desk, desk.subscriber(name="Zainab", email=email))
    desk.services.mail_queue.sent.clear()  # type: ignore[attr-defined]
    created(portal.post(OWN, json={"kind": "access"}))

    def seen() -> dict[str, object]:
        (request,) = ok(portal.get(OWN))["items"]
        return dict(request)

    return email, seen


def lines_to(mailbox: InMemoryMailer, email: str) -> list[str]:
    """What each mail to somebody says, its first words."""
    texts = [mail.text.split("\n\n") for mail in mailbox.sent if mail.to == email]
    return [parts[2].split(".")[0] for parts in texts]


def test_a_file_is_made_at_once_though_a_mail_is_noted_meanwhile(desk: Desk, mailbox: InMemoryMailer) -> None:
    services = desk.services
    email, seen = asked(desk)
    (work,), (mail,) = services.export_queue.sent, list(services.mail_queue.sent)  # type: ignore[attr-defined]
    inner = services.blobs
    vars(services)["blobs"] = Meanwhile(inner, "write", lambda: worked(send_mails, services, mail))

    worked(work_exports, services, work)
    worked(send_mails, services, *services.mail_queue.sent)  # type: ignore[attr-defined]

    assert seen()["state"] == "done"
    assert lines_to(mailbox, email) == ["It was received", "The file is made"]


def test_nothing_is_told_twice_where_the_file_is_made_and_told_of_while_the_first_mail_is_sent(
    desk: Desk, mailbox: InMemoryMailer
) -> None:
    services = desk.services
    email, seen = asked(desk)
    (work,), (mail,) = services.export_queue.sent, list(services.mail_queue.sent)  # type: ignore[attr-defined]

    def meanwhile() -> None:
        worked(work_exports, services, work)
        worked(send_mails, services, *services.mail_queue.sent[1:])  # type: ignore[attr-defined]

    vars(services)["mailer"] = Meanwhile(services.mailer, "send", meanwhile)
    worked(send_mails, services, mail)

    assert seen()["state"] == "done"
    assert lines_to(mailbox, email) == ["It was received", "The file is made"]


def test_who_died_with_a_mail_is_followed_by_another(
    desk: Desk, clock: FakeClock, mailbox: InMemoryMailer
) -> None:
    services = desk.services
    email, _ = asked(desk)
    (mail,) = services.mail_queue.sent  # type: ignore[attr-defined]

    class Killed(BaseException):
        pass

    def dies() -> None:
        raise Killed

    vars(services)["mailer"] = Meanwhile(mailbox, "send", dies)
    with pytest.raises(Killed):
        worked(send_mails, services, mail)
    worked(send_mails, services, mail)
    assert lines_to(mailbox, email) == []
    clock.advance(timedelta(minutes=2))

    worked(send_mails, services, mail)

    assert lines_to(mailbox, email) == ["It was received"]

"""Whatever happens between what a request reads and what it commits: an answer to act on, and whole effects.

Every operation that writes is sent a valid request. Just before one of its commits a billing run starts, a
payment of the subscriber's is recorded, the settings, the person or a package change, or the very same
request is made and answered. The tables are put back after each: every request meets the same company.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter as Count
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.api.routing import Endpoint
from tests.counts import Count as Told
from tests.fakes.api_client import Reply
from tests.integration.books_check import check_books
from tests.integration.conftest import EngineServices
from tests.integration.counter import pkr
from tests.integration.shop import Item, if_match, ok
from tests.integration.test_foreign_ids_everywhere import ENDPOINTS
from tests.security.isps import sampled
from tests.security.races import Company, MetServices
from tests.security.test_mass_assignment import WRITES
from tests.security.valid_requests import asked_of

Kinds = Count[tuple[str, str]]

OPERATIONS = [*WRITES, *(one for one in ENDPOINTS if one.operation_id == "hear_gateway")]
# Before which of a request's commits something happens.
COMMITS_MET = 3
# What takes more than one company and a session to ask for, and where it is tried.
ELSEWHERE = {
    "add_passkey": "an authenticator; tests/integration/test_passkeys.py",
    "ask_second_step_passkey": "the same; tests/integration/test_passkey_steps.py",
    "choose_portal_account": "two accounts of one address; tests/integration/test_portal_shared_numbers.py",
    "end_support_entry": "the operator; tests/integration/test_support_ends.py",
    "enter_company": "the same; tests/integration/test_support.py",
    "log_in_with_passkey": "an authenticator; tests/integration/test_passkey_log_in.py",
    "put_plan": "the operator; tests/integration/test_plans.py",
    "remove_passkey": "an authenticator; tests/integration/test_passkey_steps.py",
    "rename_passkey": "the same; tests/integration/test_passkeys.py",
    "say_refund_outcome": "a refund that a gateway forgot; tests/integration/test_receipt_money.py",
    "take_off_for_staff": "somebody with a second factor; tests/integration/test_second_factor.py",
}
# The answer that is kept is of the effect in the books; what a gateway said afterwards, the document tells.
OF_THE_EFFECT = {"refund_by_gateway"}


@pytest.fixture(scope="module")
def furnished_company(engine_services: EngineServices) -> Iterator[Company]:
    yield Company.of(MetServices.like(engine_services))
    engine_services.database.bind()


@pytest.fixture
def company(furnished_company: Company) -> Company:
    furnished_company.at_first()
    return furnished_company


def bill(company: Company) -> None:
    """Run billing for what is due by now."""
    company.isp.shop.bill(company.services.clock.now())


def pay(company: Company) -> None:
    """Record a payment of the subscriber that requests are about, where the company still works."""
    path = f"/v1/subscribers/{company.isp.ids['subscriber_id']}/payments"
    key = {"Idempotency-Key": secrets.token_hex(8)}
    body = {"amount": pkr(100), "channel": "cash"}
    assert company.isp.shop.tenant.api.post(path, json=body, headers=key).status in {201, 403}


def change_settings(company: Company) -> None:
    """Change the company's settings, where it still works."""
    api = company.isp.shop.tenant.api
    version = if_match(ok(api.get("/v1/tenant")))
    assert api.patch("/v1/tenant", json={"payment_days": 9}, headers=version).status in {200, 403}


def change_person(company: Company) -> None:
    """Change the subscriber that requests are about, where there still is somebody, and the company works."""
    api = company.isp.shop.tenant.api
    path = f"/v1/subscribers/{company.isp.ids['subscriber_id']}"
    changed = api.patch(path, json={"name": "Ali Raza Khan"}, headers=if_match(ok(api.get(path))))
    assert changed.status in {200, 403, 409}, changed.text


def change_package(company: Company) -> None:
    """Give packages that requests are about a new edition, where the company still works."""
    api = company.isp.shop.tenant.api
    for names in (company.isp.ids, company.isp.prepaid):
        path = f"/v1/packages/{names['package_id']}"
        changed = api.patch(path, json={"price": pkr(777_000)}, headers=if_match(ok(api.get(path))))
        assert changed.status in {200, 403, 409}, changed.text


MEANWHILE: dict[str, Callable[[Company], None]] = {
    "a run starts": bill,
    "a payment comes": pay,
    "the settings change": change_settings,
    "the person changes": change_person,
    "packages have new editions": change_package,
}


def kind_of(item: Item) -> tuple[str, str]:
    """An item's kind: its key without what is drawn by chance, and what an audit entry is of."""
    pk, sk = (re.sub(r"[0-9A-HJKMNP-TV-Z]{20,26}|[0-9a-f]{8,}", "*", item[one]["S"]) for one in ("pk", "sk"))
    action = item["action"]["S"] if "#AUD#" in pk else ""
    return re.sub(r"(#IDEM)#.*", r"\1", pk), action or re.sub(r"\d+", "0", sk)


def made(company: Company) -> Kinds:
    """What was stored besides what was there, by kind.

    Without what says again to whom a repeated answer was shown, and without the shards of counters.
    """
    kinds = map(kind_of, company.made())
    return Count(one for one in kinds if one[1] not in {"subscriber.identity_shown", "COUNT#0"})


def assert_to_act_on(reply: Reply, *when: object) -> None:
    """A user can act on an answer: it is good, or says why not and whether to try again."""
    assert reply.status < 500 or reply.status == 503, (when, reply.text)
    if reply.status >= 400 and reply.body:
        assert reply.code, (when, reply.text)
        assert "the database" not in reply.text, (when, reply.text)


def check(company: Company) -> None:
    """Assert that the books are right, where a document is new in them."""
    if any(sk.startswith(("DOC#", "INV#")) for _, sk in made(company)):
        check_books(company.services, company.isp.shop.tenant.tenant_id)


def test_what_is_tried_elsewhere_is_there() -> None:
    assert set(ELSEWHERE) <= {one.operation_id for one in OPERATIONS}


@pytest.mark.parametrize("one", sampled(OPERATIONS), ids=lambda one: one.operation_id)
def test_something_else_happens_meanwhile(
    one: Endpoint, company: Company, described: dict[str, Any], count: Told
) -> None:
    asked = asked_of(company, one, described)
    plain = asked.send()
    commits, tried = company.services.meeting.commits, 0
    assert (plain.status < 300) == (one.operation_id not in ELSEWHERE), plain.text
    for what, happens in MEANWHILE.items():
        company.put_back()
        happens(company)
        alone = made(company)
        for before in range(1, min(commits, COMMITS_MET) + 1):
            company.put_back()
            company.meet(lambda happens=happens: happens(company), before=before)  # type: ignore[misc]

            reply = asked.send()

            assert company.met, (what, before)
            assert_to_act_on(reply, what, before)
            if reply.status >= 400 and before == 1:
                assert made(company) == alone, (what, reply.text)
            check(company)
            tried += 1
    count("requests that something came between", tried)


@pytest.mark.parametrize("one", sampled(OPERATIONS), ids=lambda one: one.operation_id)
def test_the_same_request_is_answered_meanwhile(
    one: Endpoint, company: Company, described: dict[str, Any], count: Told
) -> None:
    asked = asked_of(company, one, described)
    asked.send()
    once = made(company)
    company.put_back()
    replies: list[Reply] = []
    company.meet(lambda: replies.append(asked.send()))

    replies.append(asked.send())

    for reply in replies:
        assert_to_act_on(reply)
    good = sum(reply.status < 400 for reply in replies)
    if good == 1:
        assert made(company) == once, replies[-1].text
    assert made(company) <= once + once
    check(company)
    count("requests that came twice at once", len(replies) - 1)


@pytest.mark.parametrize(
    "one", sampled([one for one in OPERATIONS if one.idempotent]), ids=lambda one: one.operation_id
)
def test_the_same_request_with_the_same_key_is_answered_meanwhile(
    one: Endpoint, company: Company, described: dict[str, Any], count: Told
) -> None:
    asked = asked_of(company, one, described)
    key = secrets.token_hex(8)
    asked.send(key)
    once = made(company)
    company.put_back()
    replies: list[Reply] = []
    company.meet(lambda: replies.append(asked.send(key)))

    replies.append(asked.send(key))

    assert len(replies) == 1 + company.met or one.operation_id in ELSEWHERE
    assert {reply.status for reply in replies} == {replies[0].status}, replies[-1].text
    if one.operation_id not in OF_THE_EFFECT:
        assert replies[-1].json == replies[0].json
    assert made(company) == once
    check(company)
    count("requests with one key at once", len(replies) - 1)

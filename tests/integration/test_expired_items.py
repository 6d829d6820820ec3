"""Whatever expires is gone the moment it does, though the table still has it: one case a model of the map."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.domain.consent_texts import current_text
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.store.base import EphemeralItem, Item, TenantsItem
from tests.fakes.api_client import ApiClient
from tests.fakes.clock import FakeClock
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.importing import Importer, mapping, people
from tests.integration.shop import created, ok
from tests.integration.staffing import Company

TESTS = Path(__file__).resolve().parents[1]


@dataclass
class Isp:
    """A company, and what is asked of it."""

    tenant: SignedIn
    services: EngineServices
    visitor: ApiClient

    @property
    def company(self) -> Company:
        return Company(self.tenant, self.services, self.visitor)


@dataclass(frozen=True)
class Case:
    """What is kept for so long, in which table, and whether the API still knows it."""

    table: type[Item]
    lasts: timedelta
    begin: Callable[[Isp], Callable[[], bool]]


def a_session(isp: Isp) -> Callable[[], bool]:
    return lambda: isp.tenant.api.get("/v1/me").status == 200


def a_listed_session(isp: Isp) -> Callable[[], bool]:
    begun = {one["session_id"] for one in ok(isp.tenant.api.get("/v1/me/sessions"))["items"]}

    def known() -> bool:
        again = isp.company.sign_in(isp.tenant.email)
        return bool(begun & {one["session_id"] for one in ok(again.get("/v1/me/sessions"))["items"]})

    return known


def a_code(isp: Isp) -> Callable[[], bool]:
    company = isp.company
    code = company.code(created(company.invite("billing"))["invitation"]["email"])

    def known() -> bool:
        # Such a name is refused after the code was found good, and uses nothing up.
        return company.accept(code, name="see https://x.example").code != "token_not_valid"

    return known


def a_visitors_choice(isp: Isp) -> Callable[[], bool]:
    body = {"agreed": ["analytics"], "text": current_text().version}
    reply = isp.visitor.put("/v1/consents/current", json=body)
    given = reply.headers["Set-Cookie"]
    cookie = "; ".join(one.partition(";")[0] for one in ([given] if isinstance(given, str) else given))

    def known() -> bool:
        return bool(ok(isp.visitor.with_headers(Cookie=cookie).get("/v1/consents/current"))["history"])

    return known


def an_event(isp: Isp) -> Callable[[], bool]:
    store = isp.services.stores.of(tenant_id=isp.tenant.tenant_id)
    outbox = store.money.outbox
    store.commit(outbox.add(kind="line.restored", about="x", details={}))
    at = isp.services.clock.now() + timedelta(seconds=1)
    return lambda: bool(outbox.read(before=at, limit=10, after=None).items)


def a_refused_row(isp: Isp) -> Callable[[], bool]:
    importer = Importer(isp.services, isp.tenant)
    start = isp.services.clock.now().date()
    done = importer.run(people("C-1,Ali Raza,not a number,No such plan,x"), mapping(start))
    store = isp.services.stores.of(tenant_id=isp.tenant.tenant_id)
    return lambda: bool(list(store.imports.reports(import_id=done["import_id"])))


def items(table: type[Item]) -> int:
    return sum(1 for _ in table.scan(attributes_to_get=["pk", "sk"]))


CASES = {
    "sessions.SessionItem": Case(EphemeralItem, timedelta(hours=12), a_session),
    "sessions.PersonItem": Case(EphemeralItem, timedelta(days=7), a_listed_session),
    "tokens.OneTimeItem": Case(EphemeralItem, timedelta(hours=72), a_code),
    "consents.VisitorConsentItem": Case(EphemeralItem, timedelta(days=545), a_visitors_choice),
    "outbox.OutboxItem": Case(TenantsItem, timedelta(days=30), an_event),
    "imports.ReportPageItem": Case(TenantsItem, timedelta(days=30), a_refused_row),
}
# Where else it is tried, with what takes more to begin.
ELSEWHERE = {
    "activity.ActivityItem": "integration/test_policies_and_choices.py::"
    "test_totals_are_gone_after_ninety_days",
    "idempotency.IdempotencyItem": "integration/test_retention.py::"
    "test_a_kept_answer_is_not_shown_any_more_once_it_expired",
    "networks.NetworksItem": "unit/domain/test_anomalies.py::"
    "test_a_network_that_was_long_unseen_is_news_again",
    "portal_codes.AskedItem": "integration/test_portal_codes.py::test_a_code_is_good_for_five_minutes",
    "portal_codes.NewestItem": "integration/test_portal_codes.py::test_a_code_is_good_for_five_minutes",
    "support.OpenedItem": "integration/test_support_ends.py::"
    "test_an_ended_access_is_dead_at_the_next_request_and_seen_to_have_ended",
    "tokens.AttemptsItem": "integration/test_sessions.py::"
    "test_guessing_is_slowed_down_for_the_one_who_guesses",
}


def test_every_model_that_expires_is_tried() -> None:
    expiring = {one.model for one in ITEMS if "ttl" in one.attributes}

    assert expiring == {*CASES, *ELSEWHERE}
    for where in ELSEWHERE.values():
        file, _, name = where.partition("::")
        tree = ast.parse((TESTS / file).read_text())
        assert name in {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}, where


@pytest.mark.parametrize("model", CASES)
def test_what_expires_is_gone_at_once(
    signed_in: SignedIn, services: EngineServices, api: ApiClient, clock: FakeClock, model: str
) -> None:
    case = CASES[model]
    known = case.begin(Isp(signed_in, services, api))
    stored = items(case.table)
    begun = clock.now()
    assert known()

    clock.set(begun + case.lasts)

    assert not known()
    assert items(case.table) >= stored, "the table has it still"

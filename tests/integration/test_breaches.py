"""The register of breaches: from noticing one to what was learnt of it."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.jobs.privacy import keep_privacy_requests
from tests.fakes.clock import FakeClock
from tests.fakes.services import InMemoryMailer
from tests.integration.conftest import NOW, EngineServices, SignedIn
from tests.integration.shop import Shop, created, if_match, ok
from tests.integration.staffing import Company


def test_a_breach_is_taken_down_told_of_and_closed(
    signed_in: SignedIn, services: EngineServices, clock: FakeClock, mailbox: InMemoryMailer
) -> None:
    shop = Shop(signed_in, services)
    thief = Company(signed_in, services, signed_in.api).join("support")
    seen, taken = shop.subscriber(name="Zainab"), shop.subscriber(name="Ali")
    changed = f"/v1/subscribers/{seen['subscriber_id']}"
    ok(thief.api.patch(changed, json={"note": "seen by whom?"}, headers=if_match(seen)))
    body = {
        "noticed_at": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
        "began_at": f"{NOW - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        "ended_at": f"{NOW + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}",
        "what": "a laptop with an open session was stolen",
        "categories": ["names and contact details"],
        "misused": [thief.staff_id],
    }

    breach = created(signed_in.api.post("/v1/breaches", json=body))
    path = f"/v1/breaches/{breach['breach_id']}"
    affected = ok(signed_in.api.get(f"{path}/affected?limit=1"))
    rest = ok(signed_in.api.get(f"{path}/affected?limit=1&cursor={affected['next_cursor']}"))
    clock.advance(timedelta(hours=50))
    keep_privacy_requests(services, {})
    keep_privacy_requests(services, {})
    shop.sign_in_again()
    api = shop.tenant.api
    late = ok(api.get(path))
    notices = ok(api.get(f"{path}/notices"))

    assert (breach["hours_left"], late["hours_left"], late["overdue"]) == (72, 22, False)
    people = {one["person_id"]: one["times"] for one in (*affected["items"], *rest["items"])}
    assert people.keys() == {seen["subscriber_id"], thief.staff_id}
    assert people[seen["subscriber_id"]] == 1
    assert taken["subscriber_id"] not in people
    assert (affected["everybody"], affected["complete"], rest["next_cursor"]) == (False, True, None)
    subjects = [mail.subject for mail in mailbox.sent if mail.to == signed_in.email]
    assert subjects.count("Tell the authority of a breach") == 1
    assert "People affected: 2" in notices["authority"]
    assert "names and contact details" in notices["persons"]
    early = api.post(f"{path}/closing", json={"lessons": "encrypt disks"})
    assert early.problem == (422, "invalid_value", "risk")
    told = ok(api.post(f"{path}/steps", json={"step": "authority_told", "words": "form 4711"}))
    assert told["authority_told_at"] is not None
    done = ok(api.post(f"{path}/closing", json={"lessons": "encrypt disks"}))
    assert [one["what"] for one in done["history"]] == ["registered", "authority_told", "closed"]
    again = api.post(f"{path}/steps", json={"step": "noted", "words": "more"})
    assert again.problem == (409, "breach_closed", None)

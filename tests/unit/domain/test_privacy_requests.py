"""The clock of privacy requests, and what may be done with one when."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.domain.contacts import Contact
from chalicelib.domain.data_map import Purpose
from chalicelib.domain.erasure import (
    HasCredit,
    OnHold,
    OwesMoney,
    check_erasable,
    kept_until,
    without_words,
)
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.kept_answers import without_person
from chalicelib.domain.privacy_refusals import (
    IdentityNotProven,
    InvalidExtension,
    RequestClosed,
    RequestOpenAlready,
    TooManyRequests,
)
from chalicelib.domain.privacy_requests import (
    Channel,
    PrivacyRequest,
    Proof,
    RequestKind,
    RequestState,
    Told,
    Words,
    check_room,
    closed,
    deadline,
    extended,
    new_request,
    reminder,
    require_answerable,
)
from chalicelib.domain.subject_files import without_others
from chalicelib.domain.subscribers import new_subscriber

AT = datetime(2041, 1, 31, 20, 0, tzinfo=UTC)
ME = "sbr_01JD0000000000000000000000"


def request_of(kind: RequestKind = RequestKind.ACCESS, **changes: object) -> PrivacyRequest:
    made = new_request(
        request_id="prq_01JD0000000000000000000001",
        kind=kind,
        subject_id=ME,
        channel=Channel.OFFICE,
        proof=Proof.BY_HAND,
        at=AT,
        on=date(2041, 2, 1),
        by="stf_1",
        words=Words(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (date(2041, 1, 31), date(2041, 2, 28)),  # one calendar month, clamped, is sooner than 30 days
        (date(2041, 2, 10), date(2041, 3, 10)),
        (date(2041, 5, 15), date(2041, 6, 14)),  # 30 days are sooner than the 15th
        (date(2041, 4, 15), date(2041, 5, 15)),  # both on one day
        (date(2040, 12, 31), date(2041, 1, 30)),
    ],
)
def test_the_deadline_is_the_earlier_of_thirty_days_and_a_month(received: date, due: date) -> None:
    assert deadline(received_on=received) == due


def test_the_clock_is_seen() -> None:
    one = request_of()

    assert one.due_on == date(2041, 3, 1)
    assert one.days_left(today=date(2041, 2, 27)) == 2
    assert not one.overdue(today=one.due_on)
    assert one.overdue(today=one.due_on + timedelta(days=1))
    done = closed(request=one, state=RequestState.DONE, at=AT, by="stf_1", what="done")
    assert not done.overdue(today=date(2042, 1, 1))


def test_a_deadline_is_moved_once_before_it_is_over_and_by_two_months_at_most() -> None:
    one, today = request_of(), date(2041, 2, 20)

    def moved(until: date, today: date = today, request: PrivacyRequest = one) -> PrivacyRequest:
        return extended(request=request, until=until, reason="much", today=today, at=AT, by="stf_1")

    later = moved(date(2041, 5, 1))
    assert (later.due_on, later.extended, later.words.reason) == (date(2041, 5, 1), True, "much")
    for until, on, request in (
        (date(2041, 5, 2), today, one),
        (date(2041, 3, 1), today, one),
        (date(2041, 4, 1), date(2041, 3, 2), one),
        (date(2041, 5, 1), today, later),
    ):
        with pytest.raises(InvalidExtension):
            moved(until, on, request)
    with pytest.raises(InvalidValue):
        extended(request=one, until=date(2041, 4, 1), reason=" ", today=today, at=AT, by="stf_1")


def test_each_reminder_is_due_once_and_the_latest_goes_for_those_missed() -> None:
    one = request_of()
    due = one.due_on

    def at(days_left: int, *reminded: int) -> int | None:
        return reminder(request=replace(one, reminded=reminded), today=due - timedelta(days=days_left))

    assert [at(20), at(14), at(13, 14), at(7, 14), at(7, 14, 7), at(2, 14, 7)] == [None, 14, None, 7, None, 2]
    assert (at(0, 2), at(-1, 2), at(-9, 2, -1)) == (None, -1, None)
    assert at(6) == 7
    assert reminder(request=replace(one, state=RequestState.DONE), today=due) is None


def test_only_who_is_known_is_answered_and_only_once() -> None:
    with pytest.raises(IdentityNotProven):
        require_answerable(request=request_of(state=RequestState.IDENTITY_ASKED))
    with pytest.raises(RequestClosed):
        require_answerable(request=request_of(state=RequestState.REFUSED))
    with pytest.raises(RequestOpenAlready):
        check_room(kind=RequestKind.ACCESS, others=[request_of()], at=AT)
    check_room(kind=RequestKind.EXPORT, others=[request_of()], at=AT)
    with pytest.raises(TooManyRequests):
        check_room(kind=RequestKind.EXPORT, others=[request_of(state=RequestState.DONE)] * 10, at=AT)


def test_purposes_go_with_objections_alone() -> None:
    for kind, purposes in ((RequestKind.OBJECTION, ()), (RequestKind.ACCESS, (Purpose.SECURITY,))):
        with pytest.raises(InvalidValue):
            new_request(
                request_id="prq_1",
                kind=kind,
                subject_id=ME,
                channel=Channel.PORTAL,
                proof=Proof.SESSION,
                at=AT,
                on=AT.date(),
                by=ME,
                words=Words(),
                purposes=purposes,
            )


@pytest.mark.parametrize(
    ("start_month", "issued", "until"),
    [(7, date(2041, 6, 30), date(2048, 7, 1)), (7, date(2041, 7, 1), date(2049, 7, 1)),
     (1, date(2041, 6, 30), date(2049, 1, 1))],
)  # fmt: skip
def test_a_document_is_kept_for_seven_fiscal_years_after_its_own(
    start_month: int, issued: date, until: date
) -> None:
    assert kept_until(issued_on=issued, start_month=start_month) == until


def test_who_may_be_erased() -> None:
    nobody = new_subscriber(subscriber_id=ME, code="A-1", area="", contact=Contact(), currency="PKR", at=AT)

    def check(*, despite_debt: bool = False, hold: str = "", **account: int) -> None:
        changed = replace(nobody, account=replace(nobody.account, **account))  # type: ignore[arg-type]
        check_erasable(subscriber=changed, today=AT.date(), despite_debt=despite_debt, hold=hold)

    check()
    check(balance=100, despite_debt=True)
    with pytest.raises(OwesMoney):
        check(balance=100)
    with pytest.raises(HasCredit):
        check(credit=1, balance=-1, despite_debt=True)
    with pytest.raises(HasCredit):
        check(deposits=1, despite_debt=True)
    with pytest.raises(OnHold):
        check(hold="a court's order")


def test_what_is_left_of_a_request_names_nobody() -> None:
    told = Told(AT, "erased", "zainab@mail.example", "Your request", "Hello")
    words = Words(
        "zainab@mail.example", "I am Zainab", {"name": "Zainab"}, "card of Zainab", "for Zainab", (told,)
    )
    one = request_of(words=words).step(at=AT, by="stf_1", what="done", words="Zainab was here")

    left = without_words(request=one)

    assert "zainab" not in repr(left).casefold()
    assert [each.what for each in left.history] == ["received", "done"]
    assert left.words.told[0].text == "Hello"


def test_a_kept_answer_is_emptied_at_every_level() -> None:
    answer = {
        "name": "Zainab",
        "lines": [{"note": "hers", "net": 5}],
        "recipient": {"tax_id": "1", "code": "A"},
    }

    assert without_person(answer=answer) == {
        "name": "",
        "lines": [{"note": "", "net": 5}],
        "recipient": {"tax_id": "", "code": "A"},
    }


def test_other_people_are_named_by_what_they_are() -> None:
    other, staff = ME.replace("D", "E"), "stf_01JD0000000000000000000002"

    assert without_others(text=f"{ME} {other} {staff}", subject_id=ME) == f"{ME} a subscriber staff"
    line = json.dumps({"text": f"see\n{other}"})
    assert json.loads(without_others(text=line, subject_id=ME)) == {"text": "see\na subscriber"}

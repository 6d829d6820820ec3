"""Objections: each purpose of the data map stops or has a ground, and what must stop is not refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from chalicelib.domain.data_map import Basis, Purpose
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.domain.data_map_objects import OBJECTS
from chalicelib.domain.objections import (
    GROUNDS,
    STOPS,
    MustStop,
    decided,
    outcomes,
    require_refusable,
)
from chalicelib.domain.privacy_requests import (
    Channel,
    PrivacyRequest,
    Proof,
    RequestKind,
    RequestState,
    Words,
    new_request,
)


def asked(*purposes: Purpose, proof: Proof = Proof.SESSION, subject_id: str = "sbr_1") -> PrivacyRequest:
    return new_request(
        request_id="prq_1",
        kind=RequestKind.OBJECTION,
        subject_id=subject_id,
        channel=Channel.PORTAL,
        proof=proof,
        at=datetime(2041, 5, 15, tzinfo=UTC),
        on=date(2041, 5, 15),
        by="sbr_1",
        words=Words(),
        purposes=purposes,
    )


def test_every_purpose_stops_or_goes_on_for_the_ground_that_the_data_map_has() -> None:
    used = {
        (handling.purpose, handling.basis)
        for one in (*ITEMS, *OBJECTS)
        for handling in one.attributes.values()
    }
    by_interest = {purpose for purpose, basis in used if basis is Basis.INTEREST}
    by_consent = {purpose for purpose, basis in used if basis is Basis.CONSENT}

    assert STOPS.isdisjoint(GROUNDS)
    assert STOPS | set(GROUNDS) == set(Purpose)
    assert by_consent <= STOPS
    assert by_interest == {one for one, ground in GROUNDS.items() if ground.basis is Basis.INTEREST}
    # What stops is kept nowhere under a person by any other basis, or it would go on.
    assert {basis for purpose, basis in used if purpose in STOPS} <= {Basis.CONSENT, Basis.NONE}


def test_outcomes_are_of_answered_requests_of_who_is_known() -> None:
    request = asked(Purpose.ANALYSIS, Purpose.LAW)
    done = replace(request, state=RequestState.DONE)

    assert outcomes(request=request) == ()
    assert outcomes(request=done) == decided(purposes=request.purposes)
    assert [one.stopped for one in outcomes(request=done)] == [True, False]
    assert outcomes(request=replace(done, subject_id="")) == ()
    assert outcomes(request=replace(done, proof=Proof.NONE, state=RequestState.REFUSED)) == ()


def test_what_must_stop_is_refused_only_while_nobody_knows_who_asks() -> None:
    require_refusable(request=asked(Purpose.SECURITY))
    require_refusable(request=asked(Purpose.ANALYSIS, proof=Proof.NONE))
    require_refusable(request=asked(Purpose.ANALYSIS, subject_id=""))
    with pytest.raises(MustStop):
        require_refusable(request=asked(Purpose.SECURITY, Purpose.ANALYSIS))

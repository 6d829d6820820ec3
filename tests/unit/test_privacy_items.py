"""What a privacy request is stored as."""

from __future__ import annotations

from datetime import UTC, date, datetime

from chalicelib.domain.privacy_requests import (
    KEPT_LISTED_MAX,
    WORDS_CHARS_MAX,
    Channel,
    Kept,
    PrivacyRequest,
    RequestKind,
    RequestState,
    Words,
)
from chalicelib.store.privacy import _encoded

ITEM_BYTES_MAX = 400 * 1024
AT = datetime(2041, 5, 15, 6, tzinfo=UTC)


def test_a_request_with_as_many_documents_as_it_lists_has_room_in_one_item() -> None:
    document = Kept("inv_01JD0000000000000000000000-20410515-001", "INV-2041-000001", date(2049, 7, 1))
    text = "\u06a9" * WORDS_CHARS_MAX
    request = PrivacyRequest(
        request_id="prq_01JD0000000000000000000000",
        kind=RequestKind.DELETION,
        subject_id="sbr_01JD0000000000000000000000",
        channel=Channel.MAIL,
        state=RequestState.DONE,
        received_at=AT,
        received_on=AT.date(),
        due_on=AT.date(),
        words=Words(text=text, seen=text, reason=text),
        kept=(document,) * KEPT_LISTED_MAX,
        kept_count=10 * KEPT_LISTED_MAX,
    )

    assert len(_encoded(request)) < ITEM_BYTES_MAX / 2

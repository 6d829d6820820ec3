"""Forms and JSON are read in one way only."""

from __future__ import annotations

import pytest

from chalicelib.adapters.payments import reading
from chalicelib.domain.gateways import NoticeMalformed, NoticeRefused


def test_a_form_is_read_as_browsers_write_it() -> None:
    raw = b"pp_a=1&pp_b=&pp_c=a+b%20c&url=https://x.example/a?b=c&d=%D9%A3"

    assert reading.form_fields(raw) == {
        "pp_a": "1",
        "pp_b": "",
        "pp_c": "a b c",
        "url": "https://x.example/a?b=c",
        "d": "٣",
    }
    assert reading.form_fields(b"") == {}


@pytest.mark.parametrize(
    "raw",
    [
        b"a=1&a=2",
        b"a=1&a=1",
        b"a",
        b"=1",
        b"a=1&",
        b"&a=1",
        b"a=1&&b=2",
        b"a%3D=1",
        b"a[]=1",
        b"a=%",
        b"a=%4",
        b"a=%zz",
        b"a=%u0041",
        b"a=%ff",
        b"a=%c0%80",
        b"a=%ed%a0%80",
        b"a=%00",
        b"a=%0d%0a",
        b"a= b",
        b'a="b"',
        "a=ü".encode(),
        b"\xef\xbb\xbfa=1",
        b"a=1;b=2\n",
        b"&".join(b"f%d=1" % number for number in range(reading.FIELDS_MAX + 1)),
        b"a=" + b"1" * reading.BODY_BYTES_MAX,
    ],
)
def test_what_two_readers_could_read_differently_is_refused(raw: bytes) -> None:
    with pytest.raises(NoticeRefused):
        reading.form_fields(raw)


@pytest.mark.parametrize(
    "raw", [b'{"a":{"b":1,"b":2}}', b'{"a":Infinity}', b'"a"', b"1" * 5000, b"\xff\xfe{}", b'{"a":1}x']
)
def test_json_is_one_object_whose_names_come_once(raw: bytes) -> None:
    with pytest.raises(NoticeMalformed):
        reading.json_object(raw)


def test_what_a_vendor_says_is_one_line_without_card_numbers() -> None:
    assert reading.told(199, "no\nfunds\u202e", None) == "199 nofunds"
    assert "4242" not in reading.told("card 4242 4242 4242 4242")
    assert len(reading.told("x" * 500)) == reading.REASON_CHARS_MAX


def test_half_a_character_is_compared_and_no_crash() -> None:
    assert not reading.same("\ud800", "right")

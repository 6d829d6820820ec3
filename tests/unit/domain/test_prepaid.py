"""When what was bought for a time runs out: by the calendar, to the minute, whatever clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.accounts import Account
from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.money import Money
from chalicelib.domain.packages import Package, PackageKind, PackageState
from chalicelib.domain.periods import BillingTiming, Cycle, CycleUnit
from chalicelib.domain.prepaid import (
    Granted,
    PrepaidLine,
    PrepaidState,
    TooFarAhead,
    Validity,
    expiry,
    granted_by,
    next_minute,
    parse_validity,
    recharge,
    recharge_lines,
    take_back,
    validity_of,
)
from chalicelib.domain.taxes import TaxBase, TaxComponent, TaxGroup, TaxRow
from chalicelib.domain.traces import in_words

ACCOUNT = "sbr_01JD0000000000000000000000"
KARACHI, NEW_YORK, LORD_HOWE, BEIRUT = (
    "Asia/Karachi",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Beirut",
)
ZONES = (KARACHI, NEW_YORK, LORD_HOWE, BEIRUT, "UTC", "Asia/Kathmandu", "Europe/London")

instants = st.integers(0, 40 * 366 * 24 * 60).map(
    lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
zones = st.sampled_from(ZONES)
validities = st.one_of(
    st.integers(1, 24).map(lambda count: Validity(months=count)),
    st.integers(1, 400).map(lambda count: Validity(days=count)),
    st.integers(60, 100_000).map(lambda count: Validity(minutes=count)),
)


def package(package_id: str = "pkg_A", *, cycle: Cycle | None = None, minutes: int | None = None) -> Package:
    return Package(
        package_id=package_id,
        name="Prepaid 20",
        price=Money(164_900, "PKR"),
        cycle=cycle or Cycle(CycleUnit.MONTH),
        timing=BillingTiming.ADVANCE,
        download_kbps=20_000,
        upload_kbps=10_000,
        tax_group="internet",
        state=PackageState.ACTIVE,
        version=1,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        kind=PackageKind.PREPAID,
        valid_minutes=minutes,
    )


def sold_as(validity: Validity) -> Package:
    """The package that lasts so long, within what a cycle may be."""
    if validity.minutes:
        return package(minutes=validity.minutes)
    if validity.months:
        return package(cycle=Cycle(CycleUnit.MONTH, validity.months))
    return package(cycle=Cycle(CycleUnit.DAY, min(validity.days, 36)))


def buy(
    line: PrepaidLine | None, sold: Package, at: datetime, zone: str = KARACHI
) -> tuple[PrepaidLine, Granted]:
    return recharge(line=line, account_id=ACCOUNT, slot=1, package=sold, at=at, zone=zone)


def test_a_month_from_the_31st_ends_at_the_same_time_of_the_last_day() -> None:
    first, _ = buy(None, package(), datetime(2026, 1, 31, 5, 30, tzinfo=UTC))
    assert first.expires_at == datetime(2026, 2, 28, 5, 30, tzinfo=UTC)

    second, granted = buy(first, package(), datetime(2026, 2, 20, tzinfo=UTC))

    assert second.expires_at == datetime(2026, 3, 31, 5, 30, tzinfo=UTC)
    assert (granted.start, granted.end) == (first.expires_at, second.expires_at)


def test_an_hour_and_a_year() -> None:
    at = datetime(2026, 11, 24, 10, 0, 1, tzinfo=UTC)
    hour, _ = buy(None, package(minutes=60), at)
    year, _ = buy(None, package(cycle=Cycle(CycleUnit.MONTH, 12)), at)
    assert hour.expires_at == datetime(2026, 11, 24, 11, 1, tzinfo=UTC)
    assert year.expires_at == datetime(2027, 11, 24, 10, 1, tzinfo=UTC)


def test_a_day_over_a_change_of_clocks_ends_at_the_same_local_time() -> None:
    # On 8 March 2026 New York's day has 23 hours; 01:30 comes twice on 1 November.
    before = datetime(2026, 3, 7, 15, 0, tzinfo=UTC)
    day = Validity(days=1)
    assert expiry(began_at=before, validity=day, zone=NEW_YORK) == datetime(2026, 3, 8, 14, 0, tzinfo=UTC)
    # 02:30 on 8 March is skipped: an hour later by the clock, a whole day by the world's.
    skipped = datetime(2026, 3, 7, 7, 30, tzinfo=UTC)
    assert expiry(began_at=skipped, validity=day, zone=NEW_YORK) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    twice = datetime(2026, 10, 31, 5, 30, tzinfo=UTC)
    assert expiry(began_at=twice, validity=day, zone=NEW_YORK) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    # From the second 01:30 on, 24 hours are 24 hours.
    second = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    hours = Validity(minutes=24 * 60)
    assert expiry(began_at=second, validity=hours, zone=NEW_YORK) == second + timedelta(days=1)


def test_the_29th_of_february_and_a_year() -> None:
    leap = datetime(2028, 2, 29, 12, 0, tzinfo=UTC)
    assert expiry(began_at=leap, validity=Validity(months=12), zone="UTC").date().isoformat() == "2029-02-28"
    assert expiry(began_at=leap, validity=Validity(months=48), zone="UTC").date().isoformat() == "2032-02-29"


@given(instants, zones, st.integers(1, 11), st.sampled_from(["months", "days", "minutes"]))
def test_bought_piece_by_piece_ends_where_it_does_bought_at_once(
    at: datetime, zone: str, pieces: int, unit: str
) -> None:
    one, all_of_them = Validity(**{unit: 60}), Validity(**{unit: 60 * pieces})
    if unit != "minutes":
        one, all_of_them = Validity(**{unit: 1}), Validity(**{unit: pieces})
    line, ends = None, at
    for _ in range(pieces):
        line, granted = buy(line, sold_as(one), at, zone)
        assert granted.start == ends
        assert granted.end > ends
        ends = granted.end
    assert ends == expiry(began_at=at, validity=all_of_them, zone=zone)


@given(instants, zones, validities, validities)
def test_more_time_is_never_less(at: datetime, zone: str, first: Validity, more: Validity) -> None:
    ends = expiry(began_at=at, validity=first, zone=zone)
    assert ends > at
    assert expiry(began_at=at, validity=first.plus(other=more), zone=zone) > ends


@given(instants, zones, st.lists(st.integers(1, 6), min_size=1, max_size=6), st.data())
def test_taken_back_in_any_order_nothing_is_left_and_nothing_more_is_taken(
    at: datetime, zone: str, months: list[int], data: st.DataObject
) -> None:
    line, bought = None, []
    for count in months:
        line, granted = buy(line, package(cycle=Cycle(CycleUnit.MONTH, count)), at, zone)
        bought.append((count, granted))
    assert line is not None
    left = sum(months)
    for count, granted in data.draw(st.permutations(bought)):
        before, left = line, left - count
        line = take_back(line=line, package_id="pkg_A", granted=granted, at=at, zone=zone)
        assert line.version == before.version + 1
        assert line.expires_at == expiry(began_at=next_minute(at=at), validity=Validity(left), zone=zone)
    assert line.expires_at == at
    assert (line.state(at=at), line.ended) == (PrepaidState.EXPIRED, "recharge_reversed")


def test_another_package_begins_now_and_gives_up_what_was_left() -> None:
    at = datetime(2026, 11, 24, 10, tzinfo=UTC)
    old, given_up = buy(None, package(), at)

    new, granted = buy(old, package("pkg_B", minutes=60), at + timedelta(days=3))

    assert (granted.start, granted.end) == (at + timedelta(days=3), at + timedelta(days=3, hours=1))
    assert new.expires_at == granted.end
    # The recharge that was given up has no time left that could be taken back.
    at_last = at + timedelta(days=3, minutes=5)
    assert take_back(line=new, package_id="pkg_A", granted=given_up, at=at_last, zone=KARACHI) == new
    again, _ = buy(new, package(), at_last)
    assert take_back(line=again, package_id="pkg_A", granted=given_up, at=at_last, zone=KARACHI) == again


def test_an_expired_line_begins_anew() -> None:
    at = datetime(2026, 11, 24, 10, tzinfo=UTC)
    line, first = buy(None, package(minutes=60), at)
    assert line.state(at=first.end - timedelta(minutes=1)) is PrepaidState.RUNNING
    assert line.state(at=first.end) is PrepaidState.EXPIRED

    again, second = buy(line, package(minutes=60), first.end)

    assert second.start == first.end
    assert again.began_at == first.end
    # What was used up is used.
    assert take_back(line=again, package_id="pkg_A", granted=first, at=first.end, zone=KARACHI) == again


def test_a_running_month_taken_back_ends_service_now() -> None:
    at = datetime(2026, 11, 24, 10, tzinfo=UTC)
    line, granted = buy(None, package(), at)
    later = at + timedelta(days=10, seconds=30)
    ended = take_back(line=line, package_id="pkg_A", granted=granted, at=later, zone=KARACHI)
    assert ended.expires_at == at + timedelta(days=10)
    assert ended.state(at=later) is PrepaidState.EXPIRED


def test_a_tenant_that_moves_to_another_zone_keeps_what_was_promised() -> None:
    at = datetime(2026, 2, 10, 10, tzinfo=UTC)
    line, first = buy(None, package(), at, KARACHI)

    moved, second = buy(line, package(), at, NEW_YORK)

    assert second.start == first.end
    assert moved.expires_at > line.expires_at
    back = take_back(line=moved, package_id="pkg_A", granted=first, at=at, zone=NEW_YORK)
    assert back.expires_at == second.end - (first.end - first.start)


def test_nobody_buys_ahead_for_ever() -> None:
    at = datetime(2026, 11, 24, 10, tzinfo=UTC)
    line, _ = buy(None, package(cycle=Cycle(CycleUnit.MONTH, 36)), at)
    with pytest.raises(TooFarAhead):
        buy(line, package(cycle=Cycle(CycleUnit.MONTH, 36)), at)


@given(validities)
def test_a_validity_is_read_as_it_was_written(validity: Validity) -> None:
    assert parse_validity(text=validity.text) == validity


def test_a_cycle_is_a_validity() -> None:
    assert validity_of(package=package(cycle=Cycle(CycleUnit.WEEK, 2))) == Validity(days=14)
    assert validity_of(package=package(cycle=Cycle(CycleUnit.MONTH, 3))) == Validity(months=3)
    assert validity_of(package=package(minutes=90)) == Validity(minutes=90)


def test_a_recharge_is_taxed_and_says_until_when_it_is_valid() -> None:
    at = datetime(2026, 11, 24, 20, 30, tzinfo=UTC)  # already the 25th in Karachi
    parts = (
        TaxComponent("gst", "Sales tax", 195_000, TaxBase.NET),
        TaxComponent("ait", "Advance income tax", 150_000, TaxBase.NET_PLUS_PREVIOUS),
    )
    group = TaxGroup("internet", "Internet", (TaxRow(date(2026, 11, 25), parts),))
    _, granted = buy(None, package(), at)

    (line,) = recharge_lines(
        account=Account(ACCOUNT, "C-1", "PKR", 0, 1),
        slot=1,
        package=package(),
        granted=granted,
        catalogue=Catalogue(packages={}, tax_groups={"internet": group}),
        zone=KARACHI,
        at=at,
    )

    assert (line.net, line.tax, line.total) == (164_900, 61_714, 226_614)
    assert granted_by(line=line) == granted
    assert (line.period.start.isoformat(), line.period.end.isoformat()) == ("2026-11-25", "2026-12-25")
    told = in_words(code=granted.code, currency="PKR")
    assert told == "valid from 2026-11-24 20:30 UTC until 2026-12-24 20:30 UTC"
    assert granted.start.astimezone(ZoneInfo(KARACHI)).day == 25

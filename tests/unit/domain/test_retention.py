"""For how long things are kept: rules, what a tenant may change of them, and what is past its time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from pynamodb.attributes import NumberAttribute

from chalicelib.api.site_tables import kept_table
from chalicelib.domain.data_map import ACCESS_LOG, BOOKS, RULES, TRAFFIC, Keeper
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.domain.data_map_objects import OBJECTS
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.retention import (
    RetentionTooLong,
    Shortened,
    UnknownRule,
    cut_offs,
    days_of,
    over_periods,
    periods,
)
from chalicelib.store.retention import ReportItem

AT = datetime(2026, 12, 1, 12, tzinfo=UTC)


COUNTRIES = ("PK", "IN", "BD", "KE", "NG", "AE", "DE")
# By the code of a rule: days everywhere, and where the law asks for others.
DAYS = {
    "activity": (90, {}),
    "access_log": (365, {}),
    "traffic": (365, {"IN": 730, "NG": 730}),
    "tickets": (1095, {}),
    "requests": (1095, {}),
    "files": (7, {}),
    "papers": (1, {}),
    "jobs": (365, {}),
    "answers": (90, {}),
    "reports": (30, {}),
    "sign_ups": (8, {}),
    "in_use": (30, {}),
}


def kept_to_by(keeper: Keeper) -> set[str]:
    return {rule.code for rule in RULES if rule.keeper is keeper}


@pytest.mark.parametrize("country", COUNTRIES)
def test_each_category_is_kept_for_as_long_as_it_is_promised(country: str) -> None:
    found = {one.rule.code: one for one in periods(country=country, shortened=Shortened())}

    promised = {code: special.get(country, days) for code, (days, special) in DAYS.items()}
    assert {code: found[code].days for code in promised} == promised
    for code in ("books", "audit"):
        assert (found[code].rule.fiscal_years, found[code].days) == (7, None)


@pytest.mark.parametrize("country", COUNTRIES)
def test_nobody_keeps_anything_longer_and_law_is_not_undercut(country: str) -> None:
    for one in periods(country=country, shortened=Shortened()):
        code = one.rule.code
        if one.longest is None:
            with pytest.raises(UnknownRule):
                Shortened().with_rule(code=code, days=1, country=country)
            continue
        assert one.shortest is not None
        less = Shortened().with_rule(code=code, days=one.shortest, country=country)
        assert days_of(rule=one.rule, country=country, shortened=less) == one.shortest
        with pytest.raises(RetentionTooLong):
            Shortened().with_rule(code=code, days=one.longest + 1, country=country)
    changeable = {one.rule.code for one in periods(country=country, shortened=Shortened()) if one.longest}
    assert changeable == {"access_log", "jobs", "requests", "tickets"}


def test_something_keeps_to_each_rule() -> None:
    expiring = {
        handling.rule.code for one in ITEMS if "ttl" in one.attributes for handling in one.attributes.values()
    }
    of_files = {handling.rule.code for one in OBJECTS for handling in one.attributes.values()}

    assert expiring >= kept_to_by(Keeper.EXPIRY)
    assert of_files >= kept_to_by(Keeper.BUCKET)
    counted = {name for name, one in ReportItem.get_attributes().items() if isinstance(one, NumberAttribute)}
    assert counted == kept_to_by(Keeper.JOB)
    assert kept_to_by(Keeper.NOBODY) == {"tickets"}


def test_where_the_law_asks_for_other_days_whoever_reads_the_rules_is_told() -> None:
    for one in (one for one in RULES if one.laws):
        assert one.days, f"{one.code}: laws are counted in days"
        assert not one.shortened, f"{one.code}: who may shorten it could undercut the law"
    shown = kept_table(items=ITEMS)

    assert "365 days after the period of use, 730 in India, 730 in Nigeria" in shown
    (india,) = (one for one in periods(country="IN", shortened=Shortened()) if one.rule is TRAFFIC)
    assert india.words == "730 days after the period of use"


def test_a_tenant_shortens_a_rule_and_lets_it_be_again() -> None:
    once = Shortened().with_rule(code="access_log", days=90, country="PK")
    again = once.with_rule(code="access_log", days=None, country="PK")

    assert days_of(rule=ACCESS_LOG, country="PK", shortened=once) == 90
    assert (again.days, again.version) == ({}, 3)
    assert days_of(rule=ACCESS_LOG, country="PK", shortened=again) == 365


@pytest.mark.parametrize(
    ("code", "days", "refused"),
    [
        ("access_log", 366, RetentionTooLong),
        ("access_log", 29, InvalidValue),
        ("files", 3, UnknownRule),
        ("traffic", 30, UnknownRule),
        ("books", 30, UnknownRule),
        ("nonsense", 30, UnknownRule),
    ],
)
def test_nothing_is_lengthened_and_what_the_law_asks_for_is_not_shortened(
    code: str, days: int, refused: type[InvalidValue]
) -> None:
    with pytest.raises(refused):
        Shortened().with_rule(code=code, days=days, country="PK")


def test_the_rules_in_force_say_what_may_be_changed() -> None:
    found = {one.rule.code: one for one in periods(country="PK", shortened=Shortened({"jobs": 40}))}

    assert (found["jobs"].days, found["jobs"].shortest, found["jobs"].longest) == (40, 30, 365)
    assert (found["traffic"].days, found["traffic"].longest) == (365, None)
    assert found["books"].rule is BOOKS
    assert found["books"].days is None


def test_cut_offs_are_the_rules_before_now() -> None:
    cut = cut_offs(country="PK", shortened=Shortened({"access_log": 90}), today=AT.date(), at=AT)

    assert cut.access == AT - timedelta(days=90)
    assert cut.jobs == AT - timedelta(days=365)
    assert cut.traffic == AT.date() - timedelta(days=TRAFFIC.days)


def test_a_period_is_over_where_the_next_begins_and_the_last_one_a_year_later() -> None:
    months = (date(2025, 3, 1), date(2025, 1, 1), date(2025, 2, 1))

    assert over_periods(starts=months, through=date(2025, 2, 27)) == (date(2025, 1, 1),)
    assert over_periods(starts=months, through=date(2025, 3, 1)) == (date(2025, 1, 1), date(2025, 2, 1))
    assert over_periods(starts=months, through=date(2026, 3, 2)) == tuple(sorted(months))
    assert over_periods(starts=(), through=date(2026, 3, 2)) == ()

"""What the map tells people: of whom each kind of data is."""

from __future__ import annotations

from chalicelib.domain.data_map import Category, Subject
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.domain.data_map_objects import OBJECTS
from chalicelib.domain.data_map_page import CATEGORY_HEAD, category_rows
from chalicelib.domain.retention import Shortened, periods
from chalicelib.domain.subject_files import processing_rows

EVERYTHING = (*ITEMS, *OBJECTS)


def test_the_table_of_the_privacy_page_names_everybody_whose_data_it_is() -> None:
    rows = {row[0]: dict(zip(CATEGORY_HEAD, row, strict=True)) for row in category_rows(items=EVERYTHING)}

    choices = rows[Category.CONSENT]["of whom"]
    assert choices == f"{Subject.STAFF}; {Subject.SUBSCRIBER}; {Subject.VISITOR}"
    assert "730 in India" in rows[Category.TRAFFIC]["kept"]


def test_a_copy_says_why_each_kind_of_data_in_it_is_processed() -> None:
    kept = periods(country="PK", shortened=Shortened())

    def categories(subject: Subject) -> set[object]:
        rows = processing_rows(items=EVERYTHING, subject=subject, periods=kept)
        return {row["category"] for row in rows}

    own = {Category.CONSENT, Category.ACCESS, Category.AUDIT, Category.FILES, Category.TECHNICAL}
    assert own <= categories(Subject.SUBSCRIBER)
    assert own - {Category.TECHNICAL} <= categories(Subject.STAFF)

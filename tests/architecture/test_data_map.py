"""The data map: nothing is stored that it does not know, and what it says of it is so."""

from __future__ import annotations

import dataclasses
import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pynamodb.attributes import BinaryAttribute

import chalicelib.store
from chalicelib.domain import data_map
from chalicelib.domain.activity import ACTIVITY_DAYS
from chalicelib.domain.anomalies import NETWORK_KNOWN_FOR
from chalicelib.domain.consents import PROOF_LIFE
from chalicelib.domain.contacts import Contact, Recipient
from chalicelib.domain.data_map import Basis, Controller, Erasure, Keeper, Personal, Rule, Subject
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.domain.data_map_objects import OBJECTS
from chalicelib.domain.data_map_page import data_map_page
from chalicelib.domain.imports import REPORT_KEPT_DAYS
from chalicelib.domain.jobs import FILES_KEPT_DAYS
from chalicelib.store.base import Item
from chalicelib.store.idempotency import KEPT

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"pk", "sk"}
# Bytes that are no ciphertext: numbers of a register, hashes, and keys, which are wrapped by KMS.
PLAIN_BYTES = {
    "register.RegisterItem entries",
    "wrapped_keys.WrappedKeyItem wrapped",
    *(f"audit_log.RecordItem {name}" for name in ("head", "links", "previous")),
    "audit_log.HeadItem link",
    "audit_rounds.RoundItem link",
}


def models(base: type[Item] = Item) -> Iterator[type[Item]]:
    for found in pkgutil.iter_modules(chalicelib.store.__path__):
        importlib.import_module(f"chalicelib.store.{found.name}")
    for one in base.__subclasses__():
        if set(one.get_attributes()) > KEYS:
            yield one
        yield from models(one)


MODELS = {f"{one.__module__.rpartition('.')[2]}.{one.__name__}": one for one in models()}
HANDLED = [(one, name, handling) for one in ITEMS for name, handling in one.attributes.items()]


def test_every_attribute_of_every_stored_item_is_in_the_map_and_nothing_else() -> None:
    stored = {f"{name} {one}" for name, model in MODELS.items() for one in model.get_attributes()}

    mapped = {f"{one.model} {name}" for one, name, _ in HANDLED}

    assert mapped == {one for one in stored if one.rpartition(" ")[2] not in KEYS}
    assert len(ITEMS) == len({one.model for one in ITEMS})


def test_what_is_sealed_is_what_the_map_calls_sealed() -> None:
    binary = {
        f"{name} {one}"
        for name, model in MODELS.items()
        for one, attribute in model.get_attributes().items()
        if isinstance(attribute, BinaryAttribute)
    }

    assert binary - PLAIN_BYTES == {
        f"{one.model} {name}" for one, name, handling in HANDLED if handling.sealed
    }


def test_what_is_about_a_person_is_sealed_and_its_content_named() -> None:
    direct = [
        (one, name, handling) for one, name, handling in HANDLED if handling.personal is Personal.DIRECT
    ]

    assert direct
    for one, name, handling in direct:
        assert handling.sealed, f"{one.model} {name}"
        assert name in one.inside, f"say what is inside {one.model} {name}"


def test_a_basis_stands_wherever_there_is_a_person() -> None:
    for one, name, handling in HANDLED:
        personal = handling.personal is not Personal.NONE
        assert (handling.basis is not Basis.NONE) or not personal, f"{one.model} {name}"
        kept = handling.erasure in {Erasure.KEEP, Erasure.KEY}
        assert not kept or handling.rule.fiscal_years, f"{one.model} {name} is kept: until when?"
        assert set(one.inside) <= set(one.attributes)


@pytest.mark.parametrize(
    ("model", "attribute", "of"),
    [
        ("subscribers.PersonItem", "contact", Contact),
        ("accounts.AccountItem", "recipient", Recipient),
        ("invoices.InvoiceItem", "recipient", Recipient),
    ],
)
def test_a_field_more_in_what_is_sealed_is_named(model: str, attribute: str, of: Any) -> None:
    (found,) = [one for one in ITEMS if one.model == model]

    words = found.inside[attribute].replace(" and ", " ").replace(",", "").replace("tax id", "tax_id")

    named = set(words.replace("national id", "national_id").split())
    assert {field.name for field in dataclasses.fields(of)} <= named


def test_of_subscribers_the_isp_is_the_controller_and_of_visitors_and_accounts_the_platform() -> None:
    of_platform = {one.model for one in ITEMS if one.controller is Controller.PLATFORM}

    visitors = {one.model for one in ITEMS if one.subject is Subject.VISITOR}
    assert visitors <= of_platform
    assert {"tenants.TenantItem", "tenants.SignUpItem", "tenants.SubdomainItem"} <= of_platform
    assert not {one.model for one in ITEMS if Subject.SUBSCRIBER in one.subjects} & of_platform


def test_the_rules_are_those_that_the_map_uses() -> None:
    of_files = {handling.rule for one in OBJECTS for handling in one.attributes.values()}
    used = {handling.rule for _, _, handling in HANDLED} | of_files
    assert set(data_map.RULES) == used | {data_map.TICKETS}
    assert data_map.TICKETS not in used, "there are tickets now: leave the exception out"
    assert len({rule.code for rule in data_map.RULES}) == len(data_map.RULES)
    assert all(rule.days == 0 or rule.fiscal_years == 0 for rule in data_map.RULES)


def test_files_go_when_their_rule_says() -> None:
    resources = json.loads((ROOT / ".chalice" / "resources.json").read_text())["Resources"]
    rules = resources["FilesBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule}

    told = {one.model: one.attributes["content"].rule.days for one in OBJECTS if "content" in one.attributes}

    assert told == expiring


def test_kept_answers_expire_when_their_rule_says() -> None:
    assert KEPT.days == data_map.ANSWERS.days
    assert data_map.REPORTS.days == REPORT_KEPT_DAYS


def test_what_ends_by_itself_ends_when_its_rule_says() -> None:
    assert data_map.NETWORKS.days == NETWORK_KNOWN_FOR.days
    assert data_map.VISITOR_CHOICE.days == PROOF_LIFE.days
    assert data_map.ACTIVITY.days == ACTIVITY_DAYS
    assert data_map.FILES.days == FILES_KEPT_DAYS


def test_a_rule_says_its_period() -> None:
    assert data_map.IN_USE.words == "30 days after the end of the account"
    assert data_map.BOOKS.words == "7 fiscal years after the fiscal year of the document"
    assert Rule("x", "until it ends", Keeper.ENDING).words == "until it ends"


def test_an_attribute_has_one_handling() -> None:
    handling = HANDLED[0][2]
    other = dataclasses.replace(handling, sealed=not handling.sealed)

    with pytest.raises(AssertionError, match="two handlings"):
        _ = data_map.Stored("m.M", "words", data_map.Subject.NOBODY, {handling: "a b", other: "b"}).attributes


def test_the_page_is_made_of_the_map() -> None:
    assert (ROOT / "docs" / "data-map.md").read_text() == data_map_page(items=ITEMS)

"""What expires is invisible from that moment on: the table may take days to delete it.

Whatever reads a model with a ``ttl`` compares its time with the clock, where it is read or where what
it returns is used, which is said here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from chalicelib.domain.data_map import SESSION, VISITOR_CHOICE, WINDOW
from chalicelib.domain.data_map_items import ITEMS
from chalicelib.store.held_items import RENEWED

ROOT = Path(__file__).resolve().parents[2]
STORE = ROOT / "chalicelib" / "store"
EXPIRING = {one.model for one in ITEMS if "ttl" in one.attributes}
# Words that name an end, in a comparison.
ENDS = ("ttl", "expires_at", "until", "PROOF_LIFE")
READING = {"get", "query", "batch_get", "count"}
# Reads that compare nothing, and who does, or asks for no days that are over.
COMPARED_BY = {
    "sessions.of_person": "usecases/own_sessions.own_sessions",
    "networks.known": "domain/anomalies.with_network",
    "activity.totals": "usecases/activity.activity_totals",
}
# Read whatever their age.
OF_ANY_AGE = {
    "subject_data.erase_answers": "an erasure empties what the table has not taken away yet",
    "leftovers.erase_person": "a purge takes away whatever there is",
    "leftovers.erase_networks": "a purge takes away whatever there is",
}
# Never read: written by condition or counted under a key that has the window's number.
UNREAD = {"portal_codes.AskedItem", "portal_codes.NewestItem", "tokens.AttemptsItem"}


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    tree = ast.parse(path.read_text())
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def models_read(function: ast.FunctionDef) -> set[str]:
    """The classes whose items a function reads: ``X.get(...)``, ``query_page(X, ...)``, ``(X, key, ...)``."""
    found: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute) and called.attr in READING:
                found |= {called.value.id} if isinstance(called.value, ast.Name) else set()
            if isinstance(called, ast.Name) and called.id == "query_page":
                found |= {one.id for one in node.args[:1] if isinstance(one, ast.Name)}
        if isinstance(node, ast.Tuple) and node.elts and isinstance(node.elts[0], ast.Name):
            found.add(node.elts[0].id)
    return found


def compares(function: ast.FunctionDef) -> bool:
    comparisons = (node for node in ast.walk(function) if isinstance(node, ast.Compare))
    return any(word in ast.unparse(node) for node in comparisons for word in ENDS)


def imported_from(path: Path) -> dict[str, str]:
    """Which module of the store a class was imported from, by its name."""
    tree = ast.parse(path.read_text())
    return {
        name.name: node.module.rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("chalicelib.store.")
        for name in node.names
    }


def reads() -> Iterator[tuple[str, str, bool]]:
    """Each model that expires and is read: by which function, and whether that looks at the clock."""
    for path in sorted(STORE.glob("*.py")):
        imported = imported_from(path)
        for function in functions(path):
            for name in models_read(function):
                model = f"{imported.get(name, path.stem)}.{name}"
                if model in EXPIRING:
                    yield model, f"{path.stem}.{function.name}", compares(function)


def test_whatever_reads_what_expires_looks_at_the_clock() -> None:
    found = list(reads())

    assert EXPIRING - {model for model, _, _ in found} == UNREAD
    assert {where for _, where, looks in found if not looks} == {*COMPARED_BY, *OF_ANY_AGE}


def test_who_looks_at_the_clock_instead_does() -> None:
    for where in COMPARED_BY.values():
        module, _, name = where.rpartition(".")
        [function] = [one for one in functions(ROOT / "chalicelib" / f"{module}.py") if one.name == name]
        compared = any(isinstance(node, ast.Compare) for node in ast.walk(function))
        assert compared or "timedelta(days=" in ast.unparse(function), where


def test_all_that_expires_of_a_company_is_kept_while_it_is_held_but_for_what_is_no_evidence() -> None:
    no_evidence = {SESSION.code, WINDOW.code, VISITOR_CHOICE.code}
    evidence = {
        one.model
        for one in ITEMS
        if "ttl" in one.attributes and one.attributes["ttl"].rule.code not in no_evidence
    }

    renewed = {f"{model.__module__.rpartition('.')[2]}.{model.__name__}" for model in RENEWED}
    assert evidence == renewed | {"networks.NetworksItem"}

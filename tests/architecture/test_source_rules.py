"""Rules on the source itself: environment, exceptions, imports, signatures, money, handlers."""

from __future__ import annotations

import ast
import sys

import pytest

from tests.architecture.code import Source, dotted, event_names, product, sources

# File to reason. Everything else is given its Settings.
ENVIRONMENT_READERS = {
    "chalicelib/config.py": "the only reader in the product",
    "chalicelib/local/engine_main.py": "runs in the engine's own environment, without the product's modules",
    "chalicelib/local/pump.py": "hands its environment on to the child that plays a function",
    ".chalice/build.py": "hands its environment on to chalice",
}
# Where an exception of any kind ends: it becomes an answer, a failed item, a log line.
OUTER_BOUNDARIES = {
    "chalicelib/adapters/readiness.py",
    "chalicelib/api/preflights.py",
    "chalicelib/api/routing.py",
    "chalicelib/jobs/retention.py",
    "chalicelib/jobs/sqs.py",
    "chalicelib/jobs/tenants.py",
    "chalicelib/local/engine_main.py",
    "chalicelib/local/pump.py",
}


def environment_reads(source: Source) -> list[str]:
    forbidden = {"os.environ", "os.getenv", "os.environb"}
    found = [source.at(n) for n in ast.walk(source.tree) if dotted(n) in forbidden]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            found += [source.at(node) for alias in node.names if f"os.{alias.name}" in forbidden]
    return found


def broad_excepts(source: Source) -> list[str]:
    """Handlers of every exception that do not end by raising."""
    found = []
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        passed_on = isinstance(node.body[-1], ast.Raise)
        if not passed_on and any(
            kind is None or dotted(kind) in {"Exception", "BaseException"} for kind in kinds
        ):
            found.append(source.at(node))
    return found


def foreign_imports(source: Source) -> list[str]:
    """Imports of the domain that are neither of itself nor of the standard library."""
    found = []
    for node in ast.walk(source.tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = ["chalicelib.domain." if node.level else str(node.module)]
        for name in names:
            inside = name == "chalicelib.domain" or name.startswith("chalicelib.domain.")
            if not inside and name.partition(".")[0] not in sys.stdlib_module_names:
                found.append(f"{source.at(node)} {name}")
    return found


def positional_or_untyped(source: Source) -> list[str]:
    """Public functions and methods that can be called by position, or that leave a type out."""
    found = []
    public = [n for n in source.tree.body if isinstance(n, ast.ClassDef) and not n.name.startswith("_")]
    owners: list[ast.Module | ast.ClassDef] = [source.tree, *public]
    for owner in owners:
        for function in owner.body:
            if not isinstance(function, ast.FunctionDef) or function.name.startswith("_"):
                continue
            if any("dataclass_transform" in ast.unparse(d) for d in function.decorator_list):
                continue  # it decorates classes, and Python gives it one by position
            given = [*function.args.posonlyargs, *function.args.args]
            static = any(dotted(d) == "staticmethod" for d in function.decorator_list)
            if isinstance(owner, ast.ClassDef) and not static:
                given = given[1:]
            untyped = [a for a in [*given, *function.args.kwonlyargs] if a.annotation is None]
            if given or function.args.vararg or untyped or function.returns is None:
                found.append(f"{source.at(function)} {function.name}")
    return found


def floats(source: Source) -> list[str]:
    """Float literals, the name float, and division that makes one."""
    found = []
    for node in ast.walk(source.tree):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        divides = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
        if literal or divides or dotted(node) == "float":
            found.append(source.at(node))
    return found


def random_draws(source: Source) -> list[str]:
    """Imports of the module random: where waits are jittered, one place says how."""
    return [
        source.at(node)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names)
    ]


def event_handlers(source: Source) -> list[str]:
    """Functions registered for an event (a handler on a Blueprint deploys without app.py)."""
    return [f"{source.path} {name}" for name in event_names(source)]


def test_only_settings_read_the_environment() -> None:
    readers = {source.path for source in product() if environment_reads(source)}
    assert readers <= set(ENVIRONMENT_READERS)
    assert "chalicelib/config.py" in readers


def test_only_outer_boundaries_catch_everything() -> None:
    assert {source.path for source in product() if broad_excepts(source)} == OUTER_BOUNDARIES


def test_the_domain_imports_the_standard_library_only() -> None:
    assert [offence for source in sources("chalicelib/domain") for offence in foreign_imports(source)] == []


def test_use_cases_are_called_by_keyword_and_typed() -> None:
    inside = sources("chalicelib/domain", "chalicelib/usecases")
    assert [offence for source in inside for offence in positional_or_untyped(source)] == []


def test_no_floats_in_the_domain() -> None:
    assert [offence for source in sources("chalicelib/domain") for offence in floats(source)] == []


def test_waits_are_drawn_in_one_place() -> None:
    drawing = {source.path for source in sources("chalicelib") if random_draws(source)}
    assert drawing - {"chalicelib/local/demo.py"} == {"chalicelib/usecases/backoff.py"}


def test_event_handlers_are_registered_in_app_only() -> None:
    assert [offence for source in sources("chalicelib") for offence in event_handlers(source)] == []
    assert len(event_handlers(sources("app.py")[0])) >= 4
    assert not [source.path for source in product() if "Blueprint(" in source.text]


@pytest.mark.parametrize(
    ("check", "broken", "sound"),
    [
        (environment_reads, "import os\nx = os.environ['A']", "import os\nx = os.sep"),
        (environment_reads, "import os\nx = os.getenv('A')", "x = 1"),
        (environment_reads, "from os import environ", "from os import sep"),
        (broad_excepts, "try: x()\nexcept Exception: pass", "try: x()\nexcept ValueError: pass"),
        (broad_excepts, "try: x()\nexcept: pass", "try: x()\nexcept BaseException:\n y()\n raise"),
        (broad_excepts, "try: x()\nexcept (ValueError, Exception): pass", "x()"),
        (foreign_imports, "import boto3", "import decimal"),
        (foreign_imports, "from chalicelib.store import tables", "from chalicelib.domain import money"),
        (positional_or_untyped, "def f(a: int) -> int: ...", "def f(*, a: int) -> int: ..."),
        (positional_or_untyped, "def f(*, a) -> int: ...", "def _f(a): ..."),
        (positional_or_untyped, "def f(*, a: int): ...", "def f() -> None: ..."),
        (positional_or_untyped, "class C:\n def f(self, a: int) -> int: 0", "class _C:\n def f(self, a): 0"),
        (floats, "x = 1.5", "x = 15"),
        (floats, "def f(*, a: float) -> None: ...", "def f(*, a: int) -> None: ..."),
        (floats, "x = a / b", "x = a // b"),
        (random_draws, "import random", "import secrets"),
        (event_handlers, "@bp.schedule(Rate(1))\ndef f(event): ...", "@endpoint('GET')\ndef f(r): ..."),
        (event_handlers, "@app.on_sqs_message(queue='Q')\ndef f(event): ...", "@cache\ndef f(r): ..."),
    ],
)  # fmt: skip
def test_each_rule_finds_a_broken_sample(check, broken, sound) -> None:  # type: ignore[no-untyped-def]
    assert check(Source("broken.py", broken))
    assert not check(Source("sound.py", sound))

"""Functions and files stay small (style.md, rules 1 and 12)."""

from __future__ import annotations

import ast

from tests.architecture.code import Source, product, sources

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400
ENDPOINT_LINES_MAX = 15


def long_functions(source: Source, *, lines_max: int = FUNCTION_LINES_MAX) -> list[str]:
    return [
        f"{source.at(function)} {function.name}: {lines} lines"
        for function in source.functions()
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > lines_max
    ]


def long_endpoints(source: Source) -> list[str]:
    """Functions decorated with ``endpoint(...)``; the signature and docstring do not count."""
    offences = []
    for function in source.functions():
        names = [
            getattr(d.func, "id", getattr(d.func, "attr", ""))
            for d in function.decorator_list
            if hasattr(d, "func")
        ]
        if "endpoint" not in names:
            continue
        body = (
            function.body[1:]
            if isinstance(getattr(function.body[0], "value", None), ast.Constant)
            else function.body
        )
        lines = (function.end_lineno or 0) - body[0].lineno + 1 if body else 0
        if lines > ENDPOINT_LINES_MAX:
            offences.append(f"{source.at(function)} {function.name}: {lines} lines")
    return offences


def test_functions_are_short() -> None:
    assert [offence for source in (*product(), *sources("tests")) for offence in long_functions(source)] == []


def test_files_are_short() -> None:
    lengths = {source.path: source.text.count("\n") for source in (*product(), *sources("tests"))}
    assert {path: lines for path, lines in lengths.items() if lines > FILE_LINES_MAX} == {}


def test_endpoints_only_translate() -> None:
    assert [offence for source in sources("chalicelib/api") for offence in long_endpoints(source)] == []


def test_a_long_function_is_found() -> None:
    body = "\n".join(["    pass"] * FUNCTION_LINES_MAX)
    assert long_functions(Source("x.py", f"def long():\n{body}\n"))
    assert not long_functions(Source("x.py", "def short():\n    pass\n"))


def test_a_long_endpoint_is_found() -> None:
    head = '@endpoint("GET", "/v1/x", permission=P)\ndef x(request):\n    """Says what."""\n'
    assert long_endpoints(Source("x.py", head + "    pass\n" * (ENDPOINT_LINES_MAX + 1)))
    assert not long_endpoints(Source("x.py", head + "    pass\n" * ENDPOINT_LINES_MAX))

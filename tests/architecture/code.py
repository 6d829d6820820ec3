"""Reads the project's own source for the architecture tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
EVENT_DECORATORS = {
    "schedule", "on_cw_event", "on_sqs_message", "on_sns_message", "on_s3_event",
    "on_dynamodb_record", "on_kinesis_record", "lambda_function", "authorizer",
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """One file: its path from the root of the project, and its text."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.text)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        return (node for node in ast.walk(self.tree) if isinstance(node, FUNCTION))

    def at(self, node: ast.AST) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 0)}"


@cache
def _parsed(text: str) -> ast.Module:
    """The tree of a file, which many tests read and none may change."""
    return ast.parse(text)


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """The Python files in these folders of the project (or single files)."""
    found: list[Path] = []
    for folder in folders:
        start = ROOT / folder
        found += [start] if start.is_file() else sorted(start.rglob("*.py"))
    assert found, f"nothing in {folders}: the test would prove nothing"
    return tuple(Source(path.relative_to(ROOT).as_posix(), path.read_text()) for path in found)


def product() -> tuple[Source, ...]:
    """What is deployed, what runs it locally, and what builds it."""
    return sources("app.py", "chalicelib", ".chalice")


def dotted(node: ast.AST) -> str:
    """``a.b.c`` for an attribute access or name, else an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def event_names(source: Source) -> list[str]:
    """Functions registered for an event of any kind."""
    return [
        function.name
        for function in source.functions()
        for decorator in function.decorator_list
        if dotted(getattr(decorator, "func", decorator)).rpartition(".")[2] in EVENT_DECORATORS
    ]

"""Work for a tenant is done as that tenant: every repository has one of ``store.acting``'s bases."""

from __future__ import annotations

import ast

from tests.architecture.code import Source, dotted, sources

BASES = {"OfTenant", "ByTenant", "OfPlatform"}


def not_acting(*files: Source) -> list[str]:
    """Repositories that would ask with the credentials of whoever is at work."""
    classes = [
        (source, node) for source in files for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)
    ]
    acting = set(BASES)
    for _ in range(3):  # bases of bases, at most three deep
        acting |= {one.name for _, one in classes if acting & {dotted(base) for base in one.bases}}
    return [
        source.at(one)
        for source, one in classes
        if (of_tenants(one) or of_platform(one)) and one.name not in acting
    ]


def built_with(one: ast.ClassDef) -> set[str]:
    """Names of what a class is built with."""
    return {
        argument.arg
        for node in one.body
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
        for argument in (*node.args.args[1:], *node.args.kwonlyargs)
    }


def of_tenants(one: ast.ClassDef) -> bool:
    """Whether a class is built for a tenant."""
    return "tenant_id" in built_with(one)


def of_platform(one: ast.ClassDef) -> bool:
    """Whether a class is a repository of what belongs to no tenant."""
    return "database" in built_with(one) <= {"database", "keyring"}


def nobodys(*files: Source) -> list[str]:
    """Classes that are built for a tenant and do not keep which: nobody knows for whom they act."""
    return [
        source.at(one)
        for source in files
        for one in ast.walk(source.tree)
        if isinstance(one, ast.ClassDef)
        and of_tenants(one)
        and not any(isinstance(node, ast.Attribute) and node.attr == "_tenant_id" for node in ast.walk(one))
    ]


def test_every_repository_acts_for_its_tenant() -> None:
    assert not_acting(*sources("chalicelib/store")) == []
    assert nobodys(*sources("chalicelib/store")) == []


def test_one_that_does_not_is_found() -> None:
    text = "class A:\n    def __init__(self, tenant_id):\n        self._tenant_id = tenant_id\n"
    assert not_acting(Source("chalicelib/store/a.py", text)) == ["chalicelib/store/a.py:1"]
    assert not_acting(Source("chalicelib/store/a.py", text.replace("class A:", "class A(OfTenant):"))) == []
    assert nobodys(Source("chalicelib/store/a.py", text.replace("_tenant_id", "_pk"))) == [
        "chalicelib/store/a.py:1"
    ]

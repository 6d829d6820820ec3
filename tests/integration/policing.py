"""Other policies than those that ship, for tests of what a new version does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

from chalicelib.domain.policies import Document, Library, PolicyVersion
from tests.integration.conftest import EngineServices


def policy(
    *,
    document: Document = Document.PRIVACY,
    on: str,
    significant: bool = True,
    accept: bool = False,
    text: str = "We keep little.",
) -> PolicyVersion:
    """A version of a document."""
    return PolicyVersion(
        document=document,
        on=date.fromisoformat(on),
        title="Privacy" if document is Document.PRIVACY else "Terms of use",
        summary="Something is new.",
        significant=significant,
        accept=accept,
        text=text,
    )


@contextmanager
def announced(services: EngineServices, *versions: PolicyVersion) -> Iterator[None]:
    """Have these versions be the platform's policies; those of other documents are as they ship."""
    shipped = services.site
    documents = {
        one.document: tuple(it for it in versions if it.document is one.document) for one in versions
    }
    library = Library({**shipped.policies.versions, **documents})
    vars(services)["site"] = replace(shipped, policies=library)
    vars(services).pop("terms_gate", None)  # it remembers, as long as policies ship with a process
    try:
        yield
    finally:
        vars(services)["site"] = shipped
        vars(services).pop("terms_gate", None)

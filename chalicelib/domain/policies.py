"""The platform's policies: versions by date, what changed between them, and who is to be told.

A version is a file, ``policy_texts/<document>/<date>.md``, whose date is the first day (UTC) on which it is
in force; it is announced from when it is shipped. It is never changed: another text is another version.
The head of the file says its title, whether the change is significant, whether it has to be accepted,
and in one line what is new.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import SequenceMatcher
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from chalicelib.domain.errors import InvalidValue, NotFound

_TEXTS: Final = "policy_texts"
_HEAD_LINE: Final = re.compile(r"(title|summary|significant|accept): (.+)", re.ASCII)
_WORD: Final = re.compile(r"\S+|\n\n")
ChangeKind = Literal["same", "added", "removed"]
# For so long an owner goes on as before without having accepted what is to be accepted.
ACCEPTANCE_GRACE: Final = timedelta(days=30)
_YES_NO: Final = {"yes": True, "no": False}


class Document(StrEnum):
    """Which policy."""

    TERMS = "terms"
    PRIVACY = "privacy"
    COOKIES = "cookies"


class VersionOutdated(InvalidValue):
    """What is to be accepted is not the version that is asked for: read the newest one."""

    code = "policy_version_outdated"


class NothingToAccept(InvalidValue):
    """The document asks for no acceptance."""

    code = "nothing_to_accept"


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of a document; ``text`` is of the subset that ``policy_markup`` renders."""

    document: Document
    on: date
    title: str
    summary: str
    significant: bool
    accept: bool
    text: str

    @property
    def version(self) -> str:
        """Return its name, which is its date: ``2026-11-26``."""
        return self.on.isoformat()

    @property
    def in_force_at(self) -> datetime:
        """When it comes into force."""
        return datetime(self.on.year, self.on.month, self.on.day, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of words, in both texts or in one."""

    kind: ChangeKind
    words: str


@dataclass(frozen=True)
class Library:
    """All versions of each document, oldest first."""

    versions: Mapping[Document, tuple[PolicyVersion, ...]]

    def current(self, *, document: Document, at: datetime) -> PolicyVersion:
        """Return the version in force; before the first one is, that one."""
        known = self.versions[document]
        return next((one for one in reversed(known) if one.in_force_at <= at), known[0])

    def newest(self, *, document: Document) -> PolicyVersion:
        """Return the newest version that is announced, in force or not."""
        return self.versions[document][-1]

    def get(self, *, document: str, version: str) -> PolicyVersion:
        """Return a version, or raise NotFound."""
        for one in self.versions.get(Document(document), ()) if document in set(Document) else ():
            if one.version == version:
                return one
        raise NotFound("there is no such version of a policy")

    def before(self, *, version: PolicyVersion) -> PolicyVersion | None:
        """Return the version that another took the place of; None for the first."""
        known = self.versions[version.document]
        place = known.index(version)
        return known[place - 1] if place else None


def parse_version(*, document: Document, on: date, content: str) -> PolicyVersion:
    """Read a file: lines ``name: value``, an empty line, the text."""
    head, _, text = content.partition("\n\n")
    lines = [match for line in head.splitlines() if (match := _HEAD_LINE.fullmatch(line))]
    found = {str(line[1]): str(line[2]) for line in lines}
    assert len(found) == len(head.splitlines()) == 4, f"{document} of {on} has a head of four lines"
    return PolicyVersion(
        document=document,
        on=on,
        title=found["title"],
        summary=found["summary"],
        significant=_YES_NO[found["significant"]],
        accept=_YES_NO[found["accept"]],
        text=text.strip(),
    )


@cache
def shipped_policies() -> Library:
    """Return the policies of this version of the product."""
    return Library({document: _versions(document) for document in Document})


def _versions(document: Document) -> tuple[PolicyVersion, ...]:
    folder = files("chalicelib.domain").joinpath(_TEXTS, document.value)
    found = {one.name.removesuffix(".md"): one.read_text(encoding="utf-8") for one in folder.iterdir()}
    return tuple(
        parse_version(document=document, on=date.fromisoformat(name), content=found[name])
        for name in sorted(found)
    )


def changes(*, before: PolicyVersion, after: PolicyVersion) -> tuple[Change, ...]:
    """Return what was said before and what is said after, word by word; paragraphs are two line breaks."""
    old, new = _WORD.findall(before.text), _WORD.findall(after.text)
    found: list[Change] = []
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(Change("same", _joined(old[i:j])))
            continue
        found += [Change("removed", _joined(old[i:j]))] if j > i else []
        found += [Change("added", _joined(new[k:m]))] if m > k else []
    return tuple(found)


def _joined(words: Sequence[str]) -> str:
    return " ".join(words)


# -- who is told -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PolicyState:
    """What a person did about a version, or was done: each at its time, None where it was not."""

    document: Document
    version: str
    mailed_at: datetime | None = None
    dismissed_at: datetime | None = None
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A version that a person is to be told of; ``accept`` says that it is to be accepted, not only seen.

    ``stops_at`` is when an owner who has not accepted it can change nothing any more; None for others.
    """

    version: PolicyVersion
    accept: bool
    stops_at: datetime | None = None


def notices(
    *, library: Library, joined_at: datetime, states: Mapping[tuple[Document, str], PolicyState]
) -> tuple[Notice, ...]:
    """Return what a person has not seen, or not accepted where that is asked: the newest of each document.

    Who joined when a version was in force was shown it then. An acceptance is asked of everybody who has
    not accepted the newest version that asks for one, or a later one.
    """
    found: list[Notice] = []
    for document, known in library.versions.items():
        newest = known[-1]
        state = states.get((document, newest.version), PolicyState(document, newest.version))
        to_accept = _to_accept(known, states)
        seen = state.dismissed_at or state.accepted_at or joined_at >= newest.in_force_at
        if to_accept or not seen:
            found.append(Notice(newest, to_accept))
    return tuple(found)


def _to_accept(known: Sequence[PolicyVersion], states: Mapping[tuple[Document, str], PolicyState]) -> bool:
    """Whether none of the newest version that asks for it, and those after it, was accepted."""
    asking = [place for place, one in enumerate(known) if one.accept]
    if not asking:
        return False
    since = [(one.document, one.version) for one in known[asking[-1] :]]
    return not any(key in states and states[key].accepted_at for key in since)


def stopped_from(
    *, library: Library, joined_at: datetime, states: Mapping[tuple[Document, str], PolicyState]
) -> datetime | None:
    """Return from when an owner who accepts nothing more can change nothing; None where all is accepted."""
    due = (
        acceptance_due(known=known, joined_at=joined_at, states=states) for known in library.versions.values()
    )
    return min((at for at in due if at is not None), default=None)


def acceptance_due(
    *,
    known: Sequence[PolicyVersion],
    joined_at: datetime,
    states: Mapping[tuple[Document, str], PolicyState],
) -> datetime | None:
    """Return until when a document's versions are to be accepted; None where nothing is left to be.

    The time runs from when a version is in force, the person joined, and the mail about it went,
    whichever is last. Accepting a later version accepts those before it.
    """
    left: list[PolicyVersion] = []
    for version in reversed(known):
        state = states.get((version.document, version.version))
        if state is not None and state.accepted_at:
            break
        left.append(version)
    starts = []
    for version in left:
        state = states.get((version.document, version.version))
        told = state.mailed_at if state is not None and state.mailed_at else joined_at
        starts += [max(version.in_force_at, joined_at, told)] if version.accept else []
    return min(starts) + ACCEPTANCE_GRACE if starts else None


def to_be_mailed(*, version: PolicyVersion, joined_at: datetime, product_mail: bool) -> bool:
    """Whether a person is mailed about a version: of a significant change anybody, else who agreed to it."""
    return joined_at < version.in_force_at and (version.significant or product_mail)


def check_acceptance(*, library: Library, document: Document, version: str) -> PolicyVersion:
    """Return the version that is accepted, or raise NotFound, NothingToAccept or VersionOutdated."""
    accepted = library.get(document=document, version=version)
    if not any(one.accept for one in library.versions[document]):
        raise NothingToAccept("this document asks for no acceptance", param="kind")
    if accepted != library.newest(document=document):
        raise VersionOutdated("there is a newer version: read and accept that one", param="version")
    return accepted

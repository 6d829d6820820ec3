"""What is found of a simulated company, and whether it may still be there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.security.canaries import Canaries
from tests.simulation.everything import CHANGES_IN_BACKUP, PLAIN, PLATFORM_IN_BACKUP, Text

# Whoever may read the file reads it: one that the company uploaded, or made; and its copy while it is held.
FILES = ("exports/", "imports/", "held/")
# A backup has the company's name, for the thirty days for which it is kept, in the platform's list of
# companies, and among the changes of the hour in which a purge and a backup meet (ADR 35).
NAMING = {PLATFORM_IN_BACKUP, CHANGES_IN_BACKUP}
SHOWN_BYTES = 120
ALIVE, PURGED, SHREDDED = "alive", "purged", "shredded"


@dataclass
class Search:
    """One company's leaks: ``stage`` says what may be there.

    ``opened`` is what was opened of it, by kind of place and family; ``files`` are the kinds of files that
    hold people.
    """

    canaries: Canaries
    tenant_id: str
    company: str
    stage: str
    opened: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    leaks: list[str] = field(default_factory=list)

    def read(self, texts: Iterable[Text]) -> Search:
        """Look at texts."""
        for text in texts:
            self.look(text)
        return self

    def look(self, text: Text) -> None:
        """Look at one."""
        if text.family != PLAIN and text.tenant_id == self.tenant_id:
            self.opened.setdefault((text.kind, text.family), []).append(text.data)
        where = f"{text.kind} {text.place} {text.family}: {text.data[:SHOWN_BYTES]!r}"
        self.leaks += [f"{where}: {what}" for what in self._wrong(text)]

    def _wrong(self, text: Text) -> Iterator[str]:
        if text.kind == "file" and self._may_have_file(text):
            if any(self.canaries.found(text.data)):
                self.files.add(text.place.removeprefix(f"held/{text.tenant_id}/").partition("/")[0])
            return
        if text.family == PLAIN:
            yield from self.canaries.found(text.data)
            if self.stage != ALIVE and text.kind not in NAMING and self.company.encode() in text.data:
                yield "the company's name"
        elif text.tenant_id == self.tenant_id and self.stage != ALIVE:
            yield from self._kept(text)

    def _may_have_file(self, text: Text) -> bool:
        """Whether it is a file for people to read, of this company while it lives, or of another one."""
        mine = text.tenant_id == self.tenant_id
        return text.place.startswith(FILES) and not (mine and self.stage != ALIVE)

    def _kept(self, text: Text) -> Iterator[str]:
        """What the law does not ask for in what a remaining key opens."""
        if self.stage == SHREDDED:
            yield "a key opens it"
        elif text.family.startswith("bill-"):
            found = set(self.canaries.found(text.data))
            yield from (one for one in found if one.startswith(("number", "text")))
            if re.search(rb"@", text.data):
                yield "an address of mail"
        elif text.family == "audit":
            yield from self.canaries.found(text.data)
        else:
            yield "a key opens it"

"""The data map of files: what lies in the buckets, by the beginning of its name."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.data_map import Stored, Subject
from chalicelib.domain.data_map_handlings import ANCHOR, BACKUP, CERTIFICATE, FILE, HELD_COPY, PAPER

OBJECTS: Final[tuple[Stored, ...]] = (
    Stored(
        "exports/",
        "exports, for download",
        Subject.SUBSCRIBER,
        {FILE: "content"},
        {"content": "everything that the ISP has"},
        also=(Subject.STAFF,),
    ),
    Stored(
        "imports/",
        "files to import",
        Subject.SUBSCRIBER,
        {FILE: "content"},
        {"content": "what the ISP put into the file"},
    ),
    Stored(
        "documents/",
        "receipts and invoices on paper, for download",
        Subject.SUBSCRIBER,
        {PAPER: "content"},
        {"content": "the document, with the name of who is billed"},
    ),
    Stored(
        "vouchers/",
        "sheets of vouchers, for download",
        Subject.NOBODY,
        {PAPER: "content"},
        {"content": "the codes of a batch"},
    ),
    Stored(
        "held/",
        "copies of the files above, made while everything of the ISP is under a legal hold",
        Subject.SUBSCRIBER,
        {HELD_COPY: "content"},
        {"content": "the file as it was"},
        also=(Subject.STAFF,),
    ),
    Stored("certificates/", "certificates of deletion", Subject.ISP, {CERTIFICATE: "text"}),
    Stored(
        "parts/",
        "backups of everything, sealed under the keys of whose it is",
        Subject.SUBSCRIBER,
        {BACKUP: "sections"},
        {"sections": "everything that is stored, as it was stored"},
        also=(Subject.STAFF, Subject.ISP),
    ),
    Stored("anchors/", "heads of audit chains", Subject.NOBODY, {ANCHOR: "name"}),
)

"""Writes ``docs/permissions.md``: ``python -m chalicelib.api.permissions docs/permissions.md``."""

from __future__ import annotations

import sys
from pathlib import Path

from chalicelib.domain.permissions import permissions_page


def main(arguments: list[str]) -> int:
    """Write the page to the named file."""
    [target] = arguments
    Path(target).write_text(permissions_page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Fills a fresh platform with the demo data, in a process with the functions' environment.

The data itself is ``chalicelib.local.demo``: ``seed(report=...)`` creates it, tells its
progress line by line, and returns what a visitor wants to know (label to value: where to
log in, with which e-mail and password). Without that module there is no demo data.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path


def main() -> int:
    """Seed, and leave what ``seed`` returned as JSON in ``--output``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    output: Path = parser.parse_args().output
    try:
        demo = importlib.import_module("chalicelib.local.demo")
    except ModuleNotFoundError as error:
        if error.name != "chalicelib.local.demo":
            raise
        return 0
    shown = demo.seed(report=lambda line: print(f"      {line}", flush=True))
    output.write_text(json.dumps(shown))
    return 0


if __name__ == "__main__":
    sys.exit(main())

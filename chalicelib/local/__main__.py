"""``python -m chalicelib.local run|reset|status``: the platform on this machine.

Usually through the Makefile (``make run``, ``make reset``), which sets up what it needs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn

PYTHON_MIN = (3, 11)
PORT_MAX = 65_535
ROOT = Path(__file__).resolve().parent.parent.parent


class _Parser(argparse.ArgumentParser):
    """A parser whose refusals are one line: they come through make, which adds its own."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        self.exit(
            2, f"isp-billing: {message} (make run takes PORT, ENGINE_PORT, ARGS=--no-demo, ARGS=--debug)\n"
        )


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) <= PORT_MAX:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: a number from 1 to {PORT_MAX}")


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="chalicelib.local", description=__doc__)
    parser.add_argument("command", choices=("run", "reset", "status"))
    parser.add_argument("--port", type=_port, default=8000, help="of the front door")
    parser.add_argument("--engine-port", type=_port, default=4566)
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout")
    parser.add_argument("--local", type=Path, help="state and locks; default: .local in --root")
    parser.add_argument("--engine-venv", type=Path, help="default: engine-venv in --local")
    parser.add_argument("--no-demo", action="store_true", help="start without demo data")
    parser.add_argument(
        "--debug", action="store_true", help="show the whole log, with stack traces of failing handlers"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0, or 1 after one line on standard error."""
    chosen = _arguments(arguments)
    if sys.version_info < PYTHON_MIN:
        return _refuse("Python 3.11 or newer is needed: see README.md, then `make run`")
    try:
        from chalicelib.local import lock, runner  # noqa: PLC0415  (what it needs may be missing)
    except ModuleNotFoundError as error:
        return _refuse(f"the module {error.name} is missing here: start with `make run`")
    local = (chosen.local or chosen.root / ".local").absolute()
    options = runner.Options(
        root=chosen.root.absolute(),
        local=local,
        engine_venv=(chosen.engine_venv or local / "engine-venv").absolute(),
        port=chosen.port,
        engine_port=chosen.engine_port,
        demo=not chosen.no_demo,
        debug=chosen.debug,
    )
    try:
        if chosen.command == "run":
            runner.run(options)
        elif chosen.command == "reset":
            runner.reset(options)
            print("All local state is forgotten; the next `make run` starts afresh")
        else:
            found = lock.running(options.local)
            print(f"Running at {found['url']} (process {found['pid']})" if found else "Not running")
    except lock.RunError as error:
        return _refuse(str(error))
    return 0


def _refuse(line: str) -> int:
    print(f"isp-billing: {line}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""The command line: ``python -m chalicelib.cli``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from http import HTTPStatus
from itertools import takewhile
from typing import Any

from chalicelib.cli import (
    account_commands,
    audit_commands,
    billing_commands,
    export_commands,
    fund_commands,
    import_commands,
    import_file,
    isp_commands,
    ledger_commands,
    payment_commands,
    privacy_commands,
    session_commands,
    support_commands,
)
from chalicelib.cli.client import TIMEOUT_SECONDS, CliError, Interrupted, NotSignedIn, Refused
from chalicelib.cli.context import DEFAULT_URL, Context
from chalicelib.cli.output import Output, harmless
from chalicelib.config import CliSettings

EPILOG = f"""\
The address is --url, else ISPBILLING_URL, else that of the last login, else {DEFAULT_URL}.
The session is stored in $XDG_CONFIG_HOME/ispbilling; ISPBILLING_TOKEN goes before it.

exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 the platform does not answer,
4 not signed in, 130 interrupted
"""


def main(argv: Sequence[str] | None = None, *, settings: CliSettings | None = None) -> int:
    """Run one command; return the exit code."""
    args = parser().parse_args(argv)
    output = Output(as_json=args.json, quiet=args.quiet)
    context = Context(
        settings=settings or CliSettings.from_env(), output=output, asked_url=args.url, timeout=args.timeout
    )
    try:
        return int(args.run(context, args))
    except CliError as error:
        output.done()
        print(f"ispbilling: {harmless(_told(error, context, args))}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"ispbilling: {error.strerror or error}: {error.filename or ''}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        output.done()
        print("ispbilling: interrupted; what was started goes on", file=sys.stderr)
        return Interrupted.exit_code


def _told(error: CliError, context: Context, args: argparse.Namespace) -> str:
    told = error.told(args.names) if isinstance(error, Refused) else str(error)
    of_who_asks = isinstance(error, NotSignedIn) or (
        isinstance(error, Refused) and error.status == HTTPStatus.FORBIDDEN
    )
    if context.settings.token and of_who_asks:
        return f"{told}; ISPBILLING_TOKEN is set, and goes before `login`: unset it to be yourself"
    return told


class _Parser(argparse.ArgumentParser):
    """A parser that takes the common options too, so that they may stand before or after a command."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        common = self.add_argument_group("everywhere")
        unset = argparse.SUPPRESS
        common.add_argument("--url", default=unset, help="address of the platform")
        common.add_argument("--json", action="store_true", default=unset, help="show results as JSON")
        common.add_argument("--quiet", action="store_true", default=unset, help="show no progress")
        common.add_argument(
            "--timeout", type=float, default=unset, metavar="SECONDS", help="of one request (60)"
        )

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Name a misspelt option of a command, which would be told as another one missing."""
        if self._subparsers is None:
            for word in takewhile(lambda word: word != "--", args or ()):
                self._check_spelling(word.partition("=")[0])
        return super().parse_known_args(args, namespace)

    def _check_spelling(self, word: str) -> None:
        known = self._option_string_actions
        if word.startswith("--") and not any(option.startswith(word) for option in known):
            for meant in get_close_matches(word, known, n=1):
                self.error(f"there is no option {word}; is {meant} meant?")


def parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    made = _Parser(
        prog="ispbilling",
        description="ISP Billing from the command line.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.set_defaults(names={}, url=None, json=False, quiet=False, timeout=TIMEOUT_SECONDS)
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    modules = (session_commands, import_file, import_commands, export_commands, isp_commands)
    others = (billing_commands, payment_commands, fund_commands, ledger_commands, audit_commands)
    of_rights = (privacy_commands, account_commands, support_commands)
    for module in (*modules, *others, *of_rights):
        module.add_parsers(commands)
    return made


def entry() -> None:
    """Run as a program; a reader that goes away (``| head``) is no error of ours."""
    if len(sys.argv) == 1:
        parser().print_help()
        sys.exit(2)
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)

"""login, logout, whoami."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Collection

from chalicelib.cli import credentials
from chalicelib.cli.client import CliError, NotSignedIn
from chalicelib.cli.context import Context
from chalicelib.cli.wording import LOG_IN


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    login = commands.add_parser("login", help="sign in, and store the session")
    login.add_argument("--subdomain", required=True, help="the ISP's subdomain")
    login.add_argument("--email", required=True, help="your email address")
    login.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password, and in the next line a code if one is asked for, from standard input",
    )
    login.set_defaults(run=log_in, names=LOG_IN)
    commands.add_parser("logout", help="end the session").set_defaults(run=log_out)
    commands.add_parser("whoami", help="show who is signed in, and where").set_defaults(run=who_am_i)


def log_in(context: Context, args: argparse.Namespace) -> int:
    """Sign in and store the session."""
    body = {"subdomain": args.subdomain, "email": args.email, "password": ask_password(args)}
    session = context.public.post("/v1/sessions", body)
    if "second_step_token" in session:
        step = {"token": session["second_step_token"], "code": ask_code(args, session["factors"])}
        session = context.public.post("/v1/session-completions", step)
    path = credentials.save(context.config_dir, credentials.Credentials(context.url, session["token"]))
    context.output.note(f"signed in at {context.url} until {session['expires_at']}; stored in {path}")
    return 0


def ask_password(args: argparse.Namespace) -> str:
    """Return the password, from the terminal or, with ``--password-stdin``, standard input."""
    if args.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CliError("there is no terminal to ask for the password at: use --password-stdin")
    return getpass.getpass("Password: ")


def ask_code(args: argparse.Namespace, factors: Collection[str]) -> str:
    """Return a code of a second factor, asked for as the password is."""
    if args.password_stdin:
        if code := sys.stdin.readline().strip():
            return code
        raise CliError("this account asks for a code too: give one in a second line of standard input")
    if "authenticator" not in factors:
        return getpass.getpass("Recovery code (passkeys are for browsers): ").strip()
    return getpass.getpass("Code of your authenticator, or a recovery code: ").strip()


def log_out(context: Context, _args: argparse.Namespace) -> int:
    """End the session, there and here."""
    try:
        context.api.delete("/v1/sessions/current")
    except NotSignedIn:
        context.output.note("there is no session, or it has ended already")
    credentials.forget(context.config_dir)
    return 0


def who_am_i(context: Context, _args: argparse.Namespace) -> int:
    """Show who is signed in."""
    me = context.api.get("/v1/me")
    staff, tenant = me["staff"], me["tenant"]
    fields = [
        ("name", staff["name"]),
        ("email", staff["email"]),
        ("role", staff["role"]),
        ("company", tenant["company"]),
        ("subdomain", tenant["subdomain"]),
        ("currency", tenant["currency"]),
        ("time zone", tenant["time_zone"]),
        ("address", context.url),
    ]
    context.output.record(me, fields)
    return 0

"""The stored session: one file that its owner alone can read."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chalicelib.cli.client import CliError

FILE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where one is signed in, and the token."""

    url: str
    token: str


def load(config_dir: Path) -> Credentials | None:
    """Return the stored session, or None; refuse a file that others can read."""
    path = _path(config_dir)
    try:
        if path.stat().st_mode & 0o077:
            raise CliError(f"{path} can be read by others: run `chmod 600 {path}`, or `login` again")
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Credentials(str(stored["url"]), str(stored["token"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise CliError(f"{path} is damaged: remove it and run `login`") from None


def save(config_dir: Path, credentials: Credentials) -> Path:
    """Store the session and return where; never readable by others, not even for a moment."""
    config_dir.mkdir(parents=True, exist_ok=True, mode=DIRECTORY_MODE)
    path = _path(config_dir)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"url": credentials.url, "token": credentials.token}, file)
    fresh.replace(path)
    return path


def forget(config_dir: Path) -> None:
    """Remove the stored session."""
    _path(config_dir).unlink(missing_ok=True)


def _path(config_dir: Path) -> Path:
    return config_dir / "session.json"

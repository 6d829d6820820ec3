"""What every command is given: the API, where to show things, and the stored session."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from chalicelib.cli import credentials
from chalicelib.cli.client import TIMEOUT_SECONDS, Client, NotSignedIn, check_url
from chalicelib.cli.output import Output
from chalicelib.config import CliSettings

DEFAULT_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Context:
    """The surroundings of one command."""

    settings: CliSettings
    output: Output
    asked_url: str | None = None
    timeout: float = TIMEOUT_SECONDS

    @cached_property
    def _stored(self) -> credentials.Credentials | None:
        return credentials.load(self.config_dir)

    @property
    def config_dir(self) -> Path:
        """Where the session is stored."""
        return self.settings.config_dir

    @cached_property
    def url(self) -> str:
        """The platform's address: as asked for, from the environment, of the session, or the local one."""
        stored = self._stored.url if self._stored else None
        return check_url(self.asked_url or self.settings.url or stored or DEFAULT_URL)

    @cached_property
    def public(self) -> Client:
        """The API without a session."""
        return Client(self.url, timeout=self.timeout)

    @cached_property
    def api(self) -> Client:
        """The API in the stored session, or raise NotSignedIn; a token goes nowhere but where it is from."""
        if self.settings.token:
            return Client(self.url, self.settings.token, timeout=self.timeout)
        if self._stored is None or self._stored.url != self.url:
            raise NotSignedIn(f"you are not signed in at {self.url}: run `login`")
        return Client(self.url, self._stored.token, timeout=self.timeout)

    @cached_property
    def currency(self) -> str:
        """The tenant's currency."""
        me: Any = self.api.get("/v1/me")
        return str(me["tenant"]["currency"])

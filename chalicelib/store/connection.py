"""PynamoDB's connection, signed with the credentials that it is given."""

from __future__ import annotations

from typing import Any, Final

from botocore.config import Config
from botocore.credentials import Credentials
from botocore.session import Session, get_session
from pynamodb.connection import Connection

# What requests say of who sends them. botocore would put it together anew for each request, from
# the system's and the library's properties: a twentieth of the CPU of a small one.
USER_AGENT: Final = "isp-billing"


class _Given:
    """Where a botocore session finds the credentials that it is given."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Credentials:
        return self._credentials


class SigningConnection(Connection):
    """PynamoDB's connection, which by itself would look for credentials of its own."""

    def __init__(self, *, credentials: Credentials | None, **options: Any) -> None:
        super().__init__(**options)
        self._given = credentials

    @property
    def session(self) -> Session:
        """A new session for each client that is made, which is one a process."""
        session = get_session()
        session.set_default_client_config(Config(user_agent=USER_AGENT))
        if self._given is not None:
            session.register_component("credential_provider", _Given(self._given))
        return session

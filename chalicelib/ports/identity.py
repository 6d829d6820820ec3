"""What signing up and signing in need: sessions, one-time tokens, attempts, the registry."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.devices import UNKNOWN_DEVICE, Device
from chalicelib.domain.errors import Busy, DomainError, InvalidValue
from chalicelib.ports.store import TenantRegistry

if TYPE_CHECKING:
    from chalicelib.domain.passkeys import NewCredential, RelyingParty, SentPasskey
    from chalicelib.domain.staff import Principal
    from chalicelib.domain.tenants import Tenant, TenantState
    from chalicelib.ports.store import Write


class TokenNotValid(InvalidValue):
    """The one-time token is unknown, used, or expired: all answer alike."""

    code = "token_not_valid"


class TooManyAttempts(DomainError):
    """Too many attempts from one address on one account; ``retry_after`` is in seconds."""

    code = "too_many_attempts"

    def __init__(self, *, retry_after: int) -> None:
        super().__init__("too many attempts: wait, then try again")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person; ``token_hash`` finds it, ``csrf_hash`` guards cookie requests.

    ``session_id`` names it to the person, and opens nothing. ``second_factor`` says that it began
    by a code or a passkey besides the password. One that is ``held`` is of who lacks the second factor
    that the company asks for: while it does, nothing but putting one on is open to it. One that is
    ``read_only`` is of an owner whose company is in recovery.
    """

    session_id: str
    token_hash: str
    principal: Principal
    csrf_hash: str
    created_at: datetime
    idle_expires_at: datetime
    expires_at: datetime
    device: Device = UNKNOWN_DEVICE
    second_factor: bool = False
    held: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class ListedSession:
    """A session as its person's list names it."""

    session_id: str
    token_hash: str
    created_at: datetime
    expires_at: datetime
    device: Device = UNKNOWN_DEVICE


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device that somebody signed in from, told by its blind mark alone, until it is forgotten."""

    mark: str
    until: datetime


@dataclass(frozen=True, slots=True)
class PersonSessions:
    """The sessions of one person, oldest first; ``begun`` counts all that ever began."""

    tenant_id: str
    staff_id: str
    begun: int
    listed: tuple[ListedSession, ...]
    devices: tuple[KnownDevice, ...] = ()


class SessionsMoved(Busy):
    """Sessions of the person began meanwhile: read them and try again."""

    code = "sessions_moved"


class Sessions(Protocol):
    """Sessions: short-lived, never returned once expired or ended."""

    def get(self, *, token_hash: str, at: datetime) -> Session | None:
        """Return the live session, or None."""

    def extend(self, *, session: Session, idle_expires_at: datetime, at: datetime) -> None:
        """Move the idle expiry of a session that still exists; it was used at ``at``."""

    def last_used(self, *, known: PersonSessions, at: datetime) -> Mapping[str, datetime]:
        """Return when each live session of a person was used last, to five minutes, by identifier."""

    def mark(self, *, session: Session) -> str:
        """Return the blind mark of the device that a session is on."""

    def remove(self, *, session: Session) -> None:
        """End a session; absent is fine."""

    def of_person(self, *, tenant_id: str, staff_id: str) -> PersonSessions:
        """Return a person's sessions, expired ones too."""

    def start(
        self, *, session: Session, known: PersonSessions, ended: Collection[str] = ()
    ) -> Sequence[Write]:
        """Describe beginning a session on its device, and ending those of the person that are named.

        Refused with SessionsMoved where another began since ``known`` was read.
        """

    def end(self, *, known: PersonSessions, session_ids: Collection[str] | None = None) -> Sequence[Write]:
        """Describe ending a person's sessions, all of them unless some are named.

        Refused with SessionsMoved where one began since ``known`` was read: so none is missed.
        """

    def hold(
        self, *, listed: Sequence[ListedSession], held: bool = True, read_only: bool = False
    ) -> Sequence[Write]:
        """Describe holding sessions until their person has a second factor; absent is fine.

        With ``read_only``, that they only read while their company is in recovery.
        """

    def release(self, *, session: Session) -> Write:
        """Describe that a session is held no more; refused with Busy where it ended."""

    def forget(self, *, known: PersonSessions) -> Sequence[Write]:
        """Describe ending all sessions of a person, and forgetting their devices.

        Refused with SessionsMoved where a session began since ``known`` was read.
        """

    def none_begun(self, *, known: PersonSessions) -> Write:
        """Describe the condition that no session began since ``known``; refused with SessionsMoved."""


class OneTimeTokens(Protocol):
    """Tokens that are good for one use, in the transaction of what they are used for."""

    def issue(
        self, *, token_hash: str, purpose: str, subject: Mapping[str, str], expires_at: datetime
    ) -> Write:
        """Describe storing a token."""

    def find(self, *, token_hash: str, purpose: str, at: datetime) -> Mapping[str, str] | None:
        """Return the subject of a token that is still good, or None."""

    def spend(self, *, token_hash: str, purpose: str) -> Write:
        """Describe using a token up; refused with TokenNotValid where that was done already."""

    def cancel(self, *, token_hash: str, purpose: str) -> Write:
        """Describe making a token worthless; absent is fine."""


class Attempts(Protocol):
    """Counts attempts in windows of time."""

    def add(self, *, key: str, window_seconds: int, at: datetime, count: int = 1) -> int:
        """Count one more, or ``count``, in the window of ``at``, atomically; return the attempts in it."""

    def take_back(self, *, key: str, window_seconds: int, at: datetime) -> None:
        """Count one less in the window of ``at``."""


class Tokens(Protocol):
    """Opaque random tokens: handed out once, stored as a hash."""

    def new(self, *, prefix: str) -> str:
        """Return a token of 256 random bits that begins with ``<prefix>_``."""

    def code(self) -> str:
        """Return six random digits, to be typed by people."""

    def hash(self, *, token: str) -> str:
        """Return the form in which a token is stored."""


class Authenticator(Protocol):
    """Codes of people's authenticators, and recovery codes."""

    def new_secret(self) -> str:
        """Return a new secret in Base32."""

    def uri(self, *, secret: str, account: str, issuer: str) -> str:
        """Return the ``otpauth`` address that an authenticator reads."""

    def step_of(self, *, secret: str, code: str, at: datetime) -> int | None:
        """Return the time step that the code is of, the present one or a neighbour; or None."""

    def new_recovery_code(self) -> str:
        """Return a recovery code of more than 112 random bits."""


class PasskeyVerifier(Protocol):
    """Checks what browsers answer for passkeys."""

    @property
    def party(self) -> RelyingParty:
        """Whom passkeys are for."""

    def challenge_of(self, *, sent: SentPasskey) -> str:
        """Return which challenge an answer is to, or raise WrongPasskey; nothing else of it is checked."""

    def registered(self, *, sent: SentPasskey, challenge: str) -> NewCredential:
        """Return the credential that a device made for the challenge and us, or raise WrongPasskey.

        The device must have verified its user.
        """

    def asserted(self, *, sent: SentPasskey, challenge: str, public_key: bytes | None) -> int:
        """Return the counter of an answer to the challenge that the key signed for us, or raise WrongPasskey.

        The device must have verified its user. The counter is not compared with anything. Without a
        key the same work is done, and the answer is wrong whatever it is.
        """


@dataclass(frozen=True, slots=True)
class Address:
    """Whose a subdomain is."""

    tenant_id: str
    state: TenantState


class Registry(TenantRegistry, Protocol):
    """The platform's list of tenants, as signing up and signing in see it."""

    def locate(self, *, subdomain: str, at: datetime) -> Address | None:
        """Return whose the subdomain is; None where it is free at that time."""

    def hold(self, *, tenant: Tenant, until: datetime, owner_id: str, digest: str) -> Sequence[Write]:
        """Describe registering an unverified tenant; refused with SubdomainTaken.

        ``digest`` finds its owner by their address, and does not tell it.
        The subdomain is free again after ``until`` unless the tenant is activated before.
        """

    def hold_longer(self, *, tenant: Tenant, until: datetime) -> Write:
        """Describe keeping an unverified tenant's subdomain; refused with SubdomainTaken."""

    def activate(self, *, tenant: Tenant) -> Sequence[Write]:
        """Describe making the tenant active for good; refused with SubdomainTaken."""

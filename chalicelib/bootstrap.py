"""The only wiring: settings in, wired services out, once a process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.session import Session, get_session

from chalicelib.adapters.clients import made_client
from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.email.choice import mailer_for
from chalicelib.adapters.ids import UlidIds
from chalicelib.adapters.readiness import Readiness
from chalicelib.adapters.sms.choice import texter_for
from chalicelib.adapters.wired_queues import Queues
from chalicelib.config import JOB_PATIENCE, REQUEST_PATIENCE, RUN_PATIENCE, Patience, Settings
from chalicelib.crypto.keyring import Keyring, Rejected
from chalicelib.crypto.kms import KmsKeyWrapper
from chalicelib.crypto.passkeys import WebauthnPasskeys
from chalicelib.crypto.tokens import RandomTokens
from chalicelib.crypto.totp import TotpAuthenticator
from chalicelib.domain.lifecycle import Capability, may
from chalicelib.domain.passkeys import relying_party
from chalicelib.domain.rates import Policies
from chalicelib.observability import MetricAlarms, tell_not_sent, tell_unreadable
from chalicelib.ports.audit import Anchors, AuditRounds
from chalicelib.ports.services import Blobs, Clock, Ids, Mailer, Passwords, Texter
from chalicelib.ports.watching import Alarms
from chalicelib.store.api_keys import DynamoKeyFinder
from chalicelib.store.base import Database
from chalicelib.store.origins import DynamoOrigins
from chalicelib.store.sessions import PORTAL, DynamoSessions
from chalicelib.store.tenant import DynamoStores, DynamoTenantStore
from chalicelib.store.tenants import DynamoRegistry
from chalicelib.store.tokens import DynamoAttempts, DynamoOneTimeTokens
from chalicelib.store.vending import ActingCredentials, StsTenantRole, TenantRole
from chalicelib.store.wire import DynamoWire, HttpWire
from chalicelib.store.wrapped_keys import DynamoWrappedKeys
from chalicelib.usecases.identity import Identity
from chalicelib.usecases.origins import AllowedOrigins
from chalicelib.usecases.rates import RateLimiter

if TYPE_CHECKING:
    from chalicelib.ports.printing import Printer
    from chalicelib.ports.retention import Retention
    from chalicelib.ports.sign_ups import SignUps
    from chalicelib.usecases.consents import PublicSite
    from chalicelib.usecases.gateways import GatewayPorts
    from chalicelib.usecases.portal import Portal
    from chalicelib.usecases.support import SupportPorts
    from chalicelib.usecases.terms import TermsGate
    from chalicelib.usecases.watching import Watch


@dataclass(frozen=True)
class Services(Queues):
    """Everything that endpoints, jobs and the command line use; parts are made when first used."""

    settings: Settings
    clock: Clock
    patience: Patience = REQUEST_PATIENCE
    wire_patience: Patience = REQUEST_PATIENCE

    @cached_property
    def _session(self) -> Session:
        return get_session()

    def client(self, name: str, config: Config | None = None) -> Any:
        """Return a new client of an AWS service, with the patience of whoever works here."""
        settings, patient = self.settings, Config(**self.patience.config)
        return made_client(
            session=self._session,
            name=name,
            region=settings.region,
            endpoint_url=settings.endpoint_url,
            config=patient.merge(config) if config else patient,
        )

    @cached_property
    def ids(self) -> Ids:
        """New identifiers."""
        return UlidIds(clock=self.clock)

    @cached_property
    def passwords(self) -> Passwords:
        """Password hashing; its library looks at the processor when imported, which takes a while."""
        from chalicelib.crypto.passwords import Argon2Passwords

        return Argon2Passwords()

    @cached_property
    def database(self) -> Database:
        """The process's database connection."""
        return Database(settings=self.settings, patience=self.patience, credentials=self.acting_credentials)

    @cached_property
    def tenant_role(self) -> TenantRole | None:
        """The role that work for a tenant is done with; None where the process's own does everything."""
        if not self.settings.tenant_role_arn:
            return None
        return StsTenantRole(client=lambda: self._sts, role_arn=self.settings.tenant_role_arn)

    @cached_property
    def _sts(self) -> Any:
        return self.client("sts")

    @cached_property
    def acting_credentials(self) -> ActingCredentials:
        """What requests to the database are signed with: the tenant's at work, or the process's own."""
        own = self._session.get_credentials()
        assert own is not None, "AWS credentials are configured"
        return ActingCredentials(own=own, role=self.tenant_role)

    @cached_property
    def keyring(self) -> Keyring:
        """Tenants' keys."""
        return Keyring(wrapper=self.key_wrapper, store=DynamoWrappedKeys(clock=self.clock), tell=self._tell)

    def _tell(self, rejected: Rejected) -> None:
        tell_unreadable(
            stage=self.settings.stage,
            tenant_id=rejected.tenant_id,
            family=rejected.family,
            place=rejected.place,
            at=self.clock.now(),
        )

    @cached_property
    def key_wrapper(self) -> KmsKeyWrapper:
        """The key service."""
        former = self.settings.previous_field_key_id
        return KmsKeyWrapper(
            client=self.client("kms"),
            key_id=self.settings.field_key_id,
            former_key_ids=(former,) if former else (),
        )

    @cached_property
    def stores(self) -> DynamoStores:
        """Tenants' stores."""
        return DynamoStores(database=self.database, keyring=self.keyring, ids=self.ids, clock=self.clock)

    @cached_property
    def sessions(self) -> DynamoSessions:
        """Sessions."""
        return DynamoSessions(database=self.database, keyring=self.keyring)

    @cached_property
    def portal_sessions(self) -> DynamoSessions:
        """Sessions of subscribers: of a kind of their own."""
        return DynamoSessions(database=self.database, keyring=self.keyring, kind=PORTAL)

    @cached_property
    def key_finder(self) -> DynamoKeyFinder:
        """Keys of programs, by their tokens."""
        return DynamoKeyFinder(database=self.database)

    @cached_property
    def tenants(self) -> DynamoRegistry:
        """The platform's list of tenants."""
        return DynamoRegistry(database=self.database)

    @cached_property
    def origins(self) -> AllowedOrigins:
        """Web pages that tenants let call the API."""
        return AllowedOrigins(origins=DynamoOrigins(database=self.database))

    @cached_property
    def rate_policies(self) -> Policies:
        """How many requests an address, an account and a tenant may make."""
        return Policies.of(per_minute=self.settings.requests_per_minute)

    @cached_property
    def rates(self) -> RateLimiter:
        """Counts requests."""
        return RateLimiter(attempts=DynamoAttempts(database=self.database), tokens=RandomTokens())

    @cached_property
    def alarms(self) -> Alarms:
        """Tells the operator of anomalies."""
        return MetricAlarms(stage=self.settings.stage)

    @cached_property
    def watch(self) -> Watch:
        """Watches for what is out of the ordinary."""
        from chalicelib.store.networks import DynamoNetworks
        from chalicelib.usecases.watching import Watch, WatchPorts

        ports = WatchPorts(
            attempts=DynamoAttempts(database=self.database),
            tokens=RandomTokens(),
            networks=DynamoNetworks(database=self.database),
            registry=self.tenants,
            stores=self.stores,
            mailer=self.mailer,
            alarms=self.alarms,
        )
        return Watch(ports=ports)

    @cached_property
    def support(self) -> SupportPorts:
        """What platform support enters tenants with."""
        from chalicelib.store.support import DynamoSupportFinder
        from chalicelib.usecases.support import SupportPorts

        return SupportPorts(
            registry=self.tenants,
            stores=self.stores,
            sessions=self.sessions,
            finder=DynamoSupportFinder(database=self.database),
            tokens=RandomTokens(),
            queue=self.mail_queue,
        )

    @property
    def operator(self) -> DynamoTenantStore | None:
        """The store of the platform's operator, which sells plans to the others; None where nobody does."""
        if not self.settings.platform_subdomain:
            return None
        tenant = self.tenants.find(subdomain=self.settings.platform_subdomain)
        if tenant is None or not may(state=tenant.state, capability=Capability.BILL):
            return None
        return self.stores.of(tenant_id=tenant.tenant_id)

    @cached_property
    def mailer(self) -> Mailer:
        """The mail service; none for a sender under ``.invalid``."""
        client, failed = partial(self.client, "sesv2"), partial(self._tell_not_sent, "mail")
        return mailer_for(sender=self.settings.mail_from, client=client, failed=failed)

    def _tell_not_sent(self, channel: str, error: Exception) -> None:
        tell_not_sent(stage=self.settings.stage, channel=channel, error=error, at=self.clock.now())

    @cached_property
    def readiness(self) -> Readiness:
        """Whether the database and the key service answer."""
        return Readiness(checks={"database": self.database.ping, "keys": self.key_wrapper.ping})

    @cached_property
    def identity(self) -> Identity:
        """What signing up and signing in work with."""
        return Identity(
            registry=self.tenants,
            stores=self.stores,
            sessions=self.sessions,
            one_time_tokens=DynamoOneTimeTokens(database=self.database),
            attempts=DynamoAttempts(database=self.database),
            tokens=RandomTokens(),
            passwords=self.passwords,
            authenticator=TotpAuthenticator(),
            passkeys=WebauthnPasskeys(party=relying_party(base_url=self.settings.public_base_url)),
            ids=self.ids,
            mailer=self.mailer,
            pages_url=self.settings.api_base_url or self.settings.public_base_url,
        )

    @cached_property
    def portal(self) -> Portal:
        """What subscribers sign in with."""
        from chalicelib.adapters.sms.numbers import LibPhoneNumbers
        from chalicelib.store.portal_codes import DynamoPortalCodes
        from chalicelib.usecases.portal import Portal

        return Portal(
            identity=self.identity,
            sessions=self.portal_sessions,
            codes=DynamoPortalCodes(database=self.database),
            queue=self.mail_queue,
            texter=self.texter,
            numbers=LibPhoneNumbers(),
        )

    @cached_property
    def site(self) -> PublicSite:
        """What the public pages, and choices of visitors, work with."""
        from chalicelib.store.consents import public_site

        return public_site(database=self.database, clock=self.clock, ids=self.ids, tokens=RandomTokens())

    @cached_property
    def terms_gate(self) -> TermsGate:
        """Whether owners accepted the terms in time."""
        from chalicelib.usecases.terms import TermsGate

        return TermsGate(stores=self.stores)

    @cached_property
    def gateways(self) -> GatewayPorts:
        """What collecting online works with."""
        from chalicelib.adapters.payments.registry import gateway_finder
        from chalicelib.store.gateways import DynamoCallbackFinder
        from chalicelib.usecases.gateways import GatewayPorts

        return GatewayPorts(
            stores=self.stores,
            callbacks=DynamoCallbackFinder(database=self.database),
            gateway_of=gateway_finder(
                sandbox=self.settings.sandbox_gateway, local=self.settings.local_gateways
            ),
            tokens=RandomTokens(),
            one_time_tokens=DynamoOneTimeTokens(database=self.database),
            attempts=DynamoAttempts(database=self.database),
            ids=self.ids,
            watch=self.watch,
            mail_queue=self.mail_queue,
            base_url=self.settings.api_base_url or self.settings.public_base_url,
        )

    @cached_property
    def texter(self) -> Texter:
        """The SMS service; none without a sender."""
        client, failed = partial(self.client, "sns"), partial(self._tell_not_sent, "sms")
        return texter_for(sender=self.settings.sms_sender, client=client, failed=failed)

    @cached_property
    def s3(self) -> Any:
        """A client of the file store."""
        from chalicelib.adapters.blobs.s3 import client_config

        return self.client("s3", client_config(endpoint_url=self.settings.endpoint_url))

    @cached_property
    def blobs(self) -> Blobs:
        """Files of tenants: uploads and exports."""
        from chalicelib.adapters.blobs.s3 import S3Blobs

        return S3Blobs(client=self.s3, bucket=self.settings.files_bucket)

    @property
    def printer(self) -> Printer:
        """Draws receipts and invoices; its libraries are loaded when one is asked for."""
        from chalicelib.adapters.pdf.receipt import PdfPrinter

        return PdfPrinter()

    @cached_property
    def anchors(self) -> Anchors:
        """Heads of audit chains, in a bucket where nothing can be changed or deleted."""
        from chalicelib.adapters.blobs.anchors import S3Anchors

        return S3Anchors(client=self.s3, bucket=self.settings.anchors_bucket)

    @cached_property
    def sign_ups(self) -> SignUps:
        """Sign-ups that nobody confirmed yet."""
        from chalicelib.store.sign_ups import DynamoSignUps

        return DynamoSignUps(database=self.database)

    def retention(self, *, tenant_id: str) -> Retention:
        """For how long a tenant keeps what, and what is past its time."""
        from chalicelib.store.retention import DynamoRetention

        return DynamoRetention(tenant_id=tenant_id, database=self.database)

    def audit_rounds(self, *, tenant_id: str) -> AuditRounds:
        """How far the schedule verified a tenant's audit chain."""
        from chalicelib.store.audit_rounds import DynamoAuditRounds

        return DynamoAuditRounds(tenant_id=tenant_id, database=self.database)

    @cached_property
    def wire(self) -> DynamoWire:
        """The lean database client of billing runs and rehearsals."""
        return HttpWire(
            region=self.settings.region,
            endpoint_url=self.settings.endpoint_url,
            patience=self.wire_patience,
            credentials=self.acting_credentials,
        )


@lru_cache(maxsize=1)
def services() -> Services:
    """Return the services of requests, wired from the environment at first use, once a process."""
    return Services(settings=Settings.from_env(), clock=SystemClock())


@lru_cache(maxsize=1)
def job_services() -> Services:
    """Return the services of jobs: the same, with a job's patience."""
    return Services(Settings.from_env(), SystemClock(), patience=JOB_PATIENCE, wire_patience=RUN_PATIENCE)

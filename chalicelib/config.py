"""Settings: the only reader of the environment.

The names are set in one place for every function, in the merge template
(``.chalice/resources.json``, ``Globals``); the local runner resolves the same map.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chalicelib.domain.rates import REQUESTS_PER_MINUTE_DEFAULT


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one call to an AWS service may take, its repetitions included."""

    connect_seconds: int
    read_seconds: int
    attempts_max: int

    @property
    def config(self) -> dict[str, Any]:
        """The same in botocore's words."""
        return {
            "connect_timeout": self.connect_seconds,
            "read_timeout": self.read_seconds,
            "retries": {"mode": "standard", "total_max_attempts": self.attempts_max},
        }


# A request has 29 seconds, and must answer within them even where a service does not: three
# attempts of five seconds, and botocore's longest waits between them, are 28.
REQUEST_PATIENCE: Final = Patience(connect_seconds=1, read_seconds=4, attempts_max=3)
# A job has a quarter of an hour, and starts again from where it was.
JOB_PATIENCE: Final = Patience(connect_seconds=5, read_seconds=30, attempts_max=5)
# A billing run waits out throttling, some ten seconds of it, rather than give its shard back.
RUN_PATIENCE: Final = Patience(connect_seconds=3, read_seconds=15, attempts_max=8)


class SettingMissing(RuntimeError):
    """A required environment variable is not set."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one process needs to know of its surroundings."""

    stage: str
    region: str
    tenants_table: str
    platform_table: str
    keys_table: str
    ephemeral_table: str
    files_bucket: str
    anchors_bucket: str
    billing_queue_url: str
    import_queue_url: str
    export_queue_url: str
    mail_queue_url: str
    field_key_id: str
    mail_from: str
    public_base_url: str
    cookie_secure: bool
    endpoint_url: str | None
    log_level: str
    # The role that work for a tenant is done with; empty where the process's own does everything.
    tenant_role_arn: str = ""
    # The tenant that is the operator of the platform; empty where it sells no plans.
    platform_subdomain: str = ""
    # The KMS key that wrapped tenants' roots before ``field_key_id``; empty where none is left.
    previous_field_key_id: str = ""
    # Under which name SMS are sent; empty where none are.
    sms_sender: str = ""
    # Where the API itself answers, for pay links and gateways; empty where that is ``public_base_url``.
    api_base_url: str = ""
    # Whether tenants may set up the sandbox, a payment gateway that takes no money.
    sandbox_gateway: bool = False
    # Whether payment gateways' stand-ins on this machine may be asked, over plain http.
    local_gateways: bool = False
    # Of one account; addresses and tenants have multiples of it (domain/rates.py).
    requests_per_minute: int = REQUESTS_PER_MINUTE_DEFAULT
    # Where backups are kept, and what the names of tables begin with that they are restored into.
    backups_bucket: str = ""
    restored_prefix: str = "restored"
    # The KMS key that encrypts tables at rest; empty for the database's own.
    data_key_id: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings, or raise SettingMissing with the variable's name."""
        source = os.environ if env is None else env

        def required(name: str) -> str:
            value = source.get(name, "")
            if not value:
                raise SettingMissing(f"environment variable {name} is not set")
            return value

        return cls(
            stage=source.get("STAGE", "dev"),
            region=source.get("AWS_REGION") or source.get("AWS_DEFAULT_REGION") or "us-east-1",
            tenants_table=required("TENANTS_TABLE"),
            platform_table=required("PLATFORM_TABLE"),
            keys_table=required("KEYS_TABLE"),
            ephemeral_table=required("EPHEMERAL_TABLE"),
            files_bucket=required("FILES_BUCKET"),
            anchors_bucket=required("ANCHORS_BUCKET"),
            billing_queue_url=required("BILLING_QUEUE_URL"),
            import_queue_url=required("IMPORT_QUEUE_URL"),
            export_queue_url=required("EXPORT_QUEUE_URL"),
            mail_queue_url=required("MAIL_QUEUE_URL"),
            field_key_id=required("FIELD_KEY_ID"),
            mail_from=required("MAIL_FROM"),
            public_base_url=required("PUBLIC_BASE_URL").rstrip("/"),
            cookie_secure=source.get("COOKIE_SECURE", "true").lower() != "false",
            endpoint_url=source.get("AWS_ENDPOINT_URL") or None,
            log_level=source.get("LOG_LEVEL", "INFO"),
            tenant_role_arn=source.get("TENANT_ROLE_ARN", ""),
            platform_subdomain=source.get("PLATFORM_SUBDOMAIN", ""),
            sms_sender=source.get("SMS_SENDER", ""),
            api_base_url=source.get("API_BASE_URL", "").rstrip("/"),
            sandbox_gateway=source.get("SANDBOX_GATEWAY", "") == "on",
            local_gateways=source.get("LOCAL_GATEWAYS", "") == "on",
            previous_field_key_id=source.get("PREVIOUS_FIELD_KEY_ID", ""),
            requests_per_minute=int(source.get("REQUESTS_PER_MINUTE") or REQUESTS_PER_MINUTE_DEFAULT),
            backups_bucket=source.get("BACKUPS_BUCKET", ""),
            restored_prefix=source.get("RESTORED_PREFIX") or "restored",
            data_key_id=source.get("DATA_KEY_ID", ""),
        )


@dataclass(frozen=True, slots=True)
class CliSettings:
    """What the command line takes from its surroundings."""

    config_dir: Path
    url: str | None
    token: str | None

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> CliSettings:
        """Read where the configuration is (XDG), and what overrides it."""
        source = os.environ if env is None else env
        home = source.get("XDG_CONFIG_HOME", "")
        base = Path(home) if Path(home).is_absolute() else Path.home() / ".config"
        return cls(
            config_dir=base / "ispbilling",
            url=source.get("ISPBILLING_URL") or None,
            token=source.get("ISPBILLING_TOKEN") or None,
        )

"""One deployment for all end-to-end tests."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import boto3
import pytest

from chalicelib.local.engine import Engine
from tests.e2e.client import Api
from tests.e2e.deployment import BUCKET, MAIL_FROM, ROOT, Deployment, deploy, new_certificate

PACKAGE = ROOT / "build" / "e2e"
CONSOLE = "https://console.isp.example"
WAIT_S_MAX = 300.0
POLL_S = 0.5
ERRORS_SHOWN = 5


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the functions logged as errors beside a failure."""
    report = yield
    if report.failed and BUCKET in os.environ.get("E2E_DEPLOYED_FROM", ""):
        report.sections.append(("what the functions logged", "\n".join(logged_errors())))
    return report


def logged_errors() -> list[str]:
    """The last errors in the functions' log groups."""
    client = boto3.client("logs")
    found: list[str] = []
    for group in client.describe_log_groups()["logGroups"]:
        events = client.filter_log_events(logGroupName=group["logGroupName"])["events"]
        found += [f"{group['logGroupName']}: {e['message']}" for e in events if '"ERROR"' in e["message"]]
    return found[-ERRORS_SHOWN:]


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that enforces signatures and policies, and speaks TLS."""
    certificate = new_certificate(tmp_path_factory.mktemp("tls"))
    venv = Path(os.environ.get("ENGINE_VENV", ROOT / ".local" / "engine-venv"))
    with Engine(venv, auth=True, certificate=certificate) as running, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in running.client_environment().items():
            patch.setenv(name, value)
        patch.setenv("AWS_CA_BUNDLE", str(certificate[0]))
        patch.setenv("E2E_DEPLOYED_FROM", BUCKET)
        yield running


@pytest.fixture(scope="session")
def deployment(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The package, deployed; what an operator prepares by hand stands before."""
    assert (PACKAGE / "template.json").exists(), "no package: run `make e2e`"
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    boto3.client("sesv2").create_email_identity(EmailIdentity=MAIL_FROM)
    return deploy(
        engine,
        package=PACKAGE,
        scratch=tmp_path_factory.mktemp("deploy"),
        parameters={
            "MailFrom": MAIL_FROM,
            "PublicBaseUrl": CONSOLE,
            "ConsoleOrigin": CONSOLE,
            "RequestsPerMinute": "60000",  # tests are quicker than people
        },
    )


@pytest.fixture(scope="session")
def anonymous(deployment: Deployment) -> Api:
    """A client of the deployed API that nobody has signed in with."""
    return Api(deployment.base_url, ca_file=os.environ["AWS_CA_BUNDLE"])


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], object]], object]:
    """Wait for something that another function does; its result once it is true."""

    def wait(look: Callable[[], object]) -> object:
        deadline = time.monotonic() + WAIT_S_MAX
        while not (found := look()):
            assert time.monotonic() < deadline, f"it did not happen within {WAIT_S_MAX:.0f} s"
            time.sleep(POLL_S)
        return found

    return wait

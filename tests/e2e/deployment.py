"""Deploys the packaged template to an engine of its own, with IAM enforced and TLS.

What runs is what ships: the zip, the roles with their policies, the queues, the event source
mappings and the schedule, created by CloudFormation from the template of ``make package`` (built
for the engine's interpreter). ``adapt`` names all that differs, each with its reason.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.local.engine import HOST, Engine

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "artefacts"
MAIL_FROM = "billing@isp.example"

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Deployment:
    """A deployed stack: its outputs, and where its API answers."""

    outputs: dict[str, str]
    base_url: str


def new_certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for the loopback address that signs itself, and its key (PEM files)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    alternatives = [x509.IPAddress(ipaddress.ip_address(HOST)), x509.DNSName("localhost")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = directory / "engine.crt", directory / "engine.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


def adapt(template: JsonObject) -> None:
    """Take out what the engine does not know; what remains is deployed as it ships."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::IAM::Role":
            _adapt_trust(resource["Properties"]["AssumeRolePolicyDocument"])
            for policy in resource["Properties"]["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    _adapt_statement(statement)
        for event in resource["Properties"].get("Events", {}).values():
            if event["Type"] == "Schedule":
                # So that a test sees the real schedule fire.
                event["Properties"]["Schedule"] = "rate(1 minute)"


def _adapt_trust(document: JsonObject) -> None:
    """On AWS a function's session has its role's ARN as principal; the engine has the session's own."""
    for statement in document["Statement"]:
        statement.get("Condition", {}).get("ArnLike", {}).pop("aws:PrincipalArn", None)


def _adapt_statement(statement: JsonObject) -> None:
    """The engine does not hand these keys of a request to its policy evaluation."""
    for keys in statement.get("Condition", {}).values():
        # Enforced in the tests by tests/wall.py, from the same policies.
        keys.pop("dynamodb:LeadingKeys", None)
    if statement["Sid"] == "WrapTenantKeys":
        assert "kms:EncryptionContext:tenant" in statement.pop("Condition")["Null"]
    if statement["Sid"] == "SendMail":
        assert "ses:FromAddress" in statement.pop("Condition")["StringEquals"]
        statement["Resource"] = "*"


def deploy(engine: Engine, *, package: Path, scratch: Path, parameters: dict[str, str]) -> Deployment:
    """Deploy the package as `make deploy` does, to the engine."""
    adapted = scratch / "package"
    adapted.mkdir()
    shutil.copy(package / "deployment.zip", adapted)
    template = json.loads((package / "template.json").read_text())
    adapt(template)
    (adapted / "template.json").write_text(json.dumps(template))
    command = [sys.executable, str(ROOT / ".chalice" / "deploy.py"), "--stage", "e2e"]
    command += ["--bucket", BUCKET, "--package", str(adapted)]
    command += [f"{name}={value}" for name, value in parameters.items()]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert answer.returncode == 0, answer.stderr
    outputs = json.loads(answer.stdout)
    return Deployment(outputs=outputs, base_url=f"{engine.url}/_aws/execute-api/{outputs['RestAPIId']}/api")

"""Rules on what ships that the map of the security standard (docs/security.md) leans on."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

import pytest

from chalicelib.api.routes import every_endpoint
from tests.architecture.code import FUNCTION, Source, dotted, sources

# They run on one machine or at a desk, and are not in the zip (tests/unit/packaging/test_build.py).
NOT_SHIPPED = ("chalicelib/local/", "chalicelib/cli/")
# Programs, other people's code, and readers that make objects of what they read.
DANGEROUS_MODULES = {
    "code", "ctypes", "dbm", "jinja2", "lxml", "marshal", "pickle", "pty", "shelve", "subprocess", "xml",
    "yaml",
}  # fmt: skip
DANGEROUS_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
# What opens connections; AWS's own clients are wired in bootstrap.py, with addresses out of Settings.
# Payment gateways are asked through one client, which the package "stripe" is made to send through too.
CONNECTING = {"ftplib", "http", "requests", "smtplib", "socket", "telnetlib", "urllib.request", "urllib3"}
CONNECTING_FILES = {"chalicelib/store/wire.py", "chalicelib/adapters/payments/http.py"}
CRYPTOGRAPHY = {"AESGCM", "InvalidTag"}
# File to names and reason. Easypaisa takes the form of a checkout only with its fields enciphered by AES-ECB
# beside it, in place of a signature: it hides nothing there, and seals nothing of ours.
VENDORS_CIPHERS = {
    "chalicelib/adapters/payments/easypaisa.py": {"Cipher", "algorithms", "modes", "PKCS7"},
}
HASHES = {"sha256"}
UNCHECKED = {"verify", "use_ssl", "check_hostname", "assert_hostname"}
PATTERN_FUNCTIONS = {"compile", "findall", "finditer", "fullmatch", "match", "search", "split", "sub", "subn"}

Rule = Callable[[Source], list[str]]


def shipped() -> list[Source]:
    return [one for one in sources("app.py", "chalicelib") if not one.path.startswith(NOT_SHIPPED)]


def imports(source: Source) -> Iterator[tuple[ast.AST, str, str]]:
    """Each import: where, the module, and the name taken from it."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node, node.module or "", alias.name) for alias in node.names)


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def commands_and_evaluation(source: Source) -> list[str]:
    found = [
        source.at(node)
        for node, module, _ in imports(source)
        if module.partition(".")[0] in DANGEROUS_MODULES
    ]
    return found + [source.at(one) for one in calls(source.tree) if dotted(one.func) in DANGEROUS_CALLS]


def connections(source: Source) -> list[str]:
    return [
        source.at(node)
        for node, module, name in imports(source)
        if module.partition(".")[0] in CONNECTING or {module, f"{module}.{name}"} & CONNECTING
        if (module, name) != ("http", "HTTPStatus")
    ]


def other_cryptography(source: Source) -> list[str]:
    """Ciphers other than AES-GCM, hashes other than SHA-256, but for what a vendor dictates."""
    known = CRYPTOGRAPHY | VENDORS_CIPHERS.get(source.path, set())
    return [
        f"{source.at(node)} {module} {name}"
        for node, module, name in imports(source)
        if (module.startswith("cryptography") and name not in known)
        or (module == "hashlib" and name not in HASHES)
    ]


def unchecked_certificates(source: Source) -> list[str]:
    found = [source.at(one) for one in ast.walk(source.tree) if "unverified" in dotted(one)]
    for one in calls(source.tree):
        for given in one.keywords:
            off = isinstance(given.value, ast.Constant) and given.value.value is False
            if (given.arg in UNCHECKED and off) or dotted(given.value).endswith("CERT_NONE"):
                found.append(source.at(one))
    return found


def patterns_of_requests(source: Source) -> list[str]:
    """Regular expressions that are made while something runs, and not of a text that stands there."""
    return [
        source.at(one)
        for function in ast.walk(source.tree)
        if isinstance(function, FUNCTION)
        for one in calls(function)
        if dotted(one.func) in {f"re.{name}" for name in PATTERN_FUNCTIONS}
        if not isinstance(one.args[0], ast.Constant)
    ]


def debugging(source: Source) -> list[str]:
    found = [source.at(one) for one in calls(source.tree) if any(_on(k.arg, k.value) for k in one.keywords)]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Assign):
            names = [dotted(target).rpartition(".")[2] for target in node.targets]
            found += [source.at(node) for name in names if _on(name, node.value)]
    return found


def _on(name: str | None, value: ast.expr) -> bool:
    return name == "debug" and isinstance(value, ast.Constant) and value.value is True


def offences(rule: Rule) -> list[str]:
    return [offence for source in shipped() for offence in rule(source)]


def test_nothing_runs_commands_or_makes_code_or_objects_of_what_it_reads() -> None:
    assert offences(commands_and_evaluation) == []


def test_only_aws_and_the_payment_gateways_are_called() -> None:
    assert {one.path for one in shipped() if connections(one)} == CONNECTING_FILES


def test_the_only_cipher_is_aes_gcm_and_the_only_hash_sha_256() -> None:
    assert offences(other_cryptography) == []


def test_what_a_vendor_dictates_is_used_where_it_is_excused() -> None:
    used = {
        one.path: {name for _, module, name in imports(one) if module.startswith("cryptography")}
        for one in shipped()
    }

    assert {path: used[path] for path in VENDORS_CIPHERS} == VENDORS_CIPHERS


def test_every_certificate_is_checked() -> None:
    assert offences(unchecked_certificates) == []


def test_no_pattern_is_made_of_a_request() -> None:
    assert offences(patterns_of_requests) == []


def test_nothing_debugs() -> None:
    assert offences(debugging) == []


def test_only_pages_of_payments_redirect() -> None:
    statuses = {
        (one.operation_id, status) for one in every_endpoint() for status in (one.status, *one.also, *one.raw)
    }

    redirecting = {name for name, status in statuses if 300 <= status < 400}
    hearing = {"hear_biller", "hear_gateway", "hear_gateway_by_query"}  # to an address that was signed
    assert redirecting == {"choose_cookies", "pay_by_page", "press_sandbox_button"} | hearing


@pytest.mark.parametrize(
    ("rule", "broken", "sound"),
    [
        (commands_and_evaluation, "import subprocess", "import json"),
        (commands_and_evaluation, "from xml.etree import ElementTree", "from xmas import tree"),
        (commands_and_evaluation, "eval(text)", "model.eval(text)"),
        (connections, "from urllib.request import urlopen", "from urllib.parse import quote"),
        (connections, "import urllib3", "from http import HTTPStatus"),
        (other_cryptography, "from hashlib import md5", "from hashlib import sha256"),
        (other_cryptography, "import hashlib", "import hmac"),
        (other_cryptography, "from cryptography.hazmat.primitives.ciphers import modes", "import secrets"),
        (unchecked_certificates, "client('s3', verify=False)", "client('s3', verify=True)"),
        (unchecked_certificates, "pool(cert_reqs=ssl.CERT_NONE)", "pool(cert_reqs=ssl.CERT_REQUIRED)"),
        (unchecked_certificates, "ssl._create_unverified_context()", "ssl.create_default_context()"),
        (patterns_of_requests, "def f(x): re.match(x, 'a')", "def f(x): re.match('a', x)"),
        (debugging, "app.debug = True", "app.debug = False"),
        (debugging, "Chalice(debug=True)", "Chalice(debug=False)"),
    ],
)
def test_each_rule_finds_a_broken_sample(rule: Rule, broken: str, sound: str) -> None:
    assert rule(Source("x.py", broken))
    assert not rule(Source("x.py", sound))

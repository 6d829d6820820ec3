"""Nobody's personal data lies in plain text in a table, queue, mail or log; in files only as documented.

The documented exceptions (docs/adr/0017): the file that a tenant uploads and the export that it
downloads are files for people to read, so they are plain to whoever may read the object. At rest
they are encrypted with our KMS key (SSE-KMS) and gone after seven days. A mail greets its reader by
name. Codes, areas, the catalogue and lines of invoices are no personal data, and are not looked for.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import md5, sha256
from itertools import chain
from typing import Any

import pytest

from chalicelib.local.mailbox import read_mailbox
from chalicelib.local.stack import RESOURCES_PATH, load_resources
from tests import examples
from tests.counts import Count
from tests.fakes.api_client import ApiClient
from tests.fakes.services import InMemoryMailer
from tests.fixtures_engine import EngineHandle
from tests.integration.conftest import PASSWORD, EngineServices, SignedIn, fresh_subdomain, sign_up_and_in
from tests.integration.exporting import Exporter
from tests.integration.importing import Importer
from tests.integration.shop import Item, Shop, created, if_match, ok
from tests.security.canaries import Canaries, fresh_word

SUBSCRIBERS = 100 if examples.FACTOR == 1 else min(200 * examples.FACTOR, 10_000)
# How many of those created over the API are sold to and paid by hand: each is some requests.
SERVED = 10
COLUMNS = ("name", "email", "phone", "address", "national_id", "tax_id", "note")


@dataclass(frozen=True)
class Place:
    """Where something was found or looked for."""

    kind: str
    name: str


@dataclass
class Life:
    """What a tenant does with its subscribers."""

    shop: Shop
    canaries: Canaries

    def create(self, numbers: range) -> list[Item]:
        """Create subscribers over the API, some of them with an idempotency key; change one."""
        api, made = self.shop.tenant.api, []
        for number in numbers:
            body = {"code": f"A-{number}", "area": "Gulberg", **self.canaries.person(number)}
            headers = {"Idempotency-Key": f"create-{number}"} if number % 5 == 0 else {}
            made.append(created(api.post("/v1/subscribers", json=body, headers=headers)))
        changed = {"note": f"{self.canaries.word} moved out", "email": self.canaries.person(0)["email"]}
        path = f"/v1/subscribers/{made[-1]['subscriber_id']}"
        ok(api.patch(path, json=changed, headers=if_match(made[-1])))
        return made

    def import_(self, numbers: range, package: Item) -> None:
        """Import subscribers with a subscription each; one row in fifty is refused."""
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(["id", *COLUMNS, "plan"])
        for number in numbers:
            person = self.canaries.person(number)
            plan = "no such plan" if number % 50 == 0 else package["name"]
            rows.writerow([f"I-{number}", *(person[column] for column in COLUMNS), plan])
        day = self.shop.services.clock.now().date().isoformat()
        columns = {"code": "id", "package": "plan", **{column: column for column in COLUMNS}}
        mapping = {"columns": columns, "defaults": {"start_date": day}}
        importer = Importer(self.shop.services, self.shop.tenant)
        shown = importer.run(text.getvalue().encode(), mapping)
        refused = sum(number % 50 == 0 for number in numbers)
        assert (shown["state"], shown["progress"]["failed_total"]) == ("succeeded", refused), shown
        assert shown["progress"]["created"] == len(numbers) - refused
        assert len(importer.report(shown["import_id"])) == refused

    def serve(self, subscribers: list[Item], package: Item) -> None:
        """Sell, bill, take payments with words about people, give back, take back."""
        for one in subscribers:
            self.shop.subscribe(one, package)
        self.shop.bill(self.shop.services.clock.now() + timedelta(days=1))
        for number, one in enumerate(subscribers):
            (invoice,) = self.shop.invoices(one)
            words = {"reference": f"cheque of {self.canaries.word}", "note": f"{self.canaries.word} was ill"}
            money = {"amount": {"amount": 5_000, "currency": "PKR"}, "channel": "cash"}
            path = f"/v1/subscribers/{one['subscriber_id']}/payments"
            paid = self.post(path, {**money, **words}, f"pay-{number}")
            if number % 2:
                reason = {"reason": f"{self.canaries.word} has no money"}
                self.post(f"/v1/documents/{paid['document_id']}/reversal", reason, f"back-{number}")
            credit = {"reason": "error", "note": f"{self.canaries.word} complained"}
            path = f"/v1/invoices/{invoice['invoice_id']}/credit-notes"
            self.post(path, credit, f"credit-{number}")

    def post(self, path: str, body: Item, key: str) -> Item:
        """Post something that moves money."""
        return created(self.shop.tenant.api.post(path, json=body, headers={"Idempotency-Key": key}))

    def look(self, numbers: range) -> None:
        """Search, page, and ask for what is refused: all of that is logged."""
        api = self.shop.tenant.api
        for number in numbers:
            person = self.canaries.person(number)
            for text in (person["email"], person["phone"], person["national_id"]):
                assert api.post("/v1/subscriber-searches", json={"text": text}).status == 200
            refused = api.post("/v1/subscribers", json={**person, "code": "", "name": 7})
            assert refused.status == 422
            assert api.get(f"/v1/subscribers/{person['email']}").status == 404
        first = ok(api.get("/v1/subscribers?limit=10"))
        ok(api.get(f"/v1/subscribers?limit=10&cursor={first['next_cursor']}"))


def items(engine: EngineHandle) -> Iterator[tuple[Place, bytes]]:
    """Every attribute of every item of every table, keys and names included."""
    client = engine.client("dynamodb")
    for table in client.list_tables()["TableNames"]:
        for page in client.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                for attribute, value in item.items():
                    place = Place("table", f"{table.split('-')[-2]} {item['pk']['S']} {attribute}")
                    yield from ((place, data) for data in _bytes_of(value))


def _bytes_of(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield str(name).encode()
            yield from _bytes_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _bytes_of(inner)
    else:
        yield str(value).encode()


def messages(engine: EngineHandle) -> Iterator[tuple[Place, bytes]]:
    """Every message that waits in a queue; they stay there."""
    client = engine.client("sqs")
    for url in client.list_queues().get("QueueUrls", []):
        taken = []
        while found := client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", []):
            taken += found
        for message in taken:
            receipt = message["ReceiptHandle"]
            client.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)
            yield Place("queue", url.rpartition("/")[2]), json.dumps(message).encode()


def mails(engine: EngineHandle, mailbox: InMemoryMailer) -> Iterator[tuple[Place, bytes]]:
    """Every mail that was sent, by the platform's adapter and by the tests'."""
    for mail in read_mailbox(engine.url):
        yield Place("mail", ",".join(mail.recipients)), f"{mail.subject}{mail.text}{mail.html}".encode()
    for sent in mailbox.sent:
        yield Place("mail", sent.to), f"{sent.to}{sent.subject}{sent.text}".encode()


def log_events(engine: EngineHandle) -> Iterator[tuple[Place, bytes]]:
    """Every event of the log groups, where functions run on the engine."""
    client = engine.client("logs")
    for group in client.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        for event in client.filter_log_events(logGroupName=name)["events"]:
            yield Place("log", name), event["message"].encode()


def objects(engine: EngineHandle) -> Iterator[tuple[str, str, bytes]]:
    """Every file of every bucket."""
    client = engine.client("s3")
    for bucket in client.list_buckets()["Buckets"]:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
            for one in page.get("Contents", []):
                body = client.get_object(Bucket=bucket["Name"], Key=one["Key"])["Body"].read()
                yield bucket["Name"], one["Key"], body


@dataclass(frozen=True)
class Lived:
    """What a tenant's life left behind in this process, and what to look for everywhere."""

    tenant: SignedIn
    canaries: Canaries
    export: Item
    logs: tuple[tuple[Place, bytes], ...]


@pytest.fixture
def lived(
    api: ApiClient,
    services: EngineServices,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Lived:
    """A tenant that has created, imported, sold, billed, been paid and exported."""
    word, subdomain = fresh_word(), fresh_subdomain()
    email = f"owner@{subdomain}.example"
    owner = {"name": f"{word.title()} Owner", "email": email, "password": PASSWORD}
    tenant = sign_up_and_in(api, services, subdomain=subdomain, owner=owner)
    canaries = Canaries(word, SUBSCRIBERS, others=(email, tenant.api.caller))
    life = Life(Shop(tenant, services), canaries)
    package = life.shop.package(name="Home")
    half = SUBSCRIBERS // 2
    subscribers = life.create(range(half))
    life.import_(range(half, SUBSCRIBERS), package)
    life.serve(subscribers[:SERVED], package)
    life.look(range(SERVED))
    export, _ = Exporter(services, tenant).run()
    told = capsys.readouterr()
    lines = (told.out + told.err + caplog.text).splitlines()
    return Lived(tenant, canaries, export, tuple((Place("log", "output"), line.encode()) for line in lines))


def test_nobody_lies_about_in_plain_text(
    lived: Lived, services: EngineServices, engine: EngineHandle, mailbox: InMemoryMailer, count: Count
) -> None:
    looked_at: Counter[str] = Counter()
    found: list[str] = []
    sources = (items(engine), messages(engine), mails(engine, mailbox), log_events(engine), iter(lived.logs))
    for place, data in chain.from_iterable(sources):
        looked_at[place.kind] += 1
        # A mail is addressed to its reader, and greets them by name.
        if place != Place("mail", lived.tenant.email):
            found += [f"{place.kind} {place.name}: {what}" for what in lived.canaries.found(data)]
    assert found[:20] == []
    assert looked_at["table"] > 10 * SUBSCRIBERS
    assert looked_at["log"] > SUBSCRIBERS // 2
    assert {"queue", "mail"} <= set(looked_at)

    files = files_of_people(engine, lived, services.settings.files_bucket)
    count("canary scan, subscribers looked for", SUBSCRIBERS)
    count("canary scan, files with people in them, in a bucket under SSE-KMS with our key", files)
    for kind, number in looked_at.items():
        count(f"canary scan, texts without people: {kind}s", number)


def files_of_people(engine: EngineHandle, lived: Lived, files_bucket: str) -> int:
    """Return how many files hold people: only those documented, in the bucket under our key."""
    ours = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": ["DataKey", "Arn"]}}
    assert files_rule() == ours
    client = engine.client("s3")
    found = []
    for bucket, key, body in objects(engine):
        archive = zipfile.is_zipfile(io.BytesIO(body))
        parts = list(unzipped(body)) if archive else [body]
        if any(True for part in parts for _ in lived.canaries.found(part)):
            found.append(key)
            assert bucket == files_bucket
            assert "SSEKMSKeyId" not in client.head_object(Bucket=bucket, Key=key), (
                "another key was asked for"
            )
    mine = lived.tenant.tenant_id
    kinds = sorted((key.split("/")[0], key.split("/")[1]) for key in found)
    assert kinds == [("exports", mine), ("imports", mine)], found
    assert any(key.endswith("/upload.csv") for key in found), "what was uploaded, and not the report"
    return len(found)


def files_rule() -> Item:
    """Return how the template encrypts the bucket of files at rest.

    S3 applies a bucket's rule to every object that asks for nothing else. The embedded engine does
    not make the rule of the template, so what is looked at is the template.
    """
    bucket = load_resources(RESOURCES_PATH)["Resources"]["FilesBucket"]["Properties"]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    found: Item = rule["ServerSideEncryptionByDefault"]
    return found


def unzipped(body: bytes) -> Iterator[bytes]:
    """The files in an archive."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        yield from (archive.read(name) for name in archive.namelist())


@pytest.mark.parametrize(
    "written",
    [
        "{name}", "{email}", "x{phone}", "{national_id}", "{note}", "{phone_digits}", "+92{phone_tail}",
        "{name_base64}", "{name_base64_shifted}", "{name_hex}", "{email_sha256}", "{phone_md5}",
    ],
)  # fmt: skip
def test_a_canary_is_found_however_it_is_written(written: str) -> None:
    canaries = Canaries(fresh_word(), 50)
    person = canaries.person(42)
    digits = person["phone"].replace("-", "")
    forms = {
        **person,
        "phone_digits": digits,
        "phone_tail": digits[1:],
        "name_base64": b64encode(person["name"].encode()).decode(),
        "name_base64_shifted": b64encode(b"to " + person["name"].encode() + b"!").decode(),
        "name_hex": person["name"].encode().hex(),
        "email_sha256": sha256(person["email"].encode()).hexdigest(),
        "phone_md5": md5(digits.encode()).hexdigest(),
    }
    text = f'{{"k":"{written.format(**forms)}"}}'.encode()
    assert list(canaries.found(text)), text
    assert list(canaries.found(zlib.compress(person["name"].encode())))
    assert not list(canaries.found(b'{"k":"Ayesha Khan 42, 0300-1234567"}'))
    by_chance = digits[1:].join(("b7c4e09d", "f" * 14))
    assert not list(canaries.found(f'{{"k":"{by_chance}"}}'.encode()))
    assert list(canaries.found(f'{{"k":"{by_chance}", "phone":"{digits}"}}'.encode()))

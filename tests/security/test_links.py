"""Links to files: each opens the one file that it was given out for, to one tenant, for its time.

The engine checks signatures and times of links as S3 does (tests/integration/test_files.py).
"""

from __future__ import annotations

import urllib.error
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import botocore.auth
import pytest

from chalicelib.domain.exports import archive_key
from chalicelib.domain.imports import upload_key
from tests.integration.conftest import EngineServices, SignedIn
from tests.integration.exporting import Exporter
from tests.integration.importing import Importer, http_get, http_put, people
from tests.integration.shop import Item, Shop, created, ok

FILE = people("A-1,Zainab Aslam,,,")
CSV = {"Content-Type": "text/csv"}
Aged = Callable[[timedelta], None]


@pytest.fixture
def mine(signed_in: SignedIn, services: EngineServices) -> Exporter:
    return with_archive(signed_in, services)


@pytest.fixture
def theirs(other_tenant: SignedIn, services: EngineServices) -> Exporter:
    return with_archive(other_tenant, services)


def with_archive(tenant: SignedIn, services: EngineServices) -> Exporter:
    """A tenant that has an archive."""
    exporter = Exporter(services, tenant)
    assert exporter.work(exporter.ask()) == {"batchItemFailures": []}
    return exporter


@pytest.fixture
def signed_before(monkeypatch: pytest.MonkeyPatch) -> Aged:
    """Makes links that were signed so long ago: their times are the machine's, which nobody can set."""
    present = vars(botocore.auth)["get_current_datetime"]

    def age(past: timedelta) -> None:
        def then(*args: Any, **named: Any) -> datetime:
            moment: datetime = present(*args, **named)
            return moment - past

        monkeypatch.setattr(botocore.auth, "get_current_datetime", then)

    return age


def export_of(exporter: Exporter) -> str:
    """The id of the tenant's one export."""
    [export] = ok(exporter.tenant.api.get("/v1/exports"))["items"]
    return str(export["export_id"])


def link_of(exporter: Exporter) -> str:
    """The link to the tenant's archive."""
    return str(ok(exporter.tenant.api.get(f"/v1/exports/{export_of(exporter)}/download"))["url"])


def key_of(exporter: Exporter) -> str:
    """Where the tenant's archive is kept."""
    return archive_key(tenant_id=exporter.tenant.tenant_id, export_id=export_of(exporter), attempt=1)


def upload_asked_by(tenant: SignedIn, size_bytes: int = len(FILE)) -> Item:
    """A new import of a tenant."""
    body = {"file_name": "customers.csv", "size_bytes": size_bytes}
    return created(tenant.api.post("/v1/imports", json=body))


def refused_get(url: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as refused:
        http_get(url)
    refused.value.close()
    return refused.value.code


def refused_put(url: str, data: bytes, headers: Mapping[str, str]) -> int:
    with pytest.raises(urllib.error.HTTPError) as refused:
        http_put(url, data, headers)
    refused.value.close()
    return refused.value.code


def test_a_link_to_ones_own_archive_opens_no_other_tenants(mine: Exporter, theirs: Exporter) -> None:
    link = link_of(mine)
    assert http_get(link).startswith(b"PK")
    assert key_of(mine) in link

    for spoilt in (
        link.replace(key_of(mine), key_of(theirs)),
        link.replace(mine.tenant.tenant_id, theirs.tenant.tenant_id),
        link.replace(key_of(mine), f"exports/{mine.tenant.tenant_id}/../../{key_of(theirs)}"),
        link.replace(key_of(mine), "exports/"),
    ):
        assert spoilt != link
        assert refused_get(spoilt) in {403, 404}, spoilt


def test_another_tenants_archive_is_not_to_be_asked_for(mine: Exporter, theirs: Exporter) -> None:
    absent = mine.tenant.api.get("/v1/exports/exp_01JD0000000000000000000000/download")
    key = key_of(theirs)
    before = Shop(theirs.tenant, theirs.services).items()

    for name in (export_of(theirs), f"{export_of(theirs)}-1.zip", key, f"../../{key}", f"../{key}"):
        reply = mine.tenant.api.get(f"/v1/exports/{quote(name, safe='')}/download")
        assert reply.problem == absent.problem == (404, "not_found", "export_id"), name
        assert reply.json["message"] == absent.json["message"]
        assert "X-Amz" not in reply.text
    assert Shop(theirs.tenant, theirs.services).items() == before


def test_a_link_opens_nothing_after_its_fifteen_minutes(mine: Exporter, signed_before: Aged) -> None:
    signed_before(timedelta(minutes=14))
    assert http_get(link_of(mine)).startswith(b"PK")

    signed_before(timedelta(minutes=15, seconds=2))
    assert refused_get(link_of(mine)) == 403


def test_a_link_says_when_it_ends_as_it_was_signed(mine: Exporter) -> None:
    answer = ok(mine.tenant.api.get(f"/v1/exports/{export_of(mine)}/download"))

    assert parse_qs(urlsplit(answer["url"]).query)["X-Amz-Expires"] == ["900"]
    ends = datetime.fromisoformat(answer["expires_at"])
    assert ends - mine.services.clock.now() == timedelta(minutes=15)


def test_an_upload_link_takes_no_file_for_another_tenant(
    signed_in: SignedIn, other_tenant: SignedIn, services: EngineServices
) -> None:
    own, foreign = upload_asked_by(signed_in), upload_asked_by(other_tenant)
    url = own["upload"]["url"]
    own_key = upload_key(tenant_id=signed_in.tenant_id, import_id=own["import_id"])
    foreign_key = upload_key(tenant_id=other_tenant.tenant_id, import_id=foreign["import_id"])
    assert own_key in url

    for spoilt in (
        url.replace(own_key, foreign_key),
        url.replace(signed_in.tenant_id, other_tenant.tenant_id),
    ):
        assert refused_put(spoilt, FILE, CSV) == 403, spoilt
    assert services.blobs.info(key=foreign_key) is None
    assert http_put(url, FILE, CSV) == 200
    assert refused_get(url) == 403, "an upload link reads nothing"


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        (FILE + b"B-1,Somebody Else,,,\n", CSV),
        (FILE[:-1], CSV),
        (b"", CSV),
        (FILE, {"Content-Type": "text/html"}),
    ],
    ids=["longer", "shorter", "empty", "of another type"],
)
def test_an_upload_link_takes_the_file_that_was_announced_alone(
    signed_in: SignedIn, services: EngineServices, data: bytes, headers: dict[str, str]
) -> None:
    asked = upload_asked_by(signed_in)

    assert refused_put(asked["upload"]["url"], data, headers) == 403

    key = upload_key(tenant_id=signed_in.tenant_id, import_id=asked["import_id"])
    assert services.blobs.info(key=key) is None


def test_an_upload_link_takes_nothing_after_its_time(
    signed_in: SignedIn, services: EngineServices, signed_before: Aged
) -> None:
    lasts = timedelta(
        seconds=int(parse_qs(urlsplit(upload_asked_by(signed_in)["upload"]["url"]).query)["X-Amz-Expires"][0])
    )
    signed_before(lasts + timedelta(seconds=2))
    asked = upload_asked_by(signed_in)

    assert refused_put(asked["upload"]["url"], FILE, CSV) == 403
    key = upload_key(tenant_id=signed_in.tenant_id, import_id=asked["import_id"])
    assert services.blobs.info(key=key) is None


def test_another_tenants_import_and_its_report_are_not_to_be_asked_for(
    signed_in: SignedIn, other_tenant: SignedIn, services: EngineServices
) -> None:
    import_id = Importer(services, other_tenant).upload(FILE)
    key = upload_key(tenant_id=other_tenant.tenant_id, import_id=import_id)

    for name in (import_id, key, f"../../{key}"):
        for operation in ("preview", "errors"):
            reply = signed_in.api.get(f"/v1/imports/{quote(name, safe='')}/{operation}")
            assert reply.problem == (404, "not_found", "import_id"), (name, operation)

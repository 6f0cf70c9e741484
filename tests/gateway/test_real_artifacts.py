"""Every artifact that real servers wrote is made again from their databases, member by member and byte by byte."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from sqlalchemy import LargeBinary, String, column, select, table

from apim_upgrade import gateway
from apim_upgrade.databases import Database
from apim_upgrade.releases import Release
from conftest import SHARED, Server, shared_path

RELEASES = ("4.0.0", "4.2.0", "4.5.0")
STORED = table("am_gw_api_artifacts", column("revision_id", String), column("artifact", LargeBinary))
API = table("am_api", column("api_name", String), column("api_version", String), column("api_uuid", String))
DEFAULT_VERSION = table("am_api_default_version", column("api_name", String), column("default_api_version", String))


@dataclass
class Estate:
    """What servers wrote, and what we make it from."""

    written: dict[str, bytes]
    inputs: dict[str, gateway.RevisionInput]
    default_versions: dict[str, set[str]]


def revisions_of(release: str) -> list[str]:
    """The revisions with an artifact, out of the dump, for pytest to name its cases."""
    dump = SHARED / "testdata" / release / "postgresql" / "am.sql.gz"
    if not dump.exists():
        return ["absent"]
    with gzip.open(dump, "rt", encoding="utf-8") as lines:
        for line in lines:
            if re.match(r"COPY (public\.)?am_gw_api_artifacts ", line):
                return [row.split("\t")[1] for row in iter(lines.__next__, "\\.\n")]
    return []


CASES = [
    pytest.param(release, revision, id=f"{release}-{revision}")
    for release in RELEASES
    for revision in revisions_of(release)
]


@pytest.fixture(scope="module")
def estate(databases: Server) -> Callable[[str], Estate]:
    """``estate("4.2.0")``: the estate as it was dumped, read once."""

    def database(release: str, part: str) -> Database:
        dump = shared_path("testdata", release, "postgresql", f"{part}.sql.gz")
        name = databases.template(f"{release}:{part}", lambda name: databases.load_dump(dump, name))
        return Database(part, databases.postgres.address(name))

    @cache
    def load(release: str) -> Estate:
        with database(release, "am").read() as am, database(release, "shared").read() as shared:
            defaults: dict[str, set[str]] = {}
            for row in am.all(select(DEFAULT_VERSION)):
                defaults.setdefault(row.api_name, set()).add(row.default_api_version)
            return Estate(
                {row.revision_id: bytes(row.artifact) for row in am.all(select(STORED))},
                {revision.uuid: revision for revision in gateway.revisions(am, shared)},
                defaults,
            )

    return load


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name) for name in packed.namelist()}


def ordered(value: Any, name: str = "") -> Any:
    """The value with operations and members of products in one order: the server writes them in that of hashes."""
    if isinstance(value, dict):
        return {key: ordered(item, key) for key, item in value.items()}
    if isinstance(value, list):
        items = [ordered(item) for item in value]
        if name == "operations":
            items.sort(key=lambda item: (item["target"], item["verb"]))
        if name == "apis":
            items.sort(key=lambda item: item["apiId"])
        return items
    return value


def differences(written: Any, made: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(written, dict) and isinstance(made, dict):
        for key in sorted(written.keys() | made.keys()):
            yield from differences(written.get(key, "absent"), made.get(key, "absent"), f"{path}/{key}")
    elif isinstance(written, list) and isinstance(made, list) and len(written) == len(made):
        for number, (one, other) in enumerate(zip(written, made, strict=True)):
            yield from differences(one, other, f"{path}/{number}")
    elif written != made or type(written) is not type(made):
        yield path, written, made


def is_gone(difference: tuple[str, Any, Any], revision: gateway.RevisionInput, estate: Estate) -> bool:
    """
    Say whether a member's value cannot be known any more, because what it tells has changed since.

    ``isDefaultVersion``: a revision of the then default version keeps *true*; the database holds today's default only,
    which is another version of the API by now.
    """
    api = revision.api
    return difference == ("/data/isDefaultVersion", True, False) and any(
        version != api.version for version in estate.default_versions.get(api.name, ())
    )


@pytest.mark.parametrize(("release", "revision"), CASES)
def test_an_artifact_is_made_as_the_server_wrote_it(
    estate: Callable[[str], Estate], release: str, revision: str
) -> None:
    real = estate(release)
    source = real.inputs[revision]
    written = unzipped(real.written[revision])
    made = unzipped(gateway.build(source, Release.parse(release)))
    assert sorted(made) == sorted(written)
    for name, content in written.items():
        if not name.endswith(".json"):
            assert made[name] == content, name
            continue
        found = differences(ordered(json.loads(content)), ordered(json.loads(made[name])))
        assert [item for item in found if not is_gone(item, source, real)] == [], name


@pytest.mark.parametrize("release", RELEASES)
def test_every_revision_of_an_estate_is_read(estate: Callable[[str], Estate], release: str) -> None:
    real = estate(release)
    assert set(real.inputs) == set(real.written)
    kinds = {revision.api.type for revision in real.inputs.values()}
    assert kinds == {"HTTP", "SOAP", "SOAPTOREST", "GRAPHQL", "WS", "WEBSUB", "SSE", "APIProduct"}


@pytest.mark.parametrize("release", RELEASES)
def test_an_artifact_is_the_same_bytes_every_time(estate: Callable[[str], Estate], release: str) -> None:
    target = Release.parse(release)
    for revision in estate(release).inputs.values():
        assert gateway.build(revision, target) == gateway.build(revision, target)

"""An estate as plain values, read without any code of the tool: for tests that compare one estate with another."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from lxml import etree

from apim_upgrade.databases import Database
from conftest import shared_path

PROVIDERS = "/_system/governance/apimgt/applicationdata/provider/"
REVISIONS = "/_system/governance/apimgt/applicationdata/apis/"
API_TYPE = "application/vnd.wso2-api+xml"
SUPER_TENANT = -1234

_SHAPES = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "uuid"),
    (re.compile(r"\d{13}"), "milliseconds"),
    (re.compile(r"-?\d+"), "digits"),
    (re.compile(r"[0-9a-f]{32}"), "md5"),
    (re.compile(r"[0-9a-f]{64}"), "sha256"),
    (re.compile(r"LS0tLS1[\w+/=-]+"), "certificate"),
    (re.compile(r"<.*", re.DOTALL), "xml"),
)


def shape(value: object) -> str:
    """What kind of value this is, whatever it says."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return "negative" if value < 0 else "positive" if value else "zero"
    if isinstance(value, bytes | memoryview):
        content = bytes(value)
        if content.startswith(b"PK\x03\x04"):
            return "zip"
        try:
            return shape(content.decode())
        except UnicodeDecodeError:
            return "binary"
    if not isinstance(value, str):
        return type(value).__name__
    if not value:
        return "empty"
    for pattern, name in _SHAPES:
        if pattern.fullmatch(value):
            return name
    if value[0] in "[{":
        try:
            json.loads(value)
        except ValueError:
            return "text"
        return "json"
    return "text"


def tables(database: Database) -> list[str]:
    """The names of all tables."""
    query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
    with database.read() as session:
        return [row.relname for row in session.all(query)]


def rows(database: Database, query: str) -> list[dict[str, Any]]:
    """The answer of a query, a dictionary a row, contents as bytes."""
    with database.read() as session:
        return [
            {key: bytes(value) if isinstance(value, memoryview) else value for key, value in row._mapping.items()}
            for row in session.all(query)
        ]


def shapes(database: Database) -> dict[str, dict[str, set[str]]]:
    """Table → column → the shapes of its values; tables without rows are left out."""
    found: dict[str, dict[str, set[str]]] = {}
    for table in tables(database):
        columns: dict[str, set[str]] = defaultdict(set)
        with database.read() as session:
            for row in session.stream(f'SELECT * FROM "{table}"'):
                for name, value in row._mapping.items():
                    columns[name].add(shape(value))
        if columns:
            found[table] = columns
    return found


def domains(shared: Database) -> dict[int, str]:
    """Tenant id → domain."""
    tenants = rows(shared, "SELECT um_id, um_domain_name FROM um_tenant")
    return {SUPER_TENANT: "carbon.super"} | {row["um_id"]: row["um_domain_name"] for row in tenants}


@dataclass
class Resource:
    """One file or folder of the registry."""

    is_folder: bool
    media_type: str | None
    uuid: str
    description: str | None
    content: bytes | None
    times: tuple[object, object]
    """Of creation and last update, which the portals show."""
    properties: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    tags: frozenset[str] = frozenset()


_PLACE = "l.reg_tenant_id AS tenant, p.reg_path_value AS folder, l.reg_resource_name AS name"
_LINKED = "JOIN reg_path p ON p.reg_path_id = l.reg_path_id AND p.reg_tenant_id = l.reg_tenant_id"


def registry(shared: Database) -> dict[tuple[int, str], Resource]:
    """(tenant id, path) → resource, of every file and folder."""
    found = {
        (row["tenant"], _path(row)): Resource(
            row["name"] is None,
            row["media"],
            row["uuid"],
            row["description"] or None,
            row["content"],
            (row["made"], row["saved"]),
        )
        for row in rows(
            shared,
            "SELECT r.reg_tenant_id AS tenant, p.reg_path_value AS folder, r.reg_name AS name, "
            "r.reg_media_type AS media, r.reg_uuid AS uuid, r.reg_description AS description, "
            "r.reg_created_time AS made, r.reg_last_updated_time AS saved, "
            "c.reg_content_data AS content FROM reg_resource r JOIN reg_path p USING (reg_path_id, reg_tenant_id) "
            "LEFT JOIN reg_content c USING (reg_content_id, reg_tenant_id)",
        )
    }
    for row in rows(
        shared,
        f"SELECT {_PLACE}, v.reg_name AS key, v.reg_value AS value FROM reg_resource_property l {_LINKED} "
        "JOIN reg_property v ON v.reg_id = l.reg_property_id AND v.reg_tenant_id = l.reg_tenant_id",
    ):
        found[row["tenant"], _path(row)].properties[row["key"], row["value"]] += 1
    for row in rows(
        shared,
        f"SELECT {_PLACE}, v.reg_tag_name AS tag FROM reg_resource_tag l {_LINKED} "
        "JOIN reg_tag v ON v.reg_id = l.reg_tag_id AND v.reg_tenant_id = l.reg_tenant_id",
    ):
        found[row["tenant"], _path(row)].tags |= {row["tag"]}
    return found


def _path(row: dict[str, Any]) -> str:
    if row["name"] is None:
        return str(row["folder"])
    return f"{row['folder'].rstrip('/')}/{row['name']}"


def artifacts(shared: Database) -> dict[tuple[int, str], dict[str, list[str]]]:
    """(tenant id, path) → fields, of the artifacts of all working copies and revisions."""
    return {
        place: fields(resource.content or b"")
        for place, resource in registry(shared).items()
        if resource.media_type == API_TYPE and place[1].startswith((PROVIDERS, REVISIONS))
    }


def fields(content: bytes) -> dict[str, list[str]]:
    """``overview/name`` → its values, of an artifact."""
    root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    space = "{http://www.wso2.org/governance/metadata}"
    assert root.tag == f"{space}metadata"
    found: dict[str, list[str]] = defaultdict(list)

    def walk(element: etree._Element, path: str) -> None:
        for child in element:
            assert str(child.tag).startswith(space)
            below = f"{path}{str(child.tag).removeprefix(space)}"
            if len(child):
                walk(child, f"{below}/")
            else:
                found[below].append(child.text or "")

    walk(root, "")
    return dict(found)


def first(values: list[str] | None) -> str:
    """The value of an artifact's field: the first that says something."""
    return next((value for value in values or [] if value and value != "null"), "")


@dataclass(frozen=True)
class GatewayArtifact:
    """One zip that gateways load, with the API it belongs to."""

    api: dict[str, Any]
    revision: str
    folder: str
    files: dict[str, bytes]

    @property
    def document(self) -> dict[str, Any]:
        """The parsed ``api.json`` or ``api_product.json``."""
        return dict(json.loads(self.files.get("api.json") or self.files["api_product.json"]))


def gateway_artifacts(am: Database) -> Iterator[GatewayArtifact]:
    """Every zip of the estate."""
    query = (
        "SELECT a.*, g.revision_id, g.artifact FROM am_gw_api_artifacts g JOIN am_api a ON a.api_uuid = g.api_id "
        "ORDER BY a.api_id, g.revision_id"
    )
    for row in rows(am, query):
        with zipfile.ZipFile(io.BytesIO(row.pop("artifact"))) as archive:
            names = archive.namelist()
            folders = {name.partition("/")[0] for name in names}
            assert len(folders) == 1
            yield GatewayArtifact(
                row,
                row["revision_id"],
                folders.pop(),
                {name.partition("/")[2]: archive.read(name) for name in names},
            )


@dataclass(frozen=True)
class Answer:
    """What a server said to one GET; ``path`` is without the API's name and release, ``of`` the object's ids."""

    service: str
    path: str
    of: tuple[str, ...]
    query: str
    body: Any


_CALL = re.compile(r"/(?:api/am/)?(\w+)/(?:data/)?v\d+/([^?]*)\??(.*)")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@cache
def answers(release: str) -> tuple[Answer, ...]:
    """Every recorded GET that succeeded with a text as its answer."""
    found = []
    with gzip.open(shared_path("testdata", release, "rest.jsonl.gz"), "rt", encoding="utf-8") as lines:
        for line in lines:
            call = json.loads(line)
            match = _CALL.fullmatch(call["path"])
            if match is None or call["method"] != "GET" or call["status"] != 200 or "body" not in call:
                continue
            ids = tuple(_ID.findall(match[2]))
            body = call["body"]
            if body[:1] in ("{", "["):
                try:
                    body = json.loads(body)
                except ValueError:
                    body = call["body"]
            found.append(Answer(match[1], _ID.sub("*", match[2]), ids, match[3], body))
    return tuple(found)


def recorded(release: str, service: str, path: str) -> list[Answer]:
    """The answers of one service (``publisher`` …) to one kind of path (``apis/*``)."""
    return [answer for answer in answers(release) if (answer.service, answer.path) == (service, path)]

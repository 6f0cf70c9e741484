"""
Reads what artifacts are made from, many revisions at a time, in bounded memory.

AM_* rows are read for 500 revisions at once, because several of the tables have no index on the column asked for and
are scanned whole; contents of the registry, which are large and indexed, for 50. A query is always one over the whole
set, never one per API.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, TableClause, and_, false, literal_column, null, or_, select
from sqlalchemy.sql.selectable import Select

from apim_upgrade.engine import Session
from apim_upgrade.gateway.endpoints import read_config, serves, urls
from apim_upgrade.gateway.model import (
    PRODUCT,
    Api,
    ClientCertificate,
    Complexity,
    EndpointCertificate,
    File,
    Member,
    Operation,
    Policy,
    PolicyUse,
    RevisionInput,
    Sequence,
)
from apim_upgrade.tables.api import (
    API,
    API_CLIENT_CERTIFICATE,
    API_DEFAULT_VERSION,
    API_OPERATION_POLICY,
    API_OPERATION_POLICY_MAPPING,
    API_POLICY_MAPPING,
    API_PRODUCT_MAPPING,
    API_RESOURCE_SCOPE_MAPPING,
    API_REVISION_METADATA,
    API_URL_MAPPING,
    CERTIFICATE_METADATA,
    GRAPHQL_COMPLEXITY,
    OPERATION_POLICY,
    OPERATION_POLICY_DEFINITION,
    REVISION,
    SHARED_SCOPE,
)
from apim_upgrade.tables.registry import CONTENT, PATH, PROPERTY, RESOURCE, RESOURCE_PROPERTY, RESOURCE_TAG, TAG
from apim_upgrade.tables.user import UM_TENANT

_API_COLUMNS = (
    "api_id",
    "api_uuid",
    "api_provider",
    "api_name",
    "api_version",
    "api_type",
    "context",
    "context_template",
    "api_tier",
    "gateway_vendor",
    "api_subtype",
    "is_egress",
    "api_display_name",
)
"""What is read of AM_API; the last four only newer releases have."""
_OPERATION_COLUMNS = (
    "url_mapping_id",
    "api_id",
    "http_method",
    "auth_scheme",
    "url_pattern",
    "throttling_tier",
    "revision_uuid",
)
_ROWS = 500
_CONTENTS = 50
_WORKING_COPY = "Current API"
_SUPER_TENANT = (-1234, "carbon.super")
_DATA = "/_system/governance/apimgt/applicationdata/"
_TENANT_SEQUENCES = "/_system/governance/apimgt/customsequences/"
_FOLDERS = ("", "/in", "/out", "/fault", "/soap_to_rest/in", "/soap_to_rest/out")
_NAMED_SEQUENCE = re.compile(rb"<(in|out|fault)Sequence>([^<]+)</")
_ENDPOINT_CONFIG = re.compile(rb"<endpointConfig>([^<]+)</")
_T = TypeVar("_T")
_K = TypeVar("_K")


def revisions(
    am: Session, shared: Session, wanted: Collection[str] | None = None, *, users: Session | None = None
) -> Iterator[RevisionInput]:
    """
    Yield the input of every revision of AM_REVISION (all, or those whose UUID is ``wanted``), in order of their UUIDs.

    Works on a schema of any release that has revisions (4.0.0 and later) and on one expanded from 3.2.0. A revision
    needs its AM_REVISION row and its registry folder ``…/apis/<API's UUID>/<number>``, whose ``api`` resource bears
    the revision's UUID; URL mappings, certificates and so on are the rows that bear it too. A revision without that
    resource comes with an empty artifact, which ``build`` refuses. ``users`` is where the tenants are listed, when
    that is not ``shared``.
    """
    reader = _Reader(am, shared, users or shared)
    for heads in reader.heads(wanted):
        rows = reader.rows(heads)
        for some in _batches(heads, _CONTENTS):
            yield from reader.inputs(some, rows)


_Key = tuple[int, str]
"""A copy of an API: AM_API.API_ID and the revision's UUID, empty for the working copy."""


@dataclass(frozen=True, slots=True)
class _Head:
    """A revision and its API's row."""

    number: int
    uuid: str
    tier: str
    api: Row[Any]


@dataclass(slots=True)
class _Rows:
    """AM_* rows of a batch, by copy."""

    operations: dict[_Key, list[Operation]] = field(default_factory=lambda: defaultdict(list))
    uses: dict[_Key, list[PolicyUse]] = field(default_factory=lambda: defaultdict(list))
    policies: dict[str, Policy] = field(default_factory=dict)
    certificates: dict[_Key, list[ClientCertificate]] = field(default_factory=lambda: defaultdict(list))
    complexity: dict[_Key, list[Complexity]] = field(default_factory=lambda: defaultdict(list))
    default_versions: set[int] = field(default_factory=set)
    offers: dict[str, dict[int, list[Operation]]] = field(default_factory=lambda: defaultdict(dict))
    """Product revision → member's API_ID → the operations it is offered by, in the order of the mapping rows."""
    members: dict[int, Row[Any]] = field(default_factory=dict)
    """The members' AM_API rows."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """What the registry holds of one copy."""

    tenant: int
    artifact: bytes
    created: datetime
    updated: datetime
    properties: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    files: tuple[File, ...]


_NO_FOLDER = _Folder(_SUPER_TENANT[0], b"", datetime(1970, 1, 1), datetime(1970, 1, 1), (), (), ())


class _Batch:
    """The conditions by which the rows of a batch are found."""

    def __init__(self, heads: list[_Head]) -> None:
        self.revisions = [head.uuid for head in heads]
        self.apis = {head.api.api_id for head in heads}
        self.products = {head.uuid: head.api.api_id for head in heads if head.api.api_type == PRODUCT}
        self.members: set[int] = set()

    def copies(self, rows: TableClause, working_copy: str | None = None) -> ColumnElement[bool]:
        """Rows of the batch's revisions and of its products' members, whose copy is marked NULL or otherwise."""
        marker = rows.c.revision_uuid
        current = marker.is_(None) if working_copy is None else or_(marker.is_(None), marker == working_copy)
        return or_(
            and_(rows.c.api_id.in_(self.apis), marker.in_(self.revisions)),
            and_(rows.c.api_id.in_(self.members), current) if self.members else false(),
        )

    def offered(self) -> ColumnElement[bool]:
        """Mapping rows of the batch's product revisions."""
        return and_(
            API_PRODUCT_MAPPING.c.api_id.in_(set(self.products.values())),
            API_PRODUCT_MAPPING.c.revision_uuid.in_(self.products),
        )


class _Reader:
    def __init__(self, am: Session, shared: Session, users: Session) -> None:
        self._am = am
        self._shared = shared
        there = _columns(am, API)
        self._api_columns = [API.c[name] if name in there else null().label(name) for name in _API_COLUMNS]
        self._has_key_type = "key_type" in _columns(am, API_CLIENT_CERTIFICATE)
        self._has_policies = am.exists(API_OPERATION_POLICY_MAPPING.name)
        self._has_api_policies = am.exists(API_POLICY_MAPPING.name)
        tenants = users.all(select(UM_TENANT.c.um_id, UM_TENANT.c.um_domain_name))
        self._domains = {row.um_id: row.um_domain_name for row in tenants}
        self._domains[_SUPER_TENANT[0]] = _SUPER_TENANT[1]
        self._shared_scopes = _grouped(
            (row.tenant_id, row.name) for row in am.all(select(SHARED_SCOPE).order_by(SHARED_SCOPE.c.name))
        )
        self._endpoint_certificates: Mapping[int, tuple[EndpointCertificate, ...]] = {}
        if "certificate" in _columns(am, CERTIFICATE_METADATA):
            self._endpoint_certificates = _grouped(
                (row.tenant_id, EndpointCertificate(row.alias, row.end_point, bytes(row.certificate or b"")))
                for row in am.all(select(CERTIFICATE_METADATA).order_by(CERTIFICATE_METADATA.c.alias))
            )
        self._tenant_sequences: dict[int, dict[tuple[str, str], Sequence]] = {}

    def heads(self, wanted: Collection[str] | None) -> Iterator[list[_Head]]:
        """Yield revisions with their APIs, a batch at a time, in order of the revisions' UUIDs."""
        query = (
            select(
                REVISION.c.id.label("number"),
                REVISION.c.revision_uuid,
                API_REVISION_METADATA.c.api_tier.label("revision_tier"),
                *self._api_columns,
            )
            .join_from(REVISION, API, API.c.api_uuid == REVISION.c.api_uuid)
            .outerjoin(
                API_REVISION_METADATA,
                and_(
                    API_REVISION_METADATA.c.api_uuid == REVISION.c.api_uuid,
                    API_REVISION_METADATA.c.revision_uuid == REVISION.c.revision_uuid,
                ),
            )
            .order_by(REVISION.c.revision_uuid)
            .limit(_ROWS)
        )
        if wanted is not None:
            for some in _batches(sorted(wanted), _ROWS):
                yield self._heads(query.where(REVISION.c.revision_uuid.in_(some)))
            return
        last = ""
        while heads := self._heads(query.where(REVISION.c.revision_uuid > last)):
            yield heads
            last = heads[-1].uuid

    def _heads(self, query: Select[Any]) -> list[_Head]:
        return [_Head(row.number, row.revision_uuid, row.revision_tier or "", row) for row in self._am.all(query)]

    def rows(self, heads: list[_Head]) -> _Rows:
        """Read the AM_* rows of a batch."""
        batch, rows = _Batch(heads), _Rows()
        if batch.products:
            self._read_offers(batch, rows)
        for _, key, operation in self._operations(batch.copies(API_URL_MAPPING), rows):
            rows.operations[key].append(operation)
        self._read_api_policies(heads, rows)
        self._read_certificates(batch, rows)
        for row in self._am.all(
            select(GRAPHQL_COMPLEXITY)
            .where(batch.copies(GRAPHQL_COMPLEXITY))
            .order_by(GRAPHQL_COMPLEXITY.c.type, GRAPHQL_COMPLEXITY.c.field)
        ):
            rows.complexity[_key(row)].append(Complexity(row.type, row.field, row.complexity_value))
        defaults = API_DEFAULT_VERSION.c
        rows.default_versions = {
            row.api_id
            for row in self._am.all(
                select(API.c.api_id)
                .join_from(
                    API,
                    API_DEFAULT_VERSION,
                    and_(
                        defaults.api_name == API.c.api_name,
                        defaults.api_provider == API.c.api_provider,
                        defaults.default_api_version == API.c.api_version,
                    ),
                )
                .where(API.c.api_id.in_(batch.apis | batch.members))
            )
        }
        return rows

    def _read_offers(self, batch: _Batch, rows: _Rows) -> None:
        offered = select(API_PRODUCT_MAPPING).where(batch.offered())
        mapped = API_URL_MAPPING.c.url_mapping_id.in_(offered.with_only_columns(API_PRODUCT_MAPPING.c.url_mapping_id))
        operations = {mapping: (key[0], operation) for mapping, key, operation in self._operations(mapped, rows)}
        for row in self._am.all(offered.order_by(API_PRODUCT_MAPPING.c.api_product_mapping_id)):
            if row.url_mapping_id in operations:
                api_id, operation = operations[row.url_mapping_id]
                rows.offers[row.revision_uuid].setdefault(api_id, []).append(operation)
        batch.members = {api_id for offers in rows.offers.values() for api_id in offers}
        query = select(*self._api_columns).where(API.c.api_id.in_(batch.members))
        rows.members = {row.api_id: row for row in self._am.all(query)}

    def _operations(self, condition: ColumnElement[bool], rows: _Rows) -> Iterator[tuple[int, _Key, Operation]]:
        """Yield (URL mapping's id, copy, operation) of the URL mappings that fulfil a condition."""
        scopes = _grouped(
            (row.url_mapping_id, row.scope_name)
            for row in self._am.all(
                select(API_RESOURCE_SCOPE_MAPPING)
                .join_from(
                    API_RESOURCE_SCOPE_MAPPING,
                    API_URL_MAPPING,
                    API_URL_MAPPING.c.url_mapping_id == API_RESOURCE_SCOPE_MAPPING.c.url_mapping_id,
                )
                .where(condition)
                .order_by(API_RESOURCE_SCOPE_MAPPING.c.scope_name)
            )
        )
        uses = self._operation_policies(condition, rows)
        columns = [API_URL_MAPPING.c[name] for name in _OPERATION_COLUMNS]
        for row in self._am.all(select(*columns).where(condition).order_by(API_URL_MAPPING.c.url_mapping_id)):
            operation = Operation(
                row.http_method or "",
                row.url_pattern or "",
                row.auth_scheme or "",
                row.throttling_tier or "",
                scopes.get(row.url_mapping_id, ()),
                uses.get(row.url_mapping_id, ()),
            )
            yield row.url_mapping_id, _key(row), operation

    def _operation_policies(self, condition: ColumnElement[bool], rows: _Rows) -> Mapping[int, tuple[PolicyUse, ...]]:
        if not self._has_policies:
            return {}
        used = (
            select(API_OPERATION_POLICY_MAPPING)
            .join_from(
                API_OPERATION_POLICY_MAPPING,
                API_URL_MAPPING,
                API_URL_MAPPING.c.url_mapping_id == API_OPERATION_POLICY_MAPPING.c.url_mapping_id,
            )
            .where(condition)
        )
        found = self._am.all(used.order_by(API_OPERATION_POLICY_MAPPING.c.policy_order))
        self._read_policies({row.policy_uuid for row in found}, rows)
        return _grouped((row.url_mapping_id, _use(row)) for row in found)

    def _read_api_policies(self, heads: list[_Head], rows: _Rows) -> None:
        if not self._has_api_policies:
            return
        mapping = API_POLICY_MAPPING.c
        revised = {head.api.api_uuid: head.api.api_id for head in heads}
        members = {row.api_uuid: row.api_id for row in rows.members.values()}
        found = self._am.all(
            select(API_POLICY_MAPPING)
            .where(
                or_(
                    and_(mapping.api_uuid.in_(revised), mapping.revision_uuid.in_([head.uuid for head in heads])),
                    and_(mapping.api_uuid.in_(members), mapping.revision_uuid.is_(None)),
                )
            )
            .order_by(mapping.policy_order)
        )
        self._read_policies({row.policy_uuid for row in found}, rows)
        ids = revised | members
        for row in found:
            rows.uses[ids[row.api_uuid], row.revision_uuid or ""].append(_use(row))

    def _read_policies(self, uuids: set[str], rows: _Rows) -> None:
        for some in _batches(sorted(uuids - rows.policies.keys()), _ROWS):
            definitions = _grouped(
                (row.policy_uuid, (row.gateway_type, bytes(row.policy_definition or b"")))
                for row in self._am.all(
                    select(OPERATION_POLICY_DEFINITION)
                    .where(OPERATION_POLICY_DEFINITION.c.policy_uuid.in_(some))
                    .order_by(OPERATION_POLICY_DEFINITION.c.gateway_type)
                )
            )
            clones = select(API_OPERATION_POLICY).where(API_OPERATION_POLICY.c.policy_uuid.in_(some))
            origins = {row.policy_uuid: row.cloned_policy_uuid or "" for row in self._am.all(clones)}
            for row in self._am.all(select(OPERATION_POLICY).where(OPERATION_POLICY.c.policy_uuid.in_(some))):
                rows.policies[row.policy_uuid] = Policy(
                    row.policy_uuid,
                    row.policy_name or "",
                    row.policy_version or "",
                    row.display_name or "",
                    row.policy_description or "",
                    row.policy_category or "",
                    row.applicable_flows or "",
                    row.gateway_types or "",
                    row.api_types or "",
                    bytes(row.policy_parameters or b""),
                    definitions.get(row.policy_uuid, ()),
                    origins.get(row.policy_uuid, ""),
                )

    def _read_certificates(self, batch: _Batch, rows: _Rows) -> None:
        certificates = API_CLIENT_CERTIFICATE.c
        found = self._am.all(
            select(
                certificates.alias,
                certificates.api_id,
                certificates.revision_uuid,
                certificates.certificate,
                certificates.tier_name,
                certificates.key_type if self._has_key_type else null().label("key_type"),
            )
            .where(
                batch.copies(API_CLIENT_CERTIFICATE, _WORKING_COPY),
                certificates.removed == false(),
            )
            .order_by(certificates.alias)
        )
        for row in found:
            revision = "" if row.revision_uuid == _WORKING_COPY else row.revision_uuid or ""
            rows.certificates[row.api_id, revision].append(
                ClientCertificate(row.alias, bytes(row.certificate or b""), row.tier_name or "", row.key_type or "")
            )

    def inputs(self, heads: list[_Head], rows: _Rows) -> Iterator[RevisionInput]:
        """Read the registry's part of some revisions and yield their inputs."""
        offers = {head.uuid: rows.offers.get(head.uuid, {}) for head in heads}
        members = {rows.members[api_id].api_uuid for offer in offers.values() for api_id in offer}
        # An API that the registry does not know has no UUID, and so no folder either.
        folders = self._folders([*(head.uuid for head in heads), *sorted(uuid for uuid in members if uuid)])
        for head in heads:
            api = self._api(head.api, head.uuid, head.number, head.tier, folders.get(head.uuid, _NO_FOLDER), rows)
            yield RevisionInput(
                api,
                tuple(
                    Member(self._member(rows.members[api_id], folders, rows), tuple(operations))
                    for api_id, operations in offers[head.uuid].items()
                ),
            )

    def _member(self, row: Row[Any], folders: Mapping[str, _Folder], rows: _Rows) -> Api:
        return self._api(row, "", 0, row.api_tier or "", folders.get(row.api_uuid, _NO_FOLDER), rows)

    def _api(self, row: Row[Any], revision: str, number: int, tier: str, folder: _Folder, rows: _Rows) -> Api:
        key = row.api_id, revision
        operations = tuple(rows.operations.get(key, ()))
        uses = tuple(rows.uses.get(key, ()))
        offered = [operation for offer in rows.offers.get(revision, {}).values() for operation in offer]
        used = {use.policy for operation in (*operations, *offered) for use in operation.policies}
        used |= {use.policy for use in uses}
        return Api(
            row.api_id,
            row.api_uuid,
            folder.tenant,
            self._domains.get(folder.tenant, ""),
            row.api_provider,
            row.api_name,
            row.api_version,
            row.api_type or "",
            row.context or "",
            row.context_template or "",
            tier,
            row.api_subtype or "",
            row.gateway_vendor or "",
            bool(row.is_egress),
            row.api_id in rows.default_versions,
            number,
            revision or row.api_uuid,
            folder.artifact,
            folder.created,
            folder.updated,
            folder.properties,
            folder.tags,
            tuple(file for file in folder.files if not _is_sequence(file)),
            self._sequences(folder),
            operations,
            uses,
            tuple(rows.policies[uuid] for uuid in sorted(used & rows.policies.keys())),
            self._shared_scopes.get(folder.tenant, ()),
            tuple(rows.certificates.get(key, ())),
            self._certificates_of_endpoints(folder),
            tuple(rows.complexity.get(key, ())),
            row.api_display_name or "",
        )

    def _certificates_of_endpoints(self, folder: _Folder) -> tuple[EndpointCertificate, ...]:
        certificates = self._endpoint_certificates.get(folder.tenant, ())
        found = _ENDPOINT_CONFIG.search(folder.artifact) if certificates else None
        if found is None:
            return ()
        try:
            config = read_config(unescape(found.group(1).decode()))
        except ValueError:
            return ()
        addresses = list(urls(config)) if config else []
        return tuple(item for item in certificates if any(serves(item.endpoint, url) for url in addresses))

    def _sequences(self, folder: _Folder) -> tuple[Sequence, ...]:
        """Return the sequences that the artifact names: from its folder, else from the tenant's."""
        own = {file.path: file for file in folder.files if _is_sequence(file)}
        sequences = []
        for named in _NAMED_SEQUENCE.findall(folder.artifact):
            flow, name = (unescape(part.decode()) for part in named)
            file = own.get(f"{flow}/{name}") or own.get(f"{flow}/{name}.xml")
            if file is not None:
                sequences.append(Sequence(flow, name, file.uuid, file.content, shared=False))
            elif (flow, name) in (of_tenant := self._sequences_of(folder.tenant)):
                sequences.append(of_tenant[flow, name])
        return tuple(sequences)

    def _sequences_of(self, tenant: int) -> dict[tuple[str, str], Sequence]:
        if tenant not in self._tenant_sequences:
            found = self._shared.all(
                _files().where(
                    PATH.c.reg_path_value.like(_TENANT_SEQUENCES + "%"),
                    PATH.c.reg_tenant_id == tenant,
                    RESOURCE.c.reg_name.is_not(None),
                )
            )
            sequences = {}
            for row in found:
                flow = row.reg_path_value.removeprefix(_TENANT_SEQUENCES).lower()
                name = row.reg_name.removesuffix(".xml")
                sequences[flow, name] = Sequence(
                    flow, name, row.reg_uuid, bytes(row.reg_content_data or b""), shared=True
                )
            self._tenant_sequences[tenant] = sequences
        return self._tenant_sequences[tenant]

    def _folders(self, uuids: list[str]) -> dict[str, _Folder]:
        """Read the folders whose ``api`` resources have these UUIDs."""
        found = [
            row
            for row in self._shared.all(
                _files()
                .add_columns(RESOURCE.c.reg_created_time, RESOURCE.c.reg_last_updated_time, PATH.c.reg_path_id)
                .where(RESOURCE.c.reg_uuid.in_(uuids), RESOURCE.c.reg_name == "api")
            )
            if row.reg_path_value.startswith(_DATA)
        ]
        ids = [row.reg_path_id for row in found]
        properties = self._properties(ids)
        tags = self._tags(ids)
        paths = {
            (row.reg_tenant_id, row.reg_path_value + folder): (row.reg_uuid, folder)
            for row in found
            for folder in _FOLDERS
        }
        files: dict[str, list[File]] = defaultdict(list)
        for file in self._shared.all(
            _files()
            .where(
                PATH.c.reg_path_value.in_(sorted({path for _, path in paths})),
                RESOURCE.c.reg_name.not_in(("api", "icon")),
                RESOURCE.c.reg_name.not_like("%.wsdl"),
            )
            .order_by(PATH.c.reg_path_value, RESOURCE.c.reg_name)
        ):
            place = paths.get((file.reg_tenant_id, file.reg_path_value))
            if place is not None:
                uuid, folder = place
                path = f"{folder}/{file.reg_name}".lstrip("/")
                files[uuid].append(File(path, file.reg_uuid, bytes(file.reg_content_data or b"")))
        return {
            row.reg_uuid: _Folder(
                row.reg_tenant_id,
                bytes(row.reg_content_data or b""),
                row.reg_created_time,
                row.reg_last_updated_time,
                properties.get((row.reg_tenant_id, row.reg_path_id), ()),
                tags.get((row.reg_tenant_id, row.reg_path_id), ()),
                tuple(files[row.reg_uuid]),
            )
            for row in found
        }

    def _properties(self, ids: list[int]) -> Mapping[tuple[int, int], tuple[tuple[str, str], ...]]:
        link, value = RESOURCE_PROPERTY.c, PROPERTY.c
        rows = self._shared.all(
            select(link.reg_tenant_id, link.reg_path_id, value.reg_name, value.reg_value)
            .join_from(
                RESOURCE_PROPERTY,
                PROPERTY,
                and_(value.reg_id == link.reg_property_id, value.reg_tenant_id == link.reg_tenant_id),
            )
            .where(link.reg_path_id.in_(ids), link.reg_resource_name == "api")
            .order_by(value.reg_name, value.reg_id)
        )
        return _grouped(((row.reg_tenant_id, row.reg_path_id), (row.reg_name, row.reg_value or "")) for row in rows)

    def _tags(self, ids: list[int]) -> Mapping[tuple[int, int], tuple[str, ...]]:
        link, tag = RESOURCE_TAG.c, TAG.c
        rows = self._shared.all(
            select(link.reg_tenant_id, link.reg_path_id, tag.reg_tag_name)
            .join_from(RESOURCE_TAG, TAG, and_(tag.reg_id == link.reg_tag_id, tag.reg_tenant_id == link.reg_tenant_id))
            .where(link.reg_path_id.in_(ids), link.reg_resource_name == "api")
            .order_by(tag.reg_id)
        )
        return _grouped(((row.reg_tenant_id, row.reg_path_id), row.reg_tag_name) for row in rows)


def _files() -> Select[Any]:
    """Files of the registry with their folders and contents."""
    return (
        select(
            RESOURCE.c.reg_tenant_id,
            PATH.c.reg_path_value,
            RESOURCE.c.reg_name,
            RESOURCE.c.reg_uuid,
            CONTENT.c.reg_content_data,
        )
        .join_from(
            RESOURCE,
            PATH,
            and_(PATH.c.reg_path_id == RESOURCE.c.reg_path_id, PATH.c.reg_tenant_id == RESOURCE.c.reg_tenant_id),
        )
        .join(
            CONTENT,
            and_(
                CONTENT.c.reg_content_id == RESOURCE.c.reg_content_id,
                CONTENT.c.reg_tenant_id == RESOURCE.c.reg_tenant_id,
            ),
        )
    )


def _is_sequence(file: File) -> bool:
    return file.path.startswith(("in/", "out/", "fault/"))


def _key(row: Row[Any]) -> _Key:
    return row.api_id, row.revision_uuid or ""


def _use(row: Row[Any]) -> PolicyUse:
    parameters = row.parameters or ""  # text up to 4.5.0, then bytes
    return PolicyUse(
        row.policy_uuid,
        row.direction,
        row.policy_order or 0,
        parameters if isinstance(parameters, str) else bytes(parameters).decode(),
    )


def _columns(session: Session, of: TableClause) -> set[str]:
    """Return the names of a table's columns; none when it is absent or empty, and then nobody asks for one."""
    if not session.exists(of.name):
        return set()
    rows = session.all(select(literal_column("*")).select_from(of).limit(1))
    return {name.lower() for row in rows for name in row._fields}


def _batches(items: list[_T], size: int) -> Iterator[list[_T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _grouped(pairs: Iterable[tuple[_K, _T]]) -> dict[_K, tuple[_T, ...]]:
    groups: dict[_K, list[_T]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(values) for key, values in groups.items()}

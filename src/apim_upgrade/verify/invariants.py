"""
Invariants of an upgraded estate, as queries that must find nothing.

The product's own rules: what a server of the target release needs to list, deploy and call every API.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, exists, func, or_, select
from sqlalchemy.sql.selectable import Select, TableClause

from apim_upgrade.engine import Session
from apim_upgrade.releases import Release
from apim_upgrade.tables.api import (
    API,
    API_CATEGORY,
    API_PRODUCT_MAPPING,
    API_URL_MAPPING,
    APPLICATION,
    APPLICATION_KEY_MAPPING,
    DEPLOYMENT,
    GATEWAY_ARTIFACT,
    GATEWAY_DEPLOYMENT,
    GATEWAY_ENVIRONMENT,
    KEY_MANAGER,
    REVISION,
    SYSTEM_CONFIG,
)
from apim_upgrade.tables.registry import PATH, RESOURCE
from apim_upgrade.verify.proof import Proof

_SAMPLES = 10


@dataclass(frozen=True, slots=True)
class Invariant:
    """One rule: ``wrong`` yields a readable label per offender, ``of`` is the table looked at."""

    name: str
    title: str
    since: str
    of: TableClause
    label: ColumnElement[Any]
    wrong: ColumnElement[bool]


def _text(*parts: ColumnElement[Any] | str) -> ColumnElement[Any]:
    return func.concat_ws(" ", *(part if isinstance(part, str) else cast(part, String) for part in parts))


def _blank(each: ColumnElement[Any]) -> ColumnElement[bool]:
    return or_(each.is_(None), each == "")


_API_LABEL = _text(API.c.api_name, API.c.api_version, "of", API.c.api_provider)
_URL_LABEL = _text(
    "operation", API_URL_MAPPING.c.url_mapping_id, API_URL_MAPPING.c.http_method, API_URL_MAPPING.c.url_pattern
)

INVARIANTS = (
    Invariant("api-uuid", "APIs without UUID", "4.0.0", API, _API_LABEL, _blank(API.c.api_uuid)),
    Invariant("api-status", "APIs without status", "4.0.0", API, _API_LABEL, _blank(API.c.status)),
    Invariant("api-type", "APIs without type", "4.0.0", API, _API_LABEL, _blank(API.c.api_type)),
    Invariant("api-organization", "APIs without organization", "4.1.0", API, _API_LABEL, _blank(API.c.organization)),
    Invariant(
        "application-organization",
        "applications without organization",
        "4.1.0",
        APPLICATION,
        _text(APPLICATION.c.application_id, APPLICATION.c.name),
        _blank(APPLICATION.c.organization),
    ),
    Invariant(
        "category-organization",
        "API categories without organization",
        "4.1.0",
        API_CATEGORY,
        _text(API_CATEGORY.c.name),
        _blank(API_CATEGORY.c.organization),
    ),
    Invariant(
        "environment-organization",
        "gateway environments without organization or provider",
        "4.1.0",
        GATEWAY_ENVIRONMENT,
        _text(GATEWAY_ENVIRONMENT.c.name),
        or_(_blank(GATEWAY_ENVIRONMENT.c.organization), _blank(GATEWAY_ENVIRONMENT.c.provider)),
    ),
    Invariant(
        "environment-gateway-type",
        "gateway environments without gateway type",
        "4.3.0",
        GATEWAY_ENVIRONMENT,
        _text(GATEWAY_ENVIRONMENT.c.name),
        _blank(GATEWAY_ENVIRONMENT.c.gateway_type),
    ),
    Invariant(
        "operation-tier",
        "operations without throttling tier",
        "4.0.0",
        API_URL_MAPPING,
        _URL_LABEL,
        API_URL_MAPPING.c.throttling_tier.is_(None),
    ),
    Invariant(
        "operation-scheme",
        "operations without authentication scheme",
        "4.0.0",
        API_URL_MAPPING,
        _URL_LABEL,
        API_URL_MAPPING.c.auth_scheme.is_(None),
    ),
    Invariant(
        "key-manager-known",
        "application keys of an unknown key manager",
        "4.0.0",
        APPLICATION_KEY_MAPPING,
        _text(APPLICATION_KEY_MAPPING.c.uuid, "names", APPLICATION_KEY_MAPPING.c.key_manager),
        ~exists().where(KEY_MANAGER.c.uuid == APPLICATION_KEY_MAPPING.c.key_manager),
    ),
    Invariant(
        "revision-of-deployment",
        "deployments of an unknown revision",
        "4.0.0",
        DEPLOYMENT,
        _text(DEPLOYMENT.c.name, DEPLOYMENT.c.revision_uuid),
        ~exists().where(REVISION.c.revision_uuid == DEPLOYMENT.c.revision_uuid),
    ),
    Invariant(
        "artifact-of-deployment",
        "deployments without gateway artifact",
        "4.0.0",
        GATEWAY_DEPLOYMENT,
        _text(GATEWAY_DEPLOYMENT.c.api_id, GATEWAY_DEPLOYMENT.c.label),
        ~exists().where(
            and_(
                GATEWAY_ARTIFACT.c.api_id == GATEWAY_DEPLOYMENT.c.api_id,
                GATEWAY_ARTIFACT.c.revision_id == GATEWAY_DEPLOYMENT.c.revision_id,
            )
        ),
    ),
    Invariant(
        "deployments-agree",
        "deployments known to the gateway only",
        "4.0.0",
        GATEWAY_DEPLOYMENT,
        _text(GATEWAY_DEPLOYMENT.c.api_id, GATEWAY_DEPLOYMENT.c.label),
        ~exists().where(
            and_(
                DEPLOYMENT.c.name == GATEWAY_DEPLOYMENT.c.label,
                DEPLOYMENT.c.revision_uuid == GATEWAY_DEPLOYMENT.c.revision_id,
            )
        ),
    ),
    Invariant(
        "revision-of-operation",
        "operations of an unknown revision",
        "4.0.0",
        API_URL_MAPPING,
        _URL_LABEL,
        and_(
            API_URL_MAPPING.c.revision_uuid.is_not(None),
            func.length(API_URL_MAPPING.c.revision_uuid) == 36,
            ~exists().where(REVISION.c.revision_uuid == API_URL_MAPPING.c.revision_uuid),
        ),
    ),
    Invariant(
        "product-operations-marked",
        "product operations in the form of 3.2.0",
        "4.0.0",
        API_PRODUCT_MAPPING,
        _text("mapping", API_PRODUCT_MAPPING.c.api_product_mapping_id),
        API_PRODUCT_MAPPING.c.revision_uuid.is_(None),
    ),
)


def invariants(am: Session, target: Release) -> Iterator[Proof]:
    """Check every invariant that the target release has."""
    for invariant in INVARIANTS:
        if Release.parse(invariant.since) > target or not am.exists(invariant.of.name):
            continue
        seen = int(am.all(select(func.count()).select_from(invariant.of))[0][0])
        wrong = select(invariant.label).select_from(invariant.of).where(invariant.wrong)
        yield _proof(am, f"invariant/{invariant.name}", invariant.title, wrong, seen)


def configurations_parse(am: Session) -> Iterator[Proof]:
    """
    Every tenant configuration in the database is JSON.

    A tenant may have none: the server writes its default when it loads the tenant.
    """
    if not am.exists(SYSTEM_CONFIG.name):
        return
    seen, wrong = 0, []
    for row in am.stream(select(SYSTEM_CONFIG).where(SYSTEM_CONFIG.c.config_type == "TENANT")):
        seen += 1
        try:
            json.loads(bytes(row.configuration))
        except (TypeError, ValueError):
            wrong.append(str(row.organization))
    yield Proof(
        "invariant/tenant-configuration",
        "tenant configurations that are not JSON",
        len(wrong),
        seen,
        tuple(wrong[:_SAMPLES]),
    )


def registry_agrees(am: Session, shared: Session) -> Iterator[Proof]:
    """
    AM_API and the registry's working copies are one to one; every revision has its folder.

    The two lie in different databases, maybe on different servers, so their UUIDs are compared here: four sets, some
    10 MB for 50,000 APIs with a revision each.
    """
    root = "/_system/governance/apimgt/applicationdata/"
    joined = RESOURCE.join(
        PATH, and_(PATH.c.reg_path_id == RESOURCE.c.reg_path_id, PATH.c.reg_tenant_id == RESOURCE.c.reg_tenant_id)
    )
    for name, title, branch, of in (
        (
            "working-copies",
            "APIs whose registry artifact is missing, or artifacts without API",
            "provider/",
            select(API.c.api_uuid),
        ),
        (
            "revision-copies",
            "revisions whose registry folder is missing, or folders without revision",
            "apis/",
            select(REVISION.c.revision_uuid),
        ),
    ):
        there = (
            select(RESOURCE.c.reg_uuid)
            .select_from(joined)
            .where(RESOURCE.c.reg_name == "api", PATH.c.reg_path_value.like(f"{root}{branch}%"))
        )
        in_registry = {row[0] for row in shared.stream(there)}
        in_rows = {row[0] for row in am.stream(of) if row[0]}
        odd = sorted(in_registry ^ in_rows)
        yield Proof(f"registry/{name}", title, len(odd), len(in_rows), tuple(odd[:_SAMPLES]))


def _proof(session: Session, name: str, title: str, wrong: Select[Any], seen: int) -> Proof:
    found = int(session.all(select(func.count()).select_from(wrong.subquery()))[0][0])
    sample = tuple(str(row[0]) for row in session.all(wrong.limit(_SAMPLES))) if found else ()
    return Proof(name, title, found, seen, sample)

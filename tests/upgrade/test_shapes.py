"""
The shape of everything, against databases that servers of the target release wrote themselves.

An upgraded row that looks like no row of a real server is either wrong, or an old form that newer servers are known to
read. The second kind is listed here with its reason; whatever is not listed fails.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from apim_upgrade.databases import Database
from conftest import Pair, Server
from upgrade.conftest import Upgraded, kept_estate
from upgrade.test_real_estates import PAIRS
from upgrade.views import (
    API_TYPE,
    PROVIDERS,
    GatewayArtifact,
    artifacts,
    domains,
    fields,
    first,
    gateway_artifacts,
    registry,
    rows,
    shape,
    shapes,
    tables,
)

COMPARED = [("3.2.0", "4.5.0"), ("4.0.0", "4.5.0"), ("4.2.0", "4.5.0"), ("3.2.0", "4.2.0"), ("4.0.0", "4.2.0")]
compared = pytest.mark.parametrize(("source", "target"), COMPARED)
pairs = pytest.mark.parametrize(("source", "target"), PAIRS)
Upgrades = Callable[[str, str], Upgraded]

OLD_FORMS = {
    # What customers entered; the real servers' estates just have none like it.
    "am_api.context_template": ("null", "products from before 4.5.0: 4.5.0 knows an older product by it"),
    "am_api_categories.description": ("null", "a category without description"),
    "am_api_throttle_policy.is_deployed": ("true", "true in super tenants of 3.2.0 to 4.1.0; never a finding"),
    "am_policy_application.is_deployed": ("true", "the same"),
    "am_policy_subscription.fixed_rate": ("empty", "a monetised policy"),
    "am_policy_subscription.billing_cycle": ("text", "a monetised policy"),
    "am_policy_subscription.price_per_request": ("empty", "a monetised policy"),
    "am_policy_subscription.currency": ("empty", "a monetised policy"),
    "am_api_default_version.published_default_api_version": ("null", "a default version that was never deployed"),
    "am_api_client_certificate.tenant_id": ("positive", "a certificate of another tenant"),
    "am_subscriber.email_address": ("text", "a subscriber's address"),
    "idn_oauth_consumer_apps.callback_url": ("empty", "a client without callback"),
    # What only older servers write, and newer ones read or no longer look at.
    "am_block_conditions.block_condition": ("text", "SUBSCRIPTION conditions: inert from 4.2.0 on"),
    "am_service_catalog.md5": ("sha256", "4.5.0 tells the forms apart and computes anew"),
    "am_operation_policy.policy_md5": ("md5", "4.5.0 tells the forms apart and computes anew"),
    "am_operation_policy_definition.definition_md5": ("md5", "4.5.0 tells the forms apart and computes anew"),
    "am_operation_policy.api_types": ("text", '[HTTP] and ["HTTP"] are read alike'),
    "idn_oauth2_access_token.consented_token": ("null", "tokens from before 4.2.0; they expire"),
    "idn_oauth2_access_token.subject_identifier": ("null", "tokens of 4.0.0; they expire"),
    "idn_oauth2_scope.description": ("null", "internal_* scopes of releases before 4.2.0; no longer looked at"),
    "sp_inbound_auth.prop_name": ("null text", "3.2.0 and 4.5.0 repeat the secret here, 4.0.0 and 4.2.0 do not"),
    "sp_inbound_auth.prop_value": ("null text", "the same"),
}
"""``table.column`` → the shapes (blank-separated) that no real server of the target wrote, and why they may stay."""

OLD_TABLES = {
    "am_application_group_mapping": "shared applications",
    "am_revoked_jwt": "revoked tokens",
    "am_throttle_tier_permissions": "permissions on policies",
    "idn_identity_user_data": "users who signed up themselves",
    "idn_oauth2_access_token_audit": "the key manager's own housekeeping",
}
"""Tables that are empty in the real servers' estates: customers' rows that no step touches."""

VALUES = {
    "am_api.api_type": "HTTP SOAP SOAPTOREST GRAPHQL WS WEBSUB SSE APIProduct",
    "am_api.status": "CREATED PROTOTYPED PUBLISHED BLOCKED DEPRECATED RETIRED",
    "am_api.gateway_vendor": "wso2",
    "am_api.log_level": "OFF",
    "am_api.api_subtype": "DEFAULT",
    "am_api.sub_validation": "ENABLED",
    "am_api_client_certificate.key_type": "PRODUCTION",
    "am_api_comments.entry_point": "DEVPORTAL PUBLISHER",
    "am_api_lc_event.new_state": "CREATED PROTOTYPED PUBLISHED BLOCKED DEPRECATED RETIRED",
    "am_api_url_mapping.auth_scheme": "Any|None|Application & Application User",
    "am_api_url_mapping.http_method": "GET POST PUT DELETE PATCH OPTIONS HEAD SUBSCRIBE QUERY MUTATION SUBSCRIPTION",
    "am_api_url_mapping.log_level": "OFF",
    "am_application.application_status": "APPROVED",
    "am_application.shared_organization": "private",
    "am_application.token_type": "JWT",
    "am_application_key_mapping.create_mode": "CREATED",
    "am_application_key_mapping.key_type": "PRODUCTION SANDBOX",
    "am_application_key_mapping.state": "COMPLETED",
    "am_deployment_revision_mapping.revision_status": "APPROVED",
    "am_gateway_environment.gateway_type": "Regular",
    "am_gateway_environment.provider": "wso2",
    "am_gateway_environment.type": "hybrid",
    "am_gw_published_api_details.api_type": "http APIProduct",
    "am_key_manager.token_type": "DIRECT",
    "am_key_manager.type": "default",
    "am_scope.scope_type": "OAUTH2",
    "am_scope_binding.binding_type": "DEFAULT",
    "am_subscription.sub_status": "UNBLOCKED BLOCKED PROD_ONLY_BLOCKED",
    "am_subscription.subs_create_state": "SUBSCRIBE",
    "am_system_configs.config_type": "TENANT",
    "idn_oauth_consumer_apps.app_state": "ACTIVE",
    "idn_oauth2_scope.scope_type": "OAUTH2 OIDC",
}
"""``table.column`` → everything that servers write there (seen in 4.0.0, 4.2.0, 4.5.0); NULL aside."""


@pytest.fixture(scope="module")
def seen(databases: Server) -> Callable[[str, str], dict[str, dict[str, set[str]]]]:
    """``seen("4.5.0", "am")``: table → column → shapes, over all databases that servers of that release wrote."""

    @cache
    def merged(release: str, part: str) -> dict[str, dict[str, set[str]]]:
        found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for which in (release, f"{release}/fresh"):
            for table, columns in shapes(kept_estate(databases, which).by_name()[part]).items():
                for column, kinds in columns.items():
                    found[table][column] |= kinds
        return found

    return merged


@compared
@pytest.mark.parametrize("part", ["am", "shared"])
def test_no_column_holds_a_shape_that_no_server_of_the_target_wrote(
    source: str,
    target: str,
    part: str,
    upgraded: Upgrades,
    seen: Callable[[str, str], dict[str, dict[str, set[str]]]],
) -> None:
    ours, real = shapes(upgraded(source, target).after.by_name()[part]), seen(target, part)

    assert set(ours) - set(real) <= OLD_TABLES.keys()
    odd = {
        f"{table}.{column}": sorted(kinds - real[table][column])
        for table, columns in ours.items()
        if table in real
        for column, kinds in columns.items()
        if kinds - real[table][column]
    }
    # A version or name that is all digits is text like any other.
    odd = {place: kinds for place, kinds in odd.items() if kinds != ["text"] or "digits" not in _real(real, place)}
    assert {
        place: kinds for place, kinds in odd.items() if not set(kinds) <= set(OLD_FORMS.get(place, ("", ""))[0].split())
    } == {}


def _real(real: dict[str, dict[str, set[str]]], place: str) -> set[str]:
    table, column = place.split(".")
    return real[table][column]


@pairs
def test_small_vocabularies_hold_only_words_that_servers_know(source: str, target: str, upgraded: Upgrades) -> None:
    estate = upgraded(source, target)
    there = set(tables(estate.after.am))
    checked = 0
    for place, known in VALUES.items():
        table, column = place.split(".")
        if table not in there or column not in _columns(estate.after.am, table):
            continue
        checked += 1
        query = f'SELECT DISTINCT "{column}" AS value FROM "{table}" WHERE "{column}" IS NOT NULL'
        values = {row["value"] for row in rows(estate.after.am, query)}
        assert values <= set(known.split("|") if "|" in known else known.split()), place
    assert checked == {"4.2.0": 24, "4.4.0": 31, "4.5.0": 32, "4.7.0": 32}[target]


def _columns(database: Database, table: str) -> set[str]:
    query = f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped"
    return {row["attname"] for row in rows(database, query)}


@pairs
def test_organizations_and_tenants_are_known_ones(source: str, target: str, upgraded: Upgrades) -> None:
    estate = upgraded(source, target)
    known = domains(estate.after.shared)
    organizations = numbers = 0
    for table in tables(estate.after.am):
        columns = _columns(estate.after.am, table)
        for column in columns & {"organization", "tenant_domain"}:
            values = {row[column] for row in rows(estate.after.am, f'SELECT DISTINCT "{column}" FROM "{table}"')}
            assert values <= set(known.values()), f"{table}.{column}"
            organizations += len(values)
        if "tenant_id" in columns:
            values = {row["tenant_id"] for row in rows(estate.after.am, f'SELECT DISTINCT tenant_id FROM "{table}"')}
            assert values <= {None, *known} | ({-1} if table.startswith("idn_") else set()), table
            numbers += len(values)
    assert organizations > 10
    assert numbers > 40


RELATIONS = {
    "revisions without metadata": "SELECT 1 FROM am_revision r WHERE NOT EXISTS (SELECT 1 FROM "
    "am_api_revision_metadata m WHERE m.revision_uuid = r.revision_uuid AND m.api_uuid = r.api_uuid)",
    "revisions without gateway artifact": "SELECT 1 FROM am_revision r WHERE NOT EXISTS (SELECT 1 FROM "
    "am_gw_api_artifacts g WHERE g.revision_id = r.revision_uuid AND g.api_id = r.api_uuid)",
    "gateway artifacts without revision": "SELECT 1 FROM am_gw_api_artifacts g WHERE NOT EXISTS (SELECT 1 FROM "
    "am_revision r WHERE g.revision_id = r.revision_uuid AND g.api_id = r.api_uuid)",
    "revisions of APIs that gateways cannot ask for": "SELECT 1 FROM am_revision r WHERE NOT EXISTS (SELECT 1 FROM "
    "am_gw_published_api_details g WHERE g.api_id = r.api_uuid)",
    "published details that disagree with their API": "SELECT 1 FROM am_gw_published_api_details g JOIN am_api a ON "
    "a.api_uuid = g.api_id WHERE (g.api_name, g.api_version, g.tenant_domain) IS DISTINCT FROM "
    "(a.api_name, a.api_version, a.organization)",
    "revision numbers beyond the API's count": "SELECT 1 FROM am_revision r JOIN am_api a USING (api_uuid) "
    "WHERE r.id > a.revisions_created",
    "deployments that the two tables tell apart": "SELECT 1 FROM am_deployment_revision_mapping d FULL JOIN "
    "am_gw_api_deployments g ON (g.revision_id, g.label) = (d.revision_uuid, d.name) "
    "WHERE g.label IS NULL OR d.name IS NULL OR g.vhost IS DISTINCT FROM d.vhost",
    "two revisions of an API in one environment": "SELECT 1 FROM am_gw_api_deployments GROUP BY api_id, label "
    "HAVING count(*) > 1",
    "deployments to environments of the portal without host": "SELECT 1 FROM am_deployment_revision_mapping d "
    "JOIN am_gateway_environment e USING (name) WHERE d.vhost IS NULL",
    "hosts that their environment does not have": "SELECT 1 FROM am_deployment_revision_mapping d "
    "JOIN am_revision r USING (revision_uuid) JOIN am_api a USING (api_uuid) "
    "JOIN am_gateway_environment e ON e.name = d.name AND e.organization = a.organization "
    "WHERE NOT EXISTS (SELECT 1 FROM am_gw_vhost h WHERE h.gateway_env_id = e.id AND h.host = d.vhost)",
    "product operations that are not marked as their product's": "SELECT 1 FROM am_api_product_mapping p "
    "JOIN am_api_url_mapping u USING (url_mapping_id) WHERE u.revision_uuid IS DISTINCT FROM "
    "(CASE p.revision_uuid WHEN 'Current API' THEN p.api_id::text ELSE p.revision_uuid END)",
    "product operations of products": "SELECT 1 FROM am_api_url_mapping u JOIN am_api a USING (api_id) "
    "WHERE a.api_type = 'APIProduct'",
    "memberships of APIs that are no product": "SELECT 1 FROM am_api_product_mapping p JOIN am_api a USING (api_id) "
    "WHERE a.api_type <> 'APIProduct'",
    "revisions without operation": "SELECT 1 FROM am_revision r WHERE NOT EXISTS (SELECT 1 FROM am_api_url_mapping u "
    "WHERE u.revision_uuid = r.revision_uuid)",
    "scopes of operations that no tenant knows": "SELECT 1 FROM am_api_resource_scope_mapping m WHERE NOT EXISTS "
    "(SELECT 1 FROM am_scope s WHERE s.name = m.scope_name AND s.tenant_id = m.tenant_id)",
    "default versions that no API has": "SELECT 1 FROM am_api_default_version d WHERE NOT EXISTS "
    "(SELECT 1 FROM am_api a WHERE (a.api_provider, a.api_name, a.api_version, a.organization) = "
    "(d.api_provider, d.api_name, d.default_api_version, d.organization))",
    "deployed default versions that are not published": "SELECT 1 FROM am_api_default_version d JOIN am_api a ON "
    "(a.api_provider, a.api_name, a.api_version) = (d.api_provider, d.api_name, d.default_api_version) "
    "JOIN am_gw_api_deployments g ON g.api_id = a.api_uuid WHERE d.published_default_api_version IS NULL",
    "current policies of the wrong copy": "SELECT 1 FROM am_api_operation_policy_mapping l "
    "JOIN am_api_operation_policy o USING (policy_uuid) JOIN am_api_url_mapping u USING (url_mapping_id) "
    "WHERE o.revision_uuid IS NOT NULL AND o.revision_uuid IS DISTINCT FROM u.revision_uuid",
    "application keys without client": "SELECT 1 FROM am_application_key_mapping k WHERE NOT EXISTS "
    "(SELECT 1 FROM idn_oauth_consumer_apps c WHERE c.consumer_key = k.consumer_key)",
    "clients without service provider": "SELECT 1 FROM idn_oauth_consumer_apps c WHERE NOT EXISTS "
    "(SELECT 1 FROM sp_inbound_auth i WHERE i.inbound_auth_key = c.consumer_key AND i.inbound_auth_type = 'oauth2')",
    "versions whose order is lost": "SELECT 1 FROM am_api WHERE version_comparable IS NULL "
    r"OR version_comparable !~ '^\d{13}$'",
    "APIs that share a context": "SELECT 1 FROM am_api GROUP BY context HAVING count(*) > 1",
}
"""Title → a query that must find nothing in any upgraded estate."""


@pairs
def test_tables_agree_with_each_other(source: str, target: str, upgraded: Upgrades) -> None:
    estate = upgraded(source, target)
    wrong = {title: len(rows(estate.after.am, query)) for title, query in RELATIONS.items()}
    assert {title: count for title, count in wrong.items() if count} == {}


@pairs
def test_tables_and_registry_agree(source: str, target: str, upgraded: Upgrades) -> None:
    estate = upgraded(source, target)
    names = domains(estate.after.shared)
    resources = registry(estate.after.shared)
    revisions = {row["revision_uuid"]: row for row in rows(estate.after.am, "SELECT * FROM am_revision")}
    apis = {row["api_uuid"]: row for row in rows(estate.after.am, "SELECT * FROM am_api")}

    found, working = set(), set()
    for (tenant, path), of in artifacts(estate.after.shared).items():
        uuid = resources[tenant, path].uuid
        if path.startswith(PROVIDERS):
            row = apis[uuid]
            working.add(uuid)
            assert first(of["overview/provider"]).replace("-AT-", "@") == row["api_provider"]
            assert first(of["overview/name"]) == row["api_name"]
            assert first(of["overview/version"]) == row["api_version"]
            assert first(of["overview/context"]) == row["context"]
            assert first(of["overview/type"]) == row["api_type"]
            assert first(of["overview/status"]) == row["status"]
            assert first(of["overview/versionComparable"]) == row["version_comparable"]
            assert names[tenant] == row["organization"]
            assert path == f"{PROVIDERS}{first(of['overview/provider'])}/{row['api_name']}/{row['api_version']}/api"
        else:
            revision = revisions[uuid]
            found.add(uuid)
            assert path.endswith(f"/apis/{revision['api_uuid']}/{revision['id']}/api")
    assert working == apis.keys()
    assert found == revisions.keys()


@compared
def test_every_folder_of_an_api_has_the_files_that_servers_of_the_target_write(
    source: str, target: str, upgraded: Upgrades, databases: Server
) -> None:
    ours = _files(upgraded(source, target).after)
    real = _files(kept_estate(databases, target))
    allowed = {("in", None): "sequences", ("out", None): "", ("fault", None): "", ("in/*", "application/xml"): ""}
    for kind, found in ours.items():
        for file in found - real[kind] - allowed.keys():
            name, media = file
            assert (
                name.startswith(("in", "out", "fault", "documentation", "soap_to_rest", "icon"))
                or (name, media) == ("*.wsdl", "application/wsdl+xml")  # as 3.2.0 stored WSDLs; indexed from 4.4.0
            ), (kind, file)
    definitions = {"asyncapi.json", "swagger.json", "*.graphql"}
    for kind, found in ours.items():
        if kind in real:
            ours_names, real_names = ({name for name, _ in files} & definitions for files in (found, real[kind]))
            assert ours_names == real_names, kind


def _files(pair: Pair) -> dict[str, set[tuple[str, str | None]]]:
    """Kind of API → (file below its folder, media type)."""
    resources = registry(pair.shared)
    kinds = {
        (tenant, path.removesuffix("api")): first(fields(resource.content or b"")["overview/type"])
        for (tenant, path), resource in resources.items()
        if resource.media_type == API_TYPE
    }
    found: dict[str, set[tuple[str, str | None]]] = defaultdict(set)
    for (tenant, path), resource in resources.items():
        parts = path.split("/")
        for depth in range(len(parts) - 1, 5, -1):
            folder = "/".join(parts[:depth]) + "/"
            if (tenant, folder) in kinds:
                name = re.sub(r"[^/]+--[^/]+(\.\w+)$", r"*\1", path.removeprefix(folder))
                found[kinds[tenant, folder]].add((name, resource.media_type))
                break
    return found


@pairs
def test_rights_of_files_that_the_upgrade_writes_are_those_of_their_api(
    source: str, target: str, upgraded: Upgrades
) -> None:
    estate = upgraded(source, target)
    before, after = registry(estate.before.shared), registry(estate.after.shared)
    query = (
        "SELECT p.um_tenant_id, p.um_resource_id, p.um_action, r.um_role_name, r.um_is_allowed, r.um_domain_id "
        "FROM um_permission p JOIN um_role_permission r "
        "ON r.um_permission_id = p.um_id AND r.um_tenant_id = p.um_tenant_id"
    )
    rights: dict[tuple[int, str], set[tuple[Any, ...]]] = defaultdict(set)
    for row in rows(estate.after.shared, query):
        tenant, path, *right = row.values()
        rights[tenant, path].add(tuple(right))
    written = [place for place in after if place not in before and place[1].startswith(PROVIDERS)]
    for tenant, path in written:
        api = f"{path.rpartition('/')[0]}/api"
        assert rights[tenant, path] == rights[tenant, api] != set()
    assert len(written) == (12 if source == "3.2.0" else 0)
    old = {tuple(row.values()) for row in rows(estate.before.shared, query)}
    new = {tuple(row.values()) for row in rows(estate.after.shared, query)}
    assert old <= new
    assert {(tenant, path) for tenant, path, *_ in new - old} <= set(written)


@pytest.mark.parametrize("target", ["4.2.0", "4.4.0", "4.5.0", "4.7.0"])
def test_gateway_artifacts_say_what_the_tables_say(target: str, upgraded: Upgrades) -> None:
    """Those of an upgrade from 3.2.0: nothing but the upgrade wrote them."""
    estate = upgraded("3.2.0", target)
    scopes: dict[int, list[str]] = defaultdict(list)
    for row in rows(estate.after.am, "SELECT * FROM am_api_resource_scope_mapping"):
        scopes[row["url_mapping_id"]].append(row["scope_name"])
    operations: dict[str, dict[tuple[str, str], dict[str, Any]]] = defaultdict(dict)
    for row in rows(estate.after.am, "SELECT * FROM am_api_url_mapping WHERE revision_uuid IS NOT NULL"):
        operations[row["revision_uuid"]][row["url_pattern"], row["http_method"]] = row
    resources = registry(estate.after.shared)
    revised = {of.uuid: fields(of.content or b"") for of in resources.values() if of.media_type == API_TYPE}

    seen = 0
    for artifact in gateway_artifacts(estate.after.am):
        seen += 1
        document, api = artifact.document, artifact.api
        data, of = document["data"], revised[artifact.revision]
        assert document["version"] == f"v{target}"
        assert artifact.folder == f"{api['api_name']}-{api['api_version']}"
        assert (data["name"], data["provider"]) == (api["api_name"], api["api_provider"])
        if api["api_type"] != "APIProduct":  # products have it from 4.5.0 on
            assert data["organizationId"] == api["organization"]
        assert (data["isRevision"], data["revisionId"]) == (True, 1)
        assert sorted(data["policies"]) == sorted(first(of["overview/tier"]).split("||"))
        assert data["visibility"] == first(of["overview/visibility"]).upper()
        if api["api_type"] == "APIProduct":
            assert (document["type"], data["id"]) == ("api_product", artifact.revision)
            assert data["revisionedApiProductId"] == api["api_uuid"]
            assert data["context"] == api["context"]
            said = {
                (each["target"], each["verb"]): sorted(each["scopes"])
                for member in data["apis"]
                for each in member["operations"]
            }
            assert len([name for name in artifact.files if name.endswith("/api.json")]) == len(data["apis"])
        else:
            assert (document["type"], data["id"], data["revisionedApiId"]) == ("api", api["api_uuid"], api["api_uuid"])
            assert f"{data['context']}/{data['version']}" == api["context"]
            assert data["version"] == api["api_version"]
            assert data["type"] == api["api_type"]
            assert data["endpointConfig"] == json.loads(first(of["overview/endpointConfig"]))
            assert data.get("apiThrottlingPolicy") == api["api_tier"]
            said = {(each["target"], each["verb"]): sorted(each["scopes"]) for each in data["operations"]}
            for each in data["operations"]:
                row = operations[artifact.revision][each["target"], each["verb"]]
                assert each["throttlingPolicy"] == row["throttling_tier"]
                assert each["authType"] == row["auth_scheme"].replace("Any", "Application & Application User")
        assert said == {
            key: sorted(scopes[row["url_mapping_id"]]) for key, row in operations[artifact.revision].items()
        }
        for policy in _policies(data):
            suffix = f"_{policy['policyType']}" if "policyType" in policy else ""
            name = f"Policies/{policy['policyName']}_{policy['policyVersion']}{suffix}"
            assert {f"{name}.j2", f"{name}.json"} <= artifact.files.keys()
    assert seen == 30


def _policies(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for each in data.get("operations", []):
        for policies in each["operationPolicies"].values():
            yield from policies


@pytest.mark.parametrize("target", ["4.2.0", "4.5.0"])
def test_gateway_artifacts_have_the_members_that_servers_of_the_target_write(
    target: str, upgraded: Upgrades, databases: Server
) -> None:
    ours = _members(gateway_artifacts(upgraded("3.2.0", target).after.am))
    real = _members(gateway_artifacts(kept_estate(databases, target).am))
    # 3.2.0 stores neither; a member that is null is left out, and the gateway takes its defaults.
    optional = {"authorizationHeader", "apiKeyHeader", "audiences", "description", "maxTps", "wsdlUrl", "wsdlInfo"}
    for kind, members in ours.items():
        assert members.keys() <= real[kind].keys() | {"apiThrottlingPolicy"}, kind
        always = {name for name, count in real[kind].items() if count == max(real[kind].values())}
        assert always - members.keys() <= optional, kind


def _members(found: Iterator[GatewayArtifact]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for artifact in found:
        for name in artifact.document["data"]:
            counts[artifact.api["api_type"]][name] += 1
    return counts


@compared
def test_tenant_configurations_have_the_keys_scopes_and_roles_of_the_target(
    source: str, target: str, upgraded: Upgrades, databases: Server
) -> None:
    query = "SELECT organization, configuration FROM am_system_configs WHERE config_type = 'TENANT'"
    (real, *_) = (json.loads(row["configuration"]) for row in rows(kept_estate(databases, target).am, query))
    estate = upgraded(source, target)
    held = {row["organization"]: json.loads(row["configuration"]) for row in rows(estate.after.am, query)}
    assert held.keys() == set(domains(estate.after.shared).values())
    for document in held.values():
        # RoleMappings: the customer's; ContainerMgt: of 3.2.0 and 4.0.0, unknown keys stay.
        assert document.keys() - real.keys() <= {"RoleMappings", "ContainerMgt"}
        assert real.keys() <= document.keys()
        assert _scopes(document) == _scopes(real)
        assert document["DefaultRoles"] == real["DefaultRoles"]
        assert {key: shape(json.dumps(each)) for key, each in document.items() if key in real} == {
            key: shape(json.dumps(each)) for key, each in real.items()
        }


def _scopes(document: dict[str, Any]) -> dict[str, set[str]]:
    listed = document["RESTAPIScopes"]["Scope"]
    assert len({each["Name"] for each in listed}) == len(listed)
    return {each["Name"]: {role.strip() for role in each["Roles"].split(",")} for each in listed}

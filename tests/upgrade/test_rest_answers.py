"""
What old servers answered over REST, held against the upgraded databases: nothing that a portal showed may be lost.

Recorded answers of real servers on the very estates that are upgraded here. What a server computes or takes from its
own configuration (virtual hosts of ``Default``, counts, URLs of the resident key manager) is left out.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from upgrade.conftest import Upgraded
from upgrade.views import (
    API_TYPE,
    PROVIDERS,
    SUPER_TENANT,
    Resource,
    domains,
    fields,
    first,
    recorded,
    registry,
    rows,
)

PAIRS = [("4.0.0", "4.4.0"), ("4.0.0", "4.7.0"), ("4.2.0", "4.7.0"), ("4.5.0", "4.7.0")]
pairs = pytest.mark.parametrize(("source", "target"), PAIRS)
Upgrades = Callable[[str, str], Upgraded]

ANY = "Application & Application User"
"""How REST writes the authentication scheme ``Any``."""


class Estate:
    """An upgraded estate, ready to be asked for one API at a time."""

    def __init__(self, upgraded: Upgraded) -> None:
        self.am, self.shared = upgraded.after.am, upgraded.after.shared
        self.source = upgraded.source
        self.domains = domains(self.shared)
        self.registry = registry(self.shared)
        self.apis = {row["api_uuid"]: row for row in rows(self.am, "SELECT * FROM am_api")}
        self.places = {
            resource.uuid: place
            for place, resource in self.registry.items()
            if resource.media_type == API_TYPE and place[1].startswith(PROVIDERS)
        }

    def by(self, query: str, key: str) -> dict[Any, list[dict[str, Any]]]:
        found: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for row in rows(self.am, query):
            found[row[key]].append(row)
        return found

    def one(self, table: str, key: str = "uuid") -> dict[Any, dict[str, Any]]:
        return {row[key]: row for row in rows(self.am, f'SELECT * FROM "{table}"')}

    def file(self, uuid: str, name: str) -> Resource | None:
        tenant, path = self.places[uuid]
        return self.registry.get((tenant, path.removesuffix("api") + name))

    def artifact(self, uuid: str) -> dict[str, list[str]]:
        return fields(self.registry[self.places[uuid]].content or b"")

    def operations(self) -> dict[str, dict[tuple[str, str], dict[str, Any]]]:
        """API's UUID → (target, verb) → operation of the working copy, products with their own."""
        scopes = self.by("SELECT * FROM am_api_resource_scope_mapping", "url_mapping_id")
        query = (
            "SELECT coalesce(p.api_uuid, a.api_uuid) AS of, a.api_uuid AS member, m.* FROM am_api_url_mapping m "
            "JOIN am_api a ON a.api_id = m.api_id "
            "LEFT JOIN am_api_product_mapping l ON l.url_mapping_id = m.url_mapping_id "
            "AND l.revision_uuid = 'Current API' "
            "LEFT JOIN am_api p ON p.api_id = l.api_id WHERE m.revision_uuid IS NULL OR p.api_id IS NOT NULL"
        )
        found: dict[str, dict[tuple[str, str], dict[str, Any]]] = defaultdict(dict)
        for row in rows(self.am, query):
            row["scopes"] = sorted(each["scope_name"] for each in scopes[row["url_mapping_id"]])
            key = row["url_pattern"], row["http_method"]
            if row["of"] != row["member"]:
                key = (f"{row['member']}:{key[0]}", key[1])
            found[row["of"]][key] = row
        return found


@pytest.fixture(scope="module")
def estates(upgraded: Upgrades) -> Callable[[str, str], Estate]:
    return cache(lambda source, target: Estate(upgraded(source, target)))


@pytest.fixture
def estate(estates: Callable[[str, str], Estate], source: str, target: str) -> Estate:
    return estates(source, target)


def _differences(pairs: dict[str, tuple[object, object]], label: str) -> list[str]:
    return [
        f"{label}: {name} was {was!r}, is {now!r}" for name, (was, now) in pairs.items() if (was or "") != (now or "")
    ]


def _split(text: str, by: str = ",") -> list[str]:
    return sorted(part.strip() for part in text.split(by) if part.strip())


@pairs
def test_every_api_is_what_the_publisher_showed(estate: Estate, source: str, target: str) -> None:
    default = {
        (row["api_provider"], row["api_name"], row["organization"]): row["default_api_version"]
        for row in rows(estate.am, "SELECT * FROM am_api_default_version")
    }
    wrong: list[str] = []
    answers = recorded(source, "publisher", "apis/*")
    for answer in answers:
        said = answer.body
        row, artifact = estate.apis[said["id"]], estate.artifact(said["id"])
        tenant, _ = estate.places[said["id"]]
        of = {name.removeprefix("overview/"): first(values) for name, values in artifact.items()}
        limits = said.get("maxTps") or {}
        wrong += _differences(
            {
                "name": (said["name"], row["api_name"]),
                "name in its artifact": (said["name"], of["name"]),
                "version": (said["version"], row["api_version"]),
                "provider": (said["provider"], row["api_provider"]),
                "organization": (estate.domains[tenant], row["organization"]),
                "context": (f"{said['context']}/{said['version']}", row["context"]),
                "context in its artifact": (f"{said['context']}/{said['version']}", of["context"]),
                "context template": (said["context"], row["context_template"]),
                "type": (said["type"], row["api_type"]),
                "type in its artifact": (said["type"], of["type"]),
                "status": (said["lifeCycleStatus"], row["status"]),
                "status in its artifact": (said["lifeCycleStatus"], of["status"]),
                "API policy": (said["apiThrottlingPolicy"], row["api_tier"]),
                "description": (said["description"], of.get("description")),
                "visibility": (said["visibility"].lower(), of["visibility"]),
                "roles": (sorted(said["visibleRoles"]), _split(of.get("visibleRoles", ""))),
                "policies": (sorted(said["policies"]), _split(of["tier"], "||")),
                # REST shows no transports of WebSocket APIs.
                "transports": (
                    sorted(said["transport"]),
                    [] if said["type"] == "WS" else _split(of["transports"]),
                ),
                "header": (said["authorizationHeader"], of["authorizationHeader"]),
                "caching": (said["responseCachingEnabled"], of["responseCaching"] == "Enabled"),
                "cache time": (str(said["cacheTimeout"]), of["cacheTimeout"]),
                "schema validation": (said["enableSchemaValidation"], of["enableSchemaValidation"] == "true"),
                "production limit": (str(limits.get("production") or ""), of.get("productionTps")),
                "sandbox limit": (str(limits.get("sandbox") or ""), of.get("sandboxTps")),
                "security": (
                    set(said["securityScheme"]) - {"oauth_basic_auth_api_key_mandatory", "mutualssl_mandatory"},
                    set(_split(of["apiSecurity"])) - {"oauth_basic_auth_api_key_mandatory", "mutualssl_mandatory"},
                ),
                "endpoints": (said["endpointConfig"], json.loads(of.get("endpointConfig") or "null")),
                "CORS": (said["corsConfiguration"], json.loads(of["corsConfiguration"])),
                "key managers": (said["keyManagers"], json.loads(of["keyManagers"])),
                "categories": (sorted(said["categories"]), sorted(artifact.get("apiCategories/categoryName", []))),
                "owner": (said["advertiseInfo"]["apiOwner"], of.get("apiOwner")),
                "business owner": (said["businessInformation"]["businessOwner"], of.get("businessOwner")),
                "technical owner": (said["businessInformation"]["technicalOwner"], of.get("technicalOwner")),
                "tags": (set(said["tags"]), estate.registry[estate.places[said["id"]]].tags),
                "WSDL": (said["wsdlUrl"], of.get("wsdl")),
                "thumbnail": (said["hasThumbnail"], estate.file(said["id"], "icon") is not None),
                "default version": (
                    said["isDefaultVersion"],
                    default.get((said["provider"], said["name"], row["organization"])) == said["version"],
                ),
                **_properties(said, estate.registry[estate.places[said["id"]]]),
            },
            f"{said['name']} {said['version']} of {row['organization']}",
        )
    assert wrong == []
    assert len(answers) == {"4.0.0": 35, "4.2.0": 27, "4.5.0": 29}[source]


def _properties(said: dict[str, Any], resource: Resource) -> dict[str, tuple[object, object]]:
    held = {name: value for name, value in resource.properties if not name.startswith("registry.")}
    shown = {}
    for name, value in held.items():
        if name.startswith("api_meta."):
            plain = name.removeprefix("api_meta.")
            shown[plain.removesuffix("__display")] = (value, plain.endswith("__display"))
    roles = [] if held["publisher_roles"] == "null" else _split(held["publisher_roles"] or "")
    return {
        "properties": (
            {each["name"]: (each["value"], each["display"]) for each in said["additionalProperties"]},
            shown,
        ),
        "access": (
            {"NONE": "all", "RESTRICTED": "restricted"}[said["accessControl"]],
            held["publisher_access_control"],
        ),
        "access roles": (sorted(said["accessControlRoles"]), roles),
    }


@pairs
def test_every_operation_is_what_the_publisher_showed(estate: Estate, source: str, target: str) -> None:
    held = estate.operations()
    bindings = estate.by("SELECT * FROM am_scope_binding", "scope_id")
    scopes = {(row["name"], row["tenant_id"]): row for row in rows(estate.am, "SELECT * FROM am_scope")}
    wrong: list[str] = []
    seen = 0
    for answer in recorded(source, "publisher", "apis/*"):
        said, label = answer.body, f"{answer.body['name']} {answer.body['version']}"
        operations = held[said["id"]]
        assert {(each["target"], each["verb"]) for each in said["operations"]} == operations.keys(), label
        for each in said["operations"]:
            seen += 1
            row = operations[each["target"], each["verb"]]
            wrong += _differences(
                {
                    "scheme": (each["authType"] or ANY, ANY if row["auth_scheme"] == "Any" else row["auth_scheme"]),
                    # 4.0.0 shows the API's policy instead; later servers show none for "no own policy".
                    "policy": (
                        said["apiThrottlingPolicy"] or each["throttlingPolicy"] or "Unlimited",
                        said["apiThrottlingPolicy"] or row["throttling_tier"],
                    ),
                    "scopes": (sorted(each["scopes"]), row["scopes"]),
                },
                f"{label} {each['verb']} {each['target']}",
            )
        tenant, _ = estate.places[said["id"]]
        for each in said["scopes"]:
            row = scopes[each["scope"]["name"], tenant]
            now = [binding["scope_binding"] for binding in bindings[row["scope_id"]] if binding["scope_binding"]]
            wrong += _differences(
                {"roles of a scope": (sorted(set(each["scope"]["bindings"])), sorted(set(now)))},
                f"{label} {row['name']}",
            )
    assert wrong == []
    assert seen > 50


@pairs
def test_operation_policies_are_still_attached(estate: Estate, source: str, target: str) -> None:
    if source < "4.2.0":
        pytest.skip("up to 4.0.0 sequences stood for policies: they lie in the registry")
    attached: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    query = (
        "SELECT o.api_uuid, m.url_pattern, m.http_method, l.direction, p.policy_name, p.policy_version, l.parameters "
        "FROM am_api_operation_policy_mapping l JOIN am_api_url_mapping m ON m.url_mapping_id = l.url_mapping_id "
        "JOIN am_operation_policy p ON p.policy_uuid = l.policy_uuid "
        "JOIN am_api_operation_policy o ON o.policy_uuid = p.policy_uuid WHERE o.revision_uuid IS NULL"
    )
    for row in rows(estate.am, query):
        api, *rest = row.values()
        attached[api].add(tuple(map(str, [*rest[:-1], json.dumps(json.loads(rest[-1]), sort_keys=True)])))
    seen = 0
    for answer in recorded(source, "publisher", "apis/*"):
        said = {
            (
                each["target"],
                each["verb"],
                flow,
                policy["policyName"],
                policy["policyVersion"],
                json.dumps(policy["parameters"], sort_keys=True),
            )
            for each in answer.body["operations"]
            for flow, policies in (each["operationPolicies"] or {}).items()
            for policy in policies or []
        }
        assert said == attached[answer.body["id"]], answer.body["name"]
        seen += len(said)
    assert seen == 5


@pairs
def test_every_product_is_what_the_publisher_showed(estate: Estate, source: str, target: str) -> None:
    held = estate.operations()
    wrong: list[str] = []
    answers = recorded(source, "publisher", "api-products/*")
    for answer in answers:
        said = answer.body
        row, artifact = estate.apis[said["id"]], estate.artifact(said["id"])
        of = {name.removeprefix("overview/"): first(values) for name, values in artifact.items()}
        tenant, _ = estate.places[said["id"]]
        domain = estate.domains[tenant]
        prefix = "" if tenant == SUPER_TENANT or source < "4.5.0" else f"/t/{domain}"
        wrong += _differences(
            {
                "name": (said["name"], row["api_name"]),
                "provider": (said["provider"], row["api_provider"]),
                "context": (said["context"].removeprefix(prefix), row["context"]),
                "state": (said["state"], row["status"]),
                "type": ("APIProduct", row["api_type"]),
                "version": ("1.0.0", row["api_version"]),
                "organization": (domain, row["organization"]),
                "API policy": (said["apiThrottlingPolicy"], row["api_tier"]),
                "description": (said["description"], of.get("description")),
                "visibility": (said["visibility"].lower(), of["visibility"]),
                "roles": (sorted(said["visibleRoles"]), _split(of.get("visibleRoles", ""))),
                "policies": (sorted(said["policies"]), _split(of["tier"], "||")),
                "categories": (sorted(said["categories"]), sorted(artifact.get("apiCategories/categoryName", []))),
                "tags": (set(said["tags"]), estate.registry[estate.places[said["id"]]].tags),
                "CORS": (said["corsConfiguration"], json.loads(of["corsConfiguration"])),
                "operations": (
                    {
                        (f"{member['apiId']}:{each['target']}", each["verb"]): sorted(each["scopes"])
                        for member in said["apis"]
                        for each in member["operations"]
                    },
                    {key: each["scopes"] for key, each in held[said["id"]].items()},
                ),
            },
            f"product {said['name']} of {domain}",
        )
    assert wrong == []
    assert len(answers) == 4


@pairs
def test_lists_name_only_what_is_there_and_nothing_is_missing(estate: Estate, source: str, target: str) -> None:
    listed = set()
    for path in ("apis", "api-products"):
        for answer in recorded(source, "publisher", path):
            for each in answer.body["list"]:
                listed.add(each["id"])
                row = estate.apis[each["id"]]
                assert (each["name"], each.get("lifeCycleStatus", each.get("state"))) == (
                    row["api_name"],
                    row["status"],
                )
    assert listed
    assert listed <= estate.apis.keys()
    assert estate.apis.keys() == estate.places.keys()


@pairs
def test_revisions_and_deployments_are_what_the_publisher_showed(estate: Estate, source: str, target: str) -> None:
    held = estate.by("SELECT * FROM am_revision", "api_uuid")
    deployed = estate.by("SELECT * FROM am_deployment_revision_mapping", "revision_uuid")
    stored = {row["name"] for row in rows(estate.am, "SELECT name FROM am_gateway_environment")}
    artifacts = {row["revision_id"] for row in rows(estate.am, "SELECT revision_id FROM am_gw_api_artifacts")}
    on_gateway = {
        (row["revision_id"], row["label"], row["vhost"])
        for row in rows(estate.am, "SELECT * FROM am_gw_api_deployments")
    }
    revisions = deployments = 0
    for path in ("apis/*/revisions", "api-products/*/revisions"):
        for answer in recorded(source, "publisher", path):
            said = answer.body["list"]
            now = {row["revision_uuid"]: row for row in held[answer.of[0]]}
            assert {each["id"] for each in said} == now.keys()
            for each in said:
                revisions += 1
                row = now[each["id"]]
                assert (each["displayName"], each["description"] or "") == (
                    f"Revision {row['id']}",
                    row["description"] or "",
                )
                assert each["id"] in artifacts
                there = {row["name"]: row for row in deployed[each["id"]]}
                assert {where["name"] for where in each["deploymentInfo"]} == there.keys()
                for where in each["deploymentInfo"]:
                    deployments += 1
                    mapping = there[where["name"]]
                    assert where["displayOnDevportal"] == mapping["display_on_devportal"]
                    if where["name"] in stored:
                        assert where["vhost"] == mapping["vhost"]
                    else:
                        assert mapping["vhost"] is None
                    assert (each["id"], where["name"], mapping["vhost"]) in on_gateway
    assert revisions > 25
    assert deployments > 15
    assert len(on_gateway) >= deployments  # not every tenant was asked


@pairs
def test_documents_with_their_contents_are_there(estate: Estate, source: str, target: str) -> None:
    by_uuid = {
        (tenant, resource.uuid): (path, resource)
        for (tenant, path), resource in estate.registry.items()
        if resource.media_type == "application/vnd.wso2-document+xml" and path.startswith(PROVIDERS)
    }
    documents = contents = 0
    for kind in ("apis", "api-products"):
        for answer in recorded(source, "publisher", f"{kind}/*/documents"):
            tenant, folder = estate.places[answer.of[0]]
            for each in answer.body["list"]:
                documents += 1
                path, resource = by_uuid[tenant, each["documentId"]]
                assert path.startswith(folder.removesuffix("api") + "documentation/")
                of = {
                    name.removeprefix("overview/"): first(value)
                    for name, value in fields(resource.content or b"").items()
                }
                assert each["name"] == of["name"]
                assert each["sourceType"] == of["sourceType"]
                assert (each["summary"] or "") == of.get("summary", "")
                assert (each["sourceUrl"] or "").strip() == of.get("sourceURL", "").strip()
                assert (each["otherTypeName"] or "") == of.get("otherTypeName", "")
                assert each["visibility"] == of["visibility"]
        for answer in recorded(source, "publisher", f"{kind}/*/documents/*/content"):
            api, document = answer.of
            tenant, _ = estate.places[api]
            path, resource = by_uuid[tenant, document]
            of = {
                name.removeprefix("overview/"): first(value) for name, value in fields(resource.content or b"").items()
            }
            if of["sourceType"] == "FILE":
                file = "/_system/governance" + of["filePath"].partition("/_system/governance")[2]
            else:
                file = f"{path.rpartition('/')[0]}/contents/{of['name']}"
            content = (estate.registry[tenant, file].content or b"").decode()
            said = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            assert said.strip() == content.strip()
            contents += 1
    assert documents > 30
    assert contents > 30


@pairs
def test_definitions_are_there_whole(estate: Estate, source: str, target: str) -> None:
    seen = 0
    for path, name in (("apis/*/swagger", "swagger.json"), ("apis/*/asyncapi", "asyncapi.json")):
        for answer in recorded(source, "publisher", path):
            file = estate.file(answer.of[0], name)
            assert file is not None
            stored = json.loads(file.content or b"")
            part = "paths" if "paths" in stored else "channels"
            assert {key: set(value) for key, value in answer.body[part].items()} == {
                key: set(value) for key, value in stored[part].items()
            }
            assert answer.body["info"] == stored["info"]
            seen += 1
    for answer in recorded(source, "publisher", "apis/*/graphql-schema"):
        file = estate.file(answer.of[0], answer.body["name"])
        assert file is not None
        assert file.content == answer.body["schemaDefinition"].encode()
        assert file.media_type == "text/plain; charset=ISO-8859-1"
        seen += 1
    for answer in recorded(source, "publisher", "apis/*/wsdl"):
        row = estate.apis[answer.of[0]]
        provider = row["api_provider"].replace("@", "-AT-")
        assert estate.file(answer.of[0], f"{provider}--{row['api_name']}{row['api_version']}.wsdl") is not None
    assert seen > 25


@pairs
def test_histories_comments_certificates_and_complexities_are_there(estate: Estate, source: str, target: str) -> None:
    numbers = {row["api_id"]: uuid for uuid, row in estate.apis.items()}
    events: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    for row in rows(estate.am, "SELECT * FROM am_api_lc_event ORDER BY event_id"):
        events[numbers[row["api_id"]]].append((row["previous_state"], row["new_state"], row["user_id"]))
    for answer in recorded(source, "publisher", "apis/*/lifecycle-history"):
        said = [(each["previousState"], each["postState"], each["user"]) for each in answer.body["list"]]
        assert said == events[answer.of[0]]

    comments = estate.one("am_api_comments", "comment_id")
    seen = 0
    for answer in recorded(source, "publisher", "apis/*/comments"):
        for each in [*answer.body["list"], *(reply for one in answer.body["list"] for reply in one["replies"]["list"])]:
            row = comments[each["id"]]
            assert numbers[row["api_id"]] == answer.of[0]
            assert (each["content"], each["createdBy"], each["entryPoint"], each["parentCommentId"]) == (
                row["comment_text"],
                row["created_by"],
                row["entry_point"],
                row["parent_comment_id"],
            )
            seen += 1
    assert seen > 3

    certificates = {
        (numbers[row["api_id"]], row["alias"]): row
        for row in rows(estate.am, "SELECT * FROM am_api_client_certificate WHERE revision_uuid = 'Current API'")
    }
    seen = 0
    for answer in recorded(source, "publisher", "apis/*/client-certificates"):
        for each in answer.body["certificates"]:
            row = certificates[answer.of[0], each["alias"]]
            assert row["tier_name"] == each["tier"]
            assert row["removed"] is False
            assert row["certificate"]
            seen += 1
    assert seen > 3

    for answer in recorded(source, "publisher", "apis/*/graphql-policies/complexity"):
        held = {
            (row["type"], row["field"], row["complexity_value"])
            for row in rows(estate.am, "SELECT * FROM am_graphql_complexity WHERE revision_uuid IS NULL")
            if numbers[row["api_id"]] == answer.of[0]
        }
        assert {(each["type"], each["field"], each["complexityValue"]) for each in answer.body["list"]} == held

    ratings: dict[str, list[int]] = defaultdict(list)
    for row in rows(estate.am, "SELECT * FROM am_api_ratings"):
        ratings[numbers[row["api_id"]]].append(row["rating"])
    for answer in recorded(source, "devportal", "apis"):
        for each in answer.body["list"]:
            held_ratings = ratings[each["id"]]
            average = sum(held_ratings) / len(held_ratings) if held_ratings else 0.0
            assert float(each["avgRating"]) == pytest.approx(average, abs=0.06)


@pairs
def test_applications_keys_and_subscriptions_are_what_the_devportal_showed(
    estate: Estate, source: str, target: str
) -> None:
    applications = estate.one("am_application")
    subscribers = estate.one("am_subscriber", "subscriber_id")
    answers = recorded(source, "devportal", "applications/*")
    for answer in answers:
        said = answer.body
        row = applications[said["applicationId"]]
        subscriber = subscribers[row["subscriber_id"]]
        assert (said["name"], said["throttlingPolicy"], said["tokenType"], said["status"], said["owner"]) == (
            row["name"],
            row["application_tier"],
            row["token_type"],
            row["application_status"],
            subscriber["user_id"],
        )
        assert (said["description"] or "") == (row["description"] or "")
        assert ",".join(said["groups"]) == (row["group_id"] or "")
        assert row["organization"] == estate.domains[subscriber["tenant_id"]]
    assert len(answers) == 10

    managers = estate.one("am_key_manager")
    mappings = estate.one("am_application_key_mapping")
    clients = estate.one("idn_oauth_consumer_apps", "consumer_key")
    service_providers = estate.one("sp_inbound_auth", "inbound_auth_key")
    keys = 0
    for answer in recorded(source, "devportal", "applications/*/oauth-keys"):
        for each in answer.body["list"]:
            keys += 1
            mapping, client = mappings[each["keyMappingId"]], clients[each["consumerKey"]]
            assert managers[mapping["key_manager"]]["name"] == each["keyManager"]
            assert (mapping["consumer_key"], mapping["key_type"], mapping["state"], mapping["create_mode"]) == (
                each["consumerKey"],
                each["keyType"],
                each["keyState"],
                each["mode"],
            )
            assert mapping["application_id"] == applications[answer.of[0]]["application_id"]
            assert client["consumer_secret"] == each["consumerSecret"]
            assert sorted(client["grant_types"].split()) == sorted(each["supportedGrantTypes"])
            assert (client["callback_url"] or "") == (each["callbackUrl"] or "")
            assert client["app_state"] == "ACTIVE"
            assert service_providers[each["consumerKey"]]["inbound_auth_type"] == "oauth2"
    assert keys > 8

    subscriptions = estate.one("am_subscription")
    numbers = {row["api_id"]: uuid for uuid, row in estate.apis.items()}
    held_applications = {row["application_id"]: row["uuid"] for row in applications.values()}
    seen = 0
    for answer in recorded(source, "devportal", "subscriptions"):
        for each in answer.body["list"]:
            row = subscriptions[each["subscriptionId"]]
            seen += 1
            assert (each["applicationId"], each["apiId"], each["throttlingPolicy"], each["status"]) == (
                held_applications[row["application_id"]],
                numbers[row["api_id"]],
                row["tier_id"],
                row["sub_status"],
            )
            assert (each["requestedThrottlingPolicy"] or row["tier_id"]) == row["tier_id_pending"]
    assert seen > 15
    for answer in recorded(source, "publisher", "subscriptions"):
        for each in answer.body["list"]:
            row = subscriptions[each["subscriptionId"]]
            assert (each["subscriptionStatus"], each["throttlingPolicy"]) == (row["sub_status"], row["tier_id"])


@pairs
def test_policies_scopes_categories_and_conditions_are_what_the_admin_portal_showed(
    estate: Estate, source: str, target: str
) -> None:
    for path, table, key in (
        ("throttling/policies/application", "am_policy_application", "name"),
        ("throttling/policies/subscription", "am_policy_subscription", "name"),
        ("throttling/policies/advanced", "am_api_throttle_policy", "name"),
        ("throttling/policies/custom", "am_policy_global", "name"),
    ):
        held = estate.one(table)
        seen = 0
        for answer in recorded(source, "admin", path):
            for each in answer.body["list"]:
                row = held[each["policyId"]]
                seen += 1
                assert each["policyName"] == row[key]
                assert (each["description"] or "") == (row["description"] or "")
                if path.endswith("custom"):
                    assert (each["siddhiQuery"], each["keyTemplate"]) == (
                        row["siddhi_query"].decode(),
                        row["key_template"],
                    )
                    continue
                assert each["displayName"] == row["display_name"]
                if path.endswith("advanced"):
                    assert row["default_quota_type"]
                    continue
                limit = each["defaultLimit"]
                for name in ("requestCount", "eventCount"):
                    if limit.get(name):
                        assert (limit[name][name], limit[name]["timeUnit"], limit[name]["unitTime"]) == (
                            row["quota"],
                            row["time_unit"],
                            row["unit_time"],
                        )
        assert seen >= (1 if path.endswith("custom") else 8)

    scopes, bindings = estate.one("am_scope", "scope_id"), estate.by("SELECT * FROM am_scope_binding", "scope_id")
    shared = estate.one("am_shared_scope")
    by_name = {(row["name"], row["tenant_id"]): row for row in scopes.values()}
    seen = 0
    for answer in recorded(source, "publisher", "scopes"):
        for each in answer.body["list"]:
            link = shared[each["id"]]
            row = by_name[link["name"], link["tenant_id"]]
            seen += 1
            assert (each["name"], each["displayName"], each["description"] or "") == (
                row["name"],
                row["display_name"],
                row["description"] or "",
            )
            now = {binding["scope_binding"] for binding in bindings[row["scope_id"]]} - {"", None}
            assert set(each["bindings"]) == now
    assert seen == 4

    categories = estate.one("am_api_categories")
    for answer in recorded(source, "admin", "api-categories"):
        for each in answer.body["list"]:
            row = categories[each["id"]]
            assert (each["name"], each["description"]) == (row["name"], row["description"])
            assert row["organization"] in estate.domains.values()

    conditions = estate.one("am_block_conditions")
    for answer in recorded(source, "admin", "throttling/deny-policies"):
        for each in answer.body["list"]:
            row = conditions[each["conditionId"]]
            assert row["enabled"] == str(each["conditionStatus"]).lower()
            if each["conditionType"] == "IP":
                assert json.loads(row["block_condition"]) == each["conditionValue"]


@pairs
def test_environments_and_key_managers_are_what_the_admin_portal_showed(
    estate: Estate, source: str, target: str
) -> None:
    environments, hosts = estate.one("am_gateway_environment"), estate.by("SELECT * FROM am_gw_vhost", "gateway_env_id")
    stored = 0
    for answer in recorded(source, "admin", "environments"):
        for each in answer.body["list"]:
            if each["isReadOnly"]:
                assert each["id"] not in environments
                continue
            stored += 1
            row = environments[each["id"]]
            assert (each["name"], each["displayName"], each["description"]) == (
                row["name"],
                row["display_name"],
                row["description"],
            )
            assert row["organization"] in estate.domains.values()
            assert row["provider"] == "wso2"
            said = {
                (
                    host["host"],
                    host["httpContext"] or "",
                    *(str(host[port]) for port in ("httpPort", "httpsPort", "wsPort", "wssPort")),
                )
                for host in each["vhosts"]
            }
            assert said == {
                (
                    host["host"],
                    host["http_context"] or "",
                    host["http_port"],
                    host["https_port"],
                    host["ws_port"],
                    host["wss_port"],
                )
                for host in hosts[row["id"]]
            }
    assert stored == 2

    managers = estate.one("am_key_manager")
    answers = recorded(source, "admin", "key-managers/*")
    for answer in answers:
        said, row = answer.body, managers[answer.body["id"]]
        assert (said["name"], said["type"], said["enabled"], said["description"]) == (
            row["name"],
            row["type"],
            row["enabled"],
            row["description"],
        )
        assert (said["displayName"] or "") == (row["display_name"] or "")
        assert row["organization"] in estate.domains.values()
        assert row["token_type"] == "DIRECT"
        configuration = json.loads(row["configuration"])
        if said["name"] != "Resident Key Manager":
            assert said["tokenEndpoint"] == configuration["token_endpoint"]
            assert said["issuer"] == configuration["issuer"]
            assert said["availableGrantTypes"] == configuration["grant_types"]
        else:
            assert list(configuration) == ["token_format_string"]
    assert len(answers) == 4


@pairs
def test_the_tenant_configuration_says_at_least_what_it_said(
    estate: Estate, source: str, target: str, upgraded: Upgrades
) -> None:
    if source < "4.2.0":
        pytest.skip("4.0.0 has no REST answer for it")
    query = "SELECT organization, configuration FROM am_system_configs WHERE config_type = 'TENANT'"
    before = {row["organization"]: row["configuration"] for row in rows(upgraded(source, target).before.am, query)}
    answers = recorded(source, "admin", "tenant-config")
    assert len(answers) == 2
    for row in rows(estate.am, query):
        was, now = json.loads(before[row["organization"]]), json.loads(row["configuration"])
        assert _scopes(was).items() <= _scopes(now).items()
        for answer in answers:  # a server adds scopes that it knows to what is stored
            assert _scopes(was).items() <= _scopes(answer.body).items()
            rest = {key: each for key, each in answer.body.items() if key not in ("RESTAPIScopes", "DefaultRoles")}
            assert rest.items() <= now.items()


def _scopes(configuration: dict[str, Any]) -> dict[str, str]:
    return {each["Name"]: each["Roles"] for each in configuration["RESTAPIScopes"]["Scope"]}

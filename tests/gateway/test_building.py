"""What an artifact holds for APIs that the real estates have none of, and what becomes of broken ones."""

from __future__ import annotations

import base64
import io
import json
import pickle
import zipfile
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from apim_upgrade import gateway
from apim_upgrade.gateway.model import (
    Api,
    ClientCertificate,
    EndpointCertificate,
    File,
    Operation,
    Policy,
    PolicyUse,
    RevisionInput,
    Sequence,
)
from apim_upgrade.releases import Release

NAMESPACE = "http://www.wso2.org/governance/metadata"
DEFINITION = {
    "openapi": "3.0.1",
    "info": {"title": "Timetable", "version": "1.2.0"},
    "paths": {
        "/stops/{id}": {
            "summary": "one stop",
            "get": {"parameters": [{"name": "id", "in": "path"}, {"name": "at", "in": "query"}, {"$ref": "#/x"}]},
        },
        "/broken": "not an object",
    },
}
FIELDS = {
    "name": "Timetable",
    "version": "1.2.0",
    "provider": "kim-AT-shop.example",
    "context": "/t/shop.example/timetable/1.2.0",
    "contextTemplate": "/t/shop.example/timetable/{version}",
    "status": "PUBLISHED",
    "tier": "Gold||Bronze",
}


def artifact(**fields: str) -> bytes:
    leaves = "".join(
        f"<{name}>{value.replace('&', '&amp;').replace('<', '&lt;')}</{name}>"
        for name, value in (FIELDS | fields).items()
    )
    return f'<metadata xmlns="{NAMESPACE}"><overview>{leaves}</overview></metadata>'.encode()


def api(*, definition: Any = DEFINITION, fields: dict[str, str] | None = None, **changes: Any) -> Api:
    content = definition if isinstance(definition, bytes) else json.dumps(definition).encode()
    made = Api(
        id=7,
        uuid="api-1",
        tenant_id=1,
        organization="shop.example",
        provider="kim@shop.example",
        name="Timetable",
        version="1.2.0",
        type="HTTP",
        context="/t/shop.example/timetable/1.2.0",
        context_template="/t/shop.example/timetable",
        tier="",
        subtype="",
        gateway_vendor="",
        egress=False,
        default_version=False,
        revision=1,
        copy_uuid="revision-1",
        artifact=artifact(**(fields or {})),
        created=datetime(2026, 1, 2, 3, 4, 5),
        updated=datetime(2026, 1, 2, 3, 4, 5, 70_000),
        properties=(),
        tags=(),
        files=(File("swagger.json", "file-1", content),),
        sequences=(),
        operations=(),
    )
    return replace(made, **changes)


def built(source: Api, release: str = "4.4.0") -> dict[str, Any]:
    made = gateway.build(RevisionInput(source), Release.parse(release))
    with zipfile.ZipFile(io.BytesIO(made)) as packed:
        assert all(name.startswith("Timetable-1.2.0/") for name in packed.namelist())
        contents = {name.split("/", 1)[1]: packed.read(name) for name in packed.namelist()}
    return {name: json.loads(content) if name.endswith(".json") else content for name, content in contents.items()}


def test_absent_fields_get_the_defaults_of_a_server_and_absent_texts_stay_absent() -> None:
    data = built(api())["api.json"]["data"]
    assert data["websubSubscriptionConfiguration"]["signingAlgorithm"] == "SHA1"
    assert data["corsConfiguration"]["accessControlAllowOrigins"] == ["*"]
    assert (data["visibility"], data["endpointImplementationType"]) == ("PUBLIC", "ENDPOINT")
    assert (data["provider"], data["context"]) == ("kim@shop.example", "/t/shop.example/timetable")
    assert (data["createdTime"], data["lastUpdatedTime"]) == ("1767323045000", "2026-01-02 03:04:05.07")
    assert {"description", "authorizationHeader", "endpointConfig", "maxTps", "audiences"} & data.keys() == set()


def test_each_release_writes_the_members_it_knows() -> None:
    members = {release: built(api(), release)["api.json"]["data"].keys() for release in ("4.0.0", "4.1.0", "4.6.0")}
    assert "organizationId" not in members["4.0.0"]
    assert members["4.1.0"] - members["4.0.0"] == {
        *("additionalPropertiesMap", "asyncTransportProtocols", "enableSubscriberVerification"),
        *("gatewayVendor", "organizationId"),
    }
    assert {"displayName", "visibleOrganizations", "egress"} <= members["4.6.0"]
    assert built(api(), "4.7.0")["api.json"]["version"] == "v4.7.0"


def test_a_definition_is_completed_as_the_parser_of_the_server_does() -> None:
    definition = built(api())["Definitions/swagger.json"]
    assert definition["servers"] == [{"url": "/"}]
    by_id, at, reference = definition["paths"]["/stops/{id}"]["get"]["parameters"]
    assert (by_id["style"], by_id["explode"]) == ("simple", False)
    assert (at["style"], at["explode"]) == ("form", True)
    assert reference == {"$ref": "#/x"}
    assert definition["x-wso2-basePath"] == "/t/shop.example/timetable/1.2.0"


def test_old_endpoint_security_is_carried_into_the_endpoint_configuration() -> None:
    config = {"endpoint_type": "http", "production_endpoints": {"url": "https://bus.example/tt"}}
    fields = {
        "endpointConfig": json.dumps(config),
        "endpointSecured": "true",
        "endpointUsername": "bus",
        "endpointPpassword": "a&b",
    }
    data = built(api(fields=fields))["api.json"]["data"]
    assert data["endpointConfig"]["endpoint_security"] == {
        "production": {"enabled": True, "type": "BASIC", "username": "bus", "password": "a&b"}
    }


@pytest.mark.parametrize(
    ("security", "cautioned"),
    [
        ({"production": {"type": "OAUTH", "clientSecret": "ZW5jcnlwdGVk"}}, True),
        ({"sandbox": {"type": "apikey", "apiKeyValue": "ZW5jcnlwdGVk"}}, True),
        ({"production": {"type": "BASIC", "password": "plain"}}, False),
        (None, False),
    ],
)
def test_an_encrypted_secret_of_a_backend_is_told(security: Any, cautioned: bool) -> None:
    config = {"endpoint_type": "http", "endpoint_security": security}
    source = RevisionInput(api(fields={"endpointConfig": json.dumps(config)}))
    assert (gateway.caution(source) is not None) is cautioned
    assert gateway.caution(RevisionInput(api(artifact=b"<broken"))) is None


def test_endpoints_of_every_kind_are_named_in_the_definition() -> None:
    def named(config: dict[str, Any], release: str = "4.4.0") -> Any:
        fields = {"endpointConfig": json.dumps(config)}
        return built(api(fields=fields), release)["Definitions/swagger.json"].get("x-wso2-production-endpoints")

    balanced = {"endpoint_type": "load_balance", "production_endpoints": [{"url": "http://a"}, {"url": "http://b"}]}
    assert named(balanced) == {"urls": ["http://a", "http://b"], "type": "load_balance"}
    failover = {
        "endpoint_type": "failover",
        "production_endpoints": {"url": "http://a"},
        "production_failovers": [{"url": "http://b"}],
    }
    assert named(failover)["urls"] == ["http://b", "http://a"]
    assert named(failover, "4.5.0")["urls"] == ["http://a", "http://b"]
    assert named({"endpoint_type": "default"}) == {"type": "default"}
    assert named({"endpoint_type": "awslambda"}) is None
    assert named({"endpoint_type": "http", "implementation_status": "prototyped"}) is None


def test_a_sequence_with_template_marks_is_kept_as_it_is_written() -> None:
    content = b'<sequence xmlns="http://ws.apache.org/ns/synapse"><log a="{{x}}"/>\n<drop/></sequence>'
    made = built(api(sequences=(Sequence("in", "mark", "s-1", content, False),)), "4.5.0")
    assert made["Policies/mark_v1_api.j2"].startswith(b"{% raw %}<log")
    assert made["Policies/mark_v1_api.j2"].endswith(b'<drop xmlns="http://ws.apache.org/ns/synapse"/>{% endraw %}')
    (operation,) = made["api.json"]["data"]["operations"]
    assert operation["operationPolicies"]["request"] == [
        {"policyName": "mark", "policyVersion": "v1", "policyType": "api", "parameters": {}}
    ]


def _policy(uuid: str, origin: str) -> Policy:
    return Policy(
        uuid, "stamp", "v1", "Stamp", "", "Mediation", "[request]", "[Synapse]", '["HTTP"]', b"[]",
        (("Synapse", b"<log/>"), ("ChoreoConnect", b"x: 1")), origin,
    )  # fmt: skip


def test_policies_of_a_whole_api_and_of_its_own_are_told_apart() -> None:
    source = api(
        operations=(
            Operation("GET", "/stops/{id}", "Any", "Unlimited", (), (PolicyUse("p-1", "request", 1, '{"a": 1}'),)),
        ),
        policy_uses=(PolicyUse("p-2", "response", 1, ""), PolicyUse("gone", "request", 1, "")),
        policies=(_policy("p-1", ""), _policy("p-2", "common-1")),
    )
    made = built(source, "4.5.0")
    data = made["api.json"]["data"]
    assert data["operations"][0]["operationPolicies"]["request"] == [
        {"policyName": "stamp", "policyVersion": "v1", "policyType": "api", "policyId": "p-1", "parameters": {"a": 1}}
    ]
    assert [use["policyType"] for use in data["apiPolicies"]["response"]] == ["common"]
    assert data["apiPolicies"]["request"] == []
    assert {name for name in made if name.startswith("Policies/")} == {
        f"Policies/stamp_v1_{kind}.{form}" for kind in ("api", "common") for form in ("json", "j2", "gotmpl")
    }
    assert made["Policies/stamp_v1_api.json"]["data"]["applicableFlows"] == ["request"]


def test_certificates_lie_where_the_release_looks_for_them() -> None:
    der = base64.b64encode(b"certificate")
    pem = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n" + der + b"\n-----END CERTIFICATE-----\n")
    source = api(
        client_certificates=(
            ClientCertificate("live", b"AAAA", "Gold", "PRODUCTION"),
            ClientCertificate("try", b"BBBB", "Bronze", "SANDBOX"),
        ),
        endpoint_certificates=(
            EndpointCertificate("bus", "https://bus.example", pem),
            EndpointCertificate("tram", "https://tram.example", der),
            EndpointCertificate("lost", "https://lost.example", b""),
        ),
    )
    made = built(source)
    assert made["Client-certificates/SANDBOX/try.crt"].splitlines()[1] == b"BBBB"
    (listed,) = made["Client-certificates/PRODUCTION/client_certificates.json"]["data"]
    assert (listed["alias"], listed["apiIdentifier"]["providerName"]) == ("live", "kim-AT-shop.example")
    assert made["Endpoint-certificates/bus.crt"] == made["Endpoint-certificates/tram.crt"]
    assert made["Endpoint-certificates/bus.crt"].splitlines()[1] == der
    assert [item["alias"] for item in made["Endpoint-certificates/endpoint_certificates.json"]["data"]] == [
        "bus",
        "tram",
    ]
    assert "Client-certificates/live.crt" in built(source, "4.2.0")


def test_scopes_of_the_old_extension_are_declared_too() -> None:
    legacy = {
        "apim": {"x-wso2-scopes": [{"key": "drive", "name": "Drive", "description": "d", "roles": "driver, boss"}]}
    }
    definition = {**DEFINITION, "x-wso2-security": legacy, "paths": {"/a": {"get": {"x-scope": "drive"}}}}
    data = built(api(definition=definition, shared_scopes=("drive",)))["api.json"]["data"]
    assert data["scopes"] == [
        {
            "scope": {"name": "drive", "displayName": "Drive", "description": "d", "bindings": ["driver", "boss"]},
            "shared": True,
        }
    ]
    assert data["operations"][0]["scopes"] == ["drive"]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (api(artifact=b""), "no folder"),
        (api(artifact=b"<metadata><overview>"), "not well-formed"),
        (api(artifact=b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;'), "not well-formed"),
        (api(files=()), "no swagger.json"),
        (api(definition=b"swagger: 2.0"), "not JSON"),
        (api(definition=[]), "not an object"),
        (api(definition={"openapi": "3.0.1", "paths": []}), "paths"),
        (api(type="WS"), "no asyncapi.json"),
        (api(type="GRAPHQL"), "no GraphQL schema"),
        (api(fields={"endpointConfig": "{"}), "endpoint configuration"),
        (api(fields={"corsConfiguration": "{"}), "corsConfiguration"),
        (api(fields={"endpointConfig": "[]"}), "endpoint configuration"),
        (api(sequences=(Sequence("in", "bad", "s-1", b"<sequence>", False),)), "sequence bad"),
        (api(policies=(replace(_policy("p", ""), parameters=b"{"),)), "policy stamp"),
    ],
)
def test_a_broken_api_is_refused_with_a_reason_and_something_to_do(broken: Api, reason: str) -> None:
    with pytest.raises(gateway.Unbuildable, match=reason) as caught:
        gateway.build(RevisionInput(broken), Release.parse("4.4.0"))
    caught.value.__context__ = None  # libraries for clusters teach pickle to take it along, and lxml's cannot be
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.reason, again.action) == (caught.value.reason, caught.value.action)
    assert again.action


def test_an_input_goes_to_another_process_and_back() -> None:
    source = RevisionInput(api())
    assert pickle.loads(pickle.dumps(source)) == source
    assert source.item == "shop.example/Timetable/1.2.0/revision 1"

"""``api.json``: an API as the Publisher API of the release describes it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from apim_upgrade.gateway import definitions, endpoints, policies, scopes
from apim_upgrade.gateway.fields import Fields
from apim_upgrade.gateway.format import Format
from apim_upgrade.gateway.model import Api, Operation

JsonObject = dict[str, Any]
ASYNCHRONOUS = ("WS", "WEBSUB", "SSE", "ASYNC", "WEBHOOK")
"""Types whose definition is an AsyncAPI document."""

_AUTH_TYPES = {
    "": "Application & Application User",
    "Any": "Application & Application User",
    "Application_User": "Application User",
}
_TIME_UNITS = {"60000": "MINUTE", "3600000": "HOUR"}
_IMPLEMENTATIONS = ("INLINE", "ENDPOINT", "MOCKED_OAS")
_PROPERTY = "api_meta."
_DISPLAYED = "__display"


def api_data(api: Api, fields: Fields, definition: JsonObject, form: Format) -> JsonObject:
    """Return ``data`` of an ``api.json``; ``definition`` is the one with the API's operations and scopes."""
    revision = api.revision > 0
    return form.only(
        "api",
        common(api, fields, form)
        | {
            "id": api.uuid,
            "name": api.name,
            "displayName": api.display_name or api.name,
            "wsdlInfo": _wsdl(fields),
            "wsdlUrl": fields.optional("wsdl"),
            "isRevision": revision,
            "revisionedApiId": api.uuid if revision else None,
            "revisionId": api.revision,
            "context": context(fields),
            "version": api.version,
            "lifeCycleStatus": fields.text("status").upper() or "CREATED",
            "isDefaultVersion": api.default_version,
            "enableSubscriberVerification": fields.flag("enableSubscriberVerification"),
            "type": api.type or "HTTP",
            "audience": fields.optional("audience"),
            "maxTps": _limits(fields, form),
            "mediationPolicies": _sequences(api, form),
            "apiPolicies": _api_policies(api, form),
            "organizationPolicies": [],
            "visibleOrganizations": _property(api, "visible_organizations") or ["none"],
            "websubSubscriptionConfiguration": fields.json("websubSubscriptionConfiguration") or dict(form.websub),
            "endpointConfig": _endpoint_config(fields),
            "endpointImplementationType": _implementation(fields),
            "subtypeConfiguration": {"subtype": api.subtype or "DEFAULT"},
            "scopes": scopes.declared(definition, api.shared_scopes),
            "operations": _operations(api, definition, form),
            "keyManagers": fields.json("keyManagers") or ["all"],
            "transport": [] if api.type == "WS" else fields.items("transports") or ["https"],
            "advertiseInfo": _advertisement(fields),
            "gatewayType": "wso2/apk" if gateway_vendor(api, fields) == "wso2/apk" else "wso2/synapse",
            "asyncTransportProtocols": fields.items("asyncTransportProtocols"),
            "initiatedFromGateway": False,
            "organizationId": api.organization,
        },
    )


def common(api: Api, fields: Fields, form: Format) -> JsonObject:
    """Return the members that an API and a product share."""
    return {
        "description": fields.optional("description"),
        "provider": fields.text("provider").replace("-AT-", "@") or api.provider,
        "responseCachingEnabled": fields.text("responseCaching").lower() == "enabled",
        "cacheTimeout": fields.number("cacheTimeout") or 0,
        "hasThumbnail": bool(fields.text("thumbnail")),
        "enableSchemaValidation": fields.flag("enableSchemaValidation"),
        "audiences": fields.json("audiences"),
        "transport": fields.items("transports") or ["https"],
        "tags": list(api.tags),
        "policies": fields.items("tier", "||"),
        "apiThrottlingPolicy": api.tier or None,
        "authorizationHeader": fields.optional("authorizationHeader"),
        "apiKeyHeader": fields.optional("apiKeyHeader"),
        "securityScheme": fields.items("apiSecurity") or ["oauth2", "oauth_basic_auth_api_key_mandatory"],
        "visibility": fields.text("visibility").upper() or "PUBLIC",
        "visibleRoles": fields.items("visibleRoles"),
        "visibleTenants": fields.items("visibleTenants"),
        "subscriptionAvailability": fields.text("subscriptionAvailability").upper() or "CURRENT_TENANT",
        "subscriptionAvailableTenants": fields.items("tenants"),
        "additionalProperties": [
            {"name": key.removesuffix(_DISPLAYED), "value": value, "display": key.endswith(_DISPLAYED)}
            for key, value in _additional(api)
        ],
        "additionalPropertiesMap": {
            key: {"name": key.removesuffix(_DISPLAYED), "value": value, "display": False}
            for key, value in _additional(api)
        },
        "accessControl": "RESTRICTED" if _property(api, "publisher_access_control") == ["restricted"] else "NONE",
        "accessControlRoles": _property(api, "display_publisher_roles") or _property(api, "publisher_roles"),
        "businessInformation": {
            name: fields.text(name)
            for name in ("businessOwner", "businessOwnerEmail", "technicalOwner", "technicalOwnerEmail")
            if fields.text(name)
        },
        "corsConfiguration": fields.json("corsConfiguration") or dict(form.cors),
        "createdTime": str(_milliseconds(api.created))
        if form.has("created_in_milliseconds")
        else _timestamp(api.created),
        "lastUpdatedTime": _timestamp(api.updated),
        "lastUpdatedTimestamp": str(_milliseconds(api.updated)),
        "categories": list(fields.categories),
        "gatewayVendor": gateway_vendor(api, fields).split("/")[0],
        "egress": api.egress,
    }


def context(fields: Fields) -> str:
    """Return the context without the version, as it was typed in."""
    return (fields.text("contextTemplate") or fields.text("context")).removesuffix("/{version}")


def gateway_vendor(api: Api, fields: Fields) -> str:
    """Return the vendor of the gateway that an API is meant for, in small letters."""
    return (fields.text("gatewayVendor") or api.gateway_vendor or "wso2").lower()


def operation(row: Operation, used: JsonObject, form: Format) -> JsonObject:
    """Return an operation with its policies by flow."""
    return form.only(
        "operation",
        {
            "id": "",
            "target": row.target,
            "verb": row.verb,
            "authType": _AUTH_TYPES.get(row.auth_scheme, row.auth_scheme),
            "throttlingPolicy": row.tier or None,
            "scopes": list(row.scopes),
            "usedProductIds": [],
            "operationPolicies": used,
        },
    )


def _operations(api: Api, definition: JsonObject, form: Format) -> list[JsonObject]:
    known = {policy.uuid: policy for policy in api.policies}
    rows = {(row.target, row.verb.upper()): row for row in api.operations}
    found = []
    for item in _described(api, definition, form):
        row = rows.get((item.target, item.verb.upper()))
        used = policies.uses(row.policies if row else (), known, form)
        policies.add_sequences(used, api.sequences, form)
        found.append(operation(item, used, form))
    return found


def _described(api: Api, definition: JsonObject, form: Format) -> Iterable[Operation]:
    """
    Return the operations by what describes them.

    Rows of AM_API_URL_MAPPING hold the tier of the whole API where there is one; so, from 4.1.0, the server takes
    those of an OpenAPI definition from there, with the tiers of their own.
    """
    if api.type in (*ASYNCHRONOUS, "GRAPHQL") or not form.has("operations_of_definition"):
        return api.operations
    return [
        Operation(
            verb,
            path,
            str(described.get("x-auth-type") or ""),
            str(described.get("x-throttling-tier") or ""),
            tuple(definitions.scopes_of(described)),
        )
        for path, verb, described in definitions.operations(definition)
    ]


def _api_policies(api: Api, form: Format) -> JsonObject | None:
    known = {policy.uuid: policy for policy in api.policies}
    return policies.uses(api.policy_uses, known, form) if api.policy_uses else None


def _sequences(api: Api, form: Format) -> list[JsonObject]:
    if form.has("policies"):
        return []
    return [
        {"id": item.uuid, "name": item.name, "type": item.flow.upper(), "shared": item.shared}
        for item in sorted(api.sequences, key=lambda item: ("in", "out", "fault").index(item.flow))
    ]


def _wsdl(fields: Fields) -> JsonObject | None:
    path = fields.text("wsdl")
    return {"type": "ZIP" if path.endswith(".zip") else "WSDL"} if path else None


def _limits(fields: Fields, form: Format) -> JsonObject | None:
    limits: JsonObject = {}
    for kind in ("production", "sandbox"):
        limit = fields.number(f"{kind}Tps")
        if limit is not None:
            limits[kind] = limit
            if form.has("time_units"):
                limits[f"{kind}TimeUnit"] = _TIME_UNITS.get(fields.text(f"{kind}TimeUnit"), "SECOND")
    return limits or None


def _endpoint_config(fields: Fields) -> JsonObject | None:
    """Return the endpoints; security that older releases keep in fields of its own comes with them."""
    config = endpoints.config_of(fields)
    if config is not None and fields.flag("endpointSecured") and "endpoint_security" not in config:
        security = {
            "enabled": True,
            "type": "DIGEST" if fields.flag("endpointAuthDigest") else "BASIC",
            "username": fields.text("endpointUsername"),
            "password": fields.text("endpointPpassword"),
        }
        config["endpoint_security"] = {
            kind: dict(security) for kind in ("production", "sandbox") if f"{kind}_endpoints" in config
        }
    return config


def _implementation(fields: Fields) -> str:
    implementation = fields.text("implementation").upper()
    return implementation if implementation in _IMPLEMENTATIONS else "ENDPOINT"


def _advertisement(fields: Fields) -> JsonObject:
    members = {
        "advertised": fields.flag("advertiseOnly"),
        "apiExternalProductionEndpoint": fields.optional("apiExternalProductionEndpoint"),
        "apiExternalSandboxEndpoint": fields.optional("apiExternalSandboxEndpoint"),
        "originalDevPortalUrl": fields.optional("redirectURL"),
        "apiOwner": fields.optional("apiOwner"),
        "vendor": "AWS" if fields.text("vendor") == "AWS" else "WSO2",
    }
    return {name: value for name, value in members.items() if value is not None}


def _additional(api: Api) -> Iterable[tuple[str, str]]:
    for name, value in api.properties:
        if name.startswith(_PROPERTY):
            yield name.removeprefix(_PROPERTY), value


def _property(api: Api, name: str) -> list[str]:
    """Return a property that holds a list; empty when it is not set."""
    value = next((value for key, value in api.properties if key == name), "")
    return [part.strip() for part in value.split(",") if part.strip()] if value != "null" else []


def _milliseconds(moment: datetime) -> int:
    """Return milliseconds since the epoch; the registry's times are taken for UTC."""
    return (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _timestamp(moment: datetime) -> str:
    """Return a time as Java's Timestamp writes it: the fraction without trailing zeros, but with one digit."""
    fraction = f"{moment.microsecond:06}".rstrip("0") or "0"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{fraction}"

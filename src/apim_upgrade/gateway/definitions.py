"""OpenAPI definitions: the operations in them, and what the server adds to them for the gateway."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from apim_upgrade.gateway import endpoints
from apim_upgrade.gateway.fields import Fields
from apim_upgrade.gateway.format import Format
from apim_upgrade.gateway.model import Api, Unbuildable

JsonObject = dict[str, Any]
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_SCHEME = "default"
_APPLICATION_SECURITY = ("oauth2", "basic_auth", "api_key")
_STYLES = {"path": ("simple", False), "header": ("simple", False), "query": ("form", True), "cookie": ("form", True)}


def read(api: Api, name: str) -> JsonObject:
    """Return a definition of an API's folder. Raises Unbuildable when it is missing or no JSON object."""
    content = next((file.content for file in api.files if file.path == name), None)
    if content is None:
        raise Unbuildable(
            f"The registry has no {name} for this API.",
            "Give the API a definition in the Publisher portal, then make and deploy a revision there.",
        )
    try:
        definition = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unbuildable(
            f"{name} of this API is not JSON.",
            "Mend the definition in the Publisher portal, then make and deploy a revision there.",
        ) from error
    if not isinstance(definition, dict) or not isinstance(definition.get("paths", {}), dict):
        raise Unbuildable(
            f"{name} of this API is not an object with paths.",
            "Mend the definition in the Publisher portal, then make and deploy a revision there.",
        )
    return definition


def operations(definition: JsonObject) -> Iterator[tuple[str, str, JsonObject]]:
    """Yield (path, verb in capitals, operation) of an OpenAPI or Swagger definition."""
    for path, item in definition.get("paths", {}).items():
        for method, operation in item.items() if isinstance(item, dict) else ():
            if method.lower() in _METHODS and isinstance(operation, dict):
                yield path, method.upper(), operation


def scopes_of(operation: JsonObject) -> list[str]:
    """Return the scopes that an operation asks for."""
    security = operation.get("security")
    for requirement in security if isinstance(security, list) else ():
        if isinstance(requirement, dict) and isinstance(requirement.get(_SCHEME), list):
            return [str(scope) for scope in requirement[_SCHEME]]
    legacy = operation.get("x-scope")
    return [part.strip() for part in str(legacy).split(",") if part.strip()] if legacy else []


def enriched(definition: JsonObject, api: Api, fields: Fields, form: Format) -> JsonObject:
    """
    Return the definition as the server hands it to a gateway.

    What the server keeps in columns and fields is written into it as extensions; an OpenAPI 3 definition is also
    completed with the defaults that the server's parser sets.
    """
    security = fields.items("apiSecurity")
    application = {
        "security-types": [kind for kind in security if kind in _APPLICATION_SECURITY],
        "optional": "oauth_basic_auth_api_key_mandatory" not in security,
    }
    is_3 = "openapi" in definition
    result = {**definition}
    if is_3:
        _complete(result)
    paths: JsonObject = {}
    for path, item in definition.get("paths", {}).items():
        paths[path] = {
            name: _operation(value, application, is_3)
            if name.lower() in _METHODS and isinstance(value, dict)
            else value
            for name, value in (item if isinstance(item, dict) else {}).items()
        }
    result["paths"] = paths
    config = endpoints.config_of(fields)
    extensions = {
        "x-wso2-auth-header": fields.optional("authorizationHeader"),
        "x-wso2-api-key-header": fields.optional("apiKeyHeader"),
        "x-throttling-tier": api.tier or None,
        "x-wso2-cors": fields.json("corsConfiguration"),
        "x-wso2-production-endpoints": _endpoints(config, "production", form),
        "x-wso2-sandbox-endpoints": _endpoints(config, "sandbox", form),
        "x-wso2-basePath": fields.text("context"),
        "x-wso2-transports": fields.items("transports") or None,
        "x-wso2-mutual-ssl": _mutual_ssl(security),
        "x-wso2-application-security": None if is_3 and not form.has("root_application_security") else application,
        "x-wso2-response-cache": {
            "enabled": fields.text("responseCaching").lower() == "enabled",
            "cacheTimeoutInSeconds": fields.number("cacheTimeout") or 0,
        },
    }
    return result | {name: value for name, value in extensions.items() if value is not None}


def _operation(operation: JsonObject, application: JsonObject, is_3: bool) -> JsonObject:
    result = {**operation, "x-wso2-application-security": application}
    if is_3 and isinstance(operation.get("parameters"), list):
        result["parameters"] = [_parameter(parameter) for parameter in operation["parameters"]]
    return result


def _parameter(parameter: Any) -> Any:
    if not isinstance(parameter, dict) or parameter.get("in") not in _STYLES or "content" in parameter:
        return parameter
    style, explode = _STYLES[parameter["in"]]
    return {"style": style, "explode": explode, **parameter}


def _complete(definition: JsonObject) -> None:
    if not definition.get("servers"):
        definition["servers"] = [{"url": "/"}]


def _mutual_ssl(security: Collection[str]) -> str | None:
    if "mutualssl" not in security:
        return None
    return "mandatory" if "mutualssl_mandatory" in security else "optional"


def _endpoints(config: JsonObject | None, kind: str, form: Format) -> JsonObject | None:
    if not config or "implementation_status" in config:
        return None
    type_ = str(config.get("endpoint_type", ""))
    if type_ == "default":
        return {"type": type_}
    if type_ not in ("http", "service", "address", "load_balance", "failover"):
        return None
    names = [f"{kind}_endpoints"]
    if type_ == "failover":
        names.insert(1 if form.has("primary_endpoint_first") else 0, f"{kind}_failovers")
    found = list(endpoints.urls(config, *names))
    return {"urls": found, "type": type_} if found else None
